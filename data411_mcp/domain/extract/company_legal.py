"""The legal name of a page's own organisation, told from those of agencies, partners, clients."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rapidfuzz import fuzz

from data411_mcp.domain.extract.document import Document, Fact
from data411_mcp.domain.extract.host_names import host_match, name_key, plausible
from data411_mcp.domain.extract.person_names import fold
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.legal_forms import find_legal_names, legal_form, strip_legal_form

LEGAL_SCORE_MIN = 0.5
_COPYRIGHT_BONUS = 0.01  # between equals the copyright line decides
_PHRASE_BONUS = 0.2
_TIED = 80  # rapidfuzz ratio from which two names are one company's

AGENCY = re.compile(
    r"(?:design|develop|power|build|built|host|creat|maintain|made|website|web site|site"
    r"|copywrit\w*"
    r"|realis\w*|realizz\w*|realiz\w*|umsetzung|programm\w*)\w*(?: and \w+)?\s*(?:by|:|von|par"
    r"|por|da)"
    r"\s[^.|]*$",
    re.IGNORECASE,
)
_OWN_PHRASE = re.compile(
    r"(?:trading (?:name|as|style) (?:of|for)?|t/a|d/?b/?a|owned and operated by|operated by"
    r"|registered (?:name|office)|company name|legal name|(?:company )?registered in .{0,30}"
    r"|ragione sociale|raz[oó]n social|denominaci[oó]n social|raison sociale|firma|anbieter"
    r"|dienstanbieter|responsible for content|statutory name|bedrijfsnaam)\s*[:,]?\s*$",
    re.IGNORECASE,
)


def read_legal_name(document: Document, known: list[str], host: str) -> Fact | None:
    best: tuple[float, Fact] | None = None
    for start, end, rule in _legal_spans(document):
        text = " ".join(document.text[start:end].split())
        if not legal_form(text) or not plausible(strip_legal_form(text)):
            continue
        score = _legal_tie(document, start, text, known, host)
        if score >= LEGAL_SCORE_MIN and (best is None or score > best[0]):
            fact = Fact(
                FieldName.LEGAL_NAME, text, text, start, end, f"company.{rule}", min(1.0, score)
            )
            best = (score, fact)
    return best[1] if best else None


def _legal_spans(document: Document) -> Iterator[tuple[int, int, str]]:
    for value in document.structured:
        if value.path.endswith("legalName"):
            at = document.text.find(value.value, value.start, value.end + 1)
            yield (at, at + len(value.value), "legalName") if at >= 0 else (
                value.start, value.end, "legalName")  # fmt: skip
    for start, end in find_legal_names(document.text[: document.visible_end]):
        yield _over_line_break(document.text, start), end, "legal"
    for value in document.structured:
        if value.path in {"meta.title", "meta.copyright", "meta.description", "meta.og:site_name"}:
            inside = document.text[value.start : value.end]
            for start, end in find_legal_names(inside):
                yield value.start + start, value.start + end, value.path


def _over_line_break(text: str, start: int) -> int:
    """A name set on two lines (`Blue Door Cabs &` / `Garden Members Limited`) starts on the
    first."""
    above = re.search(
        r"(?:^|\n)([A-Z][^\n]{1,60}?(?:&| and))[ \t]*\n$", text[max(0, start - 80) : start]
    )
    return max(0, start - 80) + above.start(1) if above else start


def _legal_tie(document: Document, start: int, text: str, known: list[str], host: str) -> float:
    """How surely the legal name is the page's own company's: 0 when nothing ties it."""
    line_start = document.text.rfind("\n", 0, start) + 1
    before = document.text[max(line_start, start - 120) : start]
    if AGENCY.search(before):
        return 0.0
    bare = fold(strip_legal_form(text))
    tie = 0.0
    for name in known:
        plain = fold(strip_legal_form(name))
        ratio = max(fuzz.token_sort_ratio(bare, plain), fuzz.ratio(name_key(bare), name_key(plain)))
        if ratio < _TIED and len(plain) > 3 and len(bare.split()) >= min(2, len(plain.split())):
            ratio = 0.95 * fuzz.token_set_ratio(bare, plain)
        if ratio >= _TIED:
            tie = max(tie, ratio / 100)
    if host_match(text, host) >= 0.5:
        tie = max(tie, 0.6 + 0.3 * host_match(text, host))
    if start < document.visible_end and re.search(
        r"(?:©|\(c\)|copyright)[\s\d,.©–-]*(?:by )?$", before, re.IGNORECASE
    ):
        tie = tie + _COPYRIGHT_BONUS if tie else 0.6
    if _OWN_PHRASE.search(before):
        tie = tie + _PHRASE_BONUS if tie else 0.6
    if text.isupper():
        tie -= 0.02  # the same name in ordinary case reads better
    return tie
