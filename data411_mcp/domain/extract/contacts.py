"""Telephone and fax numbers and e-mail addresses of one page, as facts.

`read_contacts` reads the visible text, tel: and mailto: links and structured data; each value
once, with its best place. What belongs to somebody else (a web agency's credit, a partner, a
member of a directory) keeps a score below `OURS_MIN`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from data411_mcp.domain.extract import geo
from data411_mcp.domain.extract.country import (
    WEIGHT_SITE_SUFFIX,
    Sighting,
    Whereabouts,
    weigh,
    whereabouts,
)
from data411_mcp.domain.extract.document import Document, Fact, Hints
from data411_mcp.domain.extract.emails import (
    FREE_MAIL,
    email_kind,
    find_emails,
    is_placeholder,
    normalize_email,
    registrable,
)
from data411_mcp.domain.extract.others import Surroundings
from data411_mcp.domain.extract.phone_numbers import is_valid, kind_of_range, normalize_phone
from data411_mcp.domain.extract.phones import NumberReader, Spotted
from data411_mcp.domain.extract.postal import Line
from data411_mcp.domain.graph import FieldName

__all__ = ["OURS_MIN", "normalize_email", "normalize_phone", "read_contacts"]

OURS_MIN = 0.3  # below it, a fact belongs to somebody else
SCORE_OTHERS = 0.15
SCORE_STRUCTURED = 0.95
SCORE_LINK = 0.9
SCORE_LABELLED = 0.9
SCORE_FORMATTED = 0.7
REGIONS_MAX = 6
REGION_WEIGHT_MIN = 1.4  # a country with less evidence is not tried for national numbers

_SPELLED_AT = re.compile(r"\b(?:at|ät|arroba)\b|_at_", re.IGNORECASE)
_PERSON_PATH = re.compile(r"(?:^|\.)Person\.name$")
_PERSON_NAME = re.compile(r"(?:[A-ZÀ-Þ][\w'’\-]+\.?\s+){1,3}[A-ZÀ-Þ][\w'’\-]+")


@dataclass(frozen=True, slots=True)
class _Page:
    document: Document
    lines: Sequence[Line]
    regions: list[str]
    local: list[tuple[int, str]]
    around: Surroundings
    site: str  # registrable domain of the page, may be empty


def read_contacts(
    document: Document, hints: Hints, found_at: Whereabouts | None = None
) -> tuple[Fact, ...]:
    """Phones, faxes and e-mail addresses, in order of appearance. Values are normalised (E.164,
    lower case); a score below `OURS_MIN` says: seen, but somebody else's."""
    page = _page(document, hints, found_at or whereabouts(document, hints))
    phones = [*_visible_phones(page), *_linked_phones(page), *_structured_phones(page)]
    emails = [*_visible_emails(page), *_linked_emails(page), *_structured_emails(page)]
    facts = [*_merged_phones(phones), *_merged_emails(emails)]
    return tuple(sorted(facts, key=lambda fact: (fact.start, fact.field, fact.kind or "")))


def _page(document: Document, hints: Hints, found_at: Whereabouts) -> _Page:
    lines, found = found_at.lines, found_at.signs
    site = registrable(geo.host_of(document.url)) or registrable(geo.host_of(hints.domain or ""))
    return _Page(
        document=document,
        lines=lines,
        regions=_regions(found, hints),
        local=_local_countries(found),
        around=Surroundings.of(document, lines, hints, [p.line for p in found_at.localities]),
        site=site,
    )


def _regions(found: Sequence[Sighting], hints: Hints) -> list[str]:
    totals = weigh(found)
    ranked = sorted(totals, key=lambda code: -totals[code])
    kept = ranked[:1]
    kept += [code for code in ranked[1:REGIONS_MAX] if totals[code] >= REGION_WEIGHT_MIN]
    if hints.country and (code := geo.country_code(hints.country)):
        kept.append(code)
    return list(dict.fromkeys(kept)) or ["US"]


def _local_countries(found: Sequence[Sighting]) -> list[tuple[int, str]]:
    """Places in the text that say where the lines after them are."""
    local = [
        (sighting.start, sighting.country)
        for sighting in found
        if sighting.start is not None
        and (sighting.kind == "address" or (sighting.kind == "name" and sighting.weight > 1))
        and sighting.weight < WEIGHT_SITE_SUFFIX
    ]
    return sorted(local)


