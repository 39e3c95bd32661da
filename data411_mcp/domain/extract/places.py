"""Postal addresses of one page, and the city and country of its company, as facts.

An address is a locality (town and postal code, see `postal.py`) with the street lines above or
before it, or a PostalAddress in structured data. The city is that of the company's first or head
office. Sources of the formats: national postal practice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data411_mcp.domain.extract import geo
from data411_mcp.domain.extract.country import (
    Sighting,
    Whereabouts,
    heaviest,
    page_country,
    weigh,
    whereabouts,
)
from data411_mcp.domain.extract.document import Document, Fact, Hints
from data411_mcp.domain.extract.others import Surroundings
from data411_mcp.domain.extract.postal import (
    REGION_AFTER,
    Line,
    Locality,
    american_towns,
    is_plausible_city,
    tidy_city,
)
from data411_mcp.domain.graph import FieldName

__all__ = ["page_country", "read_places"]

ADDRESS_CHARS_MIN, ADDRESS_CHARS_MAX = 10, 200
STREET_LINES_MAX = 5  # how far above the town the street may begin
TOWN_LINES_MAX = 3
STREET_LINE_CHARS_MAX = 70
SCORE_OTHERS = 0.15
OTHERS_MAX = 0.3  # below it, a place belongs to somebody else
MENTIONS_MIN = 1.0  # weight of mentions from which a city without an address is believed

_HEAD_OFFICE = re.compile(
    r"head\s?quarters?|\bHQ\b|head\s+office|main\s+office|corporate\s+(?:office|head)|home\s+office"
    r"|hauptsitz|zentrale|firmensitz|si[eè]ge\s+social|sede\s+(?:central|legale|principal|social)"
    r"|hoofdkantoor|huvudkontor|hovedkontor|siedziba|centrala",
    re.IGNORECASE,
)
_REGISTERED = re.compile(
    r"registered\s+(?:office|address)|company\s+address|sede\s+legale|si[eè]ge\s+social", re.I
)
_MAILING = re.compile(
    r"mailing\s+address|postal\s+address|postanschrift|\bP\.?\s?O\.?\s+Box\b|apartado|postfach"
    r"|\bBP\s\d",
    re.IGNORECASE,
)
_STREET_WORD = re.compile(
    r"\b(?:street|str|st|road|rd|avenue|ave?|boulevard|blvd|lane|ln|drive|dr|way|court|ct|place|pl"
    r"|square|sq|parkway|pkwy|highway|hwy|circle|cir|terrace|trail|plaza|pike|loop|crescent|cres"
    r"|close|gardens|grove|row|park|route|rte?|broadway|esplanade|parade|quay|mews|mall|alley"
    r"|suite|ste|unit|floor|building|bldg|house|p\.?\s?o\.?\s+box|level|block|tower|estate|centre"
    r"|rue|chemin|all[ée]e|impasse|quai|cours|calle|c/|avda?|avenida|plaza|paseo|pol[íi]gono|ctra"
    r"|carretera|via|viale|corso|piazza|largo|rua|travessa|strada|straat|laan|weg|plein|kade"
    r"|gracht|ul|ulica|al|aleja|plac|parque|edif(?:icio)?|nave|zona|zone|immeuble|industrial|ulice|n[áa]m[ěe]st[íi]|utca|vej|gade|gatan|v[äa]gen|gata|veien"
    r"|katu|tie|jalan|jln|lorong|marg|nagar|sector|plot|ул|улица|пр|проспект|пер)\b\.?"
    r"|(?:stra(?:ß|ss)e|str\.|gasse|platz|allee|ring|damm|ufer|straat|laan|gracht|kade|dreef|vej"
    r"|gade|gatan|v[äa]gen|gata|veien|katu|tie|kuja|utca)\b",
    re.IGNORECASE,
)
_NOT_STREET = re.compile(
    r"@|www\.|https?:|\b(?:tel|phone|fax|e-?mail|mobile|copyright|rights\s+reserved|hours|monday"
    r"|click|directions|map|login|menu|toll|call|reserved)\b|[©?!]"
    r"|[+(]?\d{3}\)?[-. ]\d{3}[-. ]\d{4}",
    re.IGNORECASE,
)
# The company's name before its street: up to a legal form, or a first part without any figure.
_OWNER = re.compile(
    r"[^|•·,\d]{2,60}?\b(?:Inc|LLC|Ltd|Limited|GmbH|Corp|s\.r\.o|S\.L\.U?|B\.V|AG|AB|SARL|LLP|PLC)\b\.?"
    r"[\s,|•·\-–]+(?=\S.*\d)|[^|•·\d]{2,50}[|•·]\s+(?=\d)"
)
_UNIT_LINE = re.compile(
    r"^\W*(?:suite|ste|unit|floor|level|room|rm|apt|office|shop|p\.?\s?o\.?\s+box|#)\.?\s*#?\s*[\w\-]+"
    r"|^\W*\w+\s+floor\b",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:[^:]{0,40}\b(?:address|office|location|headquarters|adresse|anschrift|dirección|indirizzo"
    r"|adres|mail|us\s+at|visit\s+us|located\s+at|at)\s*[:\-–]\s*|[:|•·,\-–\s]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """One address. Offsets cover it in the document."""

    country: str | None
    city: str
    text: str
    start: int
    end: int
    kind: str | None
    score: float
    rule: str


def read_places(
    document: Document, hints: Hints, found_at: Whereabouts | None = None
) -> tuple[Fact, ...]:
    """Addresses (ADDRESS; kind hq, registered, mailing or None), then HQ_CITY and HQ_COUNTRY
    (ISO 2): at most one each, with the quote that shows it best."""
    found_at = found_at or whereabouts(document, hints)
    lines, signs = found_at.lines, found_at.signs
    country = heaviest(signs)
    localities = [p for p in found_at.localities if p.certain or p.country == country]
    around = Surroundings.of(document, lines, hints, [place.line for place in localities])
    places = [*_structured_places(document, country)]
    places += _visible_places(lines, localities, around, country)
    facts = [
        Fact(
            FieldName.ADDRESS, place.text, document.text[place.start : place.end], place.start,
            place.end, place.rule, place.score, place.kind,
        )
        for place in _distinct(places)
    ]  # fmt: skip
    facts += _city(document, lines, places, country)
    facts += _country(document, signs, places, country)
    return tuple(facts)


# -- addresses ------------------------------------------------------------------------------------


def _visible_places(
    lines: Sequence[Line],
    localities: Sequence[Locality],
    around: Surroundings,
    country: str | None,
) -> Iterator[Place]:
    last_end = 0
    for found in localities:
        if found.start < last_end:
            continue
        start, text = _with_street(lines, found, last_end)
        end, suffix = _with_country(lines, found)
        last_end = end
        has_street = start < found.start
        heading = _heading(lines, found.line, start)
        score = 0.85 if has_street and found.certain else 0.6 if found.certain else 0.45
        if found.country != country:
            score -= 0.15
        if not found.city and not has_street:
            score = 0.25
        if around.is_listed(found.line) or found.line in around.sections:
            score = SCORE_OTHERS
        line = re.sub(r"\s*[|•·♦,]+(?:\s*[|•·♦,])*\s*", ", ", f"{text}{suffix}")
        line = " ".join(line.split()).strip(" :,")[:ADDRESS_CHARS_MAX]
        yield Place(
            found.country, found.city, line, start, end, _kind_of(heading, line), score,
            "address-visible",
        )  # fmt: skip


def _with_street(lines: Sequence[Line], found: Locality, floor: int) -> tuple[int, str]:
    """Start offset and one-line text of the address that ends with this locality."""
    line = lines[found.line]
    position = found.start - line.start
    parts: list[str] = []
    start = found.start
    before = line.text[max(0, floor - line.start) : position]
    if before.strip(" ,.-–|•:"):
        kept = _street_part(before)
        if kept is not None:
            start = line.start + max(0, floor - line.start) + kept
            parts.append(line.text[start - line.start : position].strip(" ,|•·-–"))
        elif not before.rstrip().endswith((",", "|", "•", "-", "–", ":")):
            return found.start, _tail(line, found)
    if not any(_is_whole_street(part) for part in parts):
        index = found.line - 1
        between: list[str] = []  # district or town lines below the street
        while index >= max(0, found.line - STREET_LINES_MAX) and lines[index].start >= floor:
            text = lines[index].text
            if not _is_street_line(text):
                if len(between) >= TOWN_LINES_MAX or not _is_town_line(text):
                    break
                between.insert(0, text.strip(" ,"))
                index -= 1
                continue
            lead = _LEAD.match(text)
            cut = lead.end() if lead and lead.end() < len(text) else 0
            parts = [text[cut:].strip(" ,|•·-–"), *between, *parts]
            between = []
            start = lines[index].start + cut
            index -= 1
            if _is_whole_street(text[cut:]):
                break
    text = ", ".join(part for part in [*parts, _tail(line, found)] if part)
    return start, text


def _is_whole_street(text: str) -> bool:
    """A street with its number; `Suite 4` and `Floor 2` alone have the street above them."""
    text = re.sub(_UNIT_LINE, "", text)
    return bool(re.search(r"\d", text)) and bool(_STREET_WORD.search(text))


def _tail(line: Line, found: Locality) -> str:
    return line.text[found.start - line.start : found.end - line.start].strip(" ,")


def _street_part(before: str) -> int | None:
    """Where the street begins in what stands before the town on its line."""
    clause = 0
    for stop in re.finditer(r"[|•·:]\s|(?<=[a-z]{3})\.\s+(?=[A-Z])|\s[-–]\s(?=\D)", before):
        if stop.end() < len(before.rstrip(" ,|•·-–:")) and _NOT_STREET.search(before[: stop.end()]):
            clause = stop.end()
    piece = before[clause:]
    if len(piece) > ADDRESS_CHARS_MAX:
        return None
    lead = _LEAD.match(piece)
    offset = clause + (lead.end() if lead else 0)
    if owner := _OWNER.match(before[offset:]):
        offset += owner.end()
    piece = before[offset:]
    if _NOT_STREET.search(piece):
        numbers = [m.start() for m in re.finditer(r"(?<![\w\-])\d+[A-Za-z]?\s+[A-Z]", piece)]
        for number in reversed(numbers):
            if not _NOT_STREET.search(piece[number:]):
                return offset + number
        return None
    return offset if re.search(r"\d", piece) or _STREET_WORD.search(piece) else None


def _is_town_line(text: str) -> bool:
    name = text.strip(" ,.")
    return len(name.split()) <= 3 and (
        is_plausible_city(name)
        or name.casefold() in geo.GB_COUNTIES
        or geo.country_code(name) is not None
    )


def _is_street_line(text: str) -> bool:
    if not 3 <= len(text) <= STREET_LINE_CHARS_MAX or _NOT_STREET.search(text):
        return False
    if _STREET_WORD.search(text) and re.search(r"\d|\b(?:one|two|three)\b", text, re.I):
        return True
    if re.match(r"\W*\d+[A-Za-z]?[\s,]+\w", text) or re.search(r"\w\s+\d+\s?[a-zA-Z]?$", text):
        return True
    return bool(_STREET_WORD.search(text)) and len(text.split()) <= 6 and not text.islower()


def _with_country(lines: Sequence[Line], found: Locality) -> tuple[int, str]:
    """End offset and text of what follows: a region or country right after the postal code."""
    line = lines[found.line]
    rest = line.text[found.end - line.start :]
    named = geo.country_at_start(rest.lstrip(" ,.-–|("))
    if named:
        skipped = len(rest) - len(rest.lstrip(" ,.-–|("))
        return found.end + skipped + named.end, ", " + named.name
    if not rest.strip() and found.line + 1 < len(lines):
        below = lines[found.line + 1]
        if geo.COUNTRY_NAMES.get(below.text.strip(" .,").casefold()):
            return below.end, ", " + below.text.strip(" .,")
    return found.end, ""


def _heading(lines: Sequence[Line], index: int, start: int) -> str:
    above = [line.text for line in lines[max(0, index - 6) : index + 1] if line.end <= start]
    own = lines[index].text[: max(0, start - lines[index].start)]
    return " | ".join(text for text in [*above[-3:], own] if len(text) < 80)


def _kind_of(heading: str, text: str) -> str | None:
    last = heading.rsplit(" | ", 1)[-1] if heading else ""
    if _HEAD_OFFICE.search(heading):
        return "hq"
    if _REGISTERED.search(heading):
        return "registered"
    if _MAILING.search(last) or re.search(r"\bP\.?\s?O\.?\s+Box\b", text, re.IGNORECASE):
        return "mailing"
    return None


def _structured_places(document: Document, country: str | None) -> Iterator[Place]:
    items: dict[int, dict[str, tuple[str, int, int]]] = {}
    paths: dict[int, str] = {}
    for value in document.structured:
        owner, _, prop = value.path.rpartition(".")
        if owner.endswith("PostalAddress") or prop in {"streetAddress", "addressLocality"}:
            items.setdefault(value.item, {})[prop] = (value.value, value.start, value.end)
            paths[value.item] = owner
        elif prop == "address" and re.search(r"\d", value.value):
            yield Place(
                country, "", value.value, value.start, value.end, None, 0.8, "address-structured"
            )
    for item, parts in items.items():
        order = ("streetAddress", "addressLocality", "addressRegion", "postalCode",
                 "addressCountry")  # fmt: skip
        words = [parts[name][0].strip(" ,") for name in order if name in parts]
        city = tidy_city(parts["addressLocality"][0]) if "addressLocality" in parts else ""
        named = geo.country_code(parts["addressCountry"][0]) if "addressCountry" in parts else None
        others = re.search(r"Review|Article|Event|author|JobPosting", paths[item])
        full = "streetAddress" in parts
        start = min(start for _, start, _ in parts.values())
        end = max(end for _, _, end in parts.values())
        if words:
            yield Place(
                named or country, city, ", ".join(words)[:ADDRESS_CHARS_MAX], start, end, None,
                SCORE_OTHERS if others else 0.95 if full else 0.7, "address-structured",
            )  # fmt: skip


def _distinct(places: Sequence[Place]) -> list[Place]:
    """Each address once. A text that another one contains says nothing new."""
    kept: dict[str, Place] = {}
    for place in sorted(places, key=lambda each: (each.score < OTHERS_MAX, -len(each.text))):
        key = geo.fold(place.text).replace(" ", "")
        if len(place.text) < ADDRESS_CHARS_MIN or not re.search(r"\d", place.text):
            continue
        same = next((other for other in kept if key in other), None)
        if same is None:
            kept[key] = place
        elif kept[same].kind is None and place.kind:
            kept[same] = place if key == same else kept[same]
    return sorted(kept.values(), key=lambda place: place.start)


# -- city and country -----------------------------------------------------------------------------


def _city(
    document: Document, lines: Sequence[Line], places: Sequence[Place], country: str | None
) -> Iterator[Fact]:
    named = [place for place in places if place.city and place.score >= OTHERS_MAX]
    home = [place for place in named if place.country == country] or named
    if home:
        order = {"hq": 0.3, "registered": -0.1, "mailing": -0.2}
        counts: dict[str, int] = {}
        for place in home:
            counts[geo.fold(place.city)] = counts.get(geo.fold(place.city), 0) + 1
        best = max(
            home,
            key=lambda place: (
                round(place.score, 1) + order.get(place.kind or "", 0.0)
                + 0.05 * min(counts[geo.fold(place.city)], 3),
                -place.start,
            ),
        )  # fmt: skip
        yield Fact(
            FieldName.HQ_CITY, best.city, best.city, best.start, best.end, "city-address",
            min(best.score, 0.9),
        )  # fmt: skip
        return
    yield from _city_named(document, lines, country)


def _city_named(document: Document, lines: Sequence[Line], country: str | None) -> Iterator[Fact]:
    """Without a postal address: `City, ST`, then the well-known city the page speaks of most,
    if its title or a short line names it."""
    scores: dict[str, float] = {}
    spans: dict[str, tuple[int, int]] = {}
    for name, weight, start, end in _mentions(document, lines, country) if country else ():
        scores[name] = scores.get(name, 0.0) + weight
        spans.setdefault(name, (start, end))
    best = max(scores, key=lambda name: scores[name], default=None)
    if best is not None and scores[best] >= MENTIONS_MIN:
        yield Fact(FieldName.HQ_CITY, best, best, *spans[best], "city-named", 0.4)


def _mentions(
    document: Document, lines: Sequence[Line], country: str | None
) -> Iterator[tuple[str, float, int, int]]:
    """Towns of `country` by name, weight and offsets. Short lines and the title count more."""
    for line in lines:
        is_short = len(line.text) < 60
        for town in american_towns(line.text) if country == "US" else ():
            yield (
                town.city,
                2.0 if is_short else 0.8,
                line.start + town.start,
                line.start + town.end,
            )
        for named in geo.find_cities(line.text):
            if geo.is_city(named.name, country):
                has_region = REGION_AFTER.match(line.text, named.end)
                weight = 2.0 if has_region else 1.0 if is_short else 0.5
                yield named.name, weight, line.start + named.start, line.start + named.end
    for value in document.structured:
        if value.path in {"meta.title", "meta.og:title", "meta.description", "meta.geo.placename"}:
            for named in geo.find_cities(value.value):
                if geo.is_city(named.name, country):
                    yield named.name, 1.5, value.start, value.end


def _country(
    document: Document, signs: Sequence[Sighting], places: Sequence[Place], country: str | None
) -> Iterator[Fact]:
    """The country with the best quote for it: an address, else its heaviest sign in the text."""
    if country is None:
        return
    totals = weigh(signs)
    share = totals[country] / sum(totals.values())
    score = round(min(0.95, 0.35 + 0.6 * share), 2)
    quotes = [
        (sign.weight, sign.start, sign.end)
        for sign in signs
        if sign.country == country and sign.start is not None and sign.end is not None
    ]
    addresses = [place for place in places if place.country == country and place.score >= 0.6]
    if addresses:
        start, end, rule = addresses[0].start, addresses[0].end, "country-address"
    elif quotes:
        _, start, end = max(quotes, key=lambda quote: (quote[0], -quote[1]))
        rule = "country-sign"
    else:
        return
    raw = document.text[start:end]
    yield Fact(FieldName.HQ_COUNTRY, country, raw, start, end, rule, score)
