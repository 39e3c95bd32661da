"""One lead per chat, through whole calls: what binds, what is put back, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from data411_mcp.domain.lead import Lead
from data411_mcp.errors import (
    ChatSessionRequired,
    Data411Error,
    InvalidArgument,
    InvalidLead,
    MultiLeadRefused,
    NotFound,
)
from data411_mcp.services.enrichment import Started
from tests.services.session_world import (
    PUMP_LEAD,
    ROOT,
    TENANT,
    Lab,
    lab,
    pump_world,
    settings_of,
    until,
)

CHATS_RACING = 100
PROCESSES_RACING = 4


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Lab, str]]:
    """An open product and the chat of a finished session of the pump company."""
    folder = tmp_path_factory.mktemp("binding")
    async with lab(folder, pump_world(folder / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        yield open_lab, ran.chat


async def test_the_first_call_without_a_chat_id_is_given_one(shared: tuple[Lab, str]) -> None:
    _, chat = shared
    assert len(chat) == 32


async def test_the_first_call_may_bring_its_own_chat_id(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        started = await open_lab.start(PUMP_LEAD, chat_session_id="chat-7:a.b")
        assert started.bound.row.chat_session_id == "chat-7:a.b"


async def test_the_lead_stays_as_pasted_to_the_byte(shared: tuple[Lab, str]) -> None:
    open_lab, chat = shared
    graph = await open_lab.graph(chat)
    assert graph.lead == Lead.model_validate(PUMP_LEAD)
    assert graph.lead.contact_id == 501


async def test_a_follow_up_may_leave_fields_out(shared: tuple[Lab, str]) -> None:
    open_lab, chat = shared
    supplied = {"contact_id": "501", "company": "Alder Pump Works"}
    ran = await open_lab.run(supplied, chat_session_id=chat, prompts=["Resynthesize the graph."])
    assert not ran.started.notices
    assert ran.graph.lead.contact_id == 501


async def test_a_discovered_name_written_into_the_lead_is_put_back_and_named(
    shared: tuple[Lab, str],
) -> None:
    open_lab, chat = shared
    ran = await open_lab.run(
        {**PUMP_LEAD, "company": "Milo Sandoval Wells Inc"},
        chat_session_id=chat,
        prompts=["Resynthesize what is there."],
    )
    notice = next(n for n in ran.started.notices if n.code == "LEAD_RESTORED")
    assert "company" in notice.text
    assert "Milo Sandoval" not in notice.text
    assert ran.graph.lead == Lead.model_validate(PUMP_LEAD)


async def test_another_lead_is_refused_by_name_and_changes_nothing(
    shared: tuple[Lab, str],
) -> None:
    open_lab, chat = shared
    before = await open_lab.app.store.session(TENANT, chat)
    jobs = await open_lab.app.store.jobs_of_chat(TENANT, chat)
    calls = len(open_lab.twins.log)
    with pytest.raises(MultiLeadRefused) as refused:
        await open_lab.start(
            {"contact_id": 777, "company": "Other Pumps", "domain": "other.example"},
            chat_session_id=chat,
            prompts=["Enrich this one too."],
        )
    assert "501" in refused.value.message
    assert "Alder Pump Works" in refused.value.message
    assert "chat_session_id" in refused.value.hint
    assert await open_lab.app.store.session(TENANT, chat) == before
    assert await open_lab.app.store.jobs_of_chat(TENANT, chat) == jobs
    assert len(open_lab.twins.log) == calls


@pytest.mark.parametrize(
    "supplied",
    [
        {"company": "Other Pumps"},
        {"domain": "other.example", "company": "Alder Pump Works"},
        {"contact_id": 501, "source_system": "another_crm", "company": "Alder Pump Works"},
    ],
)
async def test_what_contradicts_the_bound_lead_is_another_lead(
    shared: tuple[Lab, str], supplied: dict[str, object]
) -> None:
    open_lab, chat = shared
    with pytest.raises(MultiLeadRefused):
        await open_lab.start(supplied, chat_session_id=chat, prompts=["Go on."])


async def test_a_new_crm_export_replaces_the_lead_and_keeps_the_old_one_in_its_history(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        newer = {**PUMP_LEAD, "number1": "(614) 555-0111"}
        ran = await open_lab.run(
            newer, chat_session_id=first.chat, crm_export=True, prompts=["Resynthesize."]
        )
        assert ran.graph.lead == Lead.model_validate(newer)
        history = await open_lab.app.store.lead_history(TENANT, first.chat)
        assert [json.loads(text) for text in history] == [
            Lead.model_validate(PUMP_LEAD).model_dump(mode="json")
        ]
        again = await open_lab.run(newer, chat_session_id=first.chat, prompts=["Resynthesize it."])
        assert not again.started.notices


async def test_a_crm_export_of_another_contact_is_refused(shared: tuple[Lab, str]) -> None:
    open_lab, chat = shared
    with pytest.raises(MultiLeadRefused):
        await open_lab.start({**PUMP_LEAD, "contact_id": 502}, chat_session_id=chat,
                             crm_export=True)  # fmt: skip


async def test_while_a_lead_is_hunted_in_one_chat_a_call_without_one_is_sent_there(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add({"vendor": "openrouter", "fault": {"kind": "stall"}})
        first = await open_lab.start(PUMP_LEAD)
        chat = first.bound.row.chat_session_id
        with pytest.raises(ChatSessionRequired) as required:
            await open_lab.start({**PUMP_LEAD, "contact_id": "501"})
        assert f'chat_session_id="{chat}"' in required.value.hint
        joined = await open_lab.start(PUMP_LEAD, chat_session_id=chat)
        assert joined.job.id == first.job.id
        await until(lambda: bool(open_lab.bought()))
        await open_lab.app.runner.cancel(TENANT, first.job.id)


async def test_after_that_a_new_chat_of_the_same_lead_starts_from_the_warm_seed(
    shared: tuple[Lab, str],
) -> None:
    open_lab, chat = shared
    before = open_lab.bought()
    ran = await open_lab.run(PUMP_LEAD)
    assert ran.chat != chat
    assert "WARM_SEED_USED" in ran.notices
    assert open_lab.bought()[len(before) :] == ["synthesis"]
    assert ran.rows["data411-hunt-forge"].degraded == ("warm_seed",)


async def test_another_tenants_chat_answers_like_one_that_does_not_exist(
    shared: tuple[Lab, str],
) -> None:
    open_lab, chat = shared
    said = []
    for tenant, asked in (("another", chat), (TENANT, "0" * 32)):
        with pytest.raises(NotFound) as missing:
            await open_lab.app.leads.start(
                tenant, {"lead": None, "chat_session_id": asked, "prompts": ["Go on."]}
            )
        said.append(missing.value.as_dict())
        with pytest.raises(NotFound) as unseen:
            await open_lab.app.views.load(tenant, asked)
        said.append(unseen.value.as_dict())
    assert said[:2] == said[2:]


async def test_another_tenant_may_use_the_same_chat_id_for_its_own_lead(
    shared: tuple[Lab, str],
) -> None:
    open_lab, chat = shared
    mine = {"contact_id": 9, "company": "Somebody Else Ltd"}
    started = await open_lab.app.leads.start("another", {"lead": mine, "chat_session_id": chat})
    assert started.bound.lead.company == "Somebody Else Ltd"
    assert "WARM_SEED_USED" not in {n.code for n in started.notices}
    assert (await open_lab.graph(chat)).lead.company == "Alder Pump Works"
    await open_lab.app.runner.cancel("another", started.job.id)


@pytest.mark.parametrize("chat", ["", "two words", "a/b", "é", "x" * 129])
async def test_a_chat_id_that_cannot_be_one_is_refused(shared: tuple[Lab, str], chat: str) -> None:
    with pytest.raises(InvalidArgument):
        await shared[0].start(PUMP_LEAD, chat_session_id=chat)


async def test_a_lead_with_nothing_to_go_by_is_refused(shared: tuple[Lab, str]) -> None:
    with pytest.raises(InvalidLead):
        await shared[0].start({"contact_id": 5, "city": "Columbus"})


async def test_of_a_hundred_racing_first_calls_with_different_leads_one_wins(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add({"fault": {"kind": "status", "status": 503}})
        outcomes: list[Started | str] = []

        async def call(number: int) -> None:
            lead = {"contact_id": number, "company": f"Racing Company {number}"}
            try:
                outcomes.append(await open_lab.start(lead, chat_session_id="contested"))
            except Data411Error as error:
                outcomes.append(error.code)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as racing:
                for number in range(CHATS_RACING):
                    racing.start_soon(call, number)
        winners = [o for o in outcomes if isinstance(o, Started)]
        assert len(winners) == 1
        assert outcomes.count("MULTI_LEAD_REFUSED") == CHATS_RACING - 1
        assert len(await open_lab.app.store.jobs_of_chat(TENANT, "contested")) == 1
        assert (await open_lab.graph("contested")).lead == winners[0].bound.lead
        await open_lab.app.runner.cancel(TENANT, winners[0].job.id)


async def test_of_a_hundred_racing_first_calls_with_the_same_lead_one_job_comes(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        jobs: set[str] = set()

        async def call() -> None:
            jobs.add((await open_lab.start(PUMP_LEAD, chat_session_id="shared")).job.id)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as racing:
                for _ in range(CHATS_RACING):
                    racing.start_soon(call)
        assert len(jobs) == 1
        await open_lab.finish((await open_lab.start(PUMP_LEAD, chat_session_id="shared")).job)
        assert sorted(open_lab.bought()) == sorted(set(open_lab.bought()))


async def test_of_racing_first_calls_without_a_chat_one_opens_it_and_the_others_are_sent_there(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        chats: list[str] = []
        hints: list[str] = []

        async def call() -> None:
            try:
                chats.append((await open_lab.start(PUMP_LEAD)).job.chat_session_id)
            except ChatSessionRequired as required:
                hints.append(required.hint)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as racing:
                for _ in range(CHATS_RACING):
                    racing.start_soon(call)
        assert len(chats) == 1
        assert hints == [f'Call enrich_lead_session(chat_session_id="{chats[0]}") to join it.'] * (
            CHATS_RACING - 1
        )
        await open_lab.finish((await open_lab.start(PUMP_LEAD, chat_session_id=chats[0])).job)
        assert sorted(open_lab.bought()) == sorted(set(open_lab.bought()))


async def test_of_racing_processes_on_one_store_one_wins(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add({"fault": {"kind": "status", "status": 503}})
        command = [sys.executable, "-m", "tests.services.session_racer", str(tmp_path / "data"),
                   str(tmp_path / "twins.json")]  # fmt: skip
        said: list[str] = []

        async def race(number: int) -> None:
            done = await anyio.run_process(
                [*command, str(number)], cwd=ROOT, stderr=subprocess.PIPE
            )
            said.extend(done.stdout.decode().split())

        with anyio.fail_after(60):
            async with anyio.create_task_group() as racing:
                for number in range(PROCESSES_RACING):
                    racing.start_soon(race, number)
        assert len(said) == PROCESSES_RACING * 5
        assert sum(word.startswith("bound:") for word in said) == 1
        assert said.count("MULTI_LEAD_REFUSED") == len(said) - 1
        assert len(await open_lab.app.store.jobs_of_chat(TENANT, "contested")) == 1


def test_the_settings_of_the_lab_keep_the_keys_of_this_machine_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-someone")
    assert settings_of(tmp_path, tmp_path / "twins.json").llm_api_key is None
