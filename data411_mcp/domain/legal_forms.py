"""Legal forms of organisations: recognise, strip and find them.

The table covers the forms a salesperson meets, by the country that has them; a form several
countries share (Ltd, SA, Inc.) has country "". Keys ignore case, dots, commas and spaces inside
a form, so `S. r. l.`, `SRL` and `S.r.l.` are one. A form that is also an everyday word or a US
state (`Spa`, `As`, `Co`, `PA`) counts only in capitals, with dots or as its canonical spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from data411_mcp.domain.legal_forms_table import LEGAL_FORMS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Everyday words, US states and initials: only capitals, dots or the canonical spelling count.
_AMBIGUOUS = _words(
    "spa as se co company chartered unlimited pa pc ps pl ca ad ae ac ag ab sa sl sal sac saa sas "
    "sc ss sci scp cb da ef et hb kb ks is ky bt rt hf mb mei nl na nv cc ccc cv ud lc lp og oe oy "
    "pt sia scop pte pty inh ev eg ek eu gie psc npc plt uc dac clg zs aş pfa coop sae spc fzc cio "
    "cic asa ans vos sp spk spj kk gk yk ua ike epe ans ivs teo enr terbuka enregistrée limitada "
    "sau slp sll ska psa tov up ctcp pcl"
)
# Words too common to mark a name inside running text: stripped from a name, never searched for.
_ONLY_STRIP = _words(
    "co company chartered unlimited lc pa pc ps pl ac da ef et is ky bt rt mb mei nl na cc ccc uc "
    "cv ud lp oe inh ss cb coop ca ad ae hb kb ks sc ps psc npc ud terbuka limitada up sci scp "
    "enregistrée og eu dac clg cio nv sal sac saa sas ans asa psa ska eg ek ev gie sia teo pl spc "
    "as pt se ab ag aş oy tmi"
)
_STATES = _words("ca ad ae ac da pa nl na sc pl")  # states and countries more often than forms
# Leading forms that are initials of an English name more often: `CV Writing`, `MB Roofing`.
_NOT_LEADING = _words("cv ud mb as et ad ae")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_TOKEN = re.compile(r"[^\s,]+")
_SQUASH = re.compile(r"[\s.,\u2019'\u00b7-]+")
_EDGE = " \t\u00a0,;:-–—|/«»\"“”„‟'‘’"
_MAX_FORM_TOKENS = 8


class _Form(NamedTuple):
    canonical: str
    country: str
    prefix: bool


def _key(text: str) -> str:
    return _SQUASH.sub("", text).casefold()


def _read_table() -> tuple[dict[str, _Form], frozenset[str]]:
    forms: dict[str, _Form] = {}
    spellings: set[str] = set()
    for line in LEGAL_FORMS.strip().splitlines():
        name, country, variants = line.split("|")
        prefix = name.startswith("^")
        name = name.removeprefix("^")
        form = _Form(re.sub(r" \([A-Z]{2}\)$", "", name), country, prefix)
        for variant in (form.canonical, *filter(None, variants.split(";"))):
            # The first country in the table that has a spelling owns it.
            forms.setdefault(_key(variant), form)
            spellings.add(variant)
    return forms, frozenset(spellings)


_FORMS, _SPELLINGS = _read_table()
_CJK_FORMS = tuple(
    (s, _FORMS[_key(s)])
    for s in sorted((s for s in _SPELLINGS if _CJK.search(s)), key=len, reverse=True)
)


def _counts(raw: str, key: str, whole: str) -> bool:
    """Whether this spelling may be read as the form and not as an ordinary word."""
    if key not in _AMBIGUOUS or raw in _SPELLINGS:
        return True
    if "." in raw.strip(".") or (raw.endswith(".") and key in {"co", "pte", "pty", "inh"}):
        return True
    if key in {"co", "company"}:
        return raw[:1].isupper() or whole == whole.lower()
    if key in _STATES:
        return False
    return raw.isupper() or (whole == whole.lower() and key not in {"spa", "as", "is", "se", "ca"})


def _at_end(name: str) -> tuple[int, _Form] | None:
    """Where the trailing form starts, longest first."""
    for spelling, form in () if name.isascii() else _CJK_FORMS:
        if name.endswith(spelling) and len(name) > len(spelling):
            return len(name) - len(spelling), form
    tokens = [m.span() for m in _TOKEN.finditer(name)]
    for count in range(min(_MAX_FORM_TOKENS, len(tokens) - 1), 0, -1):
        start = tokens[-count][0]
        raw = name[start:].strip()
        key = _key(raw)
        found = _FORMS.get(key)
        if found and _counts(raw, key, name):
            return start, found
    return None


def _at_start(name: str) -> tuple[int, _Form] | None:
    """Where a leading form (`PT`, `ООО`, `株式会社`) ends."""
    for spelling, form in () if name.isascii() else _CJK_FORMS:
        if form.prefix and name.startswith(spelling) and len(name) > len(spelling):
            return len(spelling), form
    tokens = [m.span() for m in _TOKEN.finditer(name)]
    for count in range(min(_MAX_FORM_TOKENS, len(tokens) - 1), 0, -1):
        end = tokens[count - 1][1]
        raw = name[:end].strip()
        found = _FORMS.get(_key(raw))
        if not found or not found.prefix or _key(raw) in _NOT_LEADING:
            continue
        if raw in _SPELLINGS or raw.isupper():
            return end, found
    return None


def legal_form(name: str) -> tuple[str, str] | None:
    """Canonical legal form of `name` and its country (ISO 2, "" when several have it).

    None when the name shows none. A trailing form wins over a leading one.
    """
    name = name.strip(_EDGE)
    found = _at_end(name) or _at_start(name)
    return (found[1].canonical, found[1].country) if found else None


@lru_cache(maxsize=8192)
def strip_legal_form(name: str) -> str:
    """`name` without its legal forms; a name that is nothing but a form comes back whole."""
    name = name.strip(_EDGE)
    while found := _at_end(name):
        rest = name[: found[0]].rstrip(_EDGE + "&(").strip(_EDGE)
        if not rest:
            break
        name = rest
    if leading := _at_start(name):
        rest = name[leading[0] :].strip(_EDGE)
        name = rest or name
    return name


_SEARCHED = sorted(
    (s for s in _SPELLINGS if _key(s) not in _ONLY_STRIP and not _CJK.search(s)),
    key=len,
    reverse=True,
)
_DOTTED_ONLY: tuple[str, ...] = (
    "S.A.",
    "S.p.A.",
    "B.V.",
    "N.V.",
    "A.S.",
    "A.G.",
    "P.C.",
    "P.A.",
    "C.A.",
    "S.A.S.",
)
_DOTTED_ONLY += ("S.C.", "L.P.", "N.A.", "A/S", "A.Ş.", "S.A.C.", "S.A.E.", "e.K.", "e.V.", "AŞ")
_UPPER_ONLY = ("SA", "NV", "AG", "AB", "AS", "SE", "SAS", "KG", "PC", "LP", "PT", "SIA", "UAB")


def _spelling_pattern(spelling: str) -> str:
    """A regex for one spelling: dots and inner spaces optional, punctuation literal."""
    parts = []
    for word in spelling.split():
        letters = word.replace(".", "")
        if "." in word and len(letters) <= 5:
            parts.append(r"\.?[ \u00a0]?".join(re.escape(c) for c in letters) + r"\.?")
        else:
            parts.append(re.escape(letters) + r"\.?")
    return r",?[ \u00a0]*".join(parts)


def _form_pattern() -> re.Pattern[str]:
    loose = "|".join(_spelling_pattern(s) for s in _SEARCHED if _key(s) not in _AMBIGUOUS)
    exact = "|".join(
        [re.escape(s) for s in _DOTTED_ONLY]
        + [re.escape(s) for s in _UPPER_ONLY]
        + [_spelling_pattern(s) for s in _SEARCHED if _key(s) in _AMBIGUOUS and s != s.lower()]
    )
    return re.compile(rf"(?<![\w.&@/-])(?:(?i:{loose})|(?:{exact}))(?![\w@]|[.-]\w)")


_FORM = _form_pattern()
_CONNECTIVES = _words(
    "& and of the for de del della di du des da do dos e y et und u i a la le les el van von der "
    "den en och og + @ to in at by"
)
_CJK_NAME = re.compile(
    r"(?:株式会社|有限会社|合同会社|주식회사)[^\s、。,()（）]{1,30}"
    r"|[^\s、。,()（）:：]{1,30}(?:株式会社|有限会社|合同会社|有限公司)"
)
_LEADS = _words(
    "copyright © (c) reserved by since about welcome powered designed is are was that with from "
    "impressum inhaber copywriting"
)
_ARTICLES = ("a ", "an ", "the ", "our ", "your ", "this ", "and ", "of ", "any ", "as ")
_QUOTE_NEXT = re.compile(r"\s*[«\"“„]")
_NAME_CHARS_MAX = 160
_NAME_WORDS_MAX = 9
_SMALL_NAME_WORDS_MAX = 4
_LAST_WORD = re.compile(r"(\S+)\s*$")
_YEAR = re.compile(r"\(?(?:19|20)\d\d[,.)]*(?:[-–](?:19|20)?\d\d)?,?")
_INITIALS = re.compile(r"(?:\w\.)+|[A-Z][a-z]{0,2}\.")


def _is_name_word(word: str) -> bool:
    core = word.strip("\"“”„«»'‘’(),")
    return bool(core) and (core[0].isupper() or core[0].isdigit() or not core[0].isascii())


def _ends_name(word: str) -> bool:
    """A word that a name cannot reach across: a lead-in, a year, punctuation, a closed sentence."""
    if word.casefold().strip(".,:") in _LEADS or not re.search(r"[\w&+]", word):
        return True
    if word[0] in "©®" or _YEAR.fullmatch(word):
        return True
    return word[-1] in ".!?:;|–—" and not _INITIALS.fullmatch(word)


def _walk_left(line: str, floor: int, at: int) -> int:
    """Start of the name that ends at `at`: capitalised words and connectives, not before `floor`.

    A name written in small letters counts when it fills its stretch (`© 2010 garden folk inc.`).
    """
    start = cursor = at
    floor = max(floor, at - _NAME_CHARS_MAX)
    capitals = 0
    for count in range(_NAME_WORDS_MAX + 1):
        match = _LAST_WORD.search(line, floor, cursor)
        word = match.group(1) if match else ""
        if not match or _ends_name(word):
            if not capitals and 1 <= count <= _SMALL_NAME_WORDS_MAX:
                return at if line[cursor:].lower().startswith(_ARTICLES) else cursor
            break
        cursor = match.start(1)
        if _is_name_word(word):
            start, capitals = cursor, capitals + 1
        elif capitals and word.casefold() not in _CONNECTIVES:
            break
        if word[0] in '"“„«' or (word[0] == "(" and not word.endswith(")")):
            break
    return start


def _walk_right(line: str, at: int) -> int:
    """End of the name that follows a leading form: a quoted name or capitalised words."""
    quoted = re.match(r"\s*[«\"“„][^»\"”“\n]{1,80}[»\"”“]", line[at:])
    if quoted:
        return at + quoted.end()
    end = at
    for match in re.finditer(r"\s+(\S+)", line[at:]):
        word = match.group(1)
        if not _is_name_word(word) and word not in _CONNECTIVES:
            break
        if word not in _CONNECTIVES:
            end = at + match.end(1)
        if word[-1] in ".,;:!?)":
            break
    return at + len(line[at:end].rstrip(".,;:!?)"))


def _closed(text: str) -> bool:
    return text.count("(") == text.count(")")


def _beginnings(spelling: str) -> set[str]:
    """The first word of `spelling` as `_FORM` may meet it, in small letters: of `S.A.R.L.` that is
    `s`, `sa`, `sar` or `sarl`, because its dots and spaces may be there or not."""
    words = spelling.casefold().replace("ı", "i").replace(",", " ").split()
    first = _START.match("".join(words).replace(".", ""))
    if first is None:
        raise ValueError(f"no text can begin with the form {spelling}")
    run = first.group()
    dotted = len(run) if "." in words[0] else 0
    ends = {len("".join(words[:count]).replace(".", "")) for count in range(1, len(words))}
    return {run, *(run[:size] for size in {*range(1, dotted), *ends} if size < len(run))}


_LINE = re.compile(r"[^\n]+")
_START = re.compile(r"(?<![\w.&@/-])(?:\w+|[^\w\s])")
_BEGINNINGS = frozenset().union(
    *(_beginnings(spelling) for spelling in (*_SEARCHED, *_DOTTED_ONLY, *_UPPER_ONLY))
)


def _forms_in(line: str) -> Iterator[re.Match[str]]:
    """What `_FORM.finditer` gives: the long pattern is tried only where a form's word begins."""
    end = 0
    for word in _START.finditer(line):
        text = word.group()
        if word.start() < end or (text.isascii() and text.lower() not in _BEGINNINGS):
            continue
        if match := _FORM.match(line, word.start()):
            end = match.end()
            yield match


