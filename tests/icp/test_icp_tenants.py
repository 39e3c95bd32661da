"""The conversation of another tenant, or of another user of one's own, answers like one that does
not exist, at every address."""

from __future__ import annotations

from typing import Any

import pytest

from tests.icp import conversation as script
from tests.icp.market_site import user
from tests.icp.world import WEBSITE
from tests.web.web_world import Site, refused, without_id

Call = tuple[str, str, dict[str, Any] | None]
ABSENT = "no-such-thread"


def calls(thread_id: str, run_id: str = ABSENT) -> list[Call]:
    said = {"messages": [{"role": "user", "content": "Hello"}]}
    run = {"assistant_id": "orchestrator", "input": said}
    return [
        ("POST", "/icp/intake", {"message": "Hello", "thread_id": thread_id}),
        ("POST", "/icp/intake", {"website": WEBSITE, "thread_id": thread_id}),
        ("POST", "/icp/chat/confirm", {"thread_id": thread_id}),
        ("POST", "/icp/accept", {"thread_id": thread_id, "micro_icp": "industry:freight"}),
        ("POST", "/icp/enrich/top10", {"thread_id": thread_id}),
        ("GET", f"/icp/suggestions?thread_id={thread_id}", None),
        ("GET", f"/icp/top10?thread_id={thread_id}", None),
        ("GET", f"/export/latest_scores.csv?thread_id={thread_id}", None),
        ("POST", "/api/orchestrations", {"input": "Hello", "thread_id": thread_id}),
        ("GET", f"/api/orchestrations/{thread_id}", None),
        ("GET", f"/chat/stream/{thread_id}", None),
        ("POST", f"/chat/stream/{thread_id}/ticket", None),
        ("GET", f"/threads/{thread_id}", None),
        ("PATCH", f"/threads/{thread_id}", {"metadata": {"label": "mine"}}),
        ("DELETE", f"/threads/{thread_id}", None),
        ("POST", f"/threads/{thread_id}/resume", None),
        ("GET", f"/threads/{thread_id}/state", None),
        ("POST", f"/threads/{thread_id}/history", {}),
        ("POST", f"/threads/{thread_id}/runs", run),
        ("POST", f"/threads/{thread_id}/runs/wait", run),
        ("POST", f"/threads/{thread_id}/runs/stream", run),
        ("GET", f"/threads/{thread_id}/runs", None),
        ("POST", "/icp/intake", {"message": "Hi", "thread_id": thread_id, "start_fresh": True}),
        ("GET", f"/threads/{thread_id}/state/{ABSENT}", None),
        ("POST", f"/threads/{thread_id}/state/checkpoint", {"checkpoint": {"checkpoint_id": "a"}}),
        ("GET", f"/threads/{thread_id}/runs/{run_id}", None),
        ("GET", f"/threads/{thread_id}/runs/{run_id}/join", None),
        ("GET", f"/threads/{thread_id}/runs/{run_id}/stream", None),
        ("POST", f"/threads/{thread_id}/runs/{run_id}/cancel", None),
        ("POST", "/runs/cancel", {"thread_id": thread_id, "run_ids": [run_id]}),
        ("DELETE", f"/threads/{thread_id}/runs/{run_id}", None),
    ]


@pytest.mark.parametrize("whose", ["rival", "owner"], ids=["tenant", "user"])
async def test_anothers_thread_looks_like_one_that_does_not_exist(shop: Site, whose: str) -> None:
    async with user(shop, "owner") as owner, user(shop, whose) as rival:
        said = {"messages": [{"role": "user", "content": "Hello"}]}
        thread_id = (await owner.post("/threads", {}))["thread_id"]
        run_id = (await owner.post(f"/threads/{thread_id}/runs", {"input": said}))["run_id"]
        ticket = (await owner.post(f"/chat/stream/{thread_id}/ticket", {}, 201))["ticket"]
        pairs = zip(calls(thread_id, run_id), calls(ABSENT), strict=True)
        for (method, path, body), (_, absent_path, absent_body) in pairs:
            foreign = await rival.client.request(method, path, json=body)
            refused(foreign, 404, "NOT_FOUND")
            assert thread_id not in foreign.text
            absent = await rival.client.request(method, absent_path, json=absent_body)
            assert without_id(foreign) == without_id(absent), path
        mine = (await rival.post("/threads", {}))["thread_id"]
        async with shop.client() as browser:
            answer = await browser.get(f"/chat/stream/{mine}?ticket={ticket}")
            refused(answer, 401, "UNAUTHORIZED")
        thread = await owner.get(f"/threads/{thread_id}")
        assert thread["metadata"]["status"] == "open"
        assert [r["run_id"] for r in await owner.get(f"/threads/{thread_id}/runs")] == [run_id]
        found = (await rival.client.post("/threads/search", json={})).json()
        assert [t["thread_id"] for t in found] == [mine]


async def test_no_header_makes_a_key_another_tenants(shop: Site) -> None:
    async with user(shop, "header-a") as mine, user(shop, "header-b") as other:
        await mine.say("Hello")
        other.client.headers["X-Tenant-ID"] = "header-a"
        answer = await other.client.get(f"/threads/{mine.thread_id}")
        refused(answer, 404, "NOT_FOUND")
        turn = await other.say("Hello")
        thread = await other.get(f"/threads/{turn['thread_id']}")
        assert thread["metadata"]["tenant_id"] == "header-b"


async def test_two_tenants_with_the_same_company_do_not_lock_each_other(shop: Site) -> None:
    async with user(shop, "same-a") as one, user(shop, "same-b") as two:
        for person in (one, two):
            await person.tell_all()
        for person in (one, two):
            thread = await person.get(f"/threads/{person.thread_id}")
            assert thread["metadata"]["status"] == "open"


async def test_the_lists_of_two_tenants_stay_apart(shop: Site) -> None:
    """Defect 15: scores were kept by company alone, and tenants overwrote each other's."""
    async with user(shop, "apart-a") as one, user(shop, "apart-b") as two:
        await one.planned()
        mine = await one.get(f"/icp/top10?thread_id={one.thread_id}")
        await two.planned()
        theirs = await two.get(f"/icp/top10?thread_id={two.thread_id}")
        assert mine["job"]["job_id"] != theirs["job"]["job_id"]
        assert await one.get(f"/icp/top10?thread_id={one.thread_id}") == mine


async def test_a_returning_user_goes_on_without_being_asked_again(shop: Site) -> None:
    async with user(shop, "return") as person:
        await person.tell_all()
        first, person.thread_id = person.thread_id, None
        turn = await person.post("/threads/resume-eligible", {})
        assert turn["thread_id"] == first
        assert script.ASK_WEBSITE not in turn["messages"]
        turn = await person.say("status")
        assert turn["thread_id"] == first


async def test_several_eligible_threads_are_put_to_the_user(shop: Site) -> None:
    async with user(shop, "choice") as person:
        for website in ("https://one.example", "https://two.example"):
            await person.say("Hello", start_fresh=True)
            await person.say(website)
            person.thread_id = None
        turn = await person.post("/threads/resume-eligible", {})
        assert turn["thread_id"] is None
        assert 2 <= len(turn["choices"]) <= 3
        assert all(c["label"] and c["updated_at"] for c in turn["choices"])
        picked = await person.say("1")
        assert picked["thread_id"] == turn["choices"][0]["thread_id"]
