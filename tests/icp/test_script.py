"""The chat script is the specification's, sign for sign."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data411_mcp.adapters.prompts import load_script
from data411_mcp.domain.events import EventName
from data411_mcp.domain.icp.script import parse_script

SPEC = Path(__file__).resolve().parents[3] / "shared" / "spec"
SCRIPT = load_script()


def spec(name: str) -> str:
    path = SPEC / name
    if not path.is_file():
        pytest.skip("the specification is not beside this checkout")
    return path.read_text(encoding="utf-8")


def test_every_line_of_the_sample_conversation_is_there_sign_for_sign() -> None:
    text = spec("icp-finder-prd20.md")
    agent = re.findall(r"^\d\) Agent → “(.*?)”", text, re.MULTILINE)
    progress = re.findall(r"^   - “(.*)”$", text, re.MULTILINE)
    said = [
        SCRIPT.line("ask_website"),
        SCRIPT.line("ask_customers"),
        SCRIPT.line("ask_confirm"),
        SCRIPT.event("enrich:summary", completed=8, top=10),
    ]
    assert said == agent
    labels = ("icp:planning_start", "icp:toplikes_ready", "icp:profile_ready",
              "icp:progress_summary")  # fmt: skip
    assert [
        *(SCRIPT.event(label) for label in labels),
        SCRIPT.event("icp:candidates_found", candidates=12, top=10),
    ] == progress


def test_every_event_label_has_the_text_of_the_specification() -> None:
    text = spec("icp-finder-prd20.md")
    told = dict(re.findall(r"^- `([a-z]+:[a-z0-9_]+)`[^→]*→ “(.*)”$", text, re.MULTILINE))
    assert len(told) == 10
    filled = {"candidates": "N", "completed": "X", "top": "10"}
    for label, wanted in told.items():
        ours = SCRIPT.event(label, **filled)
        if label == "icp:confirm_pending":  # carries the script's whole sentence
            assert ours == SCRIPT.line("ask_confirm")
            assert ours.endswith(wanted)
        else:
            assert ours.startswith(wanted.removesuffix("…") if "Found" in wanted else wanted)


def test_the_questions_of_the_second_document_are_there_sign_for_sign() -> None:
    text = spec("return-user-threads.md")
    assert f"“{SCRIPT.line('ask_rerun', reason='{reason}')}”" in text
    assert f"“{SCRIPT.line('ask_drift')}”" in text


def test_every_event_of_the_script_is_one_of_the_closed_list() -> None:
    assert set(SCRIPT.events) <= {name.value for name in EventName}


def test_what_a_user_typed_fills_a_slot_and_is_not_filled_itself() -> None:
    assert "{label}" in SCRIPT.line("resumed", label="{label}")


def test_a_line_that_nobody_wrote_is_an_error() -> None:
    with pytest.raises(KeyError):
        SCRIPT.line("nowhere")
    with pytest.raises(KeyError):
        SCRIPT.line("ask_rerun")


def test_a_script_with_a_part_missing_or_a_key_twice_is_refused() -> None:
    whole = "# Script\n\na = 1\n\n# Events\n\nb:c = 2\n\n# Ours\n\nd = 3\n"
    assert parse_script(whole).line("d") == "3"
    with pytest.raises(ValueError, match="Ours"):
        parse_script(whole.partition("# Ours")[0])
    with pytest.raises(ValueError, match="twice"):
        parse_script(whole + "d = 4\n")
    with pytest.raises(ValueError, match="twice"):
        parse_script(whole + "a = 4\n")
