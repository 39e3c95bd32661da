"""Which people are worth comparing: a join needs a common e-mail or names that agree twice.

`name_match` joins two names of several words only where one word agrees in full (the same, a
short form, a like sound, a typing error) and another at least in its first letter, or agrees in
full too. Each such agreement leaves one key that both names have, so that people without a common
key need no comparison: a page of a thousand people is not a million pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from data411_mcp.domain.name_match import word_sound
from data411_mcp.domain.names import person_name
from data411_mcp.domain.nicknames import groups_of
from data411_mcp.domain.resolve import NAMES_MAX, Profile

LONG_WORD = 9  # from here on two typing errors are one word
START = 4  # letters of a word that make two agreements rare
JOINED_MIN = 5  # two words that the other name writes as one


@dataclass
class Candidates:
    """Ids in the order they came, found again by their keys."""

    order: dict[str, int] = field(default_factory=dict)
    _by_key: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, id_: str, keys: Iterable[str]) -> None:
        self.order[id_] = len(self.order)
        for key in keys:
            self._by_key[key].append(id_)

    def sharing(self, keys: Iterable[str]) -> list[str]:
        """Those with a key in common, in the order they came."""
        found = {id_ for key in keys for id_ in self._by_key.get(key, ())}
        return sorted(found, key=self.order.__getitem__)


def person_keys(profile: Profile) -> frozenset[str]:
    """Keys such that two profiles `same_person` may join share at least one."""
    names = dict.fromkeys(n for n in (profile.name, *profile.names, *profile.aliases) if n)
    found = {"@" + e.strip().casefold() for e in profile.emails if "@" in e}
    for name in list(names)[:NAMES_MAX]:
        found.update(_name_keys(person_name(name).words))
    return frozenset(found)


def _name_keys(words: tuple[str, ...]) -> Iterator[str]:
    if not words:
        return
    yield "=" + "".join(words)
    joined = [(i, i + 2, a + b) for i, (a, b) in enumerate(pairwise(words))]
    parts = [(i, i + 1, w) for i, w in enumerate(words)]
    parts += [part for part in joined if len(part[2]) >= JOINED_MIN]
    full = {word: _full_keys(word) for _, _, word in parts}
    agreeing = {word: _agreeing(word) for _, _, word in parts}
    for start, end, word in parts:
        if end - start == len(words):
            yield from ("1" + key for key in full[word])
        for other_start, other_end, other in parts:
            if other_end <= start or end <= other_start:
                seconds = agreeing[other]
                yield from (f"{key}|{second}" for key in full[word] for second in seconds)


def _full_keys(word: str) -> set[str]:
    """Two words that agree in full share one."""
    keys = {f"#{number}" for number in groups_of(word)} | _deleted(word)
    return keys | {"~" + word_sound(word)} if len(word) >= 4 else keys


def _agreeing(word: str) -> set[str]:
    """Two words that agree in full, or in the first letter, share one."""
    keys = {word[0]} | {f"#{number}" for number in groups_of(word)}
    keys |= {"^" + variant[:START] for variant in _deleted(word)}
    return keys | {"~" + word_sound(word)} if len(word) >= 4 else keys


def _deleted(word: str) -> set[str]:
    """The word with none of its letters left out, or as many as typing errors are forgiven."""
    found = {word}
    if len(word) >= 4:
        found |= {word[:i] + word[i + 1 :] for i in range(len(word))}
    if len(word) >= LONG_WORD:
        found |= {w[:i] + w[i + 1 :] for w in tuple(found) for i in range(len(w))}
    return found
