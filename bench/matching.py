"""Entity resolution on labelled pairs: `python -m bench.matching PAIRS.jsonl[.gz] …`

One pair a line, `{left: {...}, right: {...}, same: 0|1, kind: person|company|place}`. Prints JSON:
per file and kind precision, recall, F1, balanced accuracy and false-merge rate of the product at
its own threshold, beside a plain string similarity at the threshold that suits this very file best
(the baselines see the answers, the product does not). `--errors` lists the product's mistakes.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from data411_mcp.domain.resolve import (
    Judgement,
    Profile,
    same_company,
    same_person,
    same_place,
)

Side = Mapping[str, Any]

_LISTS = (
    "names", "aliases", "countries", "addresses", "phones", "emails", "websites", "ids",
    "birth_dates", "titles",
)  # fmt: skip
PRODUCT: dict[str, Callable[[Profile, Profile], Judgement]] = {
    "person": same_person,
    "company": same_company,
    "place": same_place,
}


@dataclass(frozen=True, slots=True)
class Pair:
    left: Side
    right: Side
    same: bool
    kind: str


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file whose kind the product resolves; others are left out."""
    body = path.read_bytes()
    text = (gzip.decompress(body) if path.suffix == ".gz" else body).decode()
    rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    return [
        Pair(row["left"], row["right"], bool(row["same"]), row["kind"])
        for row in rows
        if row["kind"] in PRODUCT
    ]


def profile(side: Side) -> Profile:
    """A side of a pair; `addr`, `city` and `phone` are the names that place data uses."""
    values = {name: tuple(str(v) for v in side.get(name) or ()) for name in _LISTS}
    if side.get("addr"):
        values["addresses"] += (str(side["addr"]),)
    if side.get("phone"):
        values["phones"] += (str(side["phone"]),)
    return Profile(name=str(side.get("name") or ""), **values)


def scores(answers: Iterable[tuple[bool, bool]]) -> dict[str, float | int]:
    """Figures over (predicted, true) answers."""
    tp = fp = fn = tn = 0
    for predicted, true in answers:
        tp += predicted and true
        fp += predicted and not true
        fn += not predicted and true
        tn += not predicted and not true
    recall = tp / (tp + fn) if tp + fn else 0.0
    spared = tn / (tn + fp) if tn + fp else 0.0
    return {
        "pairs": tp + fp + fn + tn,
        "precision": round(tp / (tp + fp), 4) if tp + fp else 0.0,
        "recall": round(recall, 4),
        "f1": round(2 * tp / (2 * tp + fp + fn), 4) if tp else 0.0,
        "balanced_accuracy": round((recall + spared) / 2, 4),
        "false_merge_rate": round(1 - spared, 4),
    }


# --- baselines: one similarity each, threshold tuned on the file itself -------------------


def _spellings(side: Side) -> list[str]:
    every = [side.get("name"), *(side.get("names") or ()), *(side.get("aliases") or ())]
    return list(dict.fromkeys(default_process(str(name)) for name in every if name))


def _best_ratio(pair: Pair, ratio: Callable[[str, str], float]) -> float:
    return max(
        (ratio(x, y) for x in _spellings(pair.left) for y in _spellings(pair.right)), default=0.0
    )


def _place_mean(pair: Pair) -> float:
    fields = [f for f in ("name", "addr", "phone") if pair.left.get(f) and pair.right.get(f)]
    ratios = [
        fuzz.token_set_ratio(
            default_process(str(pair.left[f])), default_process(str(pair.right[f]))
        )
        for f in fields
    ]
    return sum(ratios) / len(ratios) if ratios else 0.0


BASELINES: dict[str, tuple[str, Callable[[Pair], float]]] = {
    "person": ("token_set_ratio", lambda pair: _best_ratio(pair, fuzz.token_set_ratio)),
    "company": ("WRatio", lambda pair: _best_ratio(pair, fuzz.WRatio)),
    "place": ("mean of name, addr, phone", _place_mean),
}


def tuned_baseline(pairs: list[Pair], similarity: Callable[[Pair], float]) -> dict[str, Any]:
    """The figures at the best threshold on these pairs: balanced accuracy, F1 for places."""
    target = "f1" if pairs[0].kind == "place" else "balanced_accuracy"
    measured = [(similarity(pair), pair.same) for pair in pairs]
    best: dict[str, Any] = {}
    for threshold in sorted({value for value, _ in measured}):
        found = scores((value >= threshold, same) for value, same in measured)
        if not best or found[target] > best[target]:
            best = {**found, "threshold": round(threshold, 2), "tuned": "in sample"}
    return best


# --- the run -----------------------------------------------------------------------------


def measure(pairs: list[Pair], *, errors: bool = False) -> dict[str, Any]:
    """Figures per kind, ours and the baseline's, and the time of one comparison."""
    report: dict[str, Any] = {}
    for kind, judge in PRODUCT.items():
        chosen = [pair for pair in pairs if pair.kind == kind]
        if not chosen:
            continue
        started = time.perf_counter()
        judged = [judge(profile(pair.left), profile(pair.right)) for pair in chosen]
        seconds = time.perf_counter() - started
        answers = [(j.same is True, pair.same) for j, pair in zip(judged, chosen, strict=True)]
        name, similarity = BASELINES[kind]
        report[kind] = {
            "ours": scores(answers),
            "unsure": sum(j.same is None for j in judged),
            "baselines": {name: tuned_baseline(chosen, similarity)},
            "milliseconds_per_pair": round(1000 * seconds / len(chosen), 3),
        }
        if errors:
            report[kind]["errors"] = [
                {"same": pair.same, "score": j.score, "reason": j.reason,
                 "left": pair.left.get("name"), "right": pair.right.get("name")}
                for j, pair in zip(judged, chosen, strict=True)
                if (j.same is True) != pair.same
            ]  # fmt: skip
    return report


def main(
    files: Annotated[list[Path], typer.Argument(help="Pair files, JSON lines, .gz or plain.")],
    errors: Annotated[bool, typer.Option(help="List the product's mistakes.")] = False,
) -> None:
    absent = [str(path) for path in files if not path.is_file()]
    if absent:
        raise typer.BadParameter("no such file: " + ", ".join(absent))
    report = {path.name: measure(read_pairs(path), errors=errors) for path in files}
    print(json.dumps(report, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    typer.run(main)
