"""Odoo over both of its protocols, against twins of three versions, with everything that goes
wrong between two machines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog

from data411_mcp.adapters.mail import SmtpMailer
from data411_mcp.adapters.odoo import OdooCrm, open_crm
from data411_mcp.adapters.odoo_xmlrpc import _parsed
from data411_mcp.domain.icp.crm import drafts
from data411_mcp.errors import LookupFailed, VendorUnusable
from data411_mcp.network import Network
from data411_mcp.services.icp.delivering import ListDeliverer
from data411_mcp.services.ports.icp import IcpSettings
from data411_mcp.settings import Settings
from data411_mcp.twins.odoo import OdooFaultRow, OdooTwin, running_odoo
from tests.icp.delivery import CLOCK, RUN, TENANT, a_contact, a_context, a_lead, a_store
from tests.icp.odoo_contract import OdooContract, Office, crm_records, opened

# (version, with fields of the server's own, by a user who administers access rights)
VERSIONS = (
    ("16.0", True, False),
    ("18.0", False, False),
    ("19.0", False, False),
    ("19.0", False, True),
    ("saas~19.2", True, False),
)


def settings(twin: OdooTwin, **more: Any) -> Settings:
    values = {
        "odoo_url": twin.url,
        "odoo_db": twin.database,
        "odoo_login": twin.login,
        "odoo_api_key": twin.key,
    }
    return Settings(**(values | more))


@asynccontextmanager
async def office_of(twin: OdooTwin, **more: Any) -> AsyncIterator[Office]:
    async with open_crm(settings(twin, **more), Network()) as crm, opened(crm) as office:
        yield office


@pytest.fixture
async def twin() -> AsyncIterator[OdooTwin]:
    async with running_odoo("19.0") as running:
        yield running


class TestEveryVersion(OdooContract):
    @pytest.fixture(params=VERSIONS, ids=str)
    async def office(self, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
        version, custom, administers = request.param
        async with (
            running_odoo(version, custom_fields=custom, administers=administers) as running,
            office_of(running) as office,
        ):
            yield office


# --- which protocol ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "protocol", "spoken"),
    [
        ("16.0", "auto", "xmlrpc"),
        ("saas~18.4", "auto", "xmlrpc"),
        ("19.0", "auto", "json2"),
        ("saas~19.2", "auto", "json2"),
        ("19.0", "xmlrpc", "xmlrpc"),
    ],
)
async def test_the_newer_protocol_is_spoken_where_the_server_knows_it(
    version: str, protocol: str, spoken: str
) -> None:
    async with running_odoo(version) as twin, office_of(twin, odoo_protocol=protocol) as office:
        await office.write(office.lead())
        assert {call.protocol for call in twin.calls} == {spoken}


async def test_a_field_that_the_server_does_not_know_is_left_out(twin: OdooTwin) -> None:
    async with office_of(twin) as office:
        await office.write(office.lead())
        sent = {name for call in twin.calls if call.method == "load"
                for name in call.arguments["fields"]}  # fmt: skip
    assert not any(name.startswith("x_") or name == "mobile" for name in sent)


async def test_the_own_fields_of_the_server_are_filled_where_they_exist() -> None:
    async with running_odoo("19.0", custom_fields=True) as twin, office_of(twin) as office:
        await office.write(office.lead(employees="75"))
        (lead,) = await office.opportunities("x_pre_sdr_score", "x_pre_sdr_bucket")
        company = await office.company("x_uen", "x_industry_norm", "x_employees_est")
    assert (lead["x_pre_sdr_score"], lead["x_pre_sdr_bucket"]) == (83, "A")
    assert company["x_uen"] == office.lead().company.uen
    assert (company["x_industry_norm"], company["x_employees_est"]) == ("Logistics", 75)


async def test_a_range_is_not_forced_into_a_field_for_numbers() -> None:
    async with running_odoo("19.0", custom_fields=True) as twin, office_of(twin) as office:
        await office.write(office.lead(employees="50-99"))
        assert (await office.company("x_employees_est"))["x_employees_est"] == 0


async def test_the_fields_are_asked_for_once(twin: OdooTwin) -> None:
    async with office_of(twin) as office:
        for _ in range(3):
            await office.write(office.lead())
        assert twin.methods("res.partner").count("fields_get") == 1


# --- what goes wrong -----------------------------------------------------------------------


async def test_a_value_that_the_server_refuses_is_left_out_and_said_so(twin: OdooTwin) -> None:
    def no_registry(model: str, values: dict[str, Any]) -> str | None:
        return "company_registry is not valid" if "company_registry" in values else None

    twin.records.checks.append(no_registry)
    async with office_of(twin) as office:
        results = await office.write(office.lead())
        company = await office.company("company_registry", "email")
    assert results[0].created
    refused = [c.field for c in results[0].changes if c.action == "refused"]
    assert refused == ["company_registry"]
    assert company["company_registry"] is False
    assert company["email"]


@pytest.mark.parametrize("version", ["18.0", "19.0"])
async def test_a_crash_after_the_record_and_before_the_answer_makes_no_second_one(
    version: str,
) -> None:
    async with running_odoo(version) as twin, office_of(twin) as office:
        twin.faults.append(OdooFaultRow("res.partner", "load", times=3, after=True))
        with pytest.raises(LookupFailed) as failed:
            await office.write(office.lead())
        assert failed.value.reason == "connect"
        results = await office.write(office.lead())
        assert not results[0].created
        await office.company("name")
        # The run that made the record never said where it was read: the next one does.
        assert len(twin.notes("res.partner", results[0].record_id)) == 1


async def test_of_two_workers_the_one_that_came_second_finds_what_the_first_has_made(
    twin: OdooTwin,
) -> None:
    async with office_of(twin) as office:
        for model in ("res.partner", "crm.lead"):
            twin.faults.append(OdooFaultRow(model, "load", overtaken=True))
        results = await office.write(office.lead(contacts=()))
        assert [r.created for r in results] == [False, False]
        await office.company("name")
        assert len(await office.opportunities("name")) == 1


async def test_a_row_that_is_refused_without_a_reason_is_not_asked_for_ever(
    twin: OdooTwin,
) -> None:
    twin.records.checks.append(lambda model, values: "no" if "type" in values else None)
    async with office_of(twin) as office:
        with pytest.raises(LookupFailed) as failed:
            await office.write(office.lead(contacts=()))
        assert failed.value.reason == "refused_value"
        assert twin.methods("crm.lead").count("load") == 2


async def test_a_dropped_connection_is_tried_again_where_twice_is_once(twin: OdooTwin) -> None:
    async with office_of(twin) as office:
        twin.faults.append(OdooFaultRow("crm.lead", "load", after=True))
        results = await office.write(office.lead())
        assert len(await office.opportunities("name")) == 1
        assert results[2].record_id


async def test_a_busy_server_is_asked_again_and_one_that_stays_busy_is_left(
    twin: OdooTwin,
) -> None:
    async with office_of(twin) as office:
        twin.faults.append(OdooFaultRow(status=503, times=2, headers={"retry-after": "0"}))
        assert (await office.write(office.lead()))[0].created
        twin.faults.append(OdooFaultRow(status=429, times=99, headers={"retry-after": "0"}))
        with pytest.raises(LookupFailed) as failed:
            await office.write(office.lead())
    assert failed.value.reason == "unavailable"


async def test_a_note_that_fails_is_no_reason_to_write_again(twin: OdooTwin) -> None:
    async with office_of(twin) as office:
        twin.faults.append(OdooFaultRow(method="message_post", status=500, times=99))
        results = await office.write(office.lead())
        assert [r.created for r in results] == [True, True, True]
        twin.faults.clear()
        await office.write(office.lead())
        assert len(twin.notes("crm.lead", results[2].record_id)) == 1


async def test_a_user_who_may_not_write_external_ids_still_makes_no_doubles(
    twin: OdooTwin,
) -> None:
    async with office_of(twin) as office:
        mine = await office.rpc.create(
            "res.partner",
            {"name": "By hand", "is_company": True, "website": f"https://{office.domain}"},
        )
        twin.records.denied.add(("ir.model.data", "create"))
        for _ in range(2):
            result = await office.crm.upsert(
                crm_records(drafts(office.lead(uen=""), tenant=TENANT).all)[0], deadline_seconds=5
            )
            assert result.record_id == mine


async def test_an_external_id_that_points_nowhere_is_used_again(twin: OdooTwin) -> None:
    async with office_of(twin) as office:
        first = await office.write(office.lead())
        del twin.records.tables["crm.lead"][first[2].record_id]  # behind Odoo's back
        again = await office.write(office.lead())
        assert again[2].created
        assert len(await office.opportunities("name")) == 1


async def test_a_record_that_was_put_away_is_found_and_not_made_again(twin: OdooTwin) -> None:
    async with office_of(twin) as office:
        first = await office.write(office.lead())
        await office.rpc.write("crm.lead", first[2].record_id, {"active": False})
        again = await office.write(office.lead())
        assert again[2].record_id == first[2].record_id


async def test_many_at_once_make_one_record(twin: OdooTwin) -> None:
    async with office_of(twin) as office:
        record = crm_records(drafts(office.lead(), tenant=TENANT).all)[0]
        made: list[bool] = []

        async def write() -> None:
            made.append((await office.crm.upsert(record, deadline_seconds=10)).created)

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(write)
        await office.company("name")
    assert sorted(made) == [False] * 7 + [True]


@pytest.mark.parametrize(
    ("version", "wrong", "reason"),
    [
        ("19.0", {"odoo_api_key": "another"}, "bad_key"),
        ("18.0", {"odoo_api_key": "another"}, "bad_key"),
        ("18.0", {"odoo_db": None}, "not_configured"),
        ("19.0", {"odoo_db": "another"}, "no_such_model"),
    ],
)
async def test_what_a_person_must_mend_is_told_apart(
    version: str, wrong: dict[str, Any], reason: str
) -> None:
    async with (
        running_odoo(version) as twin,
        open_crm(settings(twin, **wrong), Network()) as crm,
    ):
        record = crm_records(drafts(a_lead(), tenant=TENANT).all)[0]
        with pytest.raises(VendorUnusable) as failed:
            await crm.upsert(record, deadline_seconds=5)
    assert failed.value.reason == reason


@pytest.mark.parametrize("version", ["18.0", "19.0"])
async def test_a_missing_app_and_a_missing_right_are_told_apart(version: str) -> None:
    async with (
        running_odoo(version, crm=False) as twin,
        open_crm(settings(twin), Network()) as crm,
    ):
        company, _, lead = crm_records(drafts(a_lead(), tenant=TENANT).all)
        twin.records.denied.add(("res.partner", "create"))
        with pytest.raises(VendorUnusable) as forbidden:
            await crm.upsert(company, deadline_seconds=5)
        with pytest.raises(VendorUnusable) as missing:
            await crm.upsert(lead, deadline_seconds=5)
    assert forbidden.value.reason == "forbidden"
    assert missing.value.reason == "no_such_model"


async def test_a_server_that_does_not_answer_ends_with_the_deadline(twin: OdooTwin) -> None:
    twin.delay_seconds = 60
    async with open_crm(settings(twin), Network()) as crm:
        with pytest.raises(LookupFailed) as failed:
            await crm.preview([], deadline_seconds=0.2)
    assert failed.value.reason == "timeout"


@pytest.mark.parametrize("version", ["18.0", "19.0"])
async def test_neither_key_nor_traceback_reaches_a_log_or_an_error(version: str) -> None:
    with structlog.testing.capture_logs() as logs:
        async with running_odoo(version, key="very-secret") as twin, office_of(twin) as office:
            twin.faults.append(OdooFaultRow("crm.lead", "load", status=500, times=99))
            with pytest.raises(LookupFailed) as failed:
                await office.write(office.lead())
    told = f"{logs} {failed.value.message} {failed.value.hint} {failed.value.as_dict()}"
    assert "very-secret" not in told
    assert "/opt/odoo" not in told
    assert "Jane" not in told


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"<?xml version='1.0'?><methodResponse></methodResponse>",
        b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><methodResponse>&a;</methodResponse>",
        b"<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>",
    ],
)  # fmt: skip
def test_an_answer_that_is_no_xml_rpc_is_a_bad_reply(body: bytes) -> None:
    with pytest.raises(LookupFailed) as failed:
        _parsed(body)
    assert failed.value.reason == "bad_reply"


async def test_without_a_crm_it_says_so() -> None:
    async with open_crm(Settings(), Network()) as crm:
        assert not crm.configured()
        with pytest.raises(VendorUnusable):
            await crm.preview([], deadline_seconds=1)


# --- a run's companies ---------------------------------------------------------------------


def deliverer(store: Any, crm: OdooCrm, *tenants: str) -> ListDeliverer:
    return ListDeliverer(store, CLOCK, SmtpMailer(None), crm, IcpSettings(), frozenset(tenants))


async def test_a_company_goes_into_the_crm_once_however_often_its_step_is_replayed(
    tmp_path: Path, twin: OdooTwin
) -> None:
    async with a_store(tmp_path) as store, office_of(twin) as office:
        desk = deliverer(store, office.crm, TENANT)
        lead = office.lead()
        outcomes = [await desk.crm(a_context(), RUN, lead) for _ in range(3)]
        assert outcomes == ["created", "unchanged", "unchanged"]
        richer = office.lead(contacts=(*lead.company.contacts, a_contact("Ana Cruz", email="")))
        assert await desk.crm(a_context("job-2"), RUN, richer) == "updated"
        assert len(await office.opportunities("name")) == 1


async def test_every_call_may_die_and_a_replay_leaves_one_of_each(tmp_path: Path) -> None:
    """The connection drops after each of the writes in turn, as if the process had died there."""
    async with running_odoo("19.0") as counting, office_of(counting) as office:
        await office.write(office.lead())
        writes = sum(call.method in ("load", "write", "create", "message_post")
                     for call in counting.calls)  # fmt: skip
    assert writes >= 6
    async with a_store(tmp_path) as store, running_odoo("19.0") as twin, office_of(twin) as office:
        desk = deliverer(store, office.crm, TENANT)
        for model in ("res.partner", "crm.lead"):
            for method in ("load", "message_post"):
                twin.faults.append(OdooFaultRow(model, method, times=3, after=True))
        for _ in range(8):
            await desk.crm(a_context(), RUN, office.lead())
        assert await desk.crm(a_context(), RUN, office.lead()) == "unchanged"
        await office.company("name")
        assert len(await office.people("name")) == 1
        assert len(await office.opportunities("name")) == 1


async def test_a_person_that_the_crm_refuses_does_not_keep_the_lead_out(
    tmp_path: Path, twin: OdooTwin
) -> None:
    def nobody(model: str, values: dict[str, Any]) -> str | None:
        return "no people please" if model == "res.partner" and values.get("function") else None

    twin.records.checks.append(nobody)
    async with a_store(tmp_path) as store, office_of(twin) as office:
        outcome = await deliverer(store, office.crm, TENANT).crm(a_context(), RUN, office.lead())
        assert outcome == "created"
        (lead,) = await office.opportunities("partner_id")
        company = await office.company("email")
    assert lead["partner_id"][0] == company["id"]
    assert company["email"] == f"hello@{office.domain}"


async def test_a_company_that_could_not_be_enriched_is_not_lost(
    tmp_path: Path, twin: OdooTwin
) -> None:
    async with a_store(tmp_path) as store, office_of(twin) as office:
        failed = office.lead(state="failed", reason="timeout", contacts=(), emails=(), phones=())
        assert await deliverer(store, office.crm, "*").crm(a_context(), RUN, failed) == "created"
        assert len(await office.opportunities("name")) == 1


async def test_defect_15_a_tenant_without_a_crm_of_its_own_writes_into_nobody_elses(
    tmp_path: Path, twin: OdooTwin
) -> None:
    async with a_store(tmp_path) as store, office_of(twin) as office:
        desk = deliverer(store, office.crm, "somebody-else")
        assert await desk.crm(a_context(), RUN, office.lead()) == "skipped_no_config"
        with pytest.raises(VendorUnusable):
            await desk.preview(TENANT, [office.lead()])
        assert await office.opportunities("name") == []


async def test_a_crm_that_is_down_is_told_and_blocks_nothing(
    tmp_path: Path, twin: OdooTwin
) -> None:
    async with a_store(tmp_path) as store, office_of(twin) as office:
        twin.faults.append(OdooFaultRow(status=500, times=999))
        desk = deliverer(store, office.crm, TENANT)
        assert await desk.crm(a_context(), RUN, office.lead()) == "failed"


async def test_a_list_can_be_previewed_before_it_is_written(tmp_path: Path, twin: OdooTwin) -> None:
    async with a_store(tmp_path) as store, office_of(twin) as office:
        desk = deliverer(store, office.crm, TENANT)
        changes = await desk.preview(TENANT, [office.lead()])
        assert {c.action for c in changes} == {"create"}
        await desk.crm(a_context(), RUN, office.lead())
        assert {c.action for c in await desk.preview(TENANT, [office.lead()])} == {"keep"}
