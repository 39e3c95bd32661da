"""What the assistant says: lines by key, and events by label. The words are data, in
`prompts/icp_script.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SECTION = re.compile(r"^# (\w+)\n(.*?)(?=^# |\Z)", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^([a-z][a-z0-9_:]*) = (.+)$", re.MULTILINE)
_SLOT = re.compile(r"\{([a-z_]+)\}")
SECTIONS = ("Script", "Events", "Ours")


@dataclass(frozen=True, slots=True)
class Script:
    """`lines` by key; `events` by label (`icp:planning_start`)."""

    lines: Mapping[str, str]
    events: Mapping[str, str]

    def line(self, key: str, /, **values: object) -> str:
        """The words with every slot filled. Raises KeyError for a line that nobody wrote, and
        for a slot without its value."""
        return filled(self.lines[key], values)

    def event(self, label: str, /, **values: object) -> str:
        """Of an event's label; raises likewise."""
        return filled(self.events[label], values)


def filled(words: str, values: Mapping[str, object]) -> str:
    """Slots inside a value stay as they are: it may be a user's text."""
    return _SLOT.sub(lambda slot: str(values[slot[1]]), words)


def parse_script(text: str) -> Script:
    """Raises ValueError where a part is missing, or a key is there twice."""
    found = {m[1]: m[2] for m in _SECTION.finditer(text.replace("\r\n", "\n"))}
    parts = [_lines(name, found.get(name, "")) for name in SECTIONS]
    script, events, ours = parts
    if set(script) & set(ours):
        raise ValueError("the chat script has a key twice")
    return Script({**script, **ours}, events)


def _lines(name: str, body: str) -> dict[str, str]:
    pairs = _LINE.findall(body)
    if not pairs:
        raise ValueError(f"the chat script has no part {name}")
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"the chat script's part {name} has a key twice")
    return dict(pairs)
