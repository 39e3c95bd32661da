"""Whose mailbox, whose profile: the staff name an address is made of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote, urlsplit

_UMLAUTS = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ø"): "o", ord("ß"): "ss"}


def owner_of_mailbox(address: str, staff: Sequence[str]) -> str | None:
    """The one name of `staff` whose usual mailboxes (jane.roe, jroe, janer, jane, roe …) hold the
    local part of `address`; None when nobody's or more than one's."""
    local = re.sub(r"[^a-z0-9]", "", _ascii(address.partition("@")[0].partition("+")[0]))
    owners = [name for name in staff if local in _mailboxes(name)]
    return owners[0] if len(owners) == 1 else None


def owner_of_profile(url: str, named: str | None, staff: Sequence[str]) -> str | None:
    """The one name of `staff` that the link's text names or the profile's address is made of."""
    slug = re.sub(r"[^a-z]", "", _ascii(unquote(urlsplit(url).path).split("/", 2)[-1]))
    said = set(_parts(named or ""))
    owners = [
        name
        for name in staff
        if (parts := _parts(name))
        and (
            {parts[0], parts[-1]} <= said
            or (len(parts) > 1 and (slug.startswith((parts[0] + parts[-1], parts[-1] + parts[0]))))
        )
    ]
    return owners[0] if len(owners) == 1 else None


def _ascii(text: str) -> str:
    folded = text.casefold().translate(_UMLAUTS)
    return unicodedata.normalize("NFKD", folded).encode("ascii", "ignore").decode()


@lru_cache(maxsize=4096)
def _parts(name: str) -> tuple[str, ...]:
    """Name words without initials and nicknames in brackets."""
    words = re.sub(r"\([^)]*\)|[\"“][^\"”]*[\"”]", " ", name)
    parts = [re.sub(r"[^a-z]", "", _ascii(word)) for word in words.split()]
    return tuple(part for part in parts if len(part) > 1)


@lru_cache(maxsize=4096)
def _mailboxes(name: str) -> frozenset[str]:
    parts = _parts(name)
    if len(parts) < 2:
        return frozenset()
    first, last = parts[0], parts[-1]
    made = {first + last, last + first, first[0] + last, first + last[0], last + first[0]}
    return frozenset(box for box in (*made, first, last) if len(box) >= 3)
