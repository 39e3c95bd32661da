"""The worlds and the calls of the tests that kill route runners: one session that two slots have
failed in, and the call of each route, every one of which changes the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data411_mcp.services.payloads import (
    FINDING_RERUN,
    LEAD_SESSION,
    SLOT_RERUN,
    SLOTS_RERUN,
    SYNTHESIZE_PATCH,
)
from tests.services.session_world import NEWS_PAGE, PUMP_LEAD, pump_world, write_rows, write_site

CHAT = "5e55104bad0c4e7a9c31d2f6a8b07e19"
GROUND = "data411-hunt-ground"
FORGE, SWIFT, DEEP = "data411-hunt-forge", "data411-hunt-swift", "data411-hunt-deep"
SYNTHESIS = "synthesis"
FAIR_PAGE = "https://pump-fair.example/exhibitors"
WELLS_PAGE = "https://columbus-wells.example/notes"
HELD_BACK = "Rosa Delgado"
WISH = "Put the owner first in the summary."


def _page(title: str, text: str) -> str:
    return f"""<html lang="en"><head><title>{title}</title></head><body><article><h1>{title}</h1>
<p>{text}</p><p>The list is brought up to date every spring, and those that it names look after
farms, schools and small works on both sides of the river.</p></article></body></html>"""


# Each slot brings something that no other one brings: what comes of a run does not depend on the
# order in which they land.
ANSWERS: dict[str, dict[str, Any]] = {
    GROUND: {"people": [{
        "name": "Iris Quill", "title": "Sales Manager", "email": None, "phone": None,
        "url": FAIR_PAGE, "quote": "Iris Quill, Sales Manager at Alder Pump Works"}]},
    FORGE: {"people": [{
        "name": "Milo Sandoval", "title": "Estimator", "email": None, "phone": None,
        "url": NEWS_PAGE, "quote": "Bids go to Milo Sandoval, Estimator at Alder Pump Works"}]},
    SWIFT: {"people": [{
        "name": "Rosa Delgado", "title": "Night Dispatcher", "email": None, "phone": None,
        "url": "https://pump-guild.example/members", "quote": "Rosa Delgado, Night Dispatcher"}]},
    DEEP: {"people": [{
        "name": "Otto Lindgren", "title": "Controller", "email": None, "phone": None,
        "url": FAIR_PAGE, "quote": "Otto Lindgren, Controller at Alder Pump Works"}]},
}  # fmt: skip
FAIR = _page(
    "Pump Fair",
    "Alder Pump Works of Columbus, reached at (614) 555-0111, has the stand at the gate. There you "
    "meet Iris Quill, Sales Manager at Alder Pump Works. Invoices go to Otto Lindgren, Controller "
    "at Alder Pump Works.",
)
WELLS = _page(
    "Wells",
    "Alder Pump Works of Columbus, OH, reached at (614) 555-0111, looks after the wells. At night "
    "ask for Rosa Delgado, Night Dispatcher at Alder Pump Works.",
)
# Two practices of one name, of which this lead says nothing that tells them apart.
LARKSPUR_LEAD = {"contact_id": 88, "company": "Larkspur Dental", "source_system": "crm"}
PRACTICES = {"larkspur-oh.example": ("Dayton, OH 45402", "(937) 555-0121"),
             "larkspur-tx.example": ("Waco, TX 76701", "(254) 555-0131")}  # fmt: skip
CHOSEN = "Waco"
PROSE = "Alder Pump Works is in Columbus [1]."
PROSE_AS_WISHED = "Nora Alder is the owner of Alder Pump Works [1]."


def before_world(folder: Path) -> Path:
    """Two slots fail, and nothing says more of a number that is held back."""
    _common(folder)
    write_rows(
        folder / "faults.jsonl",
        *({"vendor": "openrouter", "slot": slot, "fault": {"kind": "status", "status": 402}}
          for slot in (FORGE, DEEP)),
    )  # fmt: skip
    return folder


def after_world(folder: Path) -> Path:
    _common(folder)
    write_site(folder, "columbus-wells.example", notes=WELLS)
    _practices(folder)
    return folder


def _practices(folder: Path) -> None:
    for host, (town, phone) in PRACTICES.items():
        home = _page("Larkspur Dental", f"Larkspur Dental is a family practice. Phone: {phone}")
        footer = f"<footer>Larkspur Dental, 12 Mill Street, {town}</footer>"
        write_site(folder, host, index=home.replace("</body>", f"{footer}</body>"))
    write_rows(
        folder / "search" / "larkspur.jsonl",
        {"terms": ["larkspur", "dental"], "results": [
            {"url": f"https://{host}/", "title": "Larkspur", "content": town, "score": 0.9}
            for host, (town, _) in PRACTICES.items()]},
    )  # fmt: skip


def _common(folder: Path) -> None:
    pump_world(folder, answers=ANSWERS)
    write_site(folder, "pump-fair.example", exhibitors=FAIR)
    write_rows(
        folder / "llm" / "synthesis.jsonl",
        {"slot": SYNTHESIS, "contains": WISH, "text": PROSE_AS_WISHED},
        {"slot": SYNTHESIS, "text": PROSE},
    )


@dataclass(frozen=True)
class Scenario:
    """A call and the state it comes to: an empty store, or one session (`follows`). `{candidate}`
    in a payload stands for the id of the finding that is held back. `key` is the caller's own
    idempotency key, `choice` is what the user answers when asked which company is meant."""

    name: str
    route: str
    payload: Mapping[str, Any]
    bought: tuple[str, ...]  # what an undisturbed run buys, each once
    cents: int  # what it costs
    follows: bool = True
    key: str | None = None
    choice: str = ""
    only: tuple[str, ...] = ("",)  # the steps that are its own, by how they begin
    stuck: str = ""  # the slot that never lands; once all others have, the job is cancelled


_OF_THE_CALL = ("bind", "add_job", "claim_job", "finish_job")
_OF_ASKING = (
    *_OF_THE_CALL, "set_identity_choice", "requeue_job", "save_backfill",
    "append_events session_started", "append_events identity_decided",
)  # fmt: skip
_OF_CANCELLING = ("request_cancel", "checkpoint", "save_backfill", "append_events", "finish_job")
_OF_BEGINNING_ANEW = ("archive_backfill", "checkpoint refreshed", "save_backfill", "put_seeds")
ALL_SLOTS = (GROUND, "data411-crimson-span", FORGE, SWIFT, DEEP, SYNTHESIS)
SEARCH = "search"
SCENARIOS = (
    Scenario("a session", LEAD_SESSION, {"lead": PUMP_LEAD, "chat_session_id": CHAT},
             ALL_SLOTS, 150, follows=False),
    Scenario("a session without a chat", LEAD_SESSION, {"lead": PUMP_LEAD},
             ALL_SLOTS, 150, follows=False, key="order-7", only=_OF_THE_CALL),
    Scenario("a session that asks", LEAD_SESSION,
             {"lead": LARKSPUR_LEAD, "chat_session_id": CHAT},
             (*ALL_SLOTS, *(SEARCH,) * 4), 150, follows=False, choice=CHOSEN, only=_OF_ASKING),
    Scenario("a session from zero", LEAD_SESSION,
             {"lead": PUMP_LEAD, "chat_session_id": CHAT, "refresh": True,
              "prompts": ["Run everything again from scratch."]},
             ALL_SLOTS, 150, only=_OF_BEGINNING_ANEW),
    Scenario("a follow-up that names a slot", LEAD_SESSION,
             {"chat_session_id": CHAT, "prompts": ["Rerun Hunt Forge."]},
             (FORGE, SYNTHESIS), 35),
    Scenario("one slot and the summary", SLOT_RERUN,
             {"chat_session_id": CHAT, "model_id": FORGE, "refresh_summary": True},
             (FORGE, SYNTHESIS), 35),
    Scenario("one slot", SLOT_RERUN, {"chat_session_id": CHAT, "model_id": DEEP}, (DEEP,), 35),
    Scenario("two slots", SLOTS_RERUN, {"chat_session_id": CHAT, "model_ids": [FORGE, DEEP]},
             (FORGE, DEEP), 70),
    Scenario("two slots and a cancel", SLOTS_RERUN,
             {"chat_session_id": CHAT, "model_ids": [FORGE, DEEP]},
             (FORGE, DEEP), 35, key="order-8", only=_OF_CANCELLING, stuck=DEEP),
    Scenario("the summary", SYNTHESIZE_PATCH, {"chat_session_id": CHAT, "prompts": [WISH]},
             (SYNTHESIS,), 5),
    Scenario("a finding", FINDING_RERUN,
             {"chat_session_id": CHAT, "candidate_id": "{candidate}", "refresh_summary": True},
             (SEARCH, SYNTHESIS), 20),
)  # fmt: skip