# -- phones ---------------------------------------------------------------------------------------


def _visible_phones(page: _Page) -> Iterator[Fact]:
    reader = NumberReader(page.lines, page.regions, page.local)
    for spotted in reader.read():
        rule = "labelled" if spotted.labelled else "formatted"
        score = SCORE_LABELLED if spotted.labelled else SCORE_FORMATTED
        if page.around.is_others(spotted.line, spotted.start, spotted.end):
            score, rule = SCORE_OTHERS, "others"
        elif page.around.is_listed(spotted.line):
            score, rule = SCORE_OTHERS + 0.05, "listed"
        yield from _phone_facts(page, spotted, f"phone-{rule}", score)


def _phone_facts(page: _Page, spotted: Spotted, rule: str, score: float) -> Iterator[Fact]:
    raw = page.document.text[spotted.start : spotted.end]
    fact = Fact(
        FieldName.PHONE, spotted.value, raw, spotted.start, spotted.end, rule, score, spotted.kind
    )
    yield fact
    if spotted.also_fax:
        yield replace(fact, kind="fax")


def _linked_phones(page: _Page) -> Iterator[Fact]:
    for link in page.document.links:
        scheme, _, rest = link.href.partition(":")
        if scheme.casefold() not in {"tel", "callto", "sms", "fax"} or not rest:
            continue
        raw = unquote(rest).partition(";")[0].strip("/ ")
        value = _first_valid(raw, page.regions)
        if value is None:
            continue
        fax = scheme.casefold() == "fax" or bool(re.search(r"\bfax", link.text, re.I))
        start, end = link.start, link.end
        kind = "fax" if fax else None
        yield Fact(FieldName.PHONE, value, raw, start, end, "phone-link", SCORE_LINK, kind)


def _first_valid(raw: str, regions: Iterable[str]) -> str | None:
    if len(re.sub(r"\D", "", raw)) < 6 and not re.search(r"[A-Za-z]{4}", raw):
        return None
    values = [value for region in regions if (value := normalize_phone(raw, region))]
    return next((value for value in values if is_valid(value)), values[0] if values else None)


def _structured_phones(page: _Page) -> Iterator[Fact]:
    names = _person_names(page.document)
    for value in page.document.structured:
        prop = value.path.rsplit(".", 1)[-1]
        kind = None
        if prop == "faxNumber" or value.path.endswith(":fax_number"):
            kind = "fax"
        elif prop not in {"telephone", "phone", "tel"} and not value.path.endswith("phone_number"):
            continue
        country = _item_country(page.document, value.item)
        regions = [country, *page.regions] if country else page.regions
        number = _first_valid(value.value, regions)
        if number is None:
            continue
        score = SCORE_OTHERS if _is_others_path(value.path) else SCORE_STRUCTURED
        yield Fact(
            FieldName.PHONE, number, value.value, value.start, value.end, "phone-structured",
            score, kind, names.get(value.item),
        )  # fmt: skip


def _item_country(document: Document, item: int) -> str | None:
    for value in document.structured:
        if value.item == item and value.path.endswith(".addressCountry"):
            return geo.country_code(value.value)
    return None


def _person_names(document: Document) -> dict[int, str]:
    return {
        value.item: value.value
        for value in document.structured
        if _PERSON_PATH.search(value.path) and not _is_others_path(value.path)
    }


def _is_others_path(path: str) -> bool:
    return bool(
        re.search(
            r"\b(?:Review|Article|BlogPosting|NewsArticle|author|publisher|sponsor|customer|member"
            r"|provider|creator|performer|seller)\.",
            path,
        )
    )


def _merged_phones(facts: list[Fact]) -> list[Fact]:
    """One fact a number and use. A labelled fax is no telephone unless a label says so too."""
    by_value: dict[str, list[Fact]] = {}
    for fact in facts:
        by_value.setdefault(fact.value, []).append(fact)
    merged: list[Fact] = []
    for value, group in by_value.items():
        faxes = [fact for fact in group if fact.kind == "fax"]
        spoken = [fact for fact in group if fact.kind not in {None, "fax"}]
        silent = [fact for fact in group if fact.kind is None]
        if faxes:
            merged.append(_best(faxes))
        if spoken or (silent and not faxes):
            best = _best([*spoken, *silent])
            kinds = [fact.kind for fact in spoken if fact.kind != "main"]
            merged.append(replace(best, kind=kinds[0] if kinds else kind_of_range(value)))
    return merged


