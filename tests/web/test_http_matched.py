"""`matched` and `cache_hit` over HTTP: what a job itself proved, and what was run before."""

from __future__ import annotations

from tests.web.conftest import Tenant
from tests.web.web_world import JOBS, SESSION


async def test_a_resynthesis_proves_nothing_and_says_so(acme: Tenant) -> None:
    path = f"{SESSION}/synthesize-patch"
    told = (await acme.client.post(path, json={"chat_session_id": acme.chat})).json()
    assert (told["status"], told["matched"], told["cache_hit"]) == ("done", False, False)
    job = (await acme.client.get(f"{JOBS}/{told['job_id']}")).json()
    assert job["cost"]["charged_usd"] == 0


async def test_a_job_that_is_handed_in_again_is_the_same_and_ran_once(acme: Tenant) -> None:
    job = {"route": "enrich/lead-session/synthesize-patch",
           "payload": {"chat_session_id": acme.chat, "prompts": ["Names first."]}}  # fmt: skip
    key = {"Idempotency-Key": "once-only"}
    first = (await acme.client.post(JOBS, json=job, headers=key)).json()
    ended = (await acme.client.get(first["location"], params={"wait_s": 45})).json()
    again = (await acme.client.post(JOBS, json=job, headers=key)).json()
    assert again["job_id"] == first["job_id"]
    assert (await acme.client.get(again["location"])).json()["status"] == ended["status"] == "done"
