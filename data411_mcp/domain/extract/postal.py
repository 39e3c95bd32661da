"""Postal codes and the localities around them, as they are written in some thirty countries.

`read_localities` finds the line (or part of one) that names town and postal code; `places.py`
adds the street above it. Formats: Universal Postal Union addressing guides, from general
knowledge of national practice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from data411_mcp.domain.extract import geo

CITY_CHARS_MAX = 40
TEXT_CHARS_MAX = 300_000  # of one page; what is longer is no contact page


@dataclass(frozen=True, slots=True)
class Line:
    """One visible line; `start` is the offset of its first character in the document."""

    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Locality:
    """Town and postal code. `start`/`end` cover them in the document; `line` is an index into
    the lines. `country` is None where the form fits several countries; `certain` says that the
    form alone decides it."""

    country: str | None
    city: str
    postcode: str
    line: int
    start: int
    end: int
    certain: bool


_WORD = r"[^\W\d_][^\W\d_'’.\-]*\.?(?:[\-'’][^\W\d_]+)*"
_CITY = rf"(?:{_WORD})(?:[ \-]{_WORD}){{0,4}}"


def _alternatives(names: dict[str, str], *, abbreviations: bool) -> str:
    codes = set(names.values())
    words = sorted((n for n in names if n.upper() not in codes), key=len, reverse=True)
    spelled = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in words)
    short = "|".join(rf"{code[0]}\.?{code[1:]}\.?" for code in sorted(codes, reverse=True))
    return rf"(?:(?i:{spelled})|{short})" if abbreviations else rf"(?i:{spelled})"


_US_STATE = _alternatives(geo.US_STATES, abbreviations=True)
_US_CODES = "|".join(sorted(set(geo.US_STATES.values())))
_US_LOOSE = r"(?:Calif|Colo|Conn|Fla|Ill|Ind|Mass|Mich|Minn|Miss|Ore|Penn|Tenn|Tex|Wash|Wis)\.?"
_CA_PROVINCE = _alternatives(geo.CA_PROVINCES, abbreviations=True)
_AU_STATE = (
    r"(?:(?i:new\s+south\s+wales|victoria|queensland|western\s+australia|south\s+australia|tasmania"
    r"|australian\s+capital\s+territory|northern\s+territory)"
    r"|N\.?S\.?W\.?|V(?:IC|ic)\.?|Q(?:LD|ld)\.?|W\.?A\.?|S\.?A\.?|T(?:AS|as)\.?|A\.?C\.?T\.?"
    r"|N\.?T\.?)"
)

US = re.compile(
    rf"(?<![A-Za-z])(?P<state>{_US_STATE}|{_US_LOOSE}|(?<=, )(?i:{_US_CODES}))[\s,.\-–]*"
    r"(?P<code>\d{5}(?:[-–]\d{4})?)(?![\d-])"
)
REGION_AFTER = re.compile(rf"\s*[,(]?\s*(?:{_US_STATE}|{_CA_PROVINCE}|{_AU_STATE})(?!\w)")
_STATE_AT_END = re.compile(rf",\s*(?P<state>{_US_STATE})(?=[\s.,)|]*$|\s*[|•·(])", re.MULTILINE)
_CITY_AT_END = re.compile(rf"(?<![\w.'’\-]){_CITY}$")
CA = re.compile(r"(?<![A-Za-z0-9])(?P<code>[ABCEGHJ-NPRSTVXY]\d[A-Z][\s\-]?\d[A-Z]\d)(?!\w)", re.I)
CA_TAIL = re.compile(
    rf"[\s,.;:\-–(]*(?:Canada)?[\s,.;:\-–]*(?P<state>{_CA_PROVINCE})[\s,.;:)\-–]*$"
)
GB = re.compile(
    r"(?<![A-Za-z0-9])(?P<code>(?P<area>[A-Z]{1,2})\d[A-Z\d]?\s{0,2}\d[ABD-HJLNP-UW-Z]{2})(?!\w)"
)
IE = re.compile(r"(?<!\w)(?P<code>(?:[AC-FHKNPRTV-Y]\d{2}|D6W)\s?[0-9AC-FHKNPRTV-Y]{4})(?!\w)")
AU = re.compile(
    rf"(?<![A-Za-z])(?P<state>{_AU_STATE})[\s,.\-–]*(?:Australia[\s,]*)?(?P<code>[0-9]\d{{3}})(?!\d)"
)
NL = re.compile(rf"(?<!\w)(?:NL[ \-–])?(?P<code>[1-9]\d{{3}}\s?[A-Z]{{2}})[,\s]+(?P<city>{_CITY})")
BR = re.compile(r"(?<!\d)(?:CEP:?\s*)?(?P<code>\d{5}-\d{3})(?!\d)", re.I)
JP = re.compile(r"(?:〒\s*)(?P<code>\d{3}-?\d{4})")
SG = re.compile(r"\bSingapore[\s,]*\(?(?P<code>\d{6}|S\(\d{6}\))\)?(?!\d)", re.I)

# Codes before the town. The prefix letter, where written, decides.
_PREFIXES = {
    "D": "DE", "DE": "DE", "A": "AT", "AT": "AT", "CH": "CH", "F": "FR", "FR": "FR", "L": "LU",
    "LU": "LU", "B": "BE", "BE": "BE", "I": "IT", "IT": "IT", "E": "ES", "ES": "ES", "DK": "DK",
    "S": "SE", "SE": "SE", "N": "NO", "NO": "NO", "FI": "FI", "FIN": "FI", "PL": "PL", "CZ": "CZ",
    "SK": "SK", "H": "HU", "HU": "HU", "P": "PT", "PT": "PT", "SI": "SI", "HR": "HR", "RO": "RO",
    "GR": "GR", "EE": "EE", "LT": "LT", "LV": "LV", "TR": "TR", "BG": "BG",
}  # fmt: skip
_CODE_FIRST = {
    "DE": r"\d{5}", "FR": r"\d{5}", "IT": r"\d{5}", "ES": r"\d{5}", "FI": r"\d{5}",
    "TR": r"\d{5}", "HR": r"\d{5}", "EE": r"\d{5}", "MY": r"\d{5}", "MX": r"\d{5}",
    "RS": r"\d{5}", "UA": r"\d{5}", "SE": r"\d{3}\s?\d{2}", "CZ": r"\d{3}\s?\d{2}",
    "SK": r"\d{3}\s?\d{2}", "GR": r"\d{3}\s?\d{2}", "PL": r"\d{2}-\d{3}", "PT": r"\d{4}-\d{3}",
    "AT": r"\d{4}", "CH": r"\d{4}", "BE": r"\d{4}", "LU": r"\d{4}", "DK": r"\d{4}",
    "NO": r"\d{4}", "HU": r"\d{4}", "SI": r"\d{4}", "BG": r"\d{4}", "LV": r"\d{4}",
    "RO": r"\d{6}", "RU": r"\d{6}", "BY": r"\d{6}", "KZ": r"\d{6}", "CN": r"\d{6}",
    "MA": r"\d{5}", "TN": r"\d{4}", "LT": r"\d{5}", "IL": r"\d{5}(?:\d\d)?", "AR": r"\d{4}",
    "CY": r"\d{4}", "IS": r"\d{3}", "LI": r"\d{4}", "MC": r"\d{5}",
}  # fmt: skip
_CODE_LAST = {
    "AU": r"\d{4}", "NZ": r"\d{4}", "ZA": r"\d{4}", "IN": r"\d{3}\s?\d{3}", "PK": r"\d{5}",
    "CN": r"\d{6}", "TW": r"\d{3}(?:\d\d)?", "KR": r"\d{3}-\d{3}|\d{5}", "JP": r"\d{3}-\d{4}",
    "TH": r"\d{5}", "ID": r"\d{5}", "VN": r"\d{6}", "PH": r"\d{4}", "BD": r"\d{4}",
    "LK": r"\d{5}", "MY": r"\d{5}", "SA": r"\d{5}", "UA": r"\d{5}", "EG": r"\d{5}",
    "NP": r"\d{5}", "US": r"\d{5}", "SG": r"\d{6}", "MX": r"\d{5}", "IL": r"\d{5}(?:\d\d)?",
}  # fmt: skip
_NUMERIC_FIRST = re.compile(
    r"(?<![\w/.,\-])(?:(?P<prefix>[A-Z]{1,3})[ \-–]{1,2})?"
    r"(?:C\.?P\.?:?\s*)?(?P<code>\d{4}-\d{3}|\d{2}-\d{3}|\d{3}\s\d{2}|\d{3,7})"
    rf"(?:\s*[,–\-]\s*|\s+)(?:г\.\s*|гор\.\s*)?(?P<city>{_CITY})"
)
_NUMERIC_LAST = re.compile(
    rf"(?P<city>{_CITY})[\s,.:\-–—(]+(?:(?:Pin|Pincode|Zip|Postcode|P\.?C\.?)[\s:.\-]*)?"
    r"(?P<code>\d{3}-\d{3,4}|\d{3}\s\d{3}|\d{3,6})(?![\w/]|\s?\d)",
)
_STREET_TAIL = re.compile(
    r"^.*\b(?:street|str?|road|rd|avenue|ave?|av|boulevard|blvd|lane|ln|drive|dr|way|court|ct|place"
    r"|pl|square|sq|parkway|pkwy|pky|highway|hwy|freeway|fwy|circle|cir|terrace|ter|trail|tr|trl"
    r"|plaza|plz|turnpike|pike|expressway|loop|crescent|cres|close|gardens|grove|row|mall|park"
    r"|route|rt|broadway|alley|center|centre|building|bldg|house|floor|fl|box|esplanade|parade|pde"
    r"|tower|crossing|xing|run|walk|quay|mews|hill)\b\.?[\s,]*"
    r"(?:(?:[NS]\.?[EW]\.?|[NSEW]\.?)(?=[\s,])[\s,]+)?"
    r"(?=\S)",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"^.*?\b(?:suite|ste|unit|apt|room|rm|floor|fl|bldg|building|box|#)\.?\s*#?:?\s*"
    r"[A-Z]?-?\d+[A-Za-z]?(?:-\d+)?\b[\s,.]*|"
    r"^.*#\s*[A-Z]?\d+[A-Za-z]?[\s,.]+|"
    r"^.*\b(?:\d+(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|ground)\s+floor[\s,.]+|"
    r"^.*\b(?:suite|ste|unit|apt)\.?\s+[A-Z]{1,2}\b[\s,.]+",
    re.IGNORECASE,
)
_NOT_A_CITY = re.compile(
    r"\b(?:phone|tel|fax|email|e-mail|contact|copyright|rights|reserved|license|licence|since"
    r"|january|february|march|april|june|july|august|september|october|november|december|please"
    r"|address|hours|monday|friday|saturday|sunday|the|and|our|we|you|for|with|from|of|in|at|is"
    r"|serving|areas?|street|suite|floor|box|und|der|die|seit|pages?|posted?|uhr|km|euro?|items?"
    r"|people|years?|days?|ltd|inc|llc|gmbh|est|count(?:y|ies)|results?|products?|reviews?)\b",
    re.IGNORECASE,
)


_DIGIT = re.compile(r"\d")


def holds_digit(text: str) -> bool:
    """As `str.isdigit` understands digits."""
    if _DIGIT.search(text):
        return True
    return not text.isascii() and any(map(str.isdigit, text))


def lines_of(text: str, end: int) -> list[Line]:
    """Visible lines of a document's text, with their offsets."""
    lines: list[Line] = []
    start = 0
    for part in text[: min(end, TEXT_CHARS_MAX)].split("\n"):
        lines.append(Line(start, part))
        start += len(part) + 1
    return lines


