"""Telephone and fax numbers in visible text: candidates, and the labels around them.

What a number is for comes from the page: words before or after it, a label on the line above, a
table's header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import phonenumbers

from data411_mcp.domain.extract import geo
from data411_mcp.domain.extract.phone_labels import (
    LABEL,
    LABEL_LINE_CHARS_MAX,
    LABEL_REACH,
    PLACE_LABEL,
    header_runs,
    is_something_else,
    label_after,
    label_before,
    labels_a_place,
)
from data411_mcp.domain.extract.phone_numbers import (
    EXTENSION,
    VANITY,
    e164,
    is_personal,
    is_vanity,
    is_written_without_trunk,
    lacks_trunk_prefix,
    normalize_phone,
    parse_number,
    vanity_digits,
)
from data411_mcp.domain.extract.postal import Line, holds_digit

DIGITS_MIN, DIGITS_MAX = 7, 15

ATTEMPTS_MAX = 3000  # places on one page where a number may begin; a page of figures has more

LIST_LINES_MAX = 6  # how far a label above a list of numbers reaches


@dataclass(frozen=True, slots=True)
class Spotted:
    """One number in the visible text. `kind` is None where no label speaks; `also_fax` for
    labels such as "Tel/Fax". `labelled` is whether any telephone word stands by it."""

    value: str
    start: int
    end: int
    line: int
    kind: str | None
    labelled: bool
    also_fax: bool
    formatted: bool  # written as people write numbers: a plus, brackets or groups


_UNIT_AFTER = re.compile(
    r"\s*(?:%|€|EUR|USD|CHF|px|km|kg|mm|cm|m²|sq|hits|visit|view|result|item|people|year|am\b|pm\b"
    r"|uhr)", re.I
)  # fmt: skip

_DATE = re.compile(
    r"(?:\d{1,2}[./\-]\s?\d{1,2}[./\-]\s?(?:19|20)?\d\d|(?:19|20)\d\d[./\-]\d{1,2}[./\-]\d{1,2}"
    r"|(?:19|20)\d\d\s?[\-–/]\s?(?:19|20)\d\d|\d{1,3}(?:[.,]\d{3}){2,}|(?:0|[1-9]\d{0,2})\.\d{4,}"
    r"|\d{5}-\d{4}|\d+(?:/\d+){2,}|(?:19|20)\d\d\s\d{1,2}\s\d{1,2}|\d{1,2}[-–]\d{1,2}\s?[-–]\d{4})"
)

_DATE_AT_START = re.compile(
    r"(?:(?:[0-2]?\d|3[01])([./\-])(?:[0-2]?\d|3[01])\1(?:19|20)\d\d"
    r"|(?:19|20)\d\d([./\-])(?:0?[1-9]|1[0-2])\2(?:[0-2]?\d|3[01]))(?!\d)"
)

_RUN = re.compile(
    r"(?<![\d@=&?#%_])(?<![\w]\.)(?<![\d][,/])[+(\[]{0,2}[ \xa0]?[+(]?\d"
    r"(?:[ \xa0().\[\]\-–—‐‑‒−/·•+,;|]|\d)*\d"
)

_PHONE_THEN_FAX = re.compile(
    r"\s*(?:tele)?(?:phone|tel\w*|t[ée]l\w*|fon)\b[\s.:|]+(?:tele)?fax\w*[\s.:]*", re.IGNORECASE
)
GLUED_LABEL_CHARS_MAX = 40
_GROUP = re.compile(r"\d+")

_HARD_BREAK = re.compile(r"[,;|•]|\)\.|\s/\s|\s{2,}|\)\s*\(|\d\s*\(\+|\s\+|\s[–—]\s")


class NumberReader:
    """Reads the numbers of one page. `regions` are the countries to try, likeliest first;
    `region_at` gives the country a stretch of the page speaks of."""

    def __init__(
        self, lines: Sequence[Line], regions: Sequence[str], local: Sequence[tuple[int, str]]
    ) -> None:
        self.lines = lines
        self.regions = regions
        self.local = local  # (offset, country), in order: where a country was last named
        self.attempts = 0

    def read(self) -> list[Spotted]:
        spotted: list[Spotted] = []
        for index, line in enumerate(self.lines):
            if not holds_digit(line.text):
                continue
            spotted += self._line(index, line)
        return _with_columns(self.lines, spotted)

    def _line(self, index: int, line: Line) -> list[Spotted]:
        spans: list[tuple[int, int, str, bool]] = []
        for match in VANITY.finditer(line.text):
            if not is_vanity(match):
                continue
            if value := normalize_phone(vanity_digits(match), "AU" if match["short"] else "US"):
                spans.append((match.start(), match.end(), value, True))
        for run in _RUN.finditer(line.text):
            if not _is_glued(line.text, run.start()) and not any(
                start < run.end() and run.start() < end for start, end, *_ in spans
            ):
                spans += self._run(line, run)
        spans.sort()
        found: list[Spotted] = []
        previous = 0
        for position, (start, end, value, formatted) in enumerate(spans):
            following = spans[position + 1][0] if position + 1 < len(spans) else len(line.text)
            kind, labelled, also_fax = self._label(
                index, line.text, start, end, previous, following, found
            )
            bare = len(spans) == 1 and _is_all_of(line.text, start, end)
            if labelled or formatted or bare:
                extension = EXTENSION.match(line.text, end)
                stop = extension.end() if extension else end
                found.append(
                    Spotted(
                        value, line.start + start, line.start + stop, index, kind, labelled,
                        also_fax, formatted,
                    )
                )  # fmt: skip
            previous = end
        return found

    def _run(self, line: Line, run: re.Match[str]) -> Iterator[tuple[int, int, str, bool]]:
        """The numbers inside one run of digits and separators: leftmost, longest first."""
        text = line.text
        groups = [m.span() for m in _GROUP.finditer(text, run.start(), run.end())]
        if re.match(r"\+\s?0(?!0)", run.group()):
            return  # a sample: no calling code begins with a zero
        first = 0
        last: tuple[str, int] | None = None
        while first < len(groups):
            if date := _DATE_AT_START.match(text, groups[first][0]):
                first = sum(1 for start, _ in groups if start < date.end())
                continue
            if last and (shared := self._shared_prefix(text, groups, first, last)):
                yield shared
                first = sum(1 for start, _ in groups if start < shared[1])
                last = (shared[2], shared[1])
                continue
            taken = self._longest(line, groups, first, run.start())
            if taken is None:
                first += 1
                continue
            start, count, value, formatted = taken
            end = groups[first + count - 1][1]
            yield start, end, value, formatted
            last = (value, end)
            first += count

    def _longest(
        self, line: Line, groups: list[tuple[int, int]], first: int, floor: int
    ) -> tuple[int, int, str, bool] | None:
        text = line.text
        start = groups[first][0]
        while start > floor and text[start - 1] in "+([ \xa0":
            start -= 1
        while text[start] in " \xa0[":
            start += 1
        self.attempts += 1
        if self.attempts > ATTEMPTS_MAX or is_something_else(text[max(0, start - 40) : start]):
            return None
        for count in range(min(8, len(groups) - first), 0, -1):
            end = groups[first + count - 1][1]
            piece = text[start:end]
            digits = sum(char.isdigit() for char in piece)
            if not DIGITS_MIN - 1 <= digits <= DIGITS_MAX + 1:
                continue
            stop = _HARD_BREAK.search(piece, 1) if count > 1 else None
            if stop and sum(char.isdigit() for char in piece[: stop.start()]) >= DIGITS_MIN - 1:
                continue
            if count == 8 and digits == 8:
                continue  # single digits: a page navigator
            if _DATE.fullmatch(piece) or _UNIT_AFTER.match(text, end):
                continue
            if value := self._value(piece, line, start):
                formatted = _is_formatted(piece) and (digits >= 8 or piece.startswith("+"))
                return start, count, value, formatted and not is_personal(value)
        return None

    def _shared_prefix(
        self, text: str, groups: list[tuple[int, int]], first: int, last: tuple[str, int]
    ) -> tuple[int, int, str, bool] | None:
        """`6475 3203 / 6475 3206`: the second number has the first one's prefix."""
        value, end = last
        start = groups[first][0]
        if not re.fullmatch(r"\s*(?:/|,|&|;)\s*", text[end:start]):
            return None
        stop = groups[first][1]
        if first + 1 < len(groups) and groups[first + 1][0] == stop + 1:
            stop = groups[first + 1][1]
        digits = re.sub(r"\D", "", text[start:stop])
        if digits.startswith("0") or re.match(r"[ .\-]?\d", text[stop:]):
            return None
        if not 6 <= len(digits) <= 8 or len(value) - len(digits) < 4:
            return None
        combined = parse_number(value[: -len(digits)] + digits, None)
        if combined is None or not phonenumbers.is_valid_number(combined):
            return None
        return start, stop, e164(combined), True

    def _value(self, piece: str, line: Line, start: int) -> str | None:
        for region in self._regions(line, start):
            text = re.sub(r"\(0\)", " ", piece) if re.match(r"\(?\s*(?:\+|00)", piece) else piece
            number = parse_number(text, region)
            if number is not None and phonenumbers.is_valid_number(number):
                if lacks_trunk_prefix(piece, number) and not is_written_without_trunk(
                    piece, number
                ):
                    continue
                return e164(number)
        return self._bracketed_code(piece) or self._unassigned(piece, line, start)

    def _bracketed_code(self, piece: str) -> str | None:
        """`(852) 2572-1121`, `( 86 ) 0532-…`, `00 44 …`: a dialling code without its plus."""
        bracketed = re.match(r"\(?\s*(\d{1,3})\s*\)\s*(.+)", piece)
        if bracketed:
            code = int(bracketed.group(1))
            known = {phonenumbers.country_code_for_region(region) for region in self.regions}
            if code in known or len(bracketed.group(1)) == 3:
                number = parse_number(f"+{code} {bracketed.group(2)}", None)
                if number is not None and phonenumbers.is_valid_number(number):
                    return e164(number)
        if piece.startswith("00"):
            number = parse_number("+" + piece[2:], None)
            if number is not None and phonenumbers.is_valid_number(number):
                return e164(number)
        digits = re.sub(r"\D", "", piece)
        for region in self.regions[:2]:
            code_text = str(phonenumbers.country_code_for_region(region))
            if len(digits) > 9 and digits.startswith(code_text) and code_text != "1":
                number = parse_number("+" + digits, None)
                if number is not None and phonenumbers.is_valid_number(number):
                    return e164(number)
        return None

    def _unassigned(self, piece: str, line: Line, start: int) -> str | None:
        """A number in a range that is not in use, if a telephone word stands right before it."""
        before = line.text[max(0, start - 20) : start]
        labels = list(LABEL.finditer(before)) or list(PLACE_LABEL.finditer(before))
        if not labels:
            return None
        label = labels[-1]
        if re.search(r"[^\W\d_]", before[label.end() :]):
            return None
        if not _is_formatted(piece):
            return None
        for region in self._regions(line, start):
            number = parse_number(piece, region)
            if number is not None and not lacks_trunk_prefix(piece, number):
                return e164(number)
        return None

    def _regions(self, line: Line, start: int) -> list[str]:
        """Countries to try at a place: the one named in the label, the one named last above,
        then the page's own."""
        ordered: list[str] = []
        before = line.text[max(0, start - 30) : start]
        for match in re.finditer(r"[^\W\d_](?:[^\W\d_]|[. ](?=[^\W\d_]))*", before):
            if code := geo.COUNTRY_NAMES.get(match.group().casefold()):
                ordered.insert(0, code)
        two = re.search(r"\b([A-Z]{2}):\s*$", before)
        if two and two.group(1) in geo.COUNTRY_CODES:
            ordered.insert(0, two.group(1))
        position = line.start + start
        above = [country for offset, country in self.local if 0 <= position - offset < 350]
        ordered += above[-1:]
        ordered += self.regions
        return list(dict.fromkeys(ordered))

    def _label(
        self,
        index: int,
        text: str,
        start: int,
        end: int,
        previous: int,
        following: int,
        earlier: list[Spotted],
    ) -> tuple[str | None, bool, bool]:
        """Kind by label, whether there is one, and whether it says telephone and fax at once."""
        between = text[max(previous, start - LABEL_REACH) : start]
        kind, labelled, both = label_before(between)
        after = label_after(text, end, following)
        if after and (not labelled or (previous == 0 and kind == "main" and after[0] == "(")):
            return after[1], True, False
        if labelled:
            return kind, True, both
        if index and _PHONE_THEN_FAX.fullmatch(self.lines[index - 1].text):
            return ("fax" if earlier else "main"), True, False
        joined = re.fullmatch(r"\s*(?:[/,&;|+–-]|and|or|und|oder|et|ou|y|o|e)?\s*", between)
        if earlier and joined and previous:
            return earlier[-1].kind, earlier[-1].labelled, earlier[-1].also_fax
        if PLACE_LABEL.search(between) and labels_a_place(between):
            return None, True, False
        if start and re.search(r"\w", text[:start]):
            return self._list_label(index) if not previous else (None, False, False)
        label = self._label_above(index)
        return label if label[1] else self._list_label(index)

    def _label_above(self, index: int) -> tuple[str | None, bool, bool]:
        if index == 0:
            return None, False, False
        above = self.lines[index - 1].text
        if len(above) > LABEL_LINE_CHARS_MAX or holds_digit(above):
            return None, False, False
        return label_before(above + " ")

    def _list_label(self, index: int) -> tuple[str | None, bool, bool]:
        """`Fax numbers` or `Fax:` above a list of `what for: number` lines."""
        for above in range(index - 1, max(index - LIST_LINES_MAX, -1), -1):
            text = self.lines[above].text
            if not holds_digit(text):
                is_title = len(text) <= LABEL_LINE_CHARS_MAX and text.rstrip().endswith(
                    (":", "umbers", "faxes")
                )
                return label_before(text + " ") if is_title else (None, False, False)
            if label_before(re.split(r"[+(]?\d", text)[0])[1]:
                break
        return None, False, False


