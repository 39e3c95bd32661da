"""The plain ways to read a page, each in a few lines: what any reader has to beat."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import phonenumbers

from bench.extraction_scores import Labels
from data411_mcp.domain.extract.document import Document

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", re.IGNORECASE)
_LEGAL_NAME = re.compile(
    r"(?:[A-Z0-9][\w&'’.-]*,?\s+(?:(?:and|&|of|the)\s+)?){1,6}"
    r"(?:Inc|LLC|L\.L\.C|LLP|Ltd|Limited|PLC|Corp|Corporation|GmbH|AG|B\.?V|S\.?A|S\.?L|S\.?r\.?l"
    r"|s\.r\.o|Pty\.? Ltd|Pte\.? Ltd|AB|A/S)\b\.?"
)
_CITY = re.compile(r"([A-Z][a-z]+(?:\s[A-Z][a-z]+){0,2}),?\s+[A-Z]{2}\b")
_BIGRAM = re.compile(r"\b[A-Z][a-z]+\s+[A-Z][a-z]+\b")
_COUNTRY_OF_SUFFIX = {"uk": "GB", "eu": None, "su": "RU"}
_NO_COUNTRIES = frozenset({"tv", "co", "io", "me", "ai", "cc", "ws", "fm", "ly"})


def _visible(case: Mapping[str, Any], document: Document) -> str:
    return case.get("text") or document.text[: document.visible_end]


def _suffix_country(url: str) -> str:
    """Country of the top-level domain, else US."""
    suffix = (urlsplit(url).hostname or "").rpartition(".")[2]
    if len(suffix) != 2 or suffix in _NO_COUNTRIES:
        return "US"
    return _COUNTRY_OF_SUFFIX.get(suffix, suffix.upper()) or "US"


def _phones(case: Mapping[str, Any], document: Document, region: str) -> Labels:
    matches = phonenumbers.PhoneNumberMatcher(_visible(case, document), region)
    e164 = phonenumbers.PhoneNumberFormat.E164
    return {"phones": [phonenumbers.format_number(m.number, e164) for m in matches], "faxes": []}


def email_regex(case: Mapping[str, Any], document: Document) -> Labels:
    source = html.unescape(case.get("html") or _visible(case, document))
    return {"emails": _EMAIL.findall(source)}


def phones_us(case: Mapping[str, Any], document: Document) -> Labels:
    return _phones(case, document, "US")


def phones_suffix(case: Mapping[str, Any], document: Document) -> Labels:
    return _phones(case, document, _suffix_country(case.get("url") or ""))


def company_title(_case: Mapping[str, Any], document: Document) -> Labels:
    return {"company": re.split(r"\s*[|–—»:]\s*|\s+-\s+", document.title)[0]}


def legal_name_suffix(case: Mapping[str, Any], document: Document) -> Labels:
    hits = Counter(match.group() for match in _LEGAL_NAME.finditer(_visible(case, document)))
    return {"legal_name": hits.most_common(1)[0][0] if hits else None}


def country_suffix(case: Mapping[str, Any], _document: Document) -> Labels:
    return {"country": _suffix_country(case.get("url") or "")}


def city_regex(case: Mapping[str, Any], document: Document) -> Labels:
    match = _CITY.search(_visible(case, document))
    return {"city": match.group(1) if match else None}


def names_bigram(case: Mapping[str, Any], document: Document) -> Labels:
    names = dict.fromkeys(_BIGRAM.findall(_visible(case, document)))
    return {"people": [{"name": name, "title": None} for name in names]}


BASELINES: dict[str, Callable[[Mapping[str, Any], Document], Labels]] = {
    "email_regex": email_regex,
    "phones_us": phones_us,
    "phones_suffix": phones_suffix,
    "company_title": company_title,
    "legal_name_suffix": legal_name_suffix,
    "country_suffix": country_suffix,
    "city_regex": city_regex,
    "names_bigram": names_bigram,
}