@dataclass(frozen=True, slots=True)
class Town:
    """`Springfield, IL` without a postal code."""

    city: str
    state: str
    start: int
    end: int


def american_towns(text: str) -> Iterator[Town]:
    """Towns with their US state at the end of a line or clause."""
    for match in _STATE_AT_END.finditer(text):
        head = text[max(0, match.start() - CITY_CHARS_MAX) : match.start()].rsplit("\n", 1)[-1]
        if found := _CITY_AT_END.search(head):
            start = match.start() - len(found.group())
            city = tidy_city(found.group())
            if is_plausible_city(city) and found.group().casefold() not in geo.US_STATES:
                yield Town(city, match["state"], start, match.end())


def tidy_city(raw: str) -> str:
    """A town's name without street, unit, sorting code, brackets and stray punctuation."""
    city = re.split(r"[|•·;:]|\s[-–—]\s|\s{2,}", raw)[-1]
    city = city.strip(" \t,.-–—()[]*/")
    parts = [part.strip() for part in city.split(",") if part.strip()]
    city = parts[-1] if parts else ""
    for pattern in (_UNIT, _STREET_TAIL):
        cut = pattern.sub("", city, count=1).strip(" ,.-–")
        if cut and cut != city and not cut[0].isdigit():
            city = cut
    city = re.sub(r"^(?:[NS][EW]|[NSEW])\.?\s+(?=[A-Z])", "", city)
    city = re.sub(r"(?i)^(?:city of|town of)\s+", "", city)
    city = re.sub(r"^\d+[A-Za-z]?\s+(?=[^\W\d])", "", city)
    words = city.split()
    while len(words) > 1 and geo.country_code(words[-1]) and not geo.is_city(city):
        words.pop()
    for count in (1, 2, 3):
        if len(words) > count and "." in words[0] and geo.is_city(" ".join(words[-count:])):
            words = words[-count:]
            break
    city = " ".join(words)
    return re.sub(r"(?i)\s+(?:cedex|cédex)\b.*$|\s+\d{1,2}$", "", city).strip(" ,.-–")