def _is_all_of(text: str, start: int, end: int) -> bool:
    """A line of nothing but the ten or eleven digits of a national number."""
    return not text[:start].strip() and not text[end:].strip() and 10 <= end - start <= 11


def _is_glued(text: str, start: int) -> bool:
    """Whether digits are part of a word; `Telephone0844 …` is a label without its space."""
    if not start or not text[start - 1].isalpha() or not text[start].isdigit():
        return False
    near = text[max(0, start - GLUED_LABEL_CHARS_MAX) : start]
    return not any(m.end() == len(near) and m["main"] for m in LABEL.finditer(near))


def _is_formatted(piece: str) -> bool:
    """Whether people write numbers so: a plus, brackets, a trunk zero with groups, or three
    groups."""
    groups = _GROUP.findall(piece)
    if piece.startswith(("+", "(+", "(0")) or ("(" in piece and len(groups) >= 2):
        return True
    if len(groups) >= 2 and groups[0].startswith("0") and len(groups[0]) > 1:
        return True
    if len(groups) == 2 and re.fullmatch(r"\d{3}[ .\-–/]\d{7}", piece):
        return True
    return len(groups) >= 3 and not (len(groups[0]) <= 2 and len(groups[0]) == len(groups[1]) == 1)


def _with_columns(lines: Sequence[Line], spotted: list[Spotted]) -> list[Spotted]:
    """Kinds from a table's header: `Phone` and `Fax` in adjoining cells, and below them as many
    adjoining cells that hold nothing but a number."""
    alone = [
        item for item in spotted
        if item.end - item.start >= len(lines[item.line].text.strip(" .:")) - 2
    ]  # fmt: skip
    headers = header_runs(lines)
    if not headers:
        return spotted
    kinds: dict[int, str] = {}
    run: list[Spotted] = []
    for item in [*alone, None]:
        if item is not None and run and item.line == run[-1].line + 1:
            run.append(item)
            continue
        if run:
            header = next((h for h in reversed(headers) if h[0] < run[0].line), None)
            if header and len(header[1]) == len(run):
                kinds.update({part.start: kind for part, kind in zip(run, header[1], strict=True)})
        run = [item] if item is not None else []
    return [
        Spotted(
            item.value, item.start, item.end, item.line, kinds[item.start], True, False, True
        ) if item.start in kinds else item
        for item in spotted
    ]  # fmt: skip
