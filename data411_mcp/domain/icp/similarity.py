"""How alike companies are by what they say of themselves. No model and no network: words, word
pairs and the trades they speak of.

A pool of texts is read once; the weight of a word or phrase comes from the pool. Likeness to a
set of seeds is the sum of two parts. *Words*: mean over the seeds of the square root of the cosine
between two texts, so that a company near all seeds comes before a copy of one. *Trades*: what the
seeds speak of together; a trade that only one of five speaks of counts less than one of all five.
Both are measured against how alike the seeds are among themselves, so that 1 means: as like the
seeds as they are like each other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from data411_mcp.domain.icp.industries import Phrase, count_phrases, trades
from data411_mcp.domain.icp.words import tells, words_of

HEADLINE_WEIGHT = 2.0  # for trades: what a company puts first is what it is
HEADLINE_WORD_WEIGHT = 1.5
PAIR_WEIGHT = 0.5
TRADES_WEIGHT = 1.0  # beside 1 for words
SHORT_TEXT = 0.25  # of the pool's median; a text with less to say is trusted less
TRADE_SAID = 0.05  # a trade's share of a text from which on a company is of it
CONSENSUS_POWER = 0.5
WORDS_FLOOR = 0.15  # seeds that have no word in common still set a measure
TRADES_FLOOR = 0.1
LONE_SEED_WORDS = 0.45  # two companies of one trade; a seed without others sets no measure itself
BODY_WORDS_MAX = 2_000

Vector = dict[str, float]


@dataclass(frozen=True, slots=True)
class CompanyText:
    """What a company says of itself. `headline` is its one line, `body` everything else."""

    name: str = ""
    headline: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """`value` is 1 for a company as like the seeds as they are among themselves; 0 for a blank
    one. `nearest` is the place in `seeds` of the one it is most like, -1 for none."""

    value: float
    nearest: int
    words: float = 0.0
    trades: float = 0.0


class Pool:
    """Texts that are compared with each other, by their place in the sequence."""

    def __init__(self, texts: Sequence[CompanyText]) -> None:
        read = [_Read(text) for text in texts]
        self._vectors = _word_vectors(read)
        self._trades = _trade_vectors([r.phrases for r in read])
        self._postings: dict[str, list[tuple[int, float]]] = {}
        for at, vector in enumerate(self._vectors):
            for term, weight in vector.items():
                self._postings.setdefault(term, []).append((at, weight))

    def __len__(self) -> int:
        return len(self._vectors)

    def likeness(self, seeds: Sequence[int]) -> list[Likeness]:
        """Of every text of the pool to these ones; a seed is compared with the others only."""
        if not seeds:
            return [Likeness(0.0, -1)] * len(self)
        near = [self._cosines(seed) for seed in seeds]
        shared = self._consensus(seeds)
        words = [_mean_root(near, at, seeds) for at in range(len(self))]
        said = [_dot(vector, shared) for vector in self._trades]
        floor = WORDS_FLOOR if len(seeds) > 1 else LONE_SEED_WORDS
        of_words = max(sum(words[s] for s in seeds) / len(seeds), floor)
        of_trades = max(sum(said[s] for s in seeds) / len(seeds), TRADES_FLOOR)
        out = []
        for at in range(len(self)):
            by_words, by_trades = words[at] / of_words, said[at] / of_trades
            value = (by_words + TRADES_WEIGHT * by_trades) / (1 + TRADES_WEIGHT)
            out.append(Likeness(value, _nearest(near, at, seeds), by_words, by_trades))
        return out

    def cosines(self, at: int, others: Sequence[int]) -> list[float]:
        """How near one text is to these, 0 to 1, by words alone."""
        return [_dot(self._vectors[at], self._vectors[other]) for other in others]

    def trades_of(self, at: int) -> Vector:
        """By slug, as shares of a text of middling length."""
        return self._trades[at]

    def _cosines(self, seed: int) -> list[float]:
        out = [0.0] * len(self)
        for term, weight in self._vectors[seed].items():
            for at, other in self._postings[term]:
                out[at] += weight * other
        return out

    def _consensus(self, seeds: Sequence[int]) -> Vector:
        total: Vector = {}
        of: Counter[str] = Counter()
        for seed in seeds:
            for slug, weight in self._trades[seed].items():
                total[slug] = total.get(slug, 0.0) + weight / len(seeds)
                of[slug] += weight > TRADE_SAID
        return {
            slug: weight * (of[slug] / len(seeds)) ** CONSENSUS_POWER
            for slug, weight in total.items()
        }


class _Read:
    """A text's terms and phrases, counted."""

    __slots__ = ("first", "phrases", "terms")

    def __init__(self, text: CompanyText) -> None:
        self.terms: dict[str, float] = {}
        self.phrases: Counter[Phrase] = Counter()
        self.first = frozenset(words_of(text.headline)[:BODY_WORDS_MAX])
        for part, weight in ((text.name, 0.0), (text.headline, HEADLINE_WEIGHT), (text.body, 1.0)):
            words = words_of(part)[:BODY_WORDS_MAX]
            telling = [tells(word) for word in words]
            for at, word in enumerate(words):
                if telling[at]:
                    self.terms[word] = self.terms.get(word, 0.0) + 1.0
                    if at and telling[at - 1]:
                        pair = f"{words[at - 1]} {word}"
                        self.terms[pair] = self.terms.get(pair, 0.0) + PAIR_WEIGHT
            for phrase, count in count_phrases(words).items() if weight else ():
                self.phrases[phrase] += count * weight  # type: ignore[assignment]