def is_plausible_city(city: str) -> bool:
    """Letters, a capital, not too long, no word that towns do not have."""
    if city.isupper() and len(city) == 3 and not geo.is_city(city):
        return False  # a currency or an airport
    if not 2 <= len(city) <= CITY_CHARS_MAX or re.search(r"[\d@#&/\\<>=+*!?]", city):
        return False
    if not (city[0].isupper() or city[0] in "'’" or not city[0].isascii()):
        return False
    return geo.is_city(city) or not _NOT_A_CITY.search(city)


def read_localities(lines: list[Line], country: str | None) -> Iterator[Locality]:
    """Every locality of the page, in order. `country` decides numeric codes that several
    countries write alike."""
    for index, line in enumerate(lines):
        if len(line.text) < 2000 and holds_digit(line.text):
            found = list(_unmistakable(lines, index))
            found = found or list(_without_code(lines, index))
            taken = [(place.start, place.end) for place in found]
            for place in _numeric(lines, index, country):
                if all(place.end <= start or place.start >= end for start, end in taken):
                    found.append(place)
            yield from sorted(found, key=lambda place: place.start)


def _unmistakable(lines: list[Line], index: int) -> Iterator[Locality]:
    line = lines[index]
    for match in US.finditer(line.text):
        yield from _city_before(lines, index, match, "US")
    for match in AU.finditer(line.text):
        if not US.match(line.text, match.start()):
            yield from _city_before(lines, index, match, "AU")
    for match in CA.finditer(line.text):
        yield from _canadian(lines, index, match)
    for match in GB.finditer(line.text):
        if match["area"] in geo.GB_AREAS or match["area"] in {"JE", "GY", "IM", "ZE", "HS", "KW"}:
            city = british_town(lines, index, match.start(), match["code"])
            yield _locality(line, index, "GB", city, match["code"], *match.span(), certain=True)
    for match in IE.finditer(line.text):
        city = british_town(lines, index, match.start(), "")
        yield _locality(line, index, "IE", city, match["code"], *match.span(), certain=True)
    yield from _dutch_to_brazilian(line, index)


