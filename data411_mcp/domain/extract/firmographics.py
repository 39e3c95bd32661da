"""What a page plainly says of the company's age, size, trade and purpose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data411_mcp.domain.extract.document import Document, Fact
from data411_mcp.domain.extract.structured import tag_set
from data411_mcp.domain.graph import FieldName

ABOUT_CHARS_MIN = 40
EMPLOYEES_MAX = 3_000_000  # the largest employers of the world have about two million

_YEAR = r"(?P<year>1[5-9]\d\d|20[0-4]\d)"
_FOUNDED = re.compile(
    r"\b(?:(?:was\s+|were\s+)?(?:founded|established|incorporated|formed|started|set\s+up|created)"
    r"(?:\s+(?:back|way\s+back))?\s+in(?:\s+(?:the\s+year|\w+))?|est(?:ablished|d)?\.?:?"
    r"|year\s+(?:founded|established)\s*:?|founded:?|gegründet(?:\s+(?:im\s+jahre?|wurde))?"
    r"|gründungsjahr\s*:?|fond(?:ée?s?|ata|ato|ée?)\s+(?:en|nel|em)|créée?s?\s+en"
    r"|fundad[ao]s?\s+(?:en|em)|establecid[ao]\s+en|opgericht\s+in|grundad(?:es)?|grundlagt"
    r"|stiftet|założon[ay]\s+w|perustettu)\s+"
    rf"{_YEAR}\b",
    re.IGNORECASE,
)
_SINCE = re.compile(
    rf"\b(?:since|seit|depuis|desde|dal|sinds|sedan|siden|od)\s+(?:the\s+year\s+)?{_YEAR}\b",
    re.IGNORECASE,
)
_SINCE_OF_COMPANY = re.compile(
    r"\b(?:in\s+business|serving|served|family|tradition|trusted|proudly|quality|experience"
    r"|operating|trading|we(?:'ve|\s+have)|our\s+company|excellence|manufactur\w+|independent"
    r"|specialist\w*|leader|expert\w*|im\s+dienst|familienbetrieb)\b",
    re.IGNORECASE,
)
_SINCE_OF_OTHERS = re.compile(
    r"\b(?:members?|customers?|clients?|patients?|he|she|i|his|her|who|joined|employed|married|lives?"
    r"|licen[cs]ed|practic\w+|certified|accredited|worked|working|posts?|registered|©|copyright"
    r"|president|director|partner|mr|mrs|ms|dr)\b|©",
    re.IGNORECASE,
)
SLOGAN_CHARS_MAX = 60  # "Plumbers since 1987" alone on a line is the company's slogan

_STAFF = (
    r"(?:full[\s-]time\s+)?(?:employees|staff(?:\s+members)?|team\s+members|professionals|workers"
    r"|associates|mitarbeiter(?:innen)?|beschäftigte|salariés|collaborateurs|empleados|dipendenti"
    r"|funcionários|colaboradores|medewerkers|anställda|ansatte|pracowników)"
)
_COUNT = (
    r"(?P<low>\d{1,3}(?:[,.\s ]\d{3})+|\d{1,7})(?:\s*(?:-|–|to|bis|à)\s*"
    r"(?P<high>\d{1,3}(?:[,.]\d{3})+|\d{1,7}))?\s*\+?"
)
_EMPLOYEES = (
    re.compile(
        r"\b(?:we|our|us|company|group|firm|team|staff|workforce|employ(?:s|ing)?|wir|unser\w*|nous"
        rf"|notre|noi|nosotros|nuestr\w+)\b[^.!?\n\d]{{0,40}}\b{_COUNT}\s+{_STAFF}\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:we|company|group|firm)\s+employs?\b[^.!?\n\d]{{0,30}}{_COUNT}\b", re.IGNORECASE
    ),
    re.compile(
        rf"\b{_COUNT}\s+{_STAFF}\s+(?:worldwide|globally|in\s+\d+|across|weltweit|dans\s+le\s+monde)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:number\s+of\s+employees|company\s+size|employees|headcount|mitarbeiterzahl"
        rf"|anzahl\s+mitarbeiter|effectif|n[º°.]?\s*(?:de|di)\s+(?:empleados|dipendenti))\s*:\s*{_COUNT}"
        r"(?!\S)",
        re.IGNORECASE,
    ),
)
_EMPLOYEES_OF_OTHERS = re.compile(
    r"\b(?:with|for|of|than|to)\s+(?:\w+\s+){0,2}(?:companies|businesses|employers|clients|firms"
    r"|organi[sz]ations|customers|groups)\b|\b(?:fewer|less|up\s+to|at\s+least|if)\b"
    r"|\b(?:companies|businesses|employers|clients|firms|organi[sz]ations|customers)\s+"
    r"(?:with|of|that|who|having)\b",
    re.IGNORECASE,
)
_INDUSTRY_LABEL = re.compile(
    r"^(?:industry|industries|branche|secteur(?:\s+d['’]activité)?|sector|settore)\s*:\s*"
    r"(?P<value>[^\n:]{3,60})$",
    re.IGNORECASE | re.MULTILINE,
)
_TRADES = tag_set(
    "Accountant Attorney Bakery Brewery Dentist Electrician Florist Hospital Hotel Locksmith Motel"
    " Notary Optician Pharmacy Physician Plumber Restaurant Winery School"
)
_ORGANISATION = (
    r"(?:^|\.)(?:\w*Organization|\w*Business|Corporation|Company|Store|Restaurant|Dentist)"
)
_STRUCTURED_EMPLOYEES = re.compile(
    _ORGANISATION
    + r"\.numberOfEmployees(?:\.QuantitativeValue\.(?P<part>value|minValue|maxValue))?\Z"
)
_STRUCTURED_FOUNDED = re.compile(_ORGANISATION + r"\.foundingDate\Z")
_STRUCTURED_INDUSTRY = re.compile(_ORGANISATION + r"\.industry\Z")
_OF_OTHERS = re.compile(r"(?:^|\.)(?:worksFor|author|publisher|brand|seller|affiliation)\.")


def read_firmographics(document: Document) -> tuple[Fact, ...]:
    """FOUNDED_YEAR (`1987`), EMPLOYEES_EST (`1200`, or a range `51-200`), INDUSTRY_NORM and
    ABOUT_TEXT facts. Quotes are the words that say so."""
    visible = document.text[: document.visible_end]
    return (
        *_founded(visible),
        *_employees(visible),
        *_industry(visible),
        *_structured(document),
        *_about(document),
    )


def _fact(
    name: FieldName, value: str, text: str, start: int, end: int, rule: str, score: float
) -> Fact:
    return Fact(name, value, text[start:end], start, end, rule, score)


def _founded(visible: str) -> Iterator[Fact]:
    for match in _FOUNDED.finditer(visible):
        yield _fact(
            FieldName.FOUNDED_YEAR, match["year"], visible, *match.span(), "founded.said", 0.75
        )
    for match in _SINCE.finditer(visible):
        start = visible.rfind("\n", 0, match.start()) + 1
        end = visible.find("\n", match.end())
        line = visible[start : end if end >= 0 else len(visible)]
        before = visible[max(start, match.start() - 120) : match.start()]
        if _SINCE_OF_OTHERS.search(before):
            continue
        if len(line) <= SLOGAN_CHARS_MAX or _SINCE_OF_COMPANY.search(before):
            yield _fact(
                FieldName.FOUNDED_YEAR, match["year"], visible, *match.span(), "founded.since", 0.55
            )


def _employees(visible: str) -> Iterator[Fact]:
    for pattern in _EMPLOYEES:
        for match in pattern.finditer(visible):
            before = visible[max(0, match.start() - 40) : match.start("low")]
            value = _head_count(match["low"], match["high"])
            if value and not _EMPLOYEES_OF_OTHERS.search(before.rpartition("\n")[2]):
                yield _fact(
                    FieldName.EMPLOYEES_EST, value, visible, *match.span(), "employees.said", 0.7
                )


def _head_count(low: str, high: str | None) -> str | None:
    """`1,200` → `1200`; `51` and `200` → `51-200`; a year or a nonsense number → None."""
    numbers = [int(re.sub(r"\D", "", part)) for part in (low, high) if part]
    if not all(0 < number <= EMPLOYEES_MAX for number in numbers) or numbers != sorted(numbers):
        return None
    return "-".join(str(number) for number in numbers)


def _industry(visible: str) -> Iterator[Fact]:
    for match in _INDUSTRY_LABEL.finditer(visible):
        value = match["value"].strip()
        yield _fact(FieldName.INDUSTRY_NORM, value, visible, *match.span(), "industry.label", 0.6)


def _structured(document: Document) -> Iterator[Fact]:
    ranges: dict[int, list[str]] = {}
    for value in document.structured:
        if _OF_OTHERS.search(value.path):
            continue
        where = (document.text, value.start, value.end)
        if _STRUCTURED_FOUNDED.search(value.path):
            if year := re.match(_YEAR, value.value):
                yield _fact(FieldName.FOUNDED_YEAR, year["year"], *where, "founded.data", 0.9)
        elif match := _STRUCTURED_EMPLOYEES.search(value.path):
            parts = ranges.setdefault(value.item, [])
            parts += re.findall(r"\d[\d,.]*", value.value)[:2]
            whole = match["part"] not in {"minValue", "maxValue"} or len(parts) == 2
            count = _head_count(parts[0], parts[1] if len(parts) > 1 else None) if parts else None
            if whole and count:
                yield _fact(FieldName.EMPLOYEES_EST, count, *where, "employees.data", 0.9)
        elif _STRUCTURED_INDUSTRY.search(value.path) and len(value.value) <= 80:
            yield _fact(FieldName.INDUSTRY_NORM, value.value, *where, "industry.data", 0.85)
        elif value.path.endswith(".name") and (trade := value.path.split(".")[-2]) in _TRADES:
            yield _fact(FieldName.INDUSTRY_NORM, trade, *where, "industry.type", 0.7)


def _about(document: Document) -> Iterator[Fact]:
    """The first description long enough to say something."""
    for path, score in (("meta.description", 0.8), ("meta.og:description", 0.75)):
        for value in document.structured:
            if value.path == path and len(value.value) >= ABOUT_CHARS_MIN:
                start = value.end - len(value.value)
                yield _fact(
                    FieldName.ABOUT_TEXT,
                    value.value,
                    document.text,
                    start,
                    value.end,
                    "about.meta",
                    score,
                )
                return