def _rarity(frequency: int, of: int) -> float:
    return 1.0 + math.log((of + 1) / (frequency + 1))


def _word_vectors(texts: Sequence[_Read]) -> list[Vector]:
    frequency = Counter(term for text in texts for term in text.terms)
    out = []
    for text in texts:
        vector = {
            term: (1 + math.log(count) if count >= 1 else count)
            * _rarity(frequency[term], len(texts))
            * (HEADLINE_WORD_WEIGHT if term in text.first else 1.0)
            for term, count in text.terms.items()
        }
        length = math.sqrt(sum(weight * weight for weight in vector.values()))
        out.append({term: weight / length for term, weight in vector.items()} if length else {})
    return out


def _trade_vectors(counted: Sequence[Counter[Phrase]]) -> list[Vector]:
    frequency = Counter(phrase for phrases in counted for phrase in phrases)
    worth = {phrase: _rarity(count, len(counted)) for phrase, count in frequency.items()}
    plain = [trades(phrases, worth) for phrases in counted]
    spoken = Counter(slug for vector in plain for slug in vector)
    rare = {s: math.sqrt(_rarity(count, len(plain)) - 1 + 0.01) for s, count in spoken.items()}
    if len(plain) < 100:  # of a few companies that were looked for together, rarity says nothing
        rare = dict.fromkeys(rare, 1.0)
    weighed = [{slug: w * rare[slug] for slug, w in vector.items()} for vector in plain]
    lengths = [math.sqrt(sum(w * w for w in vector.values())) for vector in weighed]
    told = sorted(length for length in lengths if length) or [1.0]
    extra = SHORT_TEXT * told[len(told) // 2]
    return [
        {slug: w / (length + extra) for slug, w in vector.items()}
        for vector, length in zip(weighed, lengths, strict=True)
    ]


def _mean_root(near: Sequence[Sequence[float]], at: int, seeds: Sequence[int]) -> float:
    others = [cosines[at] for cosines, seed in zip(near, seeds, strict=True) if seed != at]
    return sum(math.sqrt(max(c, 0.0)) for c in others) / len(others) if others else 0.0


def _nearest(near: Sequence[Sequence[float]], at: int, seeds: Sequence[int]) -> int:
    best, found = 0.0, -1
    for place, (cosines, seed) in enumerate(zip(near, seeds, strict=True)):
        if seed != at and cosines[at] > best:
            best, found = cosines[at], place
    return found


def _dot(a: Vector, b: Vector) -> float:
    if len(b) < len(a):
        a, b = b, a
    return sum(weight * b[term] for term, weight in a.items() if term in b)
