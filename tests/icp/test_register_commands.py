"""`data411-mcp ssic`, `acra`, `nightly` and `acra-direct`, as typed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import anyio
import openpyxl
import pytest
from anyio.from_thread import start_blocking_portal
from typer.testing import CliRunner

from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.adapters.vendors import acra
from data411_mcp.cli import EXIT_USAGE
from data411_mcp.cli import app as command_line
from data411_mcp.domain.icp.crm import drafts
from data411_mcp.domain.icp.values import EnrichedCompany, Lookalike
from data411_mcp.domain.jobs import Job
from data411_mcp.services.icp.parts import COMPANY, SHORTLIST, Shortlist
from data411_mcp.twins.odoo import running_odoo
from tests.icp.delivery import a_lead
from tests.icp.test_acra import ROW
from tests.icp.test_ssic_import import CODES, HEADER
from tests.services.session_world import write_rows, write_site
from tests.stores.samples import NOW


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA411_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DATA411_LOG_LEVEL", "CRITICAL")
    monkeypatch.setattr(acra, "WINDOW_SECONDS", 0.02)
    monkeypatch.setattr(acra, "POLL_SECONDS", 0.01)
    return tmp_path


def typed(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(command_line, [str(word) for word in words])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def stored(folder: Path, ask: Any) -> Any:
    async def asked() -> Any:
        async with SqliteStore.open(folder / "data" / "data411.sqlite3") as store:
            return await ask(store)

    return anyio.run(asked)


@pytest.fixture
def market(folder: Path) -> Path:
    """A world with a register and one company's site."""
    world = folder / "market"
    write_site(world, "kopi.example", index="<html><body><h1>Kopi Example</h1></body></html>")
    write_rows(
        world / "registry" / "acra.jsonl",
        ROW | {"registration_incorporation_date": "2019-04-01"},
        ROW | {"uen": "201900002K", "entity_name": "KOPI TWO PTE. LTD."},
        ROW | {"uen": "201900003K", "entity_name": "KOPI GONE PTE. LTD.",
               "entity_status_description": "Struck Off"},
    )  # fmt: skip
    return world


def test_the_official_workbook_is_imported(folder: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (HEADER, *CODES):
        book.active.append(row)
    book.save(folder / "codes.xlsx")
    assert typed("ssic", "import", str(folder / "codes.xlsx")) == (
        "SSIC 2025: 7 codes, 3 with definitions.\n"
    )
    again = json.loads(typed("ssic", "import", str(folder / "codes.xlsx"), "--json"))
    assert (again["edition"], again["codes"], again["newest"]) == ("2025", 7, True)
    assert len(stored(folder, lambda store: store.ssic_rows())) == 7


def test_a_file_that_is_no_table_ends_with_a_word_and_a_hint(folder: Path) -> None:
    (folder / "codes.xlsx").write_bytes(b"PK nothing")
    said = typed("ssic", "import", str(folder / "codes.xlsx"), code=EXIT_USAGE)
    assert "no workbook" in said
    assert "SingStat" in said
    assert "Traceback" not in said
    assert str(folder) not in said


def test_a_bulk_file_is_imported(folder: Path) -> None:
    path = folder / "acra.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*ROW])
        writer.writeheader()
        writer.writerows([ROW, ROW | {"uen": "na"}])
    assert typed("acra", "import", str(path)) == "1 companies, 1 rows left out.\n"
    assert json.loads(typed("acra", "import", str(path), "--json"))["resumed_at"] == 2
    assert typed("acra", "import", str(path), "--again").startswith("1 companies")
    typed("acra", "import", code=EXIT_USAGE)
    typed("acra", "import", str(path), "--letters", "A", code=EXIT_USAGE)


@pytest.mark.lengthy
def test_the_registers_files_are_downloaded_by_letter(folder: Path, market: Path) -> None:
    done = json.loads(typed("acra", "import", "--letters", "kq", "--json", "--world", str(market)))
    assert (done["K"]["written"], done["Q"]["written"]) == (3, 0)
    typed("acra", "import", "--letters", "K1", code=EXIT_USAGE)
    assert len(stored(folder, lambda store: store.acra_after())) == 3


def test_the_night_anchors_companies_and_says_so(folder: Path, market: Path) -> None:
    company = EnrichedCompany(
        domain="kopi.example", name="Kopi Example", country="SG", state="done"
    )

    async def put(store: SqliteStore) -> None:
        await store.put_document(
            "local", COMPANY, company.domain, company.model_dump_json(), at=NOW
        )

    stored(folder, put)
    said = typed("nightly", "--world", str(market))
    assert "1 Singapore companies: 1 anchored; 0 known, 0 failed. 0 lists go on." in said
    again = json.loads(typed("nightly", "--tenant", "local", "--json", "--world", str(market)))
    assert (again["recent"], again["outcomes"]) == (1, {})


def test_what_a_list_would_change_in_the_crm_is_shown_and_not_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "There is no list yet" in typed("crm-preview", code=EXIT_USAGE)
    assert "Leave the thread out" in typed("crm-preview", "thread-9", code=EXIT_USAGE)
    like = Lookalike(
        domain="kopi.example", name="Kopi", score=70, bucket="A", why="alike", snippet=""
    )
    company = EnrichedCompany(
        domain="kopi.example", name="Kopi", city="Singapore", uen="201900001K", state="done"
    )
    made = Shortlist(thread_id="thread-1", job_id="run-1", made_at=NOW, lookalikes=(like,))

    async def put(store: SqliteStore) -> None:
        for kind, key, value in ((COMPANY, like.domain, company), (SHORTLIST, "thread-1", made)):
            await store.put_document("local", kind, key, value.model_dump_json(), at=NOW)

    stored(folder, put)
    assert "cannot be asked (not_configured)" in typed("crm-preview", code=EXIT_USAGE)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running_odoo("19.0")) as odoo,
    ):
        monkeypatch.setenv("DATA411_ODOO_URL", odoo.url)
        monkeypatch.setenv("DATA411_ODOO_API_KEY", odoo.key)
        said = typed("crm-preview", "thread-1")
        assert "1 companies of thread-1; nothing was written." in said
        assert "create res.partner Kopi" in said
        assert not odoo.rows("res.partner")
        theirs = {"name": "Kopi & Co", "is_company": True, "website": "kopi.example",
                  "city": "Jurong"}  # fmt: skip
        portal.call(odoo.records.create, "res.partner", theirs)
        said = typed("crm-preview")
        assert "fill res.partner Kopi & Co\n" in said
        assert "  fill company_registry: 201900001K" in said
        assert "  keep city: Jurong (ours: Singapore)" in said
        told = json.loads(typed("crm-preview", "--json"))
        assert {r["action"] for r in told["records"]} == {"fill", "create"}
        assert len(odoo.rows("res.partner")) == 1