def _dutch_to_brazilian(line: Line, index: int) -> Iterator[Locality]:
    """Forms that need no look at the lines around."""
    for match in NL.finditer(line.text):
        city = tidy_city(_capitalised(match["city"]))
        if is_plausible_city(city) and not match["code"].endswith(("AM", "PM")):
            end = match.start("city") + len(_capitalised(match["city"]))
            yield _locality(
                line, index, "NL", city, match["code"], match.start(), end, certain=True
            )
    for match in SG.finditer(line.text):
        yield _locality(line, index, "SG", "Singapore", match["code"], *match.span(), certain=True)
    for match in JP.finditer(line.text):
        found = geo.find_cities(line.text[match.end() :])
        city = found[0].name if found else ""
        yield _locality(line, index, "JP", city, match["code"], *match.span(), certain=True)
    for match in BR.finditer(line.text):
        if not US.search(line.text) and re.search(
            r"CEP|Brasil|Brazil|[-/,]\s*[A-Z]{2}\b", line.text
        ):
            city = _brazilian_city(line.text, match)
            yield _locality(line, index, "BR", city, match["code"], *match.span(), certain=True)


def _locality(
    line: Line,
    index: int,
    country: str | None,
    city: str,
    code: str,
    start: int,
    end: int,
    *,
    certain: bool,
) -> Locality:
    postcode = " ".join(code.split())
    return Locality(country, city, postcode, index, line.start + start, line.start + end, certain)


