"""The words that say what a number on a page is for, in some twenty languages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from data411_mcp.domain.extract import geo
from data411_mcp.domain.extract.postal import Line

LABEL_REACH = 45  # characters before a number in which its label stands

LABEL_LINE_CHARS_MAX = 40

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

LABEL = re.compile(
    rf"(?<![^\W\d_])(?:(?P<fax>{_FAX})|(?P<toll_free>{_TOLL_FREE})|(?P<mobile>{_MOBILE})"
    rf"|(?P<direct>{_DIRECT})|(?P<main>{_MAIN}))(?![^\W\d_])"
    r"|(?<![\w’'])(?P<letter>[FMCDTPOWH]|TF|[fmdtp](?=\s?[:.|]))(?=\s?[:.|)\-–]\s*|\s+(?:[(+]?\d|$))"
    r"|(?P<sign>[☎✆📞📠🖷])",
    re.IGNORECASE,
)

# Words that often stand by a number without saying that it is a telephone's.
_WEAK = re.compile(
    r"office|main|reservations?|bookings?|enquiries|inquiries|emergency|service|support|sales|number"
    r"|contact|gratis|fixed|text",
    re.IGNORECASE,
)
_TEL_AND_FAX = re.compile(
    rf"(?<!\w)(?:{_MAIN}|t|p)[\s.:]*(?:[/&+\-–,|]|\s(?:and|und|y|et|e|en|och|og|i)\s)\s*"
    rf"(?:{_FAX}|f)"
    r"[\s.:#)\-–]*(?:no\.?|number|nr\.?)?[\s.:#)\-–]*$"
    rf"|(?:{_FAX}|f)\s*[/&]\s*(?:{_MAIN}|t|p)[\s.:#)\-–]*$",
    re.IGNORECASE,
)

# Words that make the digits after them something else.
_OF_NUMBER = re.compile(r"(?i)\s*(?:no|number|nr|nummer|#)$")
_NOT_A_PHONE = re.compile(
    r"(?:\b(?:ip(?:[\s\-]+address)?(?:\s+is)?|isbn|issn|ean|vat|ust-?id\w*|abn|acn|a\.b\.n\.?|a\.c\.n\.?|lic(?:en[cs]e)?|nmls|dre|"
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

PLACE_LABEL = re.compile(r"([^\W\d_][^\W\d_ .]*(?:[ .][^\W\d_]+){0,2})\.?\s*[:\-–]\s*$")


_STRONG_AT_END = re.compile(
    rf"(?:{_FAX}|{_MOBILE}|{_TOLL_FREE}|(?:tele)?phone|t[eé]l\w*|ph|fon|puh\w*|rufnummer|тел\w*)"
    r"[\s.:]*$",
    re.IGNORECASE,
)


def is_something_else(before: str) -> bool:
    """Whether the words before digits make them no telephone number: a register or order
    number, a price, a code. `Phone No.` makes them one."""
    match = _NOT_A_PHONE.search(before)
    return match is not None and not _STRONG_AT_END.search(before[: match.start()])


def label_before(text: str) -> tuple[str | None, bool, bool]:
    """The label at the end of `text`: of words that touch each other the more telling wins."""
    if _TEL_AND_FAX.search(text):
        return "main", True, True
    labels = [m for m in LABEL.finditer(text) if _is_label(m, text)]
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
    strong = any(not _WEAK.fullmatch(label.group()) for label in cluster)
    return ("main" if strong else None), True, False


def _is_label(label: re.Match[str], text: str) -> bool:
    """A single letter counts only right before the number."""
    tail = text[label.end() :]
    return not (label["letter"] and re.search(r"\w", tail))


def labels_a_place(text: str) -> bool:
    """`UK:` or `Sydney:` before a number says whose line it is, and that it is one."""
    place = PLACE_LABEL.search(text)
    name = place.group(1) if place else ""
    return bool(geo.country_code(name) or geo.is_city(name))


def _kind(label: re.Match[str]) -> str:
    if label["letter"] or label["sign"]:
        sign = (label["letter"] or label["sign"]).casefold()
        return _LETTERS.get(sign, "fax" if sign in "📠🖷" else "main")
    return label.lastgroup or "main"


def label_after(text: str, end: int, following: int) -> tuple[str, str] | None:
    """A label behind the number: in brackets, or a word that no other number claims."""
    tail = text[end:following]
    bracketed = re.match(r"\s*[(\[]\s*([^()\[\]]{1,25})[)\]]", tail)
    if bracketed:
        inner = bracketed.group(1).strip()
        kind, labelled, _ = label_before(inner + " ")
        return ("(", kind or "main") if labelled else None
    match = LABEL.match(tail.lstrip(" \xa0-–—,") + (":" if len(tail.strip()) == 1 else ""))
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


def header_runs(lines: Sequence[Line]) -> list[tuple[int, tuple[str, ...]]]:
    """Adjoining lines of nothing but a label, two or more: (index of the last, kinds)."""
    runs: list[tuple[int, tuple[str, ...]]] = []
    current: list[str] = []
    for index, line in enumerate([*lines, Line(0, "")]):
        text = line.text.strip(" :.")
        label = LABEL.fullmatch(_OF_NUMBER.sub("", text))
        if label and not _WEAK.fullmatch(label.group()):
            current.append(_kind(label))
            continue
        if len(current) >= 2 and len(set(current)) >= 2:
            runs.append((index - 1, tuple(current)))
        current = []
    return runs
