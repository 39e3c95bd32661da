"""Telephone and fax numbers in visible text: candidates, validity, and the labels around them.

Validity and E.164 come from `phonenumbers` (Google's libphonenumber metadata); what a number is
for comes from the page: words before or after it, a label on the line above, a table's header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

from data411_mcp.domain.extract import geo
from data411_mcp.domain.extract.postal import Line

DIGITS_MIN, DIGITS_MAX = 7, 15
LABEL_REACH = 45  # characters before a number in which its label stands
LABEL_LINE_CHARS_MAX = 40
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


_FAX = (
    r"t[eé]l[eé][\s.\-]?fax\w*|e?-?fax(?:es|nummer|number|-?nr)?|facs[ií]m[ií]l\w*|"
    r"t[ée]l[ée]copi\w*|faks\w*|факс\w*|传真|傳真|ファックス|ファクス|팩스|φαξ|fakszám"
)
_MOBILE = (
    r"mobile?s?|mobil(?:e?telefon|nummer|n[ií])?|mob|cell(?:ular\w*|phone)?s?|celular|cel|handy|"
    r"handphone|natel|portable|m[óo]vil\w*|telem[óo]vel|tlm|gsm|моб\w*|手机|手機|携帯\w*|"
    r"matkapuhelin|kom[óo]rka|kom|cellulare|whats\s?app|휴대폰|κιν\w*"
)
_TOLL_FREE = (
    r"t\s?oll[\s\-]*free|free\s?(?:phone|call)|geb[üu]hrenfrei|num[ée]ro\s+vert|numero\s+verde|"
    r"n[úu]mero\s+gratuito|sans\s+frais"
)
_DIRECT = r"direct(?:\s+(?:line|dial))?|ddi|durchwahl|ligne\s+directe|directo"
_MAIN = (
    r"(?:tele)?phones?|tel[eé]?f[oó]n\w*|t[eé]l[eé]phone|tel[eé]?fone|tele|telf|t[eé]lf?|tlf|"
    r"tfno|tfn|ph|call|dial|text|sms|office|main|switchboard|hotline|helpline|landline|centralita|"
    r"centrale|zentrale|rufnummer|fon|rufen|anruf|telp|puhelin|puh|s[ií]mi|reservations?|bookings?|"
    r"enquiries|inquiries|emergency|service|support|sales|teл|тел\w*|телефон\w*|电话|電話|お電話|"
    r"전화|대표전화|τηλ\w*|تلفون|هاتف|טל\w*|viber|gratis|fixed|reach\s+us|number|contact|"
    r"k[öo]zpont|vaste\s+lijn|chiama\w*|appelez|llame\w*"
)
_LETTERS = {
    "f": "fax",
    "m": "mobile",
    "c": "mobile",
    "d": "direct",
    "t": "main",
    "p": "main",
    "o": "main",
    "w": "main",
    "tf": "toll_free",
    "h": "main",
    "☎": "main",
    "✆": "main",
    "📞": "main",
}
_LABEL = re.compile(
    rf"(?<![^\W\d_])(?:(?P<fax>{_FAX})|(?P<toll_free>{_TOLL_FREE})|(?P<mobile>{_MOBILE})"
    rf"|(?P<direct>{_DIRECT})|(?P<main>{_MAIN}))(?![^\W\d_])"
    r"|(?<![\w’'])(?P<letter>[FMCDTPOWH]|TF|[fmdtp](?=\s?[:.|]))(?=\s?[:.|)\-–]\s*|\s+(?:[(+]?\d|$))"
    r"|(?P<sign>[☎✆📞📠🖷])",
    re.IGNORECASE,
)
_TEL_AND_FAX = re.compile(
    rf"(?:{_MAIN}|t|p)[\s.:]*(?:/|&|\+|and|und|y|et|e|en|och|og|i|-|–|,|\|)\s*(?:{_FAX}|f)"
    r"[\s.:#)\-–]*(?:no\.?|number|nr\.?)?[\s.:#)\-–]*$"
    rf"|(?:{_FAX}|f)\s*[/&]\s*(?:{_MAIN}|t|p)[\s.:#)\-–]*$",
    re.IGNORECASE,
)
# Words that make the digits after them something else.
_NOT_A_PHONE = re.compile(
    r"(?:\b(?:isbn|issn|ean|vat|ust-?id\w*|abn|acn|a\.b\.n\.?|a\.c\.n\.?|lic(?:en[cs]e)?|nmls|dre|"
    r"calbre|reg(?:istration|istered|\.)?|order|item|sku|part|model|iban|bic|swift|konto|kto|blz|"
    r"account|acct|sort\s+code|hrb|hra|nif|cif|nip|regon|krs|org\.?\s?-?n[ru]\w*|kvk|cvr|piva|"
    r"p\.\s?iva|iva|siren|siret|rcs|ape|naf|uen|gstin?|cnpj|cpf|ein|tin|ssn|fei|duns|ico|ičo|dič|"
    r"унп|инн|кпп|огрн|окпо|р/с|бик|box|cep|zip|plz|case|ref(?:erence)?|invoice|id|no|version|"
    r"build|copyright|since|company|charity|patent|serial|bank|lat(?:itude)?|lon(?:g|gitude)?|"
    r"pin|icp备?|member(?:ship)?|policy|permit|contractor'?s?|certificate|rechnung|steuer\w*|"
    r"bankgiro|plusgiro|postgiro|momsreg\w*|vat-?nr|btw\w*|code)"
    r"(?:\s+(?:no|nr|num(?:ber)?|code|id|in\s+\w+(?:\s+and\s+wales)?))?[\s.:#°º]*(?:[A-Z]{0,3})|"
    r"№|n[°º]|[#$€£¥₹]|US\$|EUR|USD|GBP|CHF|Rs\.?)\s*[(]?\s*$",
    re.IGNORECASE,
)
_UNIT_AFTER = re.compile(
    r"\s*(?:%|€|EUR|USD|CHF|px|km|kg|mm|cm|m²|sq|hits|visit|view|result|item|people|year|am\b|pm\b"
    r"|uhr)", re.I
)  # fmt: skip
_DATE = re.compile(
    r"(?:\d{1,2}[./\-]\s?\d{1,2}[./\-]\s?(?:19|20)?\d\d|(?:19|20)\d\d[./\-]\d{1,2}[./\-]\d{1,2}"
    r"|(?:19|20)\d\d\s?[\-–/]\s?(?:19|20)\d\d|\d{1,3}(?:[.,]\d{3}){2,}|\d+\.\d{4,}"
    r"|\d{5}-\d{4}|(?:19|20)\d\d\s\d{1,2}\s\d{1,2}|\d{1,2}[-–]\d{1,2}\s?[-–]\d{4})"
)
_DATE_AT_START = re.compile(
    r"(?:(?:[0-2]?\d|3[01])([./\-])(?:[0-2]?\d|3[01])\1(?:19|20)\d\d"
    r"|(?:19|20)\d\d([./\-])(?:0?[1-9]|1[0-2])\2(?:[0-2]?\d|3[01]))(?!\d)"
)
_PLACE_LABEL = re.compile(r"([^\W\d_][^\W\d_ .]*(?:[ .][^\W\d_]+){0,2})\.?\s*[:\-–]\s*$")
_RUN = re.compile(
    r"(?<![\d@=&?#%_])(?<![\w]\.)(?<![\d][,/])[+(\[]{0,2}[ \xa0]?[+(]?\d(?:[ \xa0().\[\]\-–—‐‑‒−/·•+,;|]|\d)*\d"
)
_GROUP = re.compile(r"\d+")
_HARD_BREAK = re.compile(r"[,;|•]|\)\.|\s/\s|\s{2,}|\)\s*\(|\d\s*\(\+|\s\+|\s[–—]\s")
_EXTENSION = re.compile(
    r"[\s,;(]{0,3}(?:x|ext\.?|extn\.?|extension|poste|durchwahl|dw|int\.?|доб\.?)[\s.:]{0,2}\d{1,6}\b",
    re.IGNORECASE,
)
_VANITY = re.compile(
    r"(?<![\w\-])(?:(?:1[\-. ])?\(?(?P<area>[2-9]\d\d)\)?[\-. ]{1,2}"
    r"(?P<word>(?=[A-Z\d\-. ]{0,9}[A-Z]{3})[2-9A-Z](?:[\-.]?[A-Z\d]){6,9}"
    r"|\d{3}[ .\-][A-Z]{4}|(?<=8[0-9]{2}[ \-.)])[A-Z]{2,7} [A-Z\d]{2,7})"
    r"|(?P<short>1[38]00?)[\- ](?P<au_word>[A-Z][A-Z\d ]{4,9}))(?![\w])"
)


def parse_number(raw: str, country: str | None) -> PhoneNumber | None:
    """`raw` read as a number of `country`; None unless its length is possible there."""
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def normalize_phone(raw: str, country: str | None) -> str | None:
    """E.164 of a number as people write it, None when it is none.

    `country` (ISO 2) reads national forms; a number that starts with + or 00 needs none.
    Letters after digits are dialled (1-800-FLOWERS); an extension is left out. Numbers whose
    length fits the country but whose prefix is not in use pass: ranges kept for fiction do that.
    """
    text = raw.strip().removeprefix("tel:").removeprefix("callto:").strip()
    text = re.sub(r"\(0\)", " ", text) if re.match(r"\(?(?:\+|00)", text) else text
    if country is None and re.match(r"00\d", text):
        text = "+" + text[2:]
    region = country.upper() if country else None
    if region == "UK":
        region = "GB"
    vanity = _VANITY.search(text)
    if vanity and _is_vanity(vanity):
        text = vanity_digits(vanity)
        region = region or "US"
    cut = _EXTENSION.search(text)
    number = parse_number(text[: cut.start()] if cut else text, region)
    return e164(number) if number is not None and len(re.sub(r"\D", "", text)) >= 5 else None


def e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(
        PhoneNumber(
            country_code=number.country_code,
            national_number=number.national_number,
            italian_leading_zero=number.italian_leading_zero,
            number_of_leading_zeros=number.number_of_leading_zeros,
        ),
        phonenumbers.PhoneNumberFormat.E164,
    )


def is_valid(value: str) -> bool:
    """Whether an E.164 number lies in a range that is in use."""
    number = parse_number(value, None)
    return number is not None and phonenumbers.is_valid_number(number)


def kind_of_range(value: str) -> str:
    """Kind by numbering plan: toll_free, mobile (where the plan tells it apart) or main."""
    number = parse_number(value, None)
    if number is None:
        return "main"
    match phonenumbers.number_type(number):
        case PhoneNumberType.TOLL_FREE:
            return "toll_free"
        case PhoneNumberType.MOBILE:
            return "mobile"
        case _:
            return "main"


def vanity_digits(match: re.Match[str]) -> str:
    """Dialled digits of a vanity number, cut to the length the plan has."""
    if match["short"]:
        digits = phonenumbers.convert_alpha_characters_in_number(match["au_word"].replace(" ", ""))
        return match["short"] + digits[: 10 - len(match["short"])]
    word = re.sub(r"[^A-Z\d]", "", match["word"])
    return match["area"] + phonenumbers.convert_alpha_characters_in_number(word)[:7]


def _is_vanity(match: re.Match[str]) -> bool:
    """Seven keys after the area code; more only where the call is free and letters are
    advertised beyond the last key."""
    if match["short"]:
        return len(match["au_word"].replace(" ", "")) >= 10 - len(match["short"]) - 1
    keys = len(re.sub(r"[^A-Z\d]", "", match["word"]))
    loose = match.group()[match.end("area") - match.start()] == " "
    if loose and match["area"][0] != "8" and not match["word"][0].isdigit():
        return False  # `400 CENTRAL …` is a street
    return keys == 7 or (7 < keys <= 10 and match["area"][0] == "8")


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
            if not any(char.isdigit() for char in line.text):
                continue
            spotted += self._line(index, line)
        return _with_columns(self.lines, spotted)

    def _line(self, index: int, line: Line) -> list[Spotted]:
        spans: list[tuple[int, int, str, bool]] = []
        for match in _VANITY.finditer(line.text):
            if not _is_vanity(match):
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
            if labelled or formatted:
                extension = _EXTENSION.match(line.text, end)
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
        if self.attempts > ATTEMPTS_MAX or _NOT_A_PHONE.search(text[max(0, start - 40) : start]):
            return None
        for count in range(min(8, len(groups) - first), 0, -1):
            end = groups[first + count - 1][1]
            piece = text[start:end]
            digits = sum(char.isdigit() for char in piece)
            if not DIGITS_MIN - 1 <= digits <= DIGITS_MAX + 1:
                continue
            if count > 1 and _HARD_BREAK.search(piece, 1):
                continue
            if count == 8 and digits == 8:
                continue  # single digits: a page navigator
            if _DATE.fullmatch(piece) or _UNIT_AFTER.match(text, end):
                continue
            if value := self._value(piece, line, start):
                formatted = _is_formatted(piece) and (digits >= 8 or piece.startswith("+"))
                return start, count, value, formatted and not _is_personal(value)
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
                if _is_national_without_trunk(piece, number) and not _looks_local(piece, number):
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
        label = None
        for label in _LABEL.finditer(before):
            pass
        if label is None or label["letter"] or re.search(r"[^\W\d_]", before[label.end() :]):
            return None
        if not _is_formatted(piece):
            return None
        for region in self._regions(line, start):
            number = parse_number(piece, region)
            if number is not None and not _is_national_without_trunk(piece, number):
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
        if two := re.search(r"\b([A-Z]{2}):\s*$", before):
            if two.group(1) in geo.COUNTRY_CODES:
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
        kind, labelled, both = _label_before(between)
        after = _label_after(text, end, following)
        if after and (not labelled or (previous == 0 and kind == "main" and after[0] == "(")):
            return after[1], True, False
        if labelled:
            return kind, True, both
        joined = re.fullmatch(r"\s*(?:[/,&;|+–-]|and|or|und|oder|et|ou|y|o|e)?\s*", between)
        if earlier and joined and previous:
            return earlier[-1].kind, earlier[-1].labelled, earlier[-1].also_fax
        if _PLACE_LABEL.search(between) and _labels_a_place(between):
            return None, True, False
        if start and re.search(r"\w", text[:start]):
            return self._list_label(index) if not previous else (None, False, False)
        label = self._label_above(index)
        return label if label[1] else self._list_label(index)

    def _label_above(self, index: int) -> tuple[str | None, bool, bool]:
        if index == 0:
            return None, False, False
        above = self.lines[index - 1].text
        if len(above) > LABEL_LINE_CHARS_MAX or any(char.isdigit() for char in above):
            return None, False, False
        return _label_before(above + " ")

    def _list_label(self, index: int) -> tuple[str | None, bool, bool]:
        """`Fax numbers` or `Fax:` above a list of `what for: number` lines."""
        for above in range(index - 1, max(index - LIST_LINES_MAX, -1), -1):
            text = self.lines[above].text
            if not any(char.isdigit() for char in text):
                is_title = len(text) <= LABEL_LINE_CHARS_MAX and text.rstrip().endswith(
                    (":", "umbers", "faxes")
                )
                return _label_before(text + " ") if is_title else (None, False, False)
            if _label_before(re.split(r"[+(]?\d", text)[0])[1]:
                break
        return None, False, False


def _label_before(text: str) -> tuple[str | None, bool, bool]:
    """The label at the end of `text`: of words that touch each other the more telling wins."""
    if _TEL_AND_FAX.search(text):
        return "main", True, True
    labels = [m for m in _LABEL.finditer(text) if _is_label(m, text)]
    if not labels:
        return None, False, False
    cluster = [labels[-1]]
    for label in reversed(labels[:-1]):
        if cluster[-1].start() - label.end() > 4:
            break
        cluster.append(label)
    kinds = [_kind(label) for label in cluster]
    for kind in ("fax", "direct", "mobile", "toll_free"):
        if kind in kinds:
            return kind, True, False
    return "main", True, False


def _is_label(label: re.Match[str], text: str) -> bool:
    """A single letter counts only right before the number."""
    tail = text[label.end() :]
    return not (label["letter"] and re.search(r"\w", tail))


def _labels_a_place(text: str) -> bool:
    """`UK:` or `Sydney:` before a number says whose line it is, and that it is one."""
    place = _PLACE_LABEL.search(text)
    name = place.group(1) if place else ""
    return bool(geo.country_code(name) or geo.is_city(name))


def _kind(label: re.Match[str]) -> str:
    if label["letter"] or label["sign"]:
        sign = (label["letter"] or label["sign"]).casefold()
        return _LETTERS.get(sign, "fax" if sign in "📠🖷" else "main")
    return label.lastgroup or "main"


def _label_after(text: str, end: int, following: int) -> tuple[str, str] | None:
    """A label behind the number: in brackets, or a word that no other number claims."""
    tail = text[end:following]
    bracketed = re.match(r"\s*[(\[]\s*([^()\[\]]{1,25})[)\]]", tail)
    if bracketed:
        inner = bracketed.group(1).strip()
        kind, labelled, _ = _label_before(inner + " ")
        return ("(", kind or "main") if labelled else None
    match = _LABEL.match(tail.lstrip(" \xa0-–—,") + (":" if len(tail.strip()) == 1 else ""))
    if match is None or (match["letter"] and len(tail.strip()) > 1):
        return None
    rest = tail.lstrip(" \xa0-–—,")[match.end() :].strip()
    if rest.startswith((":", ".:")) or (following < len(text) and not _suffix_mode(text)):
        return None
    return ("", _kind(match)) if len(rest) < 30 and not rest[:1].isdigit() else None


def _suffix_mode(text: str) -> bool:
    """A line that starts with a number and ends with a label: labels follow their numbers."""
    return bool(re.match(r"\s*[+(]?\d", text)) and bool(
        re.search(rf"\d[\s\-–,]*\(?(?:{_FAX}|{_MOBILE}|{_MAIN})\)?[\s.]*$", text, re.IGNORECASE)
    )


def _is_glued(text: str, start: int) -> bool:
    """Whether digits are part of a word; `Telephone0844 …` is a label without its space."""
    if not start or not text[start - 1].isalpha() or not text[start].isdigit():
        return False
    return not any(m.end() == start and m["main"] for m in _LABEL.finditer(text[:start]))


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


def _is_personal(value: str) -> bool:
    """Ranges that companies hardly use: digits that fall there are something else."""
    number = parse_number(value, None)
    return number is not None and phonenumbers.number_type(number) in {
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.PAGER,
        PhoneNumberType.VOICEMAIL,
    }


def _is_national_without_trunk(piece: str, number: PhoneNumber) -> bool:
    """A national form that lacks the zero its country writes before it."""
    if piece.lstrip("( ").startswith(("+", "00")):
        return False
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    prefix = phonenumbers.ndd_prefix_for_region(region or "", True)
    digits = re.sub(r"\D", "", piece)
    return prefix == "0" and not digits.startswith("0")


def _looks_local(piece: str, number: PhoneNumber) -> bool:
    """Service numbers (1300 …, 0800 without zero) are written without a trunk prefix."""
    kind = phonenumbers.number_type(number)
    service = kind not in {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }
    return service or number.country_code in {86, 91, 66, 62, 84, 92, 94, 972, 880, 381, 380}


def _with_columns(lines: Sequence[Line], spotted: list[Spotted]) -> list[Spotted]:
    """Kinds from a table's header: `Phone` and `Fax` in adjoining cells, and below them as many
    adjoining cells that hold nothing but a number."""
    alone = [
        item for item in spotted
        if item.end - item.start >= len(lines[item.line].text.strip(" .:")) - 2
    ]  # fmt: skip
    headers = _header_runs(lines)
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


def _header_runs(lines: Sequence[Line]) -> list[tuple[int, tuple[str, ...]]]:
    """Adjoining lines of nothing but a label, two or more: (index of the last, kinds)."""
    runs: list[tuple[int, tuple[str, ...]]] = []
    current: list[str] = []
    for index, line in enumerate([*lines, Line(0, "")]):
        text = line.text.strip(" :.")
        label = _LABEL.fullmatch(re.sub(r"(?i)\s*(?:no|number|nr|nummer|#)$", "", text))
        if label:
            current.append(_kind(label))
            continue
        if len(current) >= 2 and len(set(current)) >= 2:
            runs.append((index - 1, tuple(current)))
        current = []
    return runs