def _text_before(lines: list[Line], index: int, position: int) -> tuple[str, int]:
    """What stands before `position` on its line, or else the line above; and its index."""
    before = lines[index].text[:position].rstrip(" ,.-–—|(")
    if before.strip():
        return before, index
    return (lines[index - 1].text.rstrip(" ,.") if index else ""), index - 1


def _city_before(
    lines: list[Line], index: int, match: re.Match[str], country: str
) -> Iterator[Locality]:
    before, at = _text_before(lines, index, match.start("state"))
    city = tidy_city(before)
    if not is_plausible_city(city):
        city = ""
    offset = lines[at].text.rfind(city) if city else -1
    start = match.start() if at != index or offset < 0 else offset
    yield _locality(
        lines[index], index, country, city, match["code"], start, match.end(), certain=True
    )


def _canadian(lines: list[Line], index: int, match: re.Match[str]) -> Iterator[Locality]:
    code = match["code"]
    if code != code.upper() and not CA_TAIL.search(lines[index].text[: match.start()]):
        return
    after = lines[index].text[match.end() :].lstrip(" ,.")
    before = lines[index].text[: match.start()]
    at = index
    before = re.sub(r"(?i)[\s,.\-–(]*\bcanada[\s,.\-–)]*$", "", before)
    if not before.strip(" ,.-") and index:
        at, before = index - 1, lines[index - 1].text
    tail = CA_TAIL.search(before)
    head = before[: tail.start()] if tail else before
    if not head.strip(" ,.-") and at:
        at, head = at - 1, lines[at - 1].text
    city = tidy_city(head)
    known = bool(tail) or bool(re.match(_CA_PROVINCE, after)) or after.startswith("Canada")
    if not is_plausible_city(city):
        city = ""
    if not (known or (city and " " in code) or geo.is_city(city, "CA")):
        return
    offset = lines[index].text.rfind(city, 0, match.start()) if city else -1
    start = offset if offset >= 0 else match.start()
    yield _locality(lines[index], index, "CA", city, code.upper(), start, match.end(), certain=True)


