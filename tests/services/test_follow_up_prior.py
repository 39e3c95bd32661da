"""`prior_backfill`: the server's graph wins; a copy stands in only where there is none, as
claims."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.merge import statements_of
from data411_mcp.errors import NotFound, PriorBackfillInvalid
from data411_mcp.services.payloads import SLOT_RERUN, SYNTHESIZE_PATCH
from tests.services.follow_ups import FORGE, ROUTES, Purchases, called, started
from tests.services.session_world import HOOPS_LEAD, PUMP_LEAD, TENANT, lab, proven, pump_world

FORGED_PHONE, FORGED_MAIL = "+16145550166", "boss@alderpump.example"
LITERAL = {"...": "from last enrich_lead_session backfill"}


def forged(graph: Backfill, **more: Any) -> dict[str, Any]:
    """The graph with another phone and e-mail, all proven and anchored, as a liar would."""
    text = graph.model_dump_json(by_alias=True)
    text = text.replace("+16145550111", FORGED_PHONE).replace("office@alderpump.example",
                                                              FORGED_MAIL)  # fmt: skip
    return json.loads(text) | {"graph_fingerprint": "f" * 64} | more


def values(graph: Backfill) -> set[str]:
    return {s.value for s in statements_of(graph)}


async def test_the_stored_graph_wins_over_any_copy(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        older = first.graph.model_dump(mode="json", by_alias=True)
        copies: list[tuple[dict[str, Any], bool]] = [
            (LITERAL, False),
            ({"unmerged_candidates": [{"id": "a1b2c3d4e5f6g7h8", "label": "…"}]}, False),
            (older, False),  # the graph as it is
            ({**older, "graph_fingerprint": "0" * 64}, True),  # a stale one says so itself
            (forged(first.graph), True),
            (forged(first.graph, schema_version=99), True),
        ]
        for copy, told in copies:
            ran = await called(open_lab, SYNTHESIZE_PATCH, first.chat, prior_backfill=copy,
                               refresh_summary=not told)  # fmt: skip
            assert ("PRIOR_BACKFILL_IGNORED" in ran.notices) == told
            assert proven(ran.graph) == proven(first.graph)
            assert not {FORGED_PHONE, FORGED_MAIL} & values(ran.graph)
            assert ran.graph.identity == first.graph.identity


async def test_a_copy_of_a_graph_that_the_server_does_not_have_is_a_set_of_claims(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        copy = forged(first.graph)
        asked = {"lead": PUMP_LEAD, "prior_backfill": copy}
        taken = await called(open_lab, SYNTHESIZE_PATCH, "brought-along", **asked)
        assert "PRIOR_BACKFILL_UNPROVEN" in taken.notices
        assert {FORGED_PHONE, FORGED_MAIL} <= values(taken.graph)
        assert proven(taken.graph) == set()
        assert {s.evidence for s in statements_of(taken.graph)} == {()}
        assert taken.graph.identity.anchors == ()
        assert taken.graph.summary_history == ()
        assert taken.rows == {}
        # A slot then proves what stands on pages, and nothing of what was forged.
        ran = await called(open_lab, SLOT_RERUN, "brought-along", model_id=FORGE)
        assert ("phone", "+16145550111") in proven(ran.graph)
        assert not {FORGED_PHONE, FORGED_MAIL} & {value for _, value in proven(ran.graph)}
        assert not {FORGED_PHONE, FORGED_MAIL} & {a.value for a in ran.graph.identity.anchors}


async def test_a_copy_that_cannot_be_one_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        good = first.graph.model_dump(mode="json", by_alias=True)
        bad: list[dict[str, Any]] = [
            {**good, "schema_version": 2},
            {**good, "lead": HOOPS_LEAD},
            {**good, "phones": [{"value": "+16145550166"}]},
            LITERAL,
            {"summary_markdown": "x" * 20_000_000},
        ]
        bought = Purchases.from_now(open_lab)
        for number, copy in enumerate(bad):
            asked = {"chat_session_id": f"new-{number}", "lead": PUMP_LEAD,
                     "prior_backfill": copy}  # fmt: skip
            with pytest.raises(PriorBackfillInvalid) as refused:
                await started(open_lab, SYNTHESIZE_PATCH, asked)
            assert "Leave prior_backfill out" in refused.value.hint
            assert await open_lab.app.store.jobs_of_chat(TENANT, f"new-{number}") == ()
        with pytest.raises(PriorBackfillInvalid):
            await started(open_lab, SYNTHESIZE_PATCH,
                          {"chat_session_id": first.chat, "prior_backfill": bad[-1]})  # fmt: skip
        assert bought.vendors() == []


@pytest.mark.parametrize("route", ROUTES)
async def test_a_chat_without_a_graph_names_the_call_to_make_first(
    tmp_path: Path, route: str
) -> None:
    more = {"model_id": FORGE} if route == SLOT_RERUN else {}
    more |= {"model_ids": [FORGE]} if route.endswith("slots-rerun") else {}
    more |= {"candidate_id": "a1b2c3d4e5f6g7h8"} if route.endswith("finding-rerun") else {}
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        with pytest.raises(NotFound) as refused:
            await started(open_lab, route, {"chat_session_id": "nobody", "lead": PUMP_LEAD, **more})
        assert refused.value.hint.startswith("Call enrich_lead_session")
