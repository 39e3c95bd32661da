"""Finding the erased again in texts, by keyed hashes of their names, e-mails and numbers."""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import phonenumbers

from data411_mcp.domain.quotes import words

NAME_WORDS_MAX = 4  # of a name that is looked for inside texts
NAMED_TEXTS_CACHED = 4096
MASK = "[erased]"
DEFAULT_COUNTRY = "US"  # of numbers without a country code
_MAIL = re.compile(r"[^\s<>()\",;:]+@[^\s<>()\",;:]+\w")
_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")  # letters with the marks that follow them


def tombstone(secret: bytes, kind: str, value: str) -> str:
    """HMAC-SHA-256 of a normalised identifier: recognises it again, reveals nothing."""
    folded = " ".join(sorted(words(value))) if kind == "name" else value.casefold()
    return _keyed(secret, f"{kind}:{folded}")


def _keyed(secret: bytes, text: str) -> str:
    return hmac.digest(secret, text.encode(), hashlib.sha256).hex()


@functools.lru_cache(maxsize=NAMED_TEXTS_CACHED)
def mentions_erased(secret: bytes, hashes: frozenset[str], text: str) -> bool:
    """A name or an e-mail address of the erased stands in the text. Their statements are long
    gone when a new page quotes them beside somebody else's, so only the hashes know them."""
    return next(_names_in(secret, hashes, text), None) is not None or any(
        _keyed(secret, f"email:{m.casefold()}") in hashes for m in _MAIL.findall(text)
    )


def masked(secret: bytes, hashes: frozenset[str], text: str) -> str:
    """The text with `MASK` in the place of each name, e-mail address and number of the erased.
    The same text where there is none."""
    spans = list(_names_in(secret, hashes, text))
    spans += [
        found.span()
        for found in _MAIL.finditer(text)
        if _keyed(secret, f"email:{found.group().casefold()}") in hashes
    ]
    numbers = phonenumbers.PhoneNumberMatcher(text, DEFAULT_COUNTRY, phonenumbers.Leniency.POSSIBLE)
    spans += [
        (found.start, found.end) for found in numbers if tombstone(secret, "phone", e164(found))
        in hashes
    ]  # fmt: skip
    out, at = [], 0
    for start, end in sorted(spans):
        if end > at:
            out += [text[at : max(start, at)], MASK if start >= at else ""]
            at = end
    return "".join(out) + text[at:]


def e164(found: phonenumbers.PhoneNumberMatch) -> str:
    return phonenumbers.format_number(found.number, phonenumbers.PhoneNumberFormat.E164)


def _names_in(secret: bytes, hashes: frozenset[str], text: str) -> Iterator[tuple[int, int]]:
    """Where runs of words stand that are a name of the erased, in any order of its words."""
    found = [(w, m.start(), m.end()) for m in _WORD.finditer(text) for w in words(m.group())]
    for size in range(NAME_WORDS_MAX, 1, -1):
        for at in range(len(found) - size + 1):
            span = found[at : at + size]
            name = " ".join(sorted(word for word, _, _ in span))
            if _keyed(secret, f"name:{name}") in hashes:
                yield span[0][1], span[-1][2]


# --- JSON ----------------------------------------------------------------------------------


def strings_of(data: Any) -> Iterator[str]:
    """Every text in a JSON value, unescaped: in JSON text a line break or an accent would hide
    the name beside it."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from strings_of(value)
    elif isinstance(data, list):
        for value in data:
            yield from strings_of(value)


def replaced(data: Any, change: Callable[[str], str]) -> Any:
    """The JSON value with every text changed."""
    if isinstance(data, str):
        return change(data)
    if isinstance(data, dict):
        return {name: replaced(value, change) for name, value in data.items()}
    return [replaced(value, change) for value in data] if isinstance(data, list) else data


def parsed(text: str) -> Any:
    """The JSON value, or the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text