def british_town(lines: list[Line], index: int, position: int, code: str) -> str:
    """The post town above or before a UK or Irish postcode. A London district is London;
    counties and countries are passed over."""
    town = geo.post_town(code) if code else None
    if town == "London":
        return "London"
    parts: list[str] = re.split(r"[,|•·;]", lines[index].text[:position])
    for above in range(index - 1, max(index - 4, -1), -1):
        if sum(1 for part in parts if part.strip()) >= 4 or len(lines[above].text) > 80:
            break
        parts = re.split(r"[,|•·;]", lines[above].text) + parts
    names = [name for name in (_british_part(part) for part in parts) if name]
    for name in reversed(names[-4:]):
        if geo.is_city(name, "GB") or geo.is_city(name, "IE"):
            return name
    for name in reversed(names):
        last = name.split()[-1]
        if geo.is_city(last, "GB") and not re.search(r"\d", name):
            return last
        if is_plausible_city(name) and not _STREET_TAIL.match(name + " x"):
            return name
        if re.search(r"\d", name):
            break
    return ""


def _british_part(part: str) -> str:
    name = part.strip(" .-–—()")
    if name.casefold() in geo.GB_COUNTIES or geo.country_code(name):
        return ""
    words = name.split()
    for count in (3, 2, 1):
        if len(words) > count and " ".join(words[-count:]).casefold() in geo.GB_COUNTIES:
            return " ".join(words[:-count])
    return name


def _brazilian_city(text: str, match: re.Match[str]) -> str:
    around = text[: match.start()] + " " + text[match.end() :]
    found = re.search(rf"({_CITY})\s*[-–/,]\s*[A-Z]{{2}}\b", around)
    if found and is_plausible_city(tidy_city(found.group(1))):
        return tidy_city(found.group(1))
    known = geo.find_cities(around)
    return known[0].name if known else ""


def _capitalised(phrase: str) -> str:
    """The leading part of a phrase that reads as a name: up to the first small word that is not
    part of town names."""
    words = phrase.split(" ")
    kept: list[str] = []
    for word in words:
        if (
            kept
            and word[:1].islower()
            and not re.fullmatch(
                r"am|an|der|de|del|la|le|les|di|do|da|sur|sous|en|nad|upon|of|aan|den|het|bei|im|i|v",
                word,
            )
        ):
            break
        is_end = geo.COUNTRY_NAMES.get(word.casefold()) or len(word.strip(".:")) == 1
        if kept and is_end and not geo.is_city(" ".join([*kept, word])):
            break
        if kept and re.fullmatch(
            r"(?i)tel\.?|fax\.?|phone|telefon|tél\.?|e-?mail|mob\.?|www.*", word
        ):
            break
        kept.append(word)
    while kept and kept[-1][:1].islower():
        kept.pop()
    return " ".join(kept)


def _numeric(lines: list[Line], index: int, country: str | None) -> Iterator[Locality]:
    line = lines[index]
    taken: set[int] = set()
    for match in _NUMERIC_FIRST.finditer(line.text):
        phrase = _capitalised(match["city"])
        city = tidy_city(phrase)
        if not is_plausible_city(city) or geo.country_code(city):
            continue
        decided = _country_of_code_first(match["prefix"], match["code"], city, country, line.text)
        if decided:
            taken.add(match.start("code"))
            start = match.start("code") if not match["prefix"] else match.start()
            certain = _PREFIXES.get(match["prefix"] or "") == decided
            certain = certain or geo.is_city(city, decided)
            yield _locality(
                line, index, decided, city, match["code"], start,
                match.start("city") + len(phrase), certain=certain,
            )  # fmt: skip
    yield from _code_at_line_end(lines, index, country)
    for match in _NUMERIC_LAST.finditer(line.text):
        city = tidy_city(match["city"])
        if match.start("code") in taken or not is_plausible_city(city):
            continue
        decided = _country_of_code_last(match["code"], city, country, line.text)
        if decided:
            yield _locality(
                line, index, decided, city, match["code"], match.start("city"), match.end(),
                certain=geo.is_city(city, decided),
            )  # fmt: skip


