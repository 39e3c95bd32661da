"""Whose contact is it? Signs that a number or address on a page belongs to somebody else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from data411_mcp.domain.extract import geo
from data411_mcp.domain.extract.document import Document, Hints
from data411_mcp.domain.extract.postal import Line

SECTION_LINES_MAX = 25  # how far a heading such as "Partners" reaches
LOOSE_SECTION_LINES_MAX = 10  # the same for a line that only looks like a heading
LISTED_MIN = 3  # so many foreign company names with numbers make a directory

_CREDIT = re.compile(
    r"(?:web\s?-?(?:site|page|seite)?\s*(?:design(?:ed)?|development|developed|built|hosting|by)"
    r"|site\s+(?:design|by|built|developed|created|map by)"
    r"|designed\s+(?:and|&)\s+(?:developed|hosted|built|maintained)"
    r"|(?:designed|developed|created|powered|hosted|built|maintained|crafted)\s+by"
    r"|design\s*(?:by|:|&\s*development)|webdesign|web\s?master|realizza(?:to|zione)\s|realizado\s+por"
    r"|desarrollado\s+por|diseñ(?:o|ado)\s+(?:web|por)|réalis(?:é|ation)|umsetzung|realisierung"
    r"|created\s*:\s*|vormgeving|tvorba\s+webu|projekt\s+(?:i\s+wykonanie|strony)|разработка\s+сайта"
    r"|создание\s+сайт\w*|webbdesign|webbyrå|produced\s+by)",
    re.IGNORECASE,
)
_OTHER_BODY = re.compile(
    r"\b(?:speakers?\s+bureau|\w+\s+bookings?\)|booking\s+agen(?:t|cy)|talent\s+agency|publicist"
    r"|(?:county|police|fire|sheriff\S*)\s+dispatch|sheriff|poison\s+control|suicide|crisis\s+line|ombudsman(?:'s)?\s+(?:service|office)"
    r"|better\s+business\s+bureau|chamber\s+of\s+commerce|(?:federal|state)\s+(?:trade|bureau|"
    r"department)|data\s+protection\s+(?:authority|commission)|aufsichtsbehörde|samaritans"
    r"|media\s+agency|pr\s+agency|press\s+agency|property\s+manager|travel\s+agent)",
    re.IGNORECASE,
)
_OTHERS_HEADING = re.compile(
    r"\s*(?:our\s+)?(?:affiliat(?:ed|es?|ions?)(?:\s+compan(?:y|ies))?|(?:business\s+|our\s+)?partners?"
    r"|(?:useful\s+|related\s+|external\s+)?links|distribut(?:ors?|ion\s+partners)|dealers?|stockists?"
    r"|resellers?|retailers?|suppliers?|sponsors?|associat(?:es|ed)\s+companies"
    r"|local\s+(?:hotels|businesses|resources)|nearby\s+.*|members?|member\s+directory"
    r"|recommended\s+.*|vertretungen|händler|partenaires|distribuidores|revendeurs|clients|customers"
    r"|references|testimonials|kunden|referenzen)\s*:?\s*",
    re.IGNORECASE,
)
_LOOSE_HEADING = re.compile(r"\s*(?:our\s+)?(?:affiliat|associat|stockist|dealer|distribut)", re.I)
_HEADING_TAG = re.compile(r"h[1-6]")
_MENU_PATH = re.compile(r"\b(?:li|nav|ul|header|menu\w*|navi\w*)\b")
_LEGAL_FORM = re.compile(
    r"(?:^|[\s,])(?:Inc|Incorporated|LLC|L\.L\.C|Corp|Corporation|Ltd|Limited|PLC|LLP|GmbH|AG|KG|OHG"
    r"|S\.?L\.?U?|S\.?A|S\.?A\.?S|S\.?A\.?R\.?L|SARL|S\.?r\.?l|S\.?p\.?A|B\.?V|N\.?V|AB|A/S|ApS|AS|Oy"
    r"|Sp\.\s?z\s?o\.?\s?o|s\.r\.o|a\.s|Kft|Pty\.?\s+Ltd|Pte\.?\s+Ltd|Sdn\.?\s+Bhd|Pvt\.?\s+Ltd|Ltda"
    r"|Lda)\.?(?=$|[\s,.(])"
)
_TOO_COMMON = frozenset(
    """
    the and of for company group services service home contact us our about welcome international
    limited ltd inc llc gmbh page website official online www com web site in at to a an de la el
    und der die best new get all your you with by from
    """.split()
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around each line of one page."""

    lines: Sequence[Line]
    own: frozenset[str]  # words of the page's own name
    sections: frozenset[int]  # lines under a heading that names others
    listed: frozenset[int]  # lines of the entries of a directory

    @classmethod
    def of(
        cls, document: Document, lines: Sequence[Line], hints: Hints, address_lines: Sequence[int]
    ) -> Surroundings:
        own = own_words(document, hints)
        return cls(
            lines,
            own,
            frozenset(_sections(document, lines)),
            frozenset(_listed(lines, own, address_lines)),
        )

    def is_others(self, index: int, start: int, end: int) -> bool:
        """A credit or another body named right before, or a section about others."""
        line = self.lines[index]
        before = line.text[max(0, start - line.start - 90) : start - line.start]
        after = line.text[end - line.start : end - line.start + 30]
        clause = re.split(r"(?<=[a-z)])[.!?]\s+(?=[A-Z])|[|•]", before)[-1]
        if index in self.sections or _CREDIT.search(clause):
            return True
        body = _OTHER_BODY.search(clause) or _OTHER_BODY.match(after.strip(" -–("))
        if body and not set(geo.fold(body.group()).split()) & self.own:
            return True
        above = self.lines[index - 1].text if index else ""
        return len(above) < 60 and bool(_CREDIT.search(above)) and not before.strip()

    def is_listed(self, index: int) -> bool:
        """Within a directory's entry of another company."""
        return index in self.listed

    def is_credit_link(self, text: str) -> bool:
        return bool(_CREDIT.search(text))


