"""The matching bench scores what it is given, beside its baselines."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

from bench.matching import scores

PAIRS = [
    {"left": {"name": "Bob Smith"}, "right": {"name": "Robert Smith"}, "same": 1, "kind": "person"},
    {"left": {"name": "Bob Smith"}, "right": {"name": "Ann Jones"}, "same": 0, "kind": "person"},
    {"left": {"name": "Bob Smith"}, "right": {"name": "Bob Smith"}, "same": 0, "kind": "person"},
    {"left": {"name": "Sea Star"}, "right": {"name": "Sea Star"}, "same": 1, "kind": "vessel"},
    {
        "left": {"name": "Nora's", "addr": "1 Elm St", "phone": "212 555 0142"},
        "right": {"name": "Noras", "addr": "1 Elm Street", "phone": "212/555-0142"},
        "same": 1,
        "kind": "place",
    },
]


def test_scores_are_those_of_the_textbook() -> None:
    found = scores([(True, True), (True, False), (False, True), (False, False)])
    assert found["precision"] == found["recall"] == found["f1"] == 0.5
    assert found["balanced_accuracy"] == found["false_merge_rate"] == 0.5


def test_the_bench_reports_each_kind_with_baseline_and_errors(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(pair) for pair in PAIRS).encode()))
    run = subprocess.run(
        [sys.executable, "-m", "bench.matching", str(path), "--errors"],
        capture_output=True, check=True, timeout=60, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    report = json.loads(run.stdout)["pairs.jsonl.gz"]
    assert set(report) == {"person", "place"}
    assert report["person"]["ours"]["recall"] == 1.0
    assert report["person"]["ours"]["false_merge_rate"] == 0.5
    assert [e["left"] for e in report["person"]["errors"]] == ["Bob Smith"]
    assert "token_set_ratio" in report["person"]["baselines"]
    assert report["place"]["ours"]["f1"] == 1.0