def _best(group: list[Fact]) -> Fact:
    """The place with the highest score; the first of equals. Visible text beats a link's line."""
    return max(group, key=lambda fact: (fact.score, -fact.start))


# -- e-mail ---------------------------------------------------------------------------------------


def _visible_emails(page: _Page) -> Iterator[Fact]:
    for index, line in enumerate(page.lines):
        if "@" not in line.text and not _SPELLED_AT.search(line.text):
            continue
        for spotted in find_emails(line.text):
            start, end = line.start + spotted.start, line.start + spotted.end
            score = 0.8 if spotted.spelled else SCORE_LABELLED
            rule = "email-spelled" if spotted.spelled else "email-visible"
            if page.around.is_others(index, start, end) and not _is_own(page, spotted.value):
                score, rule = SCORE_OTHERS, "email-others"
            elif page.around.is_listed(index) and not _is_own(page, spotted.value):
                score, rule = SCORE_OTHERS + 0.05, "email-listed"
            yield from _email_fact(page, spotted.value, start, end, rule, score, None)


def _email_fact(
    page: _Page, value: str, start: int, end: int, rule: str, score: float, person: str | None
) -> Iterator[Fact]:
    if is_placeholder(value):
        return
    raw = page.document.text[start:end]
    kind = email_kind(value)
    yield Fact(FieldName.EMAIL, value, raw, start, end, rule, score, kind, person)


def _is_own(page: _Page, address: str) -> bool:
    return bool(page.site) and registrable(address.partition("@")[2]) == page.site


def _linked_emails(page: _Page) -> Iterator[Fact]:
    for link in page.document.links:
        if not link.href.casefold().startswith("mailto:"):
            continue
        target = unquote(link.href[7:].partition("?")[0])
        for part in re.split(r"[,;]", target):
            value = normalize_email(part)
            if value is None:
                continue
            foreign = registrable(value.partition("@")[2]) not in {page.site, ""}
            others = page.around.is_credit_link(link.text) and foreign
            score = SCORE_OTHERS if others else SCORE_LINK
            person = _named_person(link.text, value)
            yield from _email_fact(page, value, link.start, link.end, "email-link", score, person)


def _named_person(text: str, address: str) -> str | None:
    """The link's text where it is a person's name and the mailbox bears it."""
    if not _PERSON_NAME.fullmatch(text.strip()):
        return None
    local = geo.fold(address.partition("@")[0]).replace(" ", "")
    last = geo.fold(text.split()[-1]).replace(" ", "")
    return text.strip() if len(last) > 2 and last in local else None


def _structured_emails(page: _Page) -> Iterator[Fact]:
    names = _person_names(page.document)
    for value in page.document.structured:
        prop = value.path.rsplit(".", 1)[-1]
        if prop not in {"email", "reply-to", "contact"} and not value.path.endswith(":email"):
            continue
        address = normalize_email(value.value)
        if address is None:
            continue
        score = SCORE_OTHERS if _is_others_path(value.path) else SCORE_STRUCTURED
        yield from _email_fact(
            page, address, value.start, value.end, "email-structured", score,
            names.get(value.item),
        )  # fmt: skip


def _merged_emails(facts: list[Fact]) -> list[Fact]:
    """One fact an address. A credit beside a plain mention of a foreign address stays a credit."""
    by_value: dict[str, list[Fact]] = {}
    for fact in facts:
        by_value.setdefault(fact.value, []).append(fact)
    merged: list[Fact] = []
    for value, group in by_value.items():
        best = _best(group)
        credited = [fact for fact in group if fact.rule == "email-others"]
        visible = [fact for fact in group if fact.rule.startswith("email-visible")]
        if credited and not visible and value.partition("@")[2] not in FREE_MAIL:
            best = credited[0]
        person = next((fact.person for fact in group if fact.person), None)
        merged.append(replace(best, person=person))
    return merged
