"""Names in the form that comparing uses: folded, romanised, without decoration.

`words` is the base; `person_name` and `company_name` know what may be dropped in each kind of
name. Nothing here decides whether two names are the same: `name_match.py` does.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from data411_mcp.domain.legal_forms import legal_form, strip_legal_form
from data411_mcp.domain.transliteration import romanize


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


NAME_MAX_CHARS = 300  # longer text is not a name; comparing costs the square of the length

_APOSTROPHES = re.compile("['’‘ʼʻ`´ʹ\"“”„«»]")
_INITIALS_RUN = re.compile(r"(?<![^\W\d_])(?:[^\W\d_]\s?\.\s?){2,}(?:[^\W\d_](?!\w))?")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ]{2})(?=[A-ZÀ-Þ])")

HONORIFICS = _word_set(
    """mr mrs ms miss mx dr prof professor sir dame lord lady hon honorable honourable rev reverend
    fr father sr sra srta senor senora don dona herr frau monsieur madame mme mlle sheikh shaikh
    shaykh haji hajji hajj sayyid syed mullah maulana mawlana qari ustad ing dipl engr eng arch
    dott avv mag capt captain col colonel gen general lt maj major sgt president prasident
    presidente senator minister ambassador judge justice king queen prince princess pastor
    bishop rabbi shri sri smt kumari dato datuk khun mevr dhr doktor ceo cfo chairman"""
)
# Also given names and surnames: dropped only where a full name remains.
_NAMELIKE_HONORIFICS = _word_set(
    "don dona king prince princess major mag general judge justice bishop pastor sri arch khun eng"
)
_CREDENTIALS = _word_set(
    """phd md mba cpa esq esquire jd dds dmd rn pe cfa cfp llm llb ba bsc msc ma bs ms mph dvm do
    od dc pa np cpcu clu chfc pmp ccim sior gri crs aia leed faia obe mbe cbe kbe qc kc mp"""
)
_SUFFIXES = {
    "jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "ii": "2", "2nd": "2", "iii": "3",
    "3rd": "3", "iv": "4", "4th": "4",
}  # fmt: skip
_PARTICLES = _word_set(
    """al el ad an ar as ash at az ul ud ur bin ibn ben bint binti abu abou de la le les du des da
    das do dos del della delle di van von der den ter ten te zu zum zur af av y e i het na the
    of d l"""
)
PATRONYMIC_LINKS = frozenset({"bin", "ibn", "ben", "bint", "binti"})

_ABBREVIATIONS = {
    "intl": "international", "int": "international", "internat": "international",
    "bros": "brothers", "mfg": "manufacturing", "mfrs": "manufacturers", "svc": "service",
    "svcs": "services", "serv": "services", "mgmt": "management", "mgt": "management",
    "grp": "group", "assoc": "associates", "assocs": "associates", "assn": "association",
    "natl": "national", "univ": "university", "dept": "department", "govt": "government",
    "tech": "technology", "techs": "technologies", "sys": "systems", "ind": "industries",
    "inds": "industries", "indus": "industries", "ent": "enterprises", "ents": "enterprises",
    "dist": "distribution", "distr": "distribution", "constr": "construction",
    "eng": "engineering", "engr": "engineering", "equip": "equipment", "ins": "insurance",
    "inst": "institute", "hosp": "hospital", "med": "medical", "ctr": "center", "cntr": "center",
    "labs": "laboratories", "lab": "laboratory", "pharm": "pharmacy", "pharma": "pharmaceuticals",
    "prods": "products", "prod": "products", "props": "properties", "dev": "development",
    "hldgs": "holdings", "hldg": "holding", "invs": "investments", "inv": "investment",
    "fin": "financial", "transp": "transport", "trans": "transport", "auto": "automotive",
    "elec": "electric", "electr": "electric", "amer": "american", "st": "saint", "mt": "mount",
    "ft": "fort", "no": "number",
}  # fmt: skip
_SPELLINGS = {
    "organisation": "organization", "organisations": "organizations", "labour": "labor",
    "centre": "center", "centres": "centers", "theatre": "theater", "defence": "defense",
    "colour": "color", "colours": "colors", "fibre": "fiber", "tyre": "tire", "tyres": "tires",
    "jewellery": "jewelry", "jewellers": "jewelers", "programme": "program", "grey": "gray",
    "harbour": "harbor", "catalogue": "catalog", "aluminium": "aluminum", "travellers": "travelers",
    "specialised": "specialized", "licence": "license", "tyred": "tired", "mould": "mold",
    "cheque": "check", "plough": "plow", "neighbourhood": "neighborhood",
}  # fmt: skip
_NUMBER_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "first": "1",
    "second": "2", "third": "3", "fourth": "4", "fifth": "5", "sixth": "6", "seventh": "7",
    "eighth": "8", "ninth": "9", "tenth": "10", "1st": "1", "2nd": "2", "3rd": "3", "4th": "4",
    "5th": "5", "6th": "6", "7th": "7", "8th": "8", "9th": "9", "10th": "10", "ii": "2",
    "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "xi": "11", "xii": "12",
    "xiii": "13", "xiv": "14", "xv": "15", "xvi": "16",
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_LONE_ROMANS = {"i": "1", "v": "5", "x": "10"}  # numerals only at the end of a company name
_COMPANY_NOISE = _word_set(
    "and the of de la le les el los las der die das und et y e for a an du des del di do da dos in"
)
# Legal forms before the name that the table of legal_forms.py knows only after it.
_LEADING_FORM = re.compile(
    r"^\W*(?:"
    r"(?P<stock>(?:(?:open|public|closed|private)\s+)?joint[\s-]+stock\s+compan\w+"
    r"|(?:(?:otkrytoe|otkrytoye|zakrytoe|zakrytoye|publichnoe|publichnoye|vidkryte|pryvatne|"
    r"publichne)\s+)?a[kc][ts]\w*onern\w+\s+\w+|(?:oj|pj|cj|j)sc|o\.?a\.?o|p\.?a\.?o|z\.?a\.?o)"
    r"|(?P<limited>(?:limited|ltd)\s+liability\s+compan\w+|obshchestvo\s+s\s+ogranichenno\w+\s+"
    r"otvetstvennost\w+|tovarystvo\s+z\s+obmezheno\w+\s+vidpovidalnist\w+|llc|"
    r"societatea\s+cu\s+r\w+spundere\s+limitat\w+|s\.r\.l\.)"
    r")\b[\s,.]*(?=\S)",
    re.IGNORECASE,
)
_TURKISH_FORM = re.compile(r"\s+(anonim|limited|ltd|ltd\.)\s+(?:sirketi|sti)\W*$")
_FORM_WORDS = (
    "aktiengesellschaft", "gesellschaft", "corporation", "incorporated", "limited", "company",
    "companies", "liability", "partnership", "joint", "stock",
)  # fmt: skip


def words(text: str) -> tuple[str, ...]:
    """Folded words: romanised, case-folded, without diacritics and punctuation.

    Apostrophes and quotes vanish inside a word; every other sign separates.
    """
    plain = _APOSTROPHES.sub("", romanize(text[:NAME_MAX_CHARS]))
    return tuple("".join(c if _is_word_char(c) else " " for c in plain).split())


def _is_word_char(char: str) -> bool:
    # Marks count: the vowels of Thai, Bengali or Khmer are marks, and carry the word.
    return char.isalnum() or (not char.isascii() and unicodedata.category(char)[0] == "M")


def fold(text: str) -> str:
    """`words` as one string."""
    return " ".join(words(text))


@dataclass(frozen=True, slots=True)
class PersonName:
    """`words` in the order given name … surname where a comma showed it; `suffix` is `jr`, `sr`,
    `2`, `3`, `4` or ""; `patronymic` when the words are linked by bin, ibn or bint."""

    words: tuple[str, ...]
    suffix: str = ""
    patronymic: bool = False


@lru_cache(maxsize=8192)
def person_name(text: str) -> PersonName:
    """The comparable core of a person's name: no honorifics, credentials or particles.

    `Smith, Dr. Bob Jr.` → (`bob`, `smith`), suffix `jr`. A name made of nothing but
    decoration keeps its words.
    """
    text = text[:NAME_MAX_CHARS]
    if " " not in text.strip():
        text = _CAMEL.sub(" ", text)
    parts = [part for part in (list(words(p)) for p in text.split(",")) if part]
    if not parts:
        return PersonName(())
    head, *rest = parts
    tail: list[str] = []
    for part in rest:
        decoration = all(w in _CREDENTIALS or w in _SUFFIXES or w in HONORIFICS for w in part)
        if decoration or len(head) == 0:
            tail.extend(part)
        else:
            head = [*part, *head]  # family name first
    raw = [*head, *tail]
    return _core(raw)


def _core(raw: list[str]) -> PersonName:
    kept, suffix = list(raw), ""
    while kept[0] in HONORIFICS and len(kept) > (2 if kept[0] in _NAMELIKE_HONORIFICS else 1):
        kept.pop(0)
    # A suffix may sit in the middle once a comma name has been turned round.
    for word in kept[1:]:
        if word in _SUFFIXES and len(kept) > 2:
            suffix = _SUFFIXES[word]
            kept.remove(word)
            break
    while len(kept) > 2 and kept[-1] in _CREDENTIALS:
        kept.pop()
    patronymic = any(w in PATRONYMIC_LINKS for w in kept[1:-1])
    core = [w for i, w in enumerate(kept) if i == 0 or w not in _PARTICLES]
    if len(core) > 2 and core[0] in _PARTICLES and len(core[0]) > 1 and core[0] != "ben":
        core = core[1:]
    return PersonName(tuple(core), suffix, patronymic)


@dataclass(frozen=True, slots=True)
class CompanyName:
    """`words` without legal form, articles and numerals; `numerals` in Arabic digits; `form` the
    canonical legal form or "", `form_country` ISO 2 or ""; `squashed` everything in one word."""

    words: tuple[str, ...]
    numerals: tuple[str, ...]
    form: str
    form_country: str
    squashed: str


@lru_cache(maxsize=8192)
def company_name(text: str) -> CompanyName:
    """The comparable core of a company's name: `The Smith Bros. Mfg Co.` → smith, brothers,
    manufacturing."""
    text = text[:NAME_MAX_CHARS].replace("&", " and ").replace("+", " and ")
    text = _without_repetition(text)
    form, country = legal_form(text) or ("", "")
    core = strip_legal_form(text)
    if leading := _LEADING_FORM.match(core):
        core = core[leading.end() :]
        form = form or ("JSC" if leading["stock"] else "LLC")
    if trailing := _TURKISH_FORM.search(romanize(core)):
        core = romanize(core)[: trailing.start()]
        form, country = ("A.Ş." if trailing[1] == "anonim" else "Ltd"), "TR"
    inner = _joined_initials(core)
    found = list(words(re.sub(r"(?<=\d)[.,](?=\d)", "", inner).replace("%", " percent ")))
    if any(_is_misspelt_form(w) for w in found[-3:]):
        while len(found) > 1 and (found[-1] in _FORM_WORDS or _is_misspelt_form(found[-1])):
            found.pop()
    kept = [w for w in found if w not in _COMPANY_NOISE] or found
    plain, numerals = _numerals([_SPELLINGS.get(w, _ABBREVIATIONS.get(w, w)) for w in kept])
    return CompanyName(tuple(plain), tuple(sorted(numerals)), form, country, "".join(words(text)))


def _without_repetition(core: str) -> str:
    """`Acme Trading (Acme)` → `Acme Trading`: brackets that repeat a part of the name."""
    inside = re.search(r"\(([^()]*)\)\s*$", core)
    if inside and set(words(inside[1])) <= set(words(core[: inside.start()])):
        return core[: inside.start()]
    return core


def _joined_initials(text: str) -> str:
    """`Q.R.T Gliders` → `QRT Gliders`."""
    return _INITIALS_RUN.sub(lambda m: re.sub(r"[\s.]", "", m[0]) + " ", text)


def _is_misspelt_form(word: str) -> bool:
    """`aktiengeselschaft`, `compan`: a legal form's word with one letter wrong."""
    return len(word) >= 5 and any(
        word != form and abs(len(word) - len(form)) <= 1 and _one_edit(word, form)
        for form in _FORM_WORDS
    )


