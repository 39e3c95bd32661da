"""Prompt files: front matter, a `# System` part and a `# User` part with placeholders.

`{{data:name}}` puts an input in as a fenced block of untrusted data; `{{name}}` puts it in as it
is, for inputs that their caller has fenced already. The hash of the file is stored with what was
written by it, so that a summary can be traced to its words.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from data411_mcp.domain.icp.script import Script, parse_script
from data411_mcp.domain.untrusted import fence
from data411_mcp.services.ports import Rendered

_FILE = re.compile(
    r"\A---\n(?P<head>.*?)\n---\n+# System\n+(?P<system>.*?)\n+# User\n+(?P<user>.*)\Z", re.DOTALL
)
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLACEHOLDER = re.compile(r"\{\{\s*(data:)?([a-z_]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """`sha` is the SHA-256 of the file; `inputs` are exactly the names in `user_template`."""

    name: str
    version: int
    inputs: tuple[str, ...]
    output: str
    system: str
    user_template: str
    sha: str


@lru_cache(maxsize=64)
def load_prompt(name: str) -> Prompt:
    """The prompt of that name. Raises LookupError when there is none, ValueError when its file is
    not as it must be: both are faults of the installation, not of a caller."""
    if not _NAME.fullmatch(name):
        raise LookupError(f"no prompt is called {name!r}")
    file = files("data411_mcp.prompts") / f"{name}.md"
    if not file.is_file():
        raise LookupError(f"no prompt is called {name!r}")
    return parse_prompt(file.read_text(encoding="utf-8"), expected_name=name)


def parse_prompt(text: str, *, expected_name: str) -> Prompt:
    """Reads a prompt file. Raises ValueError and says what is wrong with it."""
    text = text.replace("\r\n", "\n")
    found = _FILE.match(text)
    if found is None:
        raise ValueError(f"prompt {expected_name}: front matter, # System or # User is missing")
    head = dict(_head_lines(found["head"], expected_name))
    inputs = tuple(word.strip() for word in head["inputs"].strip("[]").split(",") if word.strip())
    prompt = Prompt(
        name=head["name"],
        version=int(head["version"]),
        inputs=inputs,
        output=head["output"],
        system=found["system"].strip(),
        user_template=found["user"].strip(),
        sha=hashlib.sha256(text.encode()).hexdigest(),
    )
    placed = {name for _, name in _PLACEHOLDER.findall(prompt.user_template)}
    if prompt.name != expected_name:
        raise ValueError(f"prompt {expected_name}: its front matter says {prompt.name}")
    if placed != set(inputs) or len(set(inputs)) != len(inputs):
        raise ValueError(f"prompt {expected_name}: inputs and placeholders differ")
    if _PLACEHOLDER.search(prompt.system):
        raise ValueError(f"prompt {expected_name}: the system part takes no inputs")
    return prompt


def _head_lines(head: str, name: str) -> list[tuple[str, str]]:
    pairs = [(k.strip(), v.strip()) for k, _, v in (x.partition(":") for x in head.splitlines())]
    if [key for key, _ in pairs] != ["name", "version", "inputs", "output"]:
        raise ValueError(f"prompt {name}: front matter must be name, version, inputs, output")
    return pairs


def render(prompt: Prompt, **inputs: str) -> str:
    """The user part with its inputs. Raises ValueError unless exactly the declared inputs are
    given. A placeholder inside an input stays as it is."""
    if set(inputs) != set(prompt.inputs):
        raise ValueError(f"prompt {prompt.name} takes {', '.join(prompt.inputs)}")

    def fill(place: re.Match[str]) -> str:
        value = inputs[place[2]]
        return fence(value, place[2]) if place[1] else value

    return _PLACEHOLDER.sub(fill, prompt.user_template)


@lru_cache(maxsize=1)
def load_script() -> Script:
    """What the ICP finder says. Raises ValueError when the file is not as it must be."""
    file = files("data411_mcp.prompts") / "icp_script.md"
    return parse_script(file.read_text(encoding="utf-8"))


class PromptFiles:
    """Implements `ports.Prompts` over the package's prompt files."""

    def render(self, name: str, **inputs: str) -> Rendered:
        prompt = load_prompt(name)
        return Rendered(prompt.system, render(prompt, **inputs), prompt.sha)
