"""How alike two names are, and what the deciding difference is. No evidence but the names.

Words are aligned one to one. A word left over on both sides is a contradiction; a word left over
on one side only is a middle name, or a part of a company's name that says which of several it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA

from data411_mcp.domain.names import CompanyName, company_name, fold, person_name
from data411_mcp.domain.nicknames import is_given_name, related


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Scores: 1 is the same spelling. The join and refuse thresholds of resolve.py cut this scale.
EXACT = 1.0
NEAR = 0.95  # a nickname, a transliteration, a typing error
UNCLEAR = 0.72  # compatible, not enough for a join by name alone
WEAK = 0.5  # one contradiction beside much that agrees
DIFFERENT = 0.2

SURNAME_DIFFERS = "names differ in the surname"
_NUMBERS_DIFFER = "names carry different numbers"
_ONE_NUMBER = "only one name carries a number"
_PLACES_DIFFER = "names are of different places: branches or subsidiaries"
_ONE_PLACE = "one name is of a place: a branch or subsidiary"
_FORMS_DIFFER = "legal forms differ"
# Differences that companies of one group show: a common web site or address joins none of them.
SIBLINGS = frozenset({_NUMBERS_DIFFER, _ONE_NUMBER, _PLACES_DIFFER, _ONE_PLACE, _FORMS_DIFFER})


@dataclass(frozen=True, slots=True)
class NameMatch:
    """`score` 0 to 1; `reason` is a short sentence in our words."""

    score: float
    reason: str


def _allowed_edits(length: int) -> int:
    """Typing errors a word of this length may hold: none below 4 letters, one in 4 to 8."""
    if length < 4:
        return 0
    return 1 if length < 9 else 2


_SOUNDS = str.maketrans("zcqjyewfo", "skkiiivvu")


@lru_cache(maxsize=16384)
def word_sound(word: str) -> str:
    """A rough sound: letters that transliterations exchange are one, doubles are single."""
    for many, one in (
        ("kh", "h"), ("gh", "g"), ("ph", "f"), ("th", "t"), ("sch", "sh"), ("tch", "ch"),
        ("ck", "k"), ("dj", "j"), ("tz", "z"), ("x", "ks"), ("iu", "u"), ("ou", "u"), ("oo", "u"),
        ("ee", "i"), ("ia", "a"), ("ya", "a"), ("ie", "e"), ("ye", "e"), ("iy", "i"), ("ii", "i"),
    ):  # fmt: skip
        word = word.replace(many, one)
    sound = word.translate(_SOUNDS)
    single = "".join(c for i, c in enumerate(sound) if i == 0 or c != sound[i - 1])
    return single[:-1] if len(single) > 4 and single[-1] == "u" else single  # kana ends in u


def _genders_differ(a: str, b: str) -> bool:
    """Mario and Maria, Karl and Karla, Ivanov and Ivanova."""
    short, long = sorted((a, b), key=len)
    return long == short + "a" or (a[:-1] == b[:-1] and {a[-1], b[-1]} == {"a", "o"})


@lru_cache(maxsize=65536)
def _word_score(a: str, b: str) -> float:
    """1 equal, .95 nickname, sound or typing error, 0 otherwise."""
    if a == b:
        return EXACT
    if related(a, b):
        return NEAR
    shorter = min(len(a), len(b))
    if shorter < 3 or _genders_differ(a, b):
        return 0.0
    edits = OSA.distance(a, b)
    if shorter >= 4 and edits <= shorter // 2 and word_sound(a) == word_sound(b):
        return NEAR
    if is_given_name(a) and is_given_name(b):
        return 0.0  # two known names, not one name with a typing error
    return NEAR if edits <= _allowed_edits(shorter) else 0.0


def _one_edit(a: str, b: str) -> bool:
    return OSA.distance(a, b, score_cutoff=1) <= 1


def _joined(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    """`a` with neighbours joined where `b` writes them as one word (mary ellen, maryellen)."""
    whole = {w for w in b if len(w) > 4}
    out: list[str] = []
    i = 0
    while i < len(a):
        pair = a[i] + a[i + 1] if i + 1 < len(a) else ""
        split = pair and min(len(a[i]), len(a[i + 1])) > 2
        if pair in whole or (split and any(len(w) > 6 and _one_edit(pair, w) for w in whole)):
            out.append(pair)
            i += 2
        else:
            out.append(a[i])
            i += 1
    return tuple(out)


def _align(
    a: tuple[str, ...], b: tuple[str, ...], *, initials: bool
) -> tuple[list[tuple[int, int, float]], list[int], list[int]]:
    """Pairs (index, index, score), best first, and what is left over on each side."""
    scored = []
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            score = _word_score(x, y)
            if not score and initials and 1 in (len(x), len(y)) and x[0] == y[0]:
                score = UNCLEAR
            if score:
                scored.append((score, -abs(i - j), i, j))
    scored.sort(reverse=True)
    used_a: set[int] = set()
    used_b: set[int] = set()
    pairs = []
    for score, _, i, j in scored:
        if i not in used_a and j not in used_b:
            used_a.add(i)
            used_b.add(j)
            pairs.append((i, j, score))
    left = [i for i in range(len(a)) if i not in used_a]
    right = [j for j in range(len(b)) if j not in used_b]
    return pairs, left, right


@lru_cache(maxsize=16384)
def match_person_names(left: str, right: str) -> NameMatch:
    """Compare two full names of persons."""
    a, b = person_name(left), person_name(right)
    if not a.words or not b.words:
        return NameMatch(0.0, "a name is missing")
    if a.suffix and b.suffix and a.suffix != b.suffix:
        return NameMatch(DIFFERENT, "names differ in the generation (Jr., Sr., II)")
    found = _person_words(a.words, b.words, patronymic=a.patronymic and b.patronymic)
    if a.suffix != b.suffix and found.score > UNCLEAR:
        return NameMatch(UNCLEAR, "only one name says which generation (Jr., Sr., II)")
    return found


def _person_words(a: tuple[str, ...], b: tuple[str, ...], *, patronymic: bool) -> NameMatch:
    if a == b:
        return NameMatch(EXACT if len(a) > 1 else UNCLEAR + 0.2, "same name")
    if len("".join(a)) > 5 and "".join(a) == "".join(b):
        return NameMatch(EXACT, "same name, spaced differently")
    a, b = _joined(a, b), _joined(b, a)
    pairs, left, right = _align(a, b, initials=True)
    full = [p for p in pairs if p[2] > UNCLEAR]
    near = sum(1 for p in full if p[2] < EXACT)
    initials = len(pairs) - len(full)
    if left and right:
        return _contradiction(a, b, left, right, full=len(full), near=near)
    if patronymic and [p[:2] for p in sorted(pairs)] != sorted(
        (p[:2] for p in pairs), key=lambda p: p[1]
    ):
        return NameMatch(DIFFERENT, "father and child change places")
    if not full:
        return NameMatch(DIFFERENT, "only initials in common")
    if len(full) == 1 and not initials:
        if len(a) == len(b) == 1:
            return NameMatch(0.85, "the one name given is nearly the same")
        return NameMatch(WEAK, "only one word of the names in common")
    if len(full) == 1 and initials == 1:
        surname = full[0][0] == len(a) - 1 or full[0][1] == len(b) - 1
        return NameMatch(UNCLEAR if surname else WEAK, "the given name is only an initial")
    missing = len(left) + len(right)
    if missing > len(pairs) or (missing and near and near == len(full)):
        return NameMatch(UNCLEAR, "much of one name is missing in the other")
    score = EXACT - 0.04 * near - 0.03 * initials - 0.02 * missing
    return NameMatch(max(score, UNCLEAR), _person_reason(near, initials, bool(missing)))


def _contradiction(
    a: tuple[str, ...], b: tuple[str, ...], left: list[int], right: list[int],
    *, full: int, near: int,
) -> NameMatch:  # fmt: skip
    """Words are left over on both sides: how much that weighs against `full` words that agree."""
    if not full:
        return NameMatch(0.0, "names differ")
    both_last = (left, right) == ([len(a) - 1], [len(b) - 1])
    if both_last and not near and _misread(a[-1], b[-1]):
        return NameMatch(0.82, "same name; the surname is nearly the same")
    one_each = full >= 2 and max(len(left), len(right)) == 1
    return NameMatch(WEAK if one_each else DIFFERENT, _which_differs(a, left[0], b, right[0]))


def _misread(a: str, b: str) -> bool:
    """Two letters wrong in a longer surname; the first letter is seldom wrong."""
    return min(len(a), len(b)) >= 6 and a[0] == b[0] and OSA.distance(a, b) == 2


def _person_reason(near: int, initials: int, missing: bool) -> str:
    said = [
        "one name gives initials" if initials else "",
        "spellings differ slightly" if near else "",
        "one name leaves a part out" if missing else "",
    ]
    detail = ", ".join(s for s in said if s)
    return f"same name; {detail}" if detail else "same words in another order"


def _which_differs(a: tuple[str, ...], i: int, b: tuple[str, ...], j: int) -> str:
    if i == len(a) - 1 and j == len(b) - 1:
        return SURNAME_DIFFERS
    if i == 0 and j == 0:
        return "names differ in the given name"
    return "names contradict each other in one part"


# --- companies ---------------------------------------------------------------------------

# Canonical forms (domain/legal_forms.py) in classes: one company cannot be in two.
_FORM_CLASS = {
    form: number
    for number, forms in enumerate(
        (
            "Inc.|Corp.|PLC|AG|SA|S.A.|S.p.A.|AB|A/S|ASA|Oyj|JSC|АО|ОАО|ПАО|ЗАО|ПрАТ|ПАТ|АТ|N.V.|"
            "A.Ş.|KK|SE|SAS|Tbk|Berhad",
            "LLC|Ltd|ООО|ТОВ|GmbH|SARL|B.V.|S.r.l.|SRL|SL|S.L.|Lda|Ltda|ApS|Oy|Kft.|SIA|UAB|OÜ|"
            "d.o.o.|s.r.o.|YK|GK|Co., Ltd.|Pte. Ltd.|Pty Ltd|(Pty) Ltd|Sdn. Bhd.|Sp. z o.o.|"
            "Pvt. Ltd.",
            "& Co. KG|GmbH & Co. KG|KG|LP|LLP|LLLP|OHG",
        )
    )
    for form in forms.split("|")
}
# Words that add little to who a company is: one side may leave them out, at a price.
_FILLERS = _word_set(
    """group company companies corporation international enterprises enterprise solutions services
    service holding holdings usa us america"""
)
_PLACES = _word_set(
    """germany deutschland france italy italia spain espana portugal austria osterreich switzerland
    schweiz suisse netherlands nederland belgium belgie belgique luxembourg denmark danmark
    norway norge sweden sverige finland suomi poland polska czech hungary romania bulgaria
    greece turkey turkiye russia ukraine uk england scotland ireland wales britain canada mexico
    brazil brasil argentina chile peru colombia usa america china japan korea taiwan india
    pakistan thailand vietnam indonesia malaysia singapore philippines australia zealand africa
    nigeria kenya egypt israel uae emirates dubai arabia saudi qatar kuwait iran iraq iceland
    island estonia latvia lithuania europe european asia asian americas apac emea hong kong
    london paris berlin munich tokyo shanghai beijing boston chicago dallas houston atlanta
    phoenix miami seattle denver texas florida california ohio michigan virginia carolina
    georgia arizona nevada oregon tennessee kentucky alabama louisiana ethiopia armenia
    azerbaijan kazakhstan uzbekistan belarus north south east west northern southern eastern
    western"""
)


@lru_cache(maxsize=16384)
def match_company_names(left: str, right: str) -> NameMatch:
    """Compare two company names, legal forms and numerals included."""
    a, b = company_name(left), company_name(right)
    if not a.squashed or not b.squashed:
        return NameMatch(0.0, "a name is missing")
    if a.squashed == b.squashed:
        return NameMatch(EXACT, "same name")
    found = _company_words(a, b)
    if found.score <= WEAK:
        return found
    if set(a.numerals) != set(b.numerals):
        extra = set(a.numerals) ^ set(b.numerals)
        if a.numerals and b.numerals:
            return NameMatch(DIFFERENT, _NUMBERS_DIFFER)
        if extra != {"1"}:
            return NameMatch(WEAK, _ONE_NUMBER)
        found = NameMatch(min(found.score, 0.85), "one name carries the number 1")
    if forms_conflict(a, b):
        return NameMatch(min(found.score, UNCLEAR), _FORMS_DIFFER)
    return found


def _company_words(a: CompanyName, b: CompanyName) -> NameMatch:
    core_a, core_b = "".join(a.words), "".join(b.words)
    if not core_a or not core_b:
        same = core_a == core_b and a.numerals == b.numerals
        return NameMatch(EXACT if same else 0.0, "same name" if same else "names differ")
    if core_a == core_b:
        return NameMatch(EXACT, "same name but for the legal form")
    if core_a in _with_form(b, core_b) or core_b in _with_form(a, core_a):
        return NameMatch(EXACT, "same name, spaced differently")
    if len(a.words) != len(b.words) and _one_word_edit(core_a, core_b):
        return NameMatch(0.9, "same name, spaced differently")
    words_a, words_b = _joined(a.words, b.words), _joined(b.words, a.words)
    pairs, left, right = _align(words_a, words_b, initials=True)
    near = sum(1 for p in pairs if p[2] < EXACT)
    if sum(1 for p in pairs if p[2] == EXACT) < 2:
        pairs, left, right = _align(words_a, words_b, initials=False)
    over_a, over_b = {words_a[i] for i in left}, {words_b[j] for j in right}
    if not pairs:
        if _acronym(words_a, words_b):
            return NameMatch(UNCLEAR, "one name is the initials of the other")
        return NameMatch(0.0, "names differ")
    if over_a and over_b:
        if over_a & _PLACES and over_b & _PLACES:
            return NameMatch(DIFFERENT, _PLACES_DIFFER)
        share = len(pairs) / max(len(words_a), len(words_b))
        return NameMatch(WEAK * share, "names differ in a word each")
    if over_a or over_b:
        return _one_sided(over_a | over_b, near)
    return _all_aligned([p[2] for p in pairs], near)


def _one_sided(over: set[str], near: int) -> NameMatch:
    if over & _PLACES:
        return NameMatch(WEAK, _ONE_PLACE)
    if over <= _FILLERS:
        return NameMatch(0.78 - 0.05 * near, "one name leaves out a general word")
    return NameMatch(WEAK, "one name has a word more: a part or subsidiary")


def _all_aligned(scores: list[float], near: int) -> NameMatch:
    if UNCLEAR in scores:
        return NameMatch(UNCLEAR, "one name gives initials")
    if near == len(scores) > 2:
        return NameMatch(UNCLEAR, "every word is spelled a little differently")
    if near:
        return NameMatch(EXACT - 0.06 * near, "same name; spellings differ slightly")
    return NameMatch(EXACT, "same words in another order")


def _with_form(name: CompanyName, core: str) -> tuple[str, ...]:
    """`feldmark` with form AG → `feldmarkag`."""
    return (core + fold(name.form).replace(" ", ""),) if name.form else ()


def _one_word_edit(a: str, b: str) -> bool:
    return min(len(a), len(b)) >= 6 and _one_edit(a, b)


def _acronym(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    short, long = sorted((a, b), key=len)
    return len(short) == 1 and len(long) >= 3 and short[0] == "".join(w[0] for w in long)


def forms_conflict(a: CompanyName, b: CompanyName) -> bool:
    """Both names show a legal form, and one company cannot have both."""
    if not a.form or not b.form or a.form == b.form:
        return False
    if fold(a.form).replace(" ", "") == fold(b.form).replace(" ", ""):
        return False  # AS, A/S and A.Ş.: which one it is shows in the country only
    if a.form_country and b.form_country and a.form_country != b.form_country:
        return {a.form_country, b.form_country} != {"RU", "UA"}  # one register's two languages
    class_a, class_b = _FORM_CLASS.get(a.form), _FORM_CLASS.get(b.form)
    return class_a is not None and class_b is not None and class_a != class_b


def same_company_spelling(left: str, right: str) -> bool:
    """Whether two strings spell one company name: only legal form, accents, articles and
    abbreviations may differ, and no two legal forms may contradict."""
    a, b = company_name(left), company_name(right)
    if a.squashed == b.squashed:
        return a.squashed != "" or left.split() == right.split()
    same = (a.words, a.numerals) == (b.words, b.numerals) and bool(a.words or a.numerals)
    return same and not forms_conflict(a, b)
