"""The twins of the ICP finder's vendors: Apify's runs, the verifiers, the register's files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from data411_mcp.twins import load_world, running_twins
from data411_mcp.twins.serve import Twins
from data411_mcp.twins.world import WorldInvalid

EMPLOYEES = "https://api.apify.com/v2/acts/harvestapi~linkedin-company-employees"
FINDER = (
    "https://api.apify.com/v2/acts/s-r~free-linkedin-company-finder---linkedin-address-from-any-"
    "site/run-sync-get-dataset-items"
)
RUNS = "https://api.apify.com/v2/actor-runs"
KEY = {"authorization": "Bearer apify_api_x"}
ACME = "https://www.linkedin.com/company/acme"
DEADLINE_SECONDS = 20


def rows(file: Path, *found: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(json.dumps(row) for row in found) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    world = tmp_path / "linkedin-world"
    rows(
        world / "linkedin/companies.jsonl",
        {"slug": "acme", "name": "Acme Pumps", "domains": ["acme.example"], "region": "uk"},
        {"slug": "endless", "run": "endless"},
    )
    person = {"company": "acme", "last_name": "Quill", "title": "Owner"}
    rows(
        world / "linkedin/people.jsonl",
        *({**person, "first_name": name} for name in ("Ada", "Ben", "Cleo", "Dov")),
    )
    rows(world / "mailboxes.jsonl", {"address": "ada@acme.example"})
    return world


@asynccontextmanager
async def opened(
    folder: Path, client_for: Any, **how: Any
) -> AsyncIterator[tuple[httpx2.AsyncClient, Twins]]:
    async with running_twins(load_world(folder), **how) as twins:
        with anyio.fail_after(DEADLINE_SECONDS):
            async with client_for(twins.address) as web:
                yield web, twins


async def run_of(web: httpx2.AsyncClient, **asked: Any) -> dict[str, Any]:
    body = {"companies": [ACME], "maxItems": 30} | asked
    reply = await web.post(f"{EMPLOYEES}/runs", json=body, headers=KEY)
    assert reply.status_code == 201
    return dict(reply.json()["data"])


async def items_of(web: httpx2.AsyncClient, run: dict[str, Any], **how: Any) -> list[Any]:
    url = f"https://api.apify.com/v2/datasets/{run['defaultDatasetId']}/items"
    return list((await web.get(url, headers=KEY, params=how)).json())


async def test_a_run_lives_on_its_own_and_its_items_are_in_a_dataset(folder, client_for) -> None:
    async with opened(folder, client_for) as (web, twins):
        run = await run_of(web)
        assert run["status"] == "SUCCEEDED"
        found = await items_of(web, run, limit=3)
        assert [item["firstName"] for item in found] == ["Ada", "Ben", "Cleo"]
        assert set((await items_of(web, run, fields="firstName"))[0]) == {"firstName"}
        assert twins.bill["apify"] == 20_000 + 4 * 8_000


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"maxItems": None}, "no limits"), ({"companies": []}, "no companies")],
)
async def test_a_run_without_limits_or_companies_succeeds_with_nothing(
    folder, client_for, asked: dict[str, Any], message: str
) -> None:
    async with opened(folder, client_for) as (web, _):
        run = await run_of(web, **asked)
        assert (run["status"], run["statusMessage"]) == ("SUCCEEDED", message)
        assert await items_of(web, run) == []


async def test_an_endless_run_can_be_aborted(folder, client_for) -> None:
    async with opened(folder, client_for) as (web, _):
        run = await run_of(web, companies=["https://www.linkedin.com/company/endless"])
        assert run["status"] == "RUNNING"
        aborted = await web.post(f"{RUNS}/{run['id']}/abort", headers=KEY)
        assert aborted.json()["data"]["status"] == "ABORTED"
        again = await web.get(f"{RUNS}/{run['id']}", headers=KEY)
        assert again.json()["data"]["status"] == "ABORTED"


async def test_a_run_stops_at_its_own_timeout(folder, client_for) -> None:
    async with opened(folder, client_for) as (web, _):
        body = {"companies": ["https://www.linkedin.com/company/endless"], "maxItems": 5}
        reply = await web.post(
            f"{EMPLOYEES}/runs?timeout=1&waitForFinish=9", json=body, headers=KEY
        )
        assert reply.json()["data"]["status"] == "TIMED-OUT"


async def test_the_synchronous_call_gives_up_and_the_run_is_billed_all_the_same(
    folder, client_for
) -> None:
    async with opened(folder, client_for) as (web, twins):
        body = {"companies": ["https://www.linkedin.com/company/endless"], "maxItems": 5}
        reply = await web.post(
            f"{EMPLOYEES}/run-sync-get-dataset-items?timeout=900", json=body, headers=KEY
        )
        assert reply.status_code == 408
        assert reply.json()["error"]["type"] == "run-timeout-exceeded"
        assert twins.bill["apify"] > 0


async def test_the_finder_knows_a_domain_or_says_null(folder, client_for) -> None:
    async with opened(folder, client_for) as (web, twins):
        body = {"domains": ["acme.example", "nobody.example"]}
        found = (await web.post(FINDER, json=body, headers=KEY)).json()
        assert found == [
            {"domain": "acme.example", "linkedin_url": "https://uk.linkedin.com/company/acme"},
            {"domain": "nobody.example", "linkedin_url": None},
        ]
        assert twins.bill["apify"] == 0


@pytest.mark.parametrize(
    ("key", "status"), [("", 401), ("tvly-x", 401), ("apify_api_revoked", 401),
                        ("apify_api_spent", 402)]
)  # fmt: skip
async def test_apify_checks_the_key(folder, client_for, key: str, status: int) -> None:
    async with opened(folder, client_for) as (web, twins):
        headers = {"authorization": f"Bearer {key}"} if key else {}
        reply = await web.post(FINDER, json={"domains": []}, headers=headers)
        assert reply.status_code == status
        assert "type" in reply.json()["error"]
        assert twins.bill["apify"] == 0


async def test_a_refused_call_starts_no_run(folder, client_for) -> None:
    async with opened(folder, client_for) as (web, twins):
        twins.faults.add({"vendor": "apify_employees", "fault": {"kind": "status", "status": 402}})
        reply = await web.post(f"{EMPLOYEES}/runs", json={"companies": [ACME]}, headers=KEY)
        assert reply.status_code == 402
        assert twins.bill["apify"] == 0


async def test_the_published_mix_ends_runs_badly_at_times(folder, client_for) -> None:
    async with opened(folder, client_for, rate_limits=False) as (web, twins):
        twins.faults.add({"vendor": "apify", "published_mix": 10.0})
        ends = {(await run_of(web, maxItems=n))["status"] for n in range(1, 40)}
        assert {"SUCCEEDED", "FAILED"} <= ends


async def test_a_run_takes_its_actors_time_and_the_platform_answers_at_once(
    folder, client_for
) -> None:
    async with opened(folder, client_for, latency=0.001) as (web, _):
        run = await run_of(web)
        assert run["status"] == "RUNNING"
        ended = await web.get(f"{RUNS}/{run['id']}?waitForFinish=60", headers=KEY)
        assert ended.json()["data"]["status"] == "SUCCEEDED"


async def test_verifiers_answer_from_the_mailboxes_of_the_world(folder, client_for) -> None:
    async with opened(folder, client_for) as (web, twins):
        ada = "email=ada@acme.example"
        zero = await web.get(f"https://api.zerobounce.net/v2/validate?api_key=k&{ada}")
        hunter = await web.get(f"https://api.hunter.io/v2/email-verifier?api_key=k&{ada}")
        never = await web.get(f"https://api.neverbounce.com/v4/single/check?key=k&{ada}")
        assert zero.json()["status"] == "valid"
        assert hunter.json()["data"]["status"] == "valid"
        assert never.json()["result"] == "valid"
        spent = "https://api.zerobounce.net/v2/validate?api_key=spent"
        assert (await web.get(spent)).json().keys() == {"error"}
        assert all(entry.key for entry in twins.log)
        assert not any("key=k" in entry.target for entry in twins.log)


async def test_hunters_word_for_too_many_calls_is_403(folder, client_for) -> None:
    async with opened(folder, client_for) as (web, _):
        url = "https://api.hunter.io/v2/email-verifier?api_key=k&email=ada@acme.example"
        statuses = [(await web.get(url)).status_code for _ in range(14)]
        assert set(statuses) == {200, 403}


async def test_the_registers_limit_names_its_wait_only_in_the_text(folder, client_for) -> None:
    async with opened(folder, client_for) as (web, _):
        url = "https://data.gov.sg/api/action/datastore_search?q=acme"
        replies = [await web.get(url) for _ in range(5)]
        assert [r.status_code for r in replies] == [200, 200, 200, 200, 429]
        assert "retry-after" not in replies[-1].headers
        assert "seconds" in replies[-1].json()["errorMsg"]


@pytest.mark.parametrize(
    ("file", "row", "said"),
    [
        ("linkedin/companys.jsonl", {}, "did you mean companies?"),
        ("linkedin/companies.jsonl", {"slug": "acme", "domain": "x"}, "did you mean domains?"),
        ("linkedin/people.jsonl", {"first_name": "Ada"}, "company"),
        ("mailboxes.jsonl", {"address": "nobody"}, "address"),
        ("mailboxes.jsonl", {"address": "a@b.example", "state": "fine"}, "state"),
    ],
)
def test_a_slip_in_a_world_is_named(
    folder: Path, file: str, row: dict[str, Any], said: str
) -> None:
    rows(folder / file, row)
    with pytest.raises(WorldInvalid) as invalid:
        load_world(folder)
    assert said in invalid.value.message
