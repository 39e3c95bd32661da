"""Which country is this page about? Evidence is weighed; the heaviest country wins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import phonenumbers

from data411_mcp.domain.extract import geo
from data411_mcp.domain.extract.document import Document, Hints, Link
from data411_mcp.domain.extract.postal import (
    TEXT_CHARS_MAX,
    Line,
    Locality,
    american_towns,
    lines_of,
    read_localities,
)

# Weights were set by hand: a stated address beats a suffix, a suffix beats a language.
WEIGHT_STRUCTURED = 5.0
WEIGHT_SITE_SUFFIX = 4.5
WEIGHT_ADDRESS = 4.0
WEIGHT_FIRST_ADDRESS = 2.0  # on top: the first is most often the head office's
WEIGHT_DIALLING_CODE = 2.0
WEIGHT_HINT = 1.5
WEIGHT_NAME_ALONE = 1.5
WEIGHT_NAME = 0.5
WEIGHT_CITY = 0.4
REPEATED = 0.1  # what a second, third, … sighting of one kind adds, as a share of the first
SIGHTINGS_MAX = 6
LIST_GAP_CHARS = 12  # between neighbours in a list of countries
LIST_COUNTRIES_MIN = 4


@dataclass(frozen=True, slots=True)
class Sighting:
    """One sign of a country. `start`/`end` cover the quote; both are None for a sign outside
    the text (the URL, the language tag, the caller's hint)."""

    country: str
    kind: str
    weight: float
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The visible lines, the localities in them, and every sign of a country, theirs included."""

    lines: Sequence[Line]
    localities: tuple[Locality, ...]
    signs: tuple[Sighting, ...]


_LANGUAGES = {
    "en-us": ("US", 0.4), "en-gb": ("GB", 0.8), "en-au": ("AU", 2.0), "en-nz": ("NZ", 2.0),
    "en-ca": ("CA", 2.0), "en-ie": ("IE", 2.0), "en-za": ("ZA", 2.0), "en-in": ("IN", 2.0),
    "en-sg": ("SG", 2.0), "fr-ca": ("CA", 2.0), "fr-be": ("BE", 2.0), "fr-ch": ("CH", 2.0),
    "de-at": ("AT", 2.0), "de-ch": ("CH", 2.0), "nl-be": ("BE", 2.0), "pt-br": ("BR", 2.0),
    "es-mx": ("MX", 2.0), "es-ar": ("AR", 2.0), "es-co": ("CO", 2.0), "es-cl": ("CL", 2.0),
    "zh-tw": ("TW", 2.0), "zh-hk": ("HK", 2.0), "de": ("DE", 1.2), "fr": ("FR", 1.2),
    "it": ("IT", 1.5), "es": ("ES", 1.0), "nl": ("NL", 1.5), "pt": ("PT", 1.0), "sv": ("SE", 2.0),
    "no": ("NO", 2.0), "nb": ("NO", 2.0), "nn": ("NO", 2.0), "da": ("DK", 2.0), "fi": ("FI", 2.0),
    "pl": ("PL", 2.0), "cs": ("CZ", 2.0), "sk": ("SK", 2.0), "hu": ("HU", 2.0), "ro": ("RO", 2.0),
    "bg": ("BG", 2.0), "el": ("GR", 2.0), "tr": ("TR", 2.0), "uk": ("UA", 2.0), "be": ("BY", 2.0),
    "ru": ("RU", 1.5), "ja": ("JP", 2.0), "ko": ("KR", 2.0), "zh-cn": ("CN", 1.0),
    "he": ("IL", 2.0), "th": ("TH", 2.0), "vi": ("VN", 2.0), "et": ("EE", 2.0), "lv": ("LV", 2.0),
    "lt": ("LT", 2.0), "sl": ("SI", 2.0), "hr": ("HR", 2.0), "is": ("IS", 2.0),
}  # fmt: skip

# Forms of company, tax and register numbers that one country alone uses. Last: what a page that
# the pattern finds something on holds at least one of, for a look that is much cheaper.
_LEGAL_MARKS: tuple[tuple[str, str, float, str], ...] = (
    ("AU", r"(?<![\w(])Pty\.?,? Ltd\b|\bA\.?B\.?N\.?:? ?\d|\bACN:? ?\d", 2.5, "Pty|BN|B.N|ACN"),
    ("ZA", r"\(Pty\) Ltd|\bB-?BBEE\b", 2.5, "Pty|BEE"),
    ("GB", r"[Rr]egistered in (?:England|Scotland|Wales|the UK)|\bVAT (?:Reg\S*|No\.?|Number)?"
     r"[ :.]*(?:GB ?)?\d{3} ?\d{4} ?\d{2}\b|\bCompan(?:y|ies) House\b", 2.5,
     "egistered in|VAT|Compan"),
    ("GB", r"(?<!\w)£ ?\d|\bVAT\b|\bpostcode\b|\bLondon\b", 0.4, "£|VAT|postcode|London"),
    ("IE", r"[Rr]egistered in (?:the Republic of )?Ireland", 2.5, "egistered in"),
    ("US", r"\b(?:Inc|Corp)\.|\bLLC\b|\bL\.L\.C\.|\bEqual Housing|\b501\(c\)", 0.6,
     "Inc.|Corp.|LLC|L.L.C.|Equal Housing|501(c)"),
    ("US", r"\bstatewide\b|\bzip code\b|\bNMLS\b|\bBBB\b|\bAttorneys? at Law\b|\bFDIC\b", 0.6,
     "statewide|zip code|NMLS|BBB|at Law|FDIC"),
    ("DE", r"\bHRB ?\d|\bAmtsgericht\b|\bDE ?\d{9}\b|\bUSt-?Id|\bHandelsregister\b|\bGmbH\b", 1.5,
     "HRB|Amtsgericht|DE|USt|Handelsregister|GmbH"),
    ("AT", r"\bATU ?\d{8}\b|\bFirmenbuch|\bFN ?\d{5,6} ?[a-z]\b", 3.0, "ATU|Firmenbuch|FN"),
    ("CH", r"\bCHE-\d{3}\.\d{3}|\bCHF\b|\bMWST\b", 2.0, "CHE-|CHF|MWST"),
    ("FR", r"\bSIRE[TN]\b|\bR\.?C\.?S\.? [A-Z]|\bFR ?\d{2} ?\d{9}\b|\bcode APE\b|\bCNIL\b", 3.0,
     "SIRE|CS|C.S|FR|APE|CNIL"),
    ("NL", r"\bKvK\b|\bK\.v\.K\b|\bB\.V\.|\bNL ?\d{9}B\d\d\b|\bBTW-nummer\b", 2.0,
     "KvK|K.v.K|B.V.|NL|BTW"),
    ("BE", r"\bBE ?0\d{3}\.?\d{3}\.?\d{3}\b|\bBVBA\b|\bSPRL\b", 3.0, "BE|BVBA|SPRL"),
    ("IT", r"\bP\.? ?IVA\b|\bPartita IVA\b|\bS\.?[rR]\.?[lL]\.|\bS\.p\.A\.|\bCod\.? ?Fisc", 2.5,
     "IVA|l.|L.|S.p.A.|Fisc"),
    ("ES", r"\bC\.?I\.?F\.?:? ?[A-Z]-?\d|\bN\.?I\.?F\.?:? ?[A-Z]-?\d|\bS\.L\.U?\.?\b", 2.0,
     "IF|I.F|S.L."),
    ("PT", r"\bNIPC\b|\bLda\.?\b|\bcontribuinte\b", 2.0, "NIPC|Lda|contribuinte"),
    ("SE", r"\bOrg\.? ?nr\.?:? ?\d{6}-\d{4}|\bAktiebolag\b|\bkr/mån\b", 2.5,
     "Org|Aktiebolag|kr/mån"),
    ("NO", r"\bOrg\.? ?nr\.?:? ?(?:NO ?)?\d{3} ?\d{3} ?\d{3}\b|\bMVA\b", 2.5, "Org|MVA"),
    ("DK", r"\bCVR\b|\bApS\b|\bSE[- ]nr\b", 2.5, "CVR|ApS|SE"),
    ("FI", r"\bY-tunnus\b|\bOy\b", 2.5, "Y-tunnus|Oy"),
    ("PL", r"\bSp\. ?z ?o\.? ?o\.?|\bREGON\b|\bNIP:? ?\d|\bKRS\b", 3.0, "Sp|REGON|NIP|KRS"),
    ("CZ", r"\bDIČ:? ?CZ|\bKč\b", 3.0, "DIČ|Kč"),
    ("SK", r"\bDIČ:? ?SK|\bIČ DPH\b", 3.0, "DIČ|IČ DPH"),
    ("HU", r"\bKft\.?\b|\bZrt\.?\b", 3.0, "Kft|Zrt"),
    ("RO", r"\bCUI\b|\bS\.C\.|\bReg\. ?Com", 1.5, "CUI|S.C.|Reg"),
    ("BY", r"\bУНП\b|\bbyn\b|\bбел\. ?руб", 3.0, "УНП|byn|бел"),
    ("RU", r"\bИНН\b|\bОГРН\b|\bООО\b", 1.2, "ИНН|ОГРН|ООО"),
    ("UA", r"\bЄДРПОУ\b|\bгрн\b", 3.0, "ЄДРПОУ|грн"),
    ("SG", r"\bPte\.? ?Ltd|\bUEN\b|\bS\$ ?\d", 3.0, "Pte|UEN|S$"),
    ("MY", r"\bSdn\.? ?Bhd|\bRM ?\d", 3.0, "Sdn|RM"),
    ("IN", r"\bPvt\.? ?Ltd|\bPrivate Limited\b|\bGSTIN\b|₹|\bRs\.? ?\d|\blakhs?\b", 2.0,
     "Pvt|Private Limited|GSTIN|₹|Rs|lakh"),
    ("JP", r"株式会社|有限会社", 2.5, "株式会社|有限会社"),
    ("CN", r"ICP备|有限公司", 2.0, "ICP备|有限公司"),
    ("KR", r"주식회사", 2.5, "주식회사"),
    ("BR", r"\bCNPJ\b|\bLtda\b|R\$ ?\d", 2.5, "CNPJ|Ltda|R$"),
    ("MX", r"\bS\.? ?A\.? de C\.? ?V\.?", 3.0, " de C"),
    ("NZ", r"\bNZBN\b|\bNZ\$|\.co\.nz\b", 2.0, "NZBN|NZ$|.co.nz"),
    ("CA", r"\bHST\b|\bGST/HST\b", 1.0, "HST"),
)  # fmt: skip
_LEGAL = tuple(
    (code, re.compile(pattern), weight, tuple(parts.split("|")))
    for code, pattern, weight, parts in _LEGAL_MARKS
)
_PLUS = re.compile(
    r"(?<![\w+])(?:\+|00)\s?\(?(?P<digits>[1-9]\d{0,2})\)?(?=[\s().\-/]*\d)"
    r"(?P<rest>[\s().\-/\d]{6,18})"
)
_NANP = re.compile(
    r"(?<![\d+.\-/])(?:1[-. ])?\(?([2-9]\d\d)\)?[-. /]{1,3}([2-9]\d\d)[-. ]{1,3}\d{4}\b"
)
_NATIONAL = (
    ("GB", re.compile(
        r"(?<![\d+])\(?0(?:1\d{2,4}|2\d|7\d{3}|8[047]\d\d?)\)?[ -]\d{3,4}[ -]?\d{3,4}\b")),
    ("AU", re.compile(r"(?<![\d+])(?:\(0[2378]\) ?\d{4} ?\d{4}|1[38]00 \d{3} \d{3})\b")),
    ("FR", re.compile(r"(?<![\d+])0[1-9](?:[ .]\d\d){4}\b")),
)  # fmt: skip
_STATE_NAME = re.compile(
    r"\b(?:"
    + "|".join(name.title() for name in geo.US_STATES if len(name) > 3 and name != "georgia")
    + r")\b"
)
_HEAD_TEXTS = frozenset({"meta.title", "meta.description", "meta.og:title", "meta.geo.placename"})
_OUTWARD = re.compile(
    r"\b(?:shipping|ship to|deliver|clients?|customers?|serving|worldwide|export|select)\b", re.I
)


def sightings(document: Document, hints: Hints) -> list[Sighting]:
    """Every sign of a country on the page, strongest rules first."""
    found = list(_outside_text(document, hints))
    found += _structured(document)
    found += _legal_marks(document)
    found += _dialled(document)
    found += _named(document)
    return found


def addressed(localities: Iterable[Locality]) -> Iterator[Sighting]:
    """Signs from postal addresses."""
    first = True
    for place in localities:
        if place.country:
            weight = WEIGHT_ADDRESS if place.certain else WEIGHT_ADDRESS / 3
            if place.certain and not place.city:
                weight /= 2
            if first and place.certain:
                weight += WEIGHT_FIRST_ADDRESS
                first = False
            yield Sighting(place.country, "address", weight, place.start, place.end)


def weigh(found: Iterable[Sighting]) -> dict[str, float]:
    """Total weight by country. Repetition counts little, or a list of clients would win."""
    by_kind: dict[tuple[str, str], list[float]] = {}
    for sighting in found:
        by_kind.setdefault((sighting.country, sighting.kind), []).append(sighting.weight)
    totals: dict[str, float] = {}
    for (country, _), weights in by_kind.items():
        weights.sort(reverse=True)
        total = weights[0] + REPEATED * sum(weights[1:SIGHTINGS_MAX])
        totals[country] = totals.get(country, 0.0) + total
    return totals


def heaviest(found: Iterable[Sighting]) -> str | None:
    """The country with the most weight; the earlier sighting wins a tie."""
    totals = weigh(found)
    return max(totals, key=lambda country: totals[country]) if totals else None


def whereabouts(document: Document, hints: Hints) -> Whereabouts:
    """Read once for all who ask where the page's company is."""
    lines = lines_of(document.text, document.visible_end)
    signs = sightings(document, hints)
    localities = tuple(read_localities(lines, heaviest(signs)))
    return Whereabouts(lines, localities, (*signs, *addressed(localities)))


def page_country(document: Document, hints: Hints) -> str | None:
    """ISO 2 code of the country the page is about, None without any sign."""
    return heaviest(whereabouts(document, hints).signs)


def _outside_text(document: Document, hints: Hints) -> Iterator[Sighting]:
    if hints.country and (code := geo.country_code(hints.country)):
        yield Sighting(code, "hint", WEIGHT_HINT)
    hosts = {geo.host_of(document.url), geo.host_of(hints.domain or "")}
    for host in sorted(hosts):
        if code := geo.domain_country(host):
            start = document.text.casefold().find(host)
            span = (start, start + len(host)) if start >= 0 else (None, None)
            yield Sighting(code, "suffix", WEIGHT_SITE_SUFFIX, *span)
    language = document.lang.casefold().replace("_", "-")
    known = _LANGUAGES.get(language) or _LANGUAGES.get(language.split("-")[0])
    if known:
        yield Sighting(known[0], "language", known[1])
    mail_hosts = set()
    for link in document.links:
        if link.href.casefold().startswith("mailto:"):
            host = link.href.partition("@")[2].partition("?")[0].casefold()
            if host not in mail_hosts and (code := geo.domain_country(host)):
                mail_hosts.add(host)
                yield Sighting(code, "mail", 2.0, link.start, link.end)


def _structured(document: Document) -> Iterator[Sighting]:
    for value in document.structured:
        prop = value.path.rsplit(".", 1)[-1]
        if prop in {"addressCountry", "country-name", "country"} or value.path in {
            "meta.geo.country",
            "meta.og:country-name",
            "meta.business:contact_data:country_name",
        }:
            code = geo.country_code(value.value)
        elif value.path == "meta.geo.region":
            code = geo.country_code(value.value[:2])
        else:
            continue
        if code:
            yield Sighting(code, "structured", WEIGHT_STRUCTURED, value.start, value.end)


def _legal_marks(document: Document) -> Iterator[Sighting]:
    visible = document.text[: document.visible_end]
    for code, pattern, weight, parts in _LEGAL:
        if any(part in visible for part in parts) and (match := pattern.search(visible)):
            yield Sighting(code, f"mark{weight}", weight, match.start(), match.end())


def _dialled(document: Document) -> Iterator[Sighting]:
    text, end = document.text, document.visible_end
    for match in _PLUS.finditer(text, 0, end):
        code = _dialled_country(match["digits"], match["rest"])
        if code:
            yield Sighting(code, "dialled", WEIGHT_DIALLING_CODE, match.start(), match.end())
    for match in _NANP.finditer(text, 0, end):
        number = phonenumbers.parse("+1" + re.sub(r"\D", "", match.group())[-10:])
        region = phonenumbers.region_code_for_number(number)
        if region and region != "001":
            weight = 1.5 if region == "US" else 2.0
            yield Sighting(region, "dialled", weight, match.start(), match.end())
        elif match.group(1).startswith("8"):
            yield Sighting("US", "tollfree", 0.5, match.start(), match.end())
    for link in document.links:
        if link.href.casefold().startswith("tel:"):
            yield from _dialled_link(link)
    for country, pattern in _NATIONAL:
        if found := pattern.search(text, 0, end):
            yield Sighting(country, "national", 1.2, found.start(), found.end())


def _dialled_link(link: Link) -> Iterator[Sighting]:
    raw = link.href[4:]
    if match := _PLUS.match(raw):
        code = _dialled_country(match["digits"], match["rest"])
    else:
        digits = re.sub(r"\D", "", raw)
        is_american = re.fullmatch(r"1?[2-9]\d\d[2-9]\d{6}", digits)
        code = _dialled_country("1", digits[-10:]) if is_american else None
    if code:
        yield Sighting(code, "dialled", 1.5, link.start, link.end)


def _dialled_country(prefix: str, rest: str) -> str | None:
    digits = prefix + re.sub(r"\(0\)|\D", "", rest)
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    if region == "US":
        region = phonenumbers.region_code_for_number(number) or "US"
    return region if region in geo.COUNTRY_CODES else None


def _named(document: Document) -> Iterator[Sighting]:
    visible = document.text[: min(document.visible_end, TEXT_CHARS_MAX)]
    countries = geo.find_countries(visible)
    lists = _country_lists(countries)
    for named in countries:
        if any(start <= named.start < end for start, end in lists):
            continue
        line_start = visible.rfind("\n", 0, named.start) + 1
        line_end = visible.find("\n", named.end)
        line = visible[line_start : line_end if line_end >= 0 else None]
        tail = line[named.end - line_start :].strip(" .,)")
        before = line[: named.start - line_start]
        alone = not tail and len(line) < 100 and not _OUTWARD.search(line)
        ends_address = alone and bool(re.search(r"\d|^\W*$|,\s*$", before))
        weight = WEIGHT_NAME_ALONE if ends_address else WEIGHT_NAME
        yield Sighting(named.country, "name", weight, named.start, named.end)
    for city in geo.find_cities(visible):
        yield Sighting(city.country, "city", WEIGHT_CITY, city.start, city.end)
    for value in document.structured:
        if value.path in _HEAD_TEXTS and _STATE_NAME.search(value.value):
            yield Sighting("US", "state", WEIGHT_NAME, value.start, value.end)
    for town in american_towns(visible):
        if town.state.upper() != "CA" or geo.is_city(town.city, "US"):
            yield Sighting("US", "town", 1.0, town.start, town.end)


def _country_lists(countries: list[geo.Named]) -> list[tuple[int, int]]:
    """Runs where many countries follow each other: a form's choice, not a statement."""
    lists: list[tuple[int, int]] = []
    run: list[geo.Named] = []
    for named in [*countries, None]:
        if run and (named is None or named.start - run[-1].end > LIST_GAP_CHARS):
            if len({each.country for each in run}) >= LIST_COUNTRIES_MIN:
                lists.append((run[0].start, run[-1].end))
            run = []
        if named is not None:
            run.append(named)
    return lists
