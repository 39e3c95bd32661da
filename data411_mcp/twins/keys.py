"""Keys as the vendor twins see them.

Any key works, except one of another vendor, one that ends in `revoked` (401) and one that ends in
`spent` (the vendor's way to say that the money or the plan is used up).
"""

from __future__ import annotations

from enum import Enum

_PREFIXES = {"jina": "jina_", "tavily": "tvly-", "openrouter": "sk-or-", "apify": "apify_api_"}


class KeyState(Enum):
    ABSENT = "absent"
    GOOD = "good"
    BAD = "bad"
    SPENT = "spent"


def key_state(vendor: str, key: str | None) -> KeyState:
    if key is None:
        return KeyState.ABSENT
    foreign = any(key.startswith(prefix) for name, prefix in _PREFIXES.items() if name != vendor)
    if foreign or key.endswith("revoked"):
        return KeyState.BAD
    return KeyState.SPENT if key.endswith("spent") else KeyState.GOOD