def own_words(document: Document, hints: Hints) -> frozenset[str]:
    """Words that name the page's own company: of hint, title, site name, domain, copyright."""
    names = [hints.company or "", document.title]
    names += [
        value.value
        for value in document.structured
        if value.path in {"meta.og:site_name", "Organization.name", "LocalBusiness.name"}
    ]
    visible = document.text[: document.visible_end]
    for match in re.finditer(r"(?:©|\(c\)|copyright)[^\n]{0,80}", visible, re.IGNORECASE):
        names.append(match.group())
    words = {word for name in names for word in geo.fold(name).split()}
    for address in (document.url, hints.domain or ""):
        words.update(re.split(r"[.\-]", geo.host_of(address)))
    return frozenset(word for word in words if len(word) > 1 and word not in _TOO_COMMON)


def _sections(document: Document, lines: Sequence[Line]) -> set[int]:
    """Lines under a heading element such as "Partners", up to the next heading."""
    headings = {block.start for block in document.blocks if _HEADING_TAG.fullmatch(block.tag)}
    in_menus = {
        block.start for block in document.blocks if _MENU_PATH.search(f"{block.tag} {block.path}")
    }
    inside: set[int] = set()
    open_until = -1
    for index, line in enumerate(lines):
        is_others = bool(_OTHERS_HEADING.fullmatch(line.text))
        is_loose = is_others and bool(_LOOSE_HEADING.match(line.text))
        if line.start in headings:
            open_until = index + SECTION_LINES_MAX if is_others else -1
        elif is_loose and line.start not in in_menus:
            open_until = max(open_until, index + LOOSE_SECTION_LINES_MAX)
        elif index <= open_until:
            inside.add(index)
    return inside


def _listed(lines: Sequence[Line], own: frozenset[str], address_lines: Sequence[int]) -> set[int]:
    """Entries of other companies, if the page lists at least `LISTED_MIN` with addresses."""
    if not own:
        return set()
    entries: list[tuple[int, int]] = []
    starts = [index for index, line in enumerate(lines) if _names_foreign(line.text, own)]
    for start in starts:
        places = [at for at in address_lines if start < at <= start + 4]
        if places:
            entries.append((start, places[0] + 5))
    if len({lines[start].text for start, _ in entries}) < LISTED_MIN:
        return set()
    covered: set[int] = set()
    for position, (start, end) in enumerate(entries):
        stop = entries[position + 1][0] if position + 1 < len(entries) else end + 1
        for index in range(start, min(stop, end + 1, len(lines))):
            if index > start and _names_own(lines[index].text, own):
                break
            covered.add(index)
    return covered


def _names_own(text: str, own: frozenset[str]) -> bool:
    words = [word for word in geo.fold(text).split() if word not in _TOO_COMMON]
    return bool(words) and len(words) <= 8 and words[0] in own


def _names_foreign(text: str, own: frozenset[str]) -> bool:
    if len(text) > 80 or not _LEGAL_FORM.search(text):
        return False
    words = [word for word in geo.fold(text).split() if word not in _TOO_COMMON]
    shared = [word for word in words if word in own]
    if not words or words[0] in own or 2 * len(shared) >= len(words):
        return False
    squeezed = "".join(words)
    return not any(len(word) > 4 and squeezed.startswith(word) for word in own)