LINE_CHARS_MAX = 400  # of a line whose names are remembered


@lru_cache(maxsize=2048)  # several rules ask about a line, and a site's frame is on all its pages
def _in_short_line(line: str) -> tuple[tuple[int, int], ...]:
    return tuple(_in_line(line))


def _in_line(line: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for match in _forms_in(line):
        at, end = match.span()
        form = _FORMS.get(_key(match.group()))
        start = _walk_left(line, spans[-1][1] if spans else 0, at)
        while (start < at and line[start] in "\"“„«'") or (
            line[start] == "(" and not _closed(line[start:at])
        ):
            start += 1
        if form and form.prefix and (start == at or _QUOTE_NEXT.match(line, end)):
            start, end = at, _walk_right(line, end)
            if end <= match.end():
                continue
        elif start == at:
            continue
        if line[end - 1] == "." and not _ends_with_form_dot(line[at:end]):
            end -= 1
        if spans and not line[spans[-1][1] : start].strip(" ,") and line[start] == "(":
            start = spans.pop()[0]  # `Blue Co (Holdings) Ltd` is one name
        spans.append((start, end))
    return spans


def _ends_with_form_dot(form: str) -> bool:
    """`Inc.` keeps its dot; `LLC.` and `Limited.` end a sentence."""
    core = form.rstrip(".")
    return "." in core or _key(core).endswith(("inc", "ltd", "corp", "co", "bhd", "kft", "zrt"))


def find_legal_names(text: str) -> tuple[tuple[int, int], ...]:
    """Spans of names with their legal form in `text`, in order, never across a line break."""
    spans: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        start, end = line.span()
        found = (_in_short_line if end - start <= LINE_CHARS_MAX else _in_line)(line.group())
        spans.extend((start + a, start + b) for a, b in found)
    spans.extend(cjk.span() for cjk in _CJK_NAME.finditer(text))
    return tuple(sorted(spans))
