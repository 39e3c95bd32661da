"""The same API over PostgreSQL, also with two servers on one database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from tests.postgres import fresh_database
from tests.services.session_world import HOOPS_LEAD
from tests.web.test_http_events import read
from tests.web.test_http_jobs import LEAD_JOB
from tests.web.web_world import JOBS, SESSION, refused, serving, site


@pytest.fixture
def database() -> Iterator[SecretStr]:
    with fresh_database() as url:
        yield SecretStr(url)


async def test_one_server_does_what_another_was_handed_and_both_can_tell(
    tmp_path: Path, database: SecretStr
) -> None:
    async with site(tmp_path, database_url=database) as first:
        key = await first.key()
        headers = {"authorization": f"Bearer {key}"}
        async with (
            first.client(key) as here,
            serving(first.settings) as (url, _),
            httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as there,
        ):
            accepted = (await here.post(JOBS, json=LEAD_JOB)).json()
            stream = await read(there, f"{accepted['location']}/events")
            done = await there.get(accepted["location"], params={"wait_s": 45})
            again = await there.post(JOBS, json=LEAD_JOB)
            ticket = (await there.post(f"{accepted['location']}/ticket")).json()
            async with first.client() as browser:
                assert (await browser.get(ticket["href"])).status_code == 200
                refused(await browser.get(ticket["href"]), 401, "UNAUTHORIZED")
    assert stream.seqs == list(range(1, len(stream.seqs) + 1))
    assert stream.events[-1][1] == "session_finished"
    assert done.json()["status"] == "done"
    assert again.status_code == 202


async def test_handles_that_no_store_can_hold_are_unknown(
    tmp_path: Path, database: SecretStr
) -> None:
    async with (
        site(tmp_path, database_url=database) as web,
        web.client(await web.key()) as client,
    ):
        for handle in ("a%00b", "%F0%9F%98%80", "x" * 300, "%ED%A0%80", "-", "%20"):
            for path in (f"{JOBS}/{handle}", f"/api/v1/leads/{handle}"):
                refused(await client.get(path), 404, "NOT_FOUND")
        lead = {"contact_id": "a\x00b", "company": "Nul \x00 Works"}
        answer = await client.post(SESSION, json={"lead": lead})
        assert answer.status_code == 422
        odd = {"lead": HOOPS_LEAD, "progress_key": "a\x00b", "chat_session_id": "c\x00"}
        assert (await client.post(SESSION, json=odd)).status_code == 422
        board = {"lead": HOOPS_LEAD, "progress_key": "a\x00b"}
        assert (await client.post(SESSION, json=board)).status_code in {200, 422}
        lone = b'{"lead": {"company": "\\ud800"}}'
        answer = await client.post(
            SESSION, content=lone, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 422
