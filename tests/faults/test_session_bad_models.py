"""Models and other vendors on a bad day: each slot's row says why in our words, and nothing of
what the vendor said reaches an error, a result or the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data411_mcp.domain.jobs import JobStatus
from data411_mcp.services.answers import answer_of
from tests.services.session_world import PUMP_LEAD, lab, proven, pump_world

MODELS = (
    "data411-hunt-ground", "data411-crimson-span", "data411-hunt-forge", "data411-hunt-swift",
    "data411-hunt-deep",
)  # fmt: skip
MARKER = "Sechshundertelf-Marker"
_ERROR = {"error": {"code": 500, "message": f"internal {MARKER}"}}

# (what every model call gets, the reason of each model slot)
BAD_DAYS: dict[str, tuple[dict[str, Any], str]] = {
    "bad_key": ({"kind": "status", "status": 401}, "bad_key"),
    "no_credit": ({"kind": "status", "status": 402}, "no_credit"),
    "limited_for_long": ({"kind": "status", "status": 429, "retry_after": "3600"},
                         "rate_limited"),
    "limited_until_a_date": ({"kind": "status", "status": 429,
                              "retry_after_date_seconds": 3600}, "rate_limited"),
    "server_error": ({"kind": "status", "status": 500}, "vendor_error"),
    "page_of_the_delivery_network": ({"kind": "wrong_type", "body": f"<html>{MARKER}</html>"},
                                     "bad_reply"),
    "error_in_a_200": ({"kind": "error_200", "json": _ERROR}, "vendor_error"),
    "breaks_off_with_an_error": ({"kind": "stream_error"}, "vendor_error"),
    "hangs_up": ({"kind": "reset"}, "vendor_error"),
    "cut_body": ({"kind": "truncate"}, "vendor_error"),
    "empty_body": ({"kind": "empty"}, "bad_reply"),
}  # fmt: skip


@pytest.mark.parametrize("day", BAD_DAYS)
async def test_every_model_slot_says_why_and_the_free_slots_prove_on(
    tmp_path: Path, day: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fault, reason = BAD_DAYS[day]
    if fault["kind"] == "status":
        fault = {**fault, "json": {"error": {"code": fault["status"], "message": MARKER}}}
    async with lab(tmp_path, pump_world(tmp_path / "world"), log_level="DEBUG") as open_lab:
        open_lab.twins.faults.add({"vendor": "openrouter", "fault": fault})
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.job.status is JobStatus.DONE
        assert {ran.rows[slot].reason for slot in MODELS} == {reason}
        assert {ran.rows[slot].state for slot in MODELS} == {"error"}
        assert ("phone", "+16145550111") in proven(ran.graph)
        assert "614-555-0111" in ran.graph.summary_markdown
        assert ran.graph.spent.vendor_usd_micros == 0
        events = await open_lab.app.store.events("local", ran.job.id, since=0, limit=200)
        answer = await answer_of(open_lab.app, ran.job)
    shown = str(answer) + "".join(e.model_dump_json() for e in events)
    assert MARKER not in ran.graph.model_dump_json() + shown
    assert MARKER not in capfd.readouterr().err


async def test_a_limit_that_is_over_soon_is_waited_out(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "openrouter", "slot": "data411-hunt-forge", "nth": 1,
             "fault": {"kind": "status", "status": 429, "retry_after": "0"}}
        )  # fmt: skip
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.rows["data411-hunt-forge"].state == "done"
        assert open_lab.bought().count("data411-hunt-forge") == 2


async def test_an_answer_that_was_cut_is_mended_or_asked_for_again(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "openrouter", "slot": "data411-hunt-forge", "nth": 1,
             "fault": {"kind": "cut_json"}}
        )  # fmt: skip
        ran = await open_lab.run(PUMP_LEAD)
        row = ran.rows["data411-hunt-forge"]
        assert row.state in {"done", "repetition"}
        assert open_lab.bought().count("data411-hunt-forge") <= 2


async def test_a_summary_the_model_fails_to_write_is_written_by_us(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "openrouter", "slot": "synthesis",
             "fault": {"kind": "error_200", "json": _ERROR}}
        )  # fmt: skip
        ran = await open_lab.run(PUMP_LEAD)
        assert "nora.alder@alderpump.example" in ran.graph.summary_markdown
        assert MARKER not in ran.graph.summary_markdown


async def test_a_model_that_invents_a_person_is_held_back(tmp_path: Path) -> None:
    person = {
        "name": "Basil Thornquist",
        "title": "Chief Executive",
        "url": "https://alderpump.example/team",
        "quote": "Basil Thornquist, Chief Executive",
    }
    invented = {"people": [person]}
    world = pump_world(tmp_path / "world", answers={"data411-hunt-deep": invented})
    async with lab(tmp_path, world) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        assert ("person", "Basil Thornquist") not in proven(ran.graph)
        assert "Thornquist" not in ran.graph.summary_markdown
        assert "Basil Thornquist" in {u.value for u in ran.graph.unmerged_candidates}


@pytest.mark.parametrize(
    ("vendor", "status", "degraded"),
    [("gleif", 429, "gleif:"), ("edgar", 403, "sec:"), ("wikidata", 503, "wikidata:"),
     ("rdap", 500, "rdap:")],
)  # fmt: skip
async def test_one_register_that_fails_degrades_the_registry_slot_only(
    tmp_path: Path, vendor: str, status: int, degraded: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world"), log_level="DEBUG") as open_lab:
        open_lab.twins.faults.add(
            {"vendor": vendor, "fault": {"kind": "status", "status": status, "body": MARKER,
                                         "retry_after": "120"}}
        )  # fmt: skip
        ran = await open_lab.run(PUMP_LEAD)
        row = ran.rows["data411-registry"]
        assert ran.job.status is JobStatus.DONE
        assert row.state == "done"
        assert any(word.startswith(degraded) for word in row.degraded), row.degraded
        assert ("phone", "+16145550111") in proven(ran.graph)
    assert MARKER not in ran.graph.model_dump_json()
    assert MARKER not in capfd.readouterr().err


async def test_every_register_failing_is_the_slots_error(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        for vendor in ("gleif", "edgar", "wikidata", "rdap"):
            open_lab.twins.faults.add(
                {"vendor": vendor, "fault": {"kind": "status", "status": 403, "body": MARKER}}
            )
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.job.status is JobStatus.DONE
        assert ran.rows["data411-registry"].state == "error"
        assert ran.rows["data411-registry"].reason


async def test_a_search_plan_that_is_used_up_is_a_reason_of_hunt_ground(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with lab(
        tmp_path, pump_world(tmp_path / "world"), twin_llm_key=False, log_level="DEBUG"
    ) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "tavily", "fault": {"kind": "status", "status": 432,
                                           "json": {"detail": {"error": MARKER}}}}
        )  # fmt: skip
        ran = await open_lab.run(PUMP_LEAD)
        row = ran.rows["data411-hunt-ground"]
        assert (row.state, row.reason) == ("error", "no_credit")
        assert ran.job.status is JobStatus.DONE
    assert MARKER not in ran.graph.model_dump_json() + capfd.readouterr().err


async def test_the_reader_failing_leaves_the_direct_read(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "jina", "fault": {"kind": "status", "status": 402, "body": MARKER}}
        )
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.rows["data411-site"].state == "done"
        assert ("email_address", "office@alderpump.example") in proven(ran.graph)
        assert open_lab.twins.calls("jina_reader")
