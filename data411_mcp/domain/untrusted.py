"""Untrusted text in prompts: fenced, so that a model can tell data from instructions.

The marks are fixed and are cut out of the content itself, so nothing inside can close its block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

FENCE_OPEN = "<<<UNTRUSTED_DATA"
FENCE_CLOSE = "UNTRUSTED_DATA>>>"
LABEL_CHARS_MAX = 2000
_MARKS = re.compile(r"<{2,}\s*/?\s*untrusted_data|untrusted_data\s*>{2,}", re.IGNORECASE)


def fence(text: str, label: str) -> str:
    """The text as one untrusted block. `label` (our word, or an address) goes on one line."""
    title = _without_marks(" ".join(label.split()))[:LABEL_CHARS_MAX]
    return f"{FENCE_OPEN} {title}\n{_without_marks(text)}\n{FENCE_CLOSE}"


def fence_pages(pages: Iterable[tuple[str, str]]) -> str:
    """(address, text) pairs as untrusted blocks, one a page; a line of ours when there is none."""
    blocks = [fence(text, f"page {url}") for url, text in pages]
    return "\n\n".join(blocks) or "(no pages were read)"


def _without_marks(text: str) -> str:
    """Cutting a mark out may join a new one: repeat until none is left."""
    while True:
        cut = _MARKS.sub("", text)
        if cut == text:
            return cut
        text = cut