def _one_edit(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    at = next((i for i, (x, y) in enumerate(zip(short, long, strict=False)) if x != y), len(short))
    if len(short) == len(long):
        return short[at + 1 :] == long[at + 1 :]
    return short[at:] == long[at + 1 :]


def _numerals(tokens: list[str]) -> tuple[list[str], list[str]]:
    plain: list[str] = []
    numerals: list[str] = []
    for i, word in enumerate(tokens):
        last = i == len(tokens) - 1 and i > 0
        if word.isdecimal() or (word[0].isdigit() and not word.isalpha()):
            numerals.append(word.lstrip("0") or "0")
        elif word in _TENS:
            numerals.append(str(_TENS[word]))
        elif word in _NUMBER_WORDS:
            value = _NUMBER_WORDS[word]
            tens = i > 0 and tokens[i - 1] in _TENS and len(value) == 1
            if tens:
                value = str(int(numerals.pop()) + int(value))
            numerals.append(value)
        elif last and word in _LONE_ROMANS:
            numerals.append(_LONE_ROMANS[word])
        else:
            plain.append(word)
    return plain, numerals


def person_key(text: str) -> str:
    """One string for one spelling of a person: word order, titles and accents do not matter."""
    name = person_name(text)
    return " ".join([*sorted(name.words), *([name.suffix] if name.suffix else [])])


def company_key(text: str) -> str:
    """One string for a company: legal form, articles, accents and abbreviations do not matter;
    numerals do."""
    name = company_name(text)
    return " ".join([*name.words, *name.numerals]) or fold(text)
