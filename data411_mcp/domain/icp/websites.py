"""Addresses in a user's words: with or without a scheme, mistyped, in other scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from data411_mcp.domain.hosts import SHARED_HOSTS, public_domain, registrable_domain
from data411_mcp.domain.lead_values import NotADomain, registrable_host

# http with letters missing or doubled, and with its colon or slashes wrong.
_SCHEME = r"h?t{1,3}p{1,2}s?\s?(?::\s?/{1,3}|;\s?/{1,3}|:(?=[a-z])|/{2})"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
ADDRESS = re.compile(
    rf"(?<![\w@.-])(?P<scheme>{_SCHEME})?(?P<host>(?:{_LABEL}[.。])+{_LABEL})\.?(?P<port>:\d{{1,5}})?"
    r"(?P<path>[/?#][^\s,;<>()\[\]\"“”‘’]*)?(?![\w@])",
    re.IGNORECASE,
)
# Suffixes that are kept for examples: no company's, but documents and tests are full of them.
_EXAMPLES = frozenset({"example", "test"})
_FORMS = frozenset({"co", "pte", "pvt", "pty", "sdn", "inc", "corp", "gmbh", "ltd", "llc"})
_LINKEDIN = re.compile(r"/(?:company|school|showcase)/([^/?#]+)", re.IGNORECASE)
_TYPED_WWW = re.compile(r"\bwww,(?=[a-z0-9-]+\.[a-z])", re.IGNORECASE)
# Not behind a dot: `acme.example,com` may be two columns.
_TYPED_COMMA = re.compile(r"(?<![\w.-])([\w-]+),(?=(?:com|net|org|example)(?:[\s)/;]|$))")
_TYPED_GAP = re.compile(
    r"(?<=[a-z0-9])(?:\s\.\s?|\.\s)(?=(?:com|org|io|eu|com\.sg|co\.uk|example)(?:[\s,;)/]|$))"
)


@dataclass(frozen=True, slots=True)
class Address:
    """`domain` is the registrable one; empty for a page that many companies share (`shared` is
    then its host, `slug` the company's name on LinkedIn)."""

    host: str
    domain: str
    start: int
    end: int
    shared: str = ""
    slug: str = ""
    with_scheme: bool = False


def repaired(text: str) -> str:
    """`www,acme.com`, `acme,com` and `acme .com` → with a dot. Offsets are those of what is
    returned."""
    return _TYPED_GAP.sub(".", _TYPED_COMMA.sub(r"\1.", _TYPED_WWW.sub("www.", text)))


def is_lone_address(text: str) -> bool:
    """Nothing but an address."""
    text = repaired(text)
    found = addresses(text)
    if len(found) != 1:
        return False
    rest = text[: found[0].start] + text[found[0].end :]
    return not re.sub(r"[\s\"'“”‘’<>().,!]|\bit'?s\b|\bhere\b", "", rest, flags=re.IGNORECASE)


def addresses(text: str) -> tuple[Address, ...]:
    """Every address in the text, in order. Names with a dot that is none (`Co.Ltd`, `e.g`, a file
    or version) are left alone."""
    found = (_address(match) for match in ADDRESS.finditer(repaired(text)))
    return tuple(address for address in found if address is not None)


def _address(match: re.Match[str]) -> Address | None:
    host = match["host"].replace("。", ".").lower().strip(".")
    with_scheme = match["scheme"] is not None
    labels = host.split(".")
    if labels[-1].isdigit() or (not with_scheme and _is_legal_form(labels)):
        return None
    try:
        domain = registrable_host(host)
    except NotADomain:
        return None
    if labels[-1] not in _EXAMPLES and not public_domain(host):
        return None
    shared = next((s for s in (domain, _ascii(host)) if s in SHARED_HOSTS), "")
    slug = ""
    if shared == "linkedin.com" and (page := _LINKEDIN.search(match["path"] or "")):
        slug = page[1]
    end = match.end()
    return Address(_ascii(host), "" if shared else domain, match.start(), end, shared, slug,
                   with_scheme)  # fmt: skip


def _ascii(host: str) -> str:
    from data411_mcp.domain.hosts import ascii_host

    return ascii_host(host)


def _is_legal_form(labels: list[str]) -> bool:
    """`Acme Co.Ltd`, `Pte.Ltd`: no address."""
    return len(labels) == 2 and labels[0] in _FORMS and labels[1] in _FORMS


def unreadable(text: str) -> tuple[str, ...]:
    """What looks like an address and is none: a suffix that does not exist (`acme.con`)."""
    known = {(a.start, a.end) for a in addresses(text)}
    words = []
    for match in ADDRESS.finditer(repaired(text)):
        inside = any(s <= match.start() < e for s, e in known)
        labels = match["host"].lower().split(".")
        wordlike = len(labels[-1]) >= 2 and labels[-1].isalpha() and not _is_legal_form(labels)
        if not inside and wordlike and len(labels[0]) > 2:
            words.append(match["host"])
    return tuple(words)


def site_of(address: Address) -> str:
    """The site's own page: path and query are stripped."""
    return f"https://{address.host}/"


def same_company(one: str, other: str) -> bool:
    return bool(one) and registrable_domain(one) == registrable_domain(other)