def _code_at_line_end(lines: list[Line], index: int, country: str | None) -> Iterator[Locality]:
    """`Calle Mayor 7, 19001` with the town on the next line."""
    match = re.search(r"[,\s](?P<code>\d{4,5})\s*[,.]?$", lines[index].text)
    form = _CODE_FIRST.get(country or "")
    if match is None or form is None or index + 1 >= len(lines):
        return
    below = lines[index + 1]
    city = tidy_city(re.split(r"[,(/]", below.text)[0])
    if re.fullmatch(form, match["code"]) and geo.is_city(city, country):
        start = lines[index].start + match.start("code")
        end = below.start + below.text.find(city) + len(city)
        yield Locality(country, city, match["code"], index, start, end, certain=True)


_LAST_PARTS = re.compile(
    r"[,\-–—]\s*(?P<one>[^,\d]{3,30}?)(?:\s*[,\-–—]\s*(?P<two>[^,\d]{2,30}?))?\s*[.:]?$"
)
_ADDRESS_SHAPE = re.compile(
    r"\b(?:street|st|road|rd|avenue|ave|lane|drive|building|bldg|tower|floor|centre|center|plaza"
    r"|suite|unit|level|house|block|p\.?\s?o\.?\s+box|sector|plot|quay|square|place|terrace|park"
    r"|calle|rua|av|avda|via|ul|jalan|rue)\b",
    re.IGNORECASE,
)


def _without_code(lines: list[Line], index: int) -> Iterator[Locality]:
    """`188 Lockhart Rd, Wanchai, Hong Kong`: a street and a well-known city, no postal code."""
    line = lines[index]
    match = _LAST_PARTS.search(line.text)
    if match is None or len(line.text) > 140:
        return
    head = line.text[: match.start()]
    if not (re.search(r"\d", head) and _ADDRESS_SHAPE.search(head)):
        return
    named = geo.country_code(match["two"] or "") or geo.country_code(match["one"])
    for name in (match["two"] or "", match["one"]):
        city = name.strip(" .")
        country = geo.city_country(city)
        if country and named in {None, country} and len(city) > 3:
            yield _locality(
                line, index, country, city, "", match.start("one"), match.end(), certain=True
            )
            return
    if named and re.match(r"\W*\d", line.text):
        yield _locality(line, index, named, "", "", match.start("one"), match.end(), certain=True)


def _named_country(text: str) -> str | None:
    found = geo.find_countries(text)
    return found[0].country if found else None


def _country_of_code_first(
    prefix: str | None, code: str, city: str, country: str | None, text: str
) -> str | None:
    candidates = [_PREFIXES.get(prefix or ""), _named_country(text), geo.city_country(city)]
    if len(text) < 120:  # in running prose a number before a name is seldom a code
        candidates.append(country)
    for candidate in candidates:
        form = _CODE_FIRST.get(candidate or "")
        if form and re.fullmatch(form, code):
            if len(code) == 4 and re.match(r"19|20", code) and not geo.is_city(city, candidate):
                continue  # a year
            return candidate
    return None


def _country_of_code_last(code: str, city: str, country: str | None, text: str) -> str | None:
    named = _named_country(text)
    candidates = [named, geo.city_country(city)]
    for candidate in (*candidates, country):
        form = _CODE_LAST.get(candidate or "")
        if not form or not re.fullmatch(form, code):
            continue
        is_known = geo.is_city(city, candidate)
        if len(code) == 4 and re.match(r"19|20", code) and not is_known:
            continue
        if is_known or (candidate == named and len(code) > 3):
            return candidate
    return None
