"""What the raw values of a lead amount to: a registrable domain, E.164 numbers, a country."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

import idna
import phonenumbers

from data411_mcp.domain.hosts import registrable_domain, suffix_alone
from data411_mcp.domain.names import fold, words
from data411_mcp.domain.places import state_name, state_spellings


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


DEFAULT_COUNTRY = "US"

# RFC 6761, 6762, 7686, 8375, 9476 and the names private networks use.
_PRIVATE_SUFFIXES = (
    "localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "localdomain",
    "home.arpa", "arpa", "onion", "invalid", "alt",
)  # fmt: skip
# Country suffixes that companies anywhere use.
_GENERIC_SUFFIXES = _word_set("io ai co me tv cc ly to gg so fm am ac sh eu nu ws vc bz")
_UNLIKE_ISO = {"uk": "GB", "su": "RU"}

_CANADIAN = re.compile(r"[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?\d[ABCEGHJ-NPRSTV-Z]\d", re.I)
_BRITISH = re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}", re.I)
_US_PLUS_4 = re.compile(r"\d{5}-\d{4}")
_DUTCH = re.compile(r"[1-9]\d{3} ?[A-Z]{2}", re.I)
_NATIONS = {"england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB"}
_CANADA = _word_set(
    """ab bc mb nb nl ns nt nu on pe qc sk yt alberta manitoba ontario quebec saskatchewan nunavut
    yukon"""
) | {
    "british columbia", "new brunswick", "newfoundland and labrador", "nova scotia",
    "northwest territories", "prince edward island",
}  # fmt: skip
_AUSTRALIA = frozenset({"nsw", "vic", "qld", "tas", "act", "new south wales", "victoria"}) | {
    "queensland", "south australia", "tasmania", "western australia",
    "australian capital territory",
}  # fmt: skip


class NotADomain(ValueError):
    """Says, as the end of a sentence about the field, why it holds no public domain."""


@lru_cache(maxsize=4096)
def registrable_host(raw: str) -> str:
    """The registrable domain (lower case, IDNA A-labels) of a domain or an http(s) URL.

    `https://www.HG.co.uk/a?b` → `hg.co.uk`. Tenants of a hosting suffix of the public suffix list
    stay apart (`acme.github.io`). Raises NotADomain.
    """
    host = _ascii_host(_host(raw))
    if any(host == s or host.endswith("." + s) for s in _PRIVATE_SUFFIXES):
        raise NotADomain("names a machine of a private network")
    labels = host.split(".")
    if len(labels) < 2 or not all(labels):
        raise NotADomain("holds no public domain name")
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        raise NotADomain("holds an IP address")
    if suffix_alone(host):
        raise NotADomain("holds a public suffix, not a company's domain")
    return registrable_domain(host)


def _host(raw: str) -> str:
    text = raw.strip()
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(?!\d+(?:[/?#]|$))", text)
    if scheme and scheme[1].lower() not in ("http", "https"):
        raise NotADomain("holds a URL that is neither http nor https")
    if not scheme:
        text = "//" + text.lstrip("/")
    try:
        parts = urlsplit(text)
        host, port_given = parts.hostname or "", parts.port
    except ValueError:
        raise NotADomain("holds no readable address") from None
    if "@" in parts.netloc:
        raise NotADomain("holds an e-mail address or a URL with credentials")
    if port_given is not None and port_given not in (80, 443):
        raise NotADomain("holds an address with an unusual port")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    raise NotADomain("holds an IP address")


def _ascii_host(host: str) -> str:
    host = host.rstrip(".。")
    if not host or any(c.isspace() for c in host):
        raise NotADomain("holds no public domain name")
    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        raise NotADomain("holds no public domain name") from None


def guess_country(
    state: str | None, zip_: str | None, domain: str | None, numbers: Sequence[str | None]
) -> str | None:
    """ISO 2 country, from what decides most to what decides least; None without any sign."""
    code = (zip_ or "").strip()
    for pattern, country in ((_CANADIAN, "CA"), (_US_PLUS_4, "US"), (_BRITISH, "GB")):
        if pattern.fullmatch(code):
            return country
    region = state_name(state) if state else ""
    short = {fold(s) for s in (region, *state_spellings(region))} if region else set()
    for names, country in ((_CANADA, "CA"), (_AUSTRALIA, "AU")):
        if short & names:
            return country
    if region in _NATIONS:
        return _NATIONS[region]
    suffix = domain.rpartition(".")[2] if domain else ""
    if len(suffix) == 2 and suffix not in _GENERIC_SUFFIXES:
        return _UNLIKE_ISO.get(suffix, suffix.upper())
    if _DUTCH.fullmatch(code):
        return "NL"
    for number in numbers:
        if number and number.strip().startswith(("+", "00")) and (c := _dialled_country(number)):
            return c
    if region and len(short) > 1:  # a US state: the other countries' are gone
        return "US"
    return None


def _dialled_country(number: str) -> str | None:
    try:
        parsed = phonenumbers.parse(re.sub(r"^\s*00", "+", number), None)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(parsed)
    if region is None:  # not assigned, but the code may belong to one country alone
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(parsed.country_code or 0, ())
        region = regions[0] if regions else None
    return region if region != "001" else None


def e164_numbers(raws: Sequence[str | None], country: str | None) -> tuple[str, ...]:
    """Every possible number in the fields, E.164, in order, once each."""
    found: list[str] = []
    for raw in raws:
        if raw:
            found.extend(n for n in _numbers_in(raw, country or DEFAULT_COUNTRY) if n not in found)
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=4096)
def _numbers_in(raw: str, country: str) -> tuple[str, ...]:
    text = " ".join(raw.split())
    if text.startswith("00") and country == DEFAULT_COUNTRY:
        text = "+" + text[2:]
    try:
        numbers = [phonenumbers.parse(text, country)]
    except phonenumbers.NumberParseException:
        matcher = phonenumbers.PhoneNumberMatcher(text, country, phonenumbers.Leniency.POSSIBLE)
        numbers = [match.number for match in matcher]
    return tuple(
        phonenumbers.format_number(n, phonenumbers.PhoneNumberFormat.E164)
        for n in numbers
        if phonenumbers.is_possible_number_with_reason(n)
        == phonenumbers.ValidationResult.IS_POSSIBLE
    )


def place_words(city: str | None, state: str | None, zip_: str | None, street: str | None) -> str:
    """The place as one folded string; the widest parts that were given."""
    region = state_name(fold(state)) if state else ""
    parts = [fold(city) if city else "", region]
    if not any(parts):
        parts = [zip_key(zip_) if zip_ else "", fold(street) if street else ""]
    return " ".join(part for part in parts if part)


def zip_key(raw: str) -> str:
    """`78701-1234` → `78701`; other codes without spaces, upper case."""
    code = re.sub(r"[\s]", "", raw).upper()
    return code[:5] if re.fullmatch(r"\d{5}-?\d{4}", code) else code


_STREET_WORDS = {
    "st": "street", "str": "street", "ave": "avenue", "av": "avenue", "blvd": "boulevard",
    "rd": "road", "dr": "drive", "ln": "lane", "ct": "court", "pl": "place", "sq": "square",
    "hwy": "highway", "pkwy": "parkway", "pky": "parkway", "cir": "circle", "ter": "terrace",
    "ste": "suite", "apt": "apartment", "fl": "floor", "bldg": "building", "rm": "room",
    "n": "north", "s": "south", "e": "east", "w": "west", "ne": "northeast", "nw": "northwest",
    "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th",
    "sixth": "6th", "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th",
    "se": "southeast", "sw": "southwest", "fwy": "freeway", "expy": "expressway", "sts": "street",
    "streets": "street", "ctr": "center", "mt": "mount", "trl": "trail",
}  # fmt: skip


def street_words(raw: str) -> tuple[str, ...]:
    """Folded words of a street line, abbreviations of the US Postal Service written out."""
    return tuple(_STREET_WORDS.get(word, word) for word in words(raw))


def street_key(raw: str) -> str:
    """`12 N. Main St., Ste 4` and `12 North Main Street Suite 4` have one key."""
    return " ".join(street_words(raw))