def test_forgetting_reaches_the_crm_and_says_where_it_does_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget = ("forget", "--person", "jane.tan@harbour.example", "--json")
    assert "crm" not in json.loads(typed(*forget))
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running_odoo("19.0")) as odoo,
    ):
        monkeypatch.setenv("DATA411_ODOO_URL", odoo.url)
        monkeypatch.setenv("DATA411_ODOO_API_KEY", odoo.key)
        for draft in drafts(a_lead(), tenant="local").all[:2]:
            columns = ["id", "name", "email"]
            row = [draft.external_id, draft.values["name"], draft.values["email"]]
            portal.call(odoo.records.load, draft.model, columns, [row], {})
        told = json.loads(typed(*forget))
        assert (told["crm"], told["crm_not_ours"]) == (1, 0)
        assert {row["name"] for row in odoo.rows("res.partner")} == {
            "Harbour Freight Pte. Ltd.", "Erased",
        }  # fmt: skip
        monkeypatch.setenv("DATA411_ODOO_API_KEY", "another")
        assert json.loads(typed(*forget))["crm_not_reached"] == 1
        monkeypatch.setenv("DATA411_ODOO_TENANTS", '["somebody"]')
        assert "crm_not_reached" not in json.loads(typed(*forget))


def test_without_a_register_it_is_said_where_it_comes_from(folder: Path) -> None:
    said = typed("acra-direct", code=EXIT_USAGE)
    assert "not imported" in said
    assert "acra import" in said


def test_companies_of_the_register_become_leads(folder: Path, market: Path) -> None:
    typed("acra", "import", "--letters", "K", "--world", str(market))
    said = typed("acra-direct", "--limit", "1", "--world", str(market))
    assert "1 handed in, 0 known, 0 dissolved, 0 failed." in said
    said = typed("acra-direct", "--world", str(market))
    assert "1 handed in, 0 known, 1 dissolved, 0 failed. The register is done." in said

    async def jobs(store: SqliteStore) -> list[Job]:
        return list(await store.jobs_to_scan("local"))

    found = stored(folder, jobs)
    assert {job.chat_session_id for job in found} == {"acra-201900001k", "acra-201900002k"}
    assert {job.route for job in found} == {"enrich/lead-session"}
    for wrong in (["--limit", "0"], ["--ssic", "62x"]):
        typed("acra-direct", *wrong, code=EXIT_USAGE)
