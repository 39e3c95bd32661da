"""The table of sentences and tests names tests that exist; every known defect has one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "icp-acceptance.md"
NAMED = sorted(set(re.findall(r"`(tests/\S+?\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))))
DEFECTS = 22  # of the system that the ICP finder's specification grew out of


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_the_table_names_exists(file: str, name: str) -> None:
    assert name in functions_of(ROOT / file)


def test_every_row_of_the_table_names_a_test() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    sentences = [line for line in rows if not line.startswith("| sentence")]
    assert len(sentences) > 30
    assert [line for line in sentences if "::test_" not in line] == []


@pytest.mark.parametrize("number", range(1, DEFECTS + 1))
def test_every_known_defect_has_a_test_of_its_name(number: int) -> None:
    names = {name for path in (ROOT / "tests").rglob("test_*.py") for name in functions_of(path)}
    assert [name for name in names if name.startswith(f"test_defect_{number:02}_")]
