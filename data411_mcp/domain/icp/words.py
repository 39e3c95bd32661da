"""Words of company descriptions as similarity compares them: folded, without plurals."""

from __future__ import annotations

import re

_APOSTROPHE_S = re.compile(r"['’]s\b")
_WORD = re.compile(r"[^\W_]+")

STOP_WORDS = frozenset(
    """
    a about across after all along already also always am among an and another any are around as
    at be because been before being best better between both but by can could do does each even
    every first for from get gets go had has have he help helps helping her here high his how i if
    in into is it its just keep know let lets like made make makes making many may more most much
    my need new next no not now of on once one only or other our out over own same she should since
    so some still such take than that the their them then there these they thing this those through
    to today too two under until up upon us use used uses using very via want was way we well were
    what when where which while who whose why will with within without work working works would yet
    you your
    cookie cookies privacy policy contact menu login sign signup copyright reserved rights subscribe
    click read learn website page skip main content toggle navigation http https www com terms
    ltd inc llc pte pty corp gmbh limited company companies
    und der die das mit für von ein eine wir sie ist auf den des dem im zu et les des le la nous
    vous pour avec dans une un sur votre notre el los las para con una su por del que en y de
    """.split()
)


def stem(word: str) -> str:
    """English plurals taken off; anything else as it stands."""
    if len(word) <= 4:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def words_of(text: str) -> list[str]:
    """Folded words without plurals, in order; a possessive `'s` is no word."""
    return [stem(word) for word in _WORD.findall(_APOSTROPHE_S.sub("", text.casefold()))]


def spans_of(text: str) -> list[tuple[str, int, int]]:
    """As `words_of`, each with its offsets in `text`. (Folding may not move offsets: the words
    are found first and folded after.)"""
    plain = _APOSTROPHE_S.sub("  ", text)
    return [(stem(m[0].casefold()), m.start(), m.end()) for m in _WORD.finditer(plain)]


def tells(word: str) -> bool:
    """Whether a word says something about a company."""
    return len(word) > 1 and word not in STOP_WORDS
