"""The company register: its rows, its bulk file, and which row a company is."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.adapters import acra_csv
from data411_mcp.adapters.acra_csv import open_acra_csv
from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.icp.acra import (
    Choice,
    Known,
    choose,
    entity_fields,
    is_live,
    name_key,
    ssic_code_of,
    text_of,
    uen_of,
)
from data411_mcp.errors import InvalidArgument
from data411_mcp.services.icp.acra_import import entities_of, import_acra
from data411_mcp.services.ports.icp import AcraEntity

ROW = {
    "uen": "201900001K",
    "issuance_agency_id": "ACRA",
    "entity_name": "KOPI EXAMPLE PTE. LTD.",
    "entity_type_description": "Local Company",
    "entity_status_description": "Live Company",
    "registration_incorporation_date": "2019-04-01",
    "block": "1",
    "street_name": "EXAMPLE ROAD",
    "building_name": "na",
    "postal_code": "012345",
    "primary_ssic_code": "1111",
    "primary_ssic_description": "GROWING OF LEAFY VEGETABLES",
    "secondary_ssic_code": "na",
    "former_entity_name1": "TEH EXAMPLE PTE. LTD.",
    "former_entity_name2": "na",
}
KOPI = AcraEntity(
    uen="201900001K",
    name="KOPI EXAMPLE PTE. LTD.",
    status="Live Company",
    live=True,
    entity_type="Local Company",
    incorporated=date(2019, 4, 1),
    ssic_code="01111",
    ssic_description="GROWING OF LEAFY VEGETABLES",
    street="1 EXAMPLE ROAD",
    postal_code="012345",
    former_names=("TEH EXAMPLE PTE. LTD.",),
)


# --- rows --------------------------------------------------------------------------------


def test_a_row_is_read_with_na_as_missing_and_zeros_put_back() -> None:
    assert entities_of([ROW]) == [KOPI]
    bare = entity_fields({"uen": "53412345X", "entity_name": "KOPI", "postal_code": "na"})
    assert bare is not None
    assert AcraEntity(**bare) == AcraEntity("53412345X", "KOPI", "", live=False)
    rolled = {"uen": "T09LL0001B", "entity_name": "K LLP", "uen_status_desc": "Registered",
              "reg_street_name": "EXAMPLE AVE", "reg_postal_code": "069999"}  # fmt: skip
    assert entities_of([rolled]) == [
        AcraEntity(
            "T09LL0001B", "K LLP", "Registered", live=True, street="EXAMPLE AVE",
            postal_code="069999",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "row", [{}, {"uen": "na", "entity_name": "X"}, {"uen": "x", "entity_name": "X"},
            {"uen": "201900001K", "entity_name": "na"}, {"uen": "201900001K"}],
)  # fmt: skip
def test_a_row_without_uen_or_name_is_no_entity(row: Mapping[str, str]) -> None:
    assert entities_of([row]) == []


@pytest.mark.parametrize(
    ("status", "live"),
    [
        ("Live Company", True),
        ("Live", True),
        ("Registered", True),
        ("Struck Off", False),
        ("Ceased Registration", False),
        ("Gazetted To Be Struck Off", False),
        ("In Liquidation - Creditors' Voluntary Winding Up", False),
        ("Deregistered", False),
        ("Lively", False),
        ("na", False),
        ("", False),
    ],
)
def test_only_a_live_status_is_live(status: str, live: bool) -> None:
    assert is_live(status) is live


@pytest.mark.parametrize(
    ("cell", "code"),
    [("62011", "62011"), ("1111", "01111"), ("1111.0", "01111"), ("na", ""), ("620111", ""),
     ("J", ""), ("６２０１１", ""), (None, ""), (1111, "01111")],
)  # fmt: skip
def test_codes_keep_their_leading_zeros(cell: object, code: str) -> None:
    assert ssic_code_of(cell) == code


@given(st.one_of(st.none(), st.text(max_size=30), st.integers(), st.floats()))
def test_no_cell_is_too_odd_to_read(cell: object) -> None:
    assert text_of(text_of(cell)) == text_of(cell)
    assert ssic_code_of(cell) == "" or len(ssic_code_of(cell)) == 5
    assert uen_of(uen_of(cell)) == uen_of(cell)
    assert name_key(name_key(text_of(cell))) == name_key(name_key(name_key(text_of(cell))))


# --- names -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    ["Kopi Example Pte Ltd", "KOPI EXAMPLE PTE. LTD.", "Kopi  Example Private Limited",
     "kopi example", "Kopi-Example Pte. Limited"],
)  # fmt: skip
def test_spellings_of_one_name_have_one_key(spelling: str) -> None:
    assert name_key(spelling) == "kopi example"


def test_defect_09_two_companies_with_the_same_legal_form_are_two() -> None:
    assert name_key("Kopi Pte Ltd") != name_key("Teh Pte Ltd")
    assert choose(Known(("Teh Example Pte Ltd",)), [KOPI]) == Choice("no_match")
    assert choose(Known(("Kopi Examples Pte Ltd",)), [KOPI]) == Choice("no_match")
    assert choose(Known(("Kopi Example (Singapore) Pte Ltd",)), [KOPI]) == Choice("no_match")


def test_a_company_is_the_row_with_its_name() -> None:
    anchored = Choice("anchored", KOPI.uen, ("legal_name",))
    assert choose(Known(("Kopi Example Pte Ltd",)), [KOPI]) == anchored
    assert choose(Known(("Kopi", "Kopi Example Private Limited")), [KOPI]) == anchored
    assert choose(Known(("Kopi Example",)), [KOPI]) == Choice("anchored", KOPI.uen, ("name",))
    assert choose(Known(()), [KOPI]) == choose(Known(("",)), [KOPI]) == Choice("no_match")


def test_defect_10_a_row_is_never_held_against_itself() -> None:
    """Whatever rows come back, the company's own name decides."""
    rows = [KOPI, replace(KOPI, uen="201900002K", name="KOPI HOLDINGS PTE. LTD.")]
    assert choose(Known(("Milo Works Pte Ltd",)), rows) == Choice("no_match")


def test_defect_04_a_company_that_is_not_live_is_not_anchored() -> None:
    dead = replace(KOPI, live=False, status="Struck Off")
    assert choose(Known(("Kopi Example Pte Ltd",)), [dead]) == Choice(
        "not_live", KOPI.uen, ("legal_name",)
    )
    fresh = replace(KOPI, uen="202100009Z")
    assert choose(Known(("Kopi Example Pte Ltd",)), [dead, fresh]).uen == "202100009Z"


def test_another_legal_form_is_another_company() -> None:
    partners = replace(KOPI, uen="T09LL0001B", name="KOPI EXAMPLE LLP")
    assert choose(Known(("Kopi Example Pte Ltd",)), [partners]) == Choice("no_match")
    assert choose(Known(("Kopi Example Pte Ltd",)), [partners, KOPI]).uen == KOPI.uen
    assert choose(Known(("Kopi Example",)), [partners, KOPI]) == Choice("ambiguous")


def test_a_sole_proprietor_is_not_the_company_of_that_name() -> None:
    """Not when the company itself was struck off, either."""
    trader = replace(KOPI, uen="53012345B", name="KOPI EXAMPLE")
    dead = replace(KOPI, live=False, status="Struck Off")
    assert choose(Known(("Kopi Example Pte Ltd",)), [trader]) == Choice("no_match")
    assert choose(Known(("Kopi Example Pte Ltd",)), [trader, dead]).outcome == "not_live"
    assert choose(Known(("Kopi Example",)), [trader]).uen == trader.uen


def test_what_a_company_trades_as_is_not_looked_up_where_it_says_how_it_is_registered() -> None:
    known = Known(("Teh Works Pte Ltd", "Kopi Example"), frozenset({KOPI.postal_code}))
    assert choose(known, [KOPI]) == Choice("no_match")


def test_two_legal_names_that_are_two_companies_are_none_but_by_the_address() -> None:
    parent = replace(KOPI, uen="201900002K", name="TEH HOLDINGS PTE. LTD.", postal_code="067890")
    names = ("Teh Holdings Pte Ltd", "Kopi Example Pte Ltd")
    assert choose(Known(names), [KOPI, parent]) == Choice("ambiguous")
    there = Known(names, frozenset({KOPI.postal_code}))
    assert choose(there, [KOPI, parent]).uen == KOPI.uen
    assert choose(Known(names), [KOPI]).uen == KOPI.uen


def test_of_two_with_one_name_the_address_decides() -> None:
    other = replace(KOPI, uen="201900002K", postal_code="067890")
    known = Known(("Kopi Example Pte Ltd",), frozenset({"067890"}))
    assert choose(known, [KOPI, other]) == Choice(
        "anchored", "201900002K", ("legal_name", "postal_code")
    )
    assert choose(Known(known.names), [KOPI, other]) == Choice("ambiguous")
    assert choose(known, [other, replace(other, uen="201900003K")]) == Choice("ambiguous")
    assert choose(Known(known.names), [KOPI, KOPI]).outcome == "anchored"


def test_one_word_without_a_legal_form_needs_the_address() -> None:
    amber = replace(KOPI, name="AMBER PTE. LTD.")
    assert choose(Known(("Amber",)), [amber]) == Choice("weak_name")
    assert choose(Known(("Amber",), frozenset({"012345"})), [amber]) == Choice(
        "anchored", amber.uen, ("name", "postal_code")
    )
    assert choose(Known(("Amber Pte Ltd",)), [amber]).outcome == "anchored"


# --- the bulk file -----------------------------------------------------------------------


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore.open(tmp_path / "store.sqlite3") as opened:
        yield opened


def bulk_file(folder: Path, count: int, *, name: str = "acra-k.csv") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, [*ROW])
        writer.writeheader()
        for number in range(count):
            writer.writerow(
                ROW | {"uen": f"2019{number:05}K", "entity_name": f'KOPI, "{number}"\nPTE. LTD.'}
            )
    return path


async def test_a_bulk_file_is_imported_by_name_and_uen(store: SqliteStore, tmp_path: Path) -> None:
    path = bulk_file(tmp_path, 2500)
    with path.open("a", encoding="utf-8") as file:
        file.write("na,ACRA,NOBODY\n\n201999999Z\n")
    done = await import_acra(store, SystemClock(), await open_acra_csv(path))
    assert (done.rows, done.written, done.skipped, done.resumed_at) == (2503, 2500, 3, 0)
    found = await store.acra_by_name("kopi 1234")
    assert found == (replace(KOPI, uen="201901234K", name='KOPI, "1234" PTE. LTD.'),)
    again = await import_acra(store, SystemClock(), await open_acra_csv(path))
    assert (again.written, again.resumed_at) == (0, 2503)
    anew = await import_acra(store, SystemClock(), await open_acra_csv(path), again=True)
    assert anew.written == 2500


async def test_an_interrupted_import_goes_on_where_it_stood(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acra_csv, "PORTION_ROWS", 100)
    path = bulk_file(tmp_path, 500)

    class Breaks(SqliteStore):
        async def add_acra(self, rows, *, keys):  # type: ignore[no-untyped-def]
            if rows[0].uen >= "201900300K":
                raise InvalidArgument("the power is gone", "")
            return await super().add_acra(rows, keys=keys)

    async with Breaks.open(tmp_path / "store.sqlite3") as breaking:
        with pytest.raises(InvalidArgument):
            await import_acra(breaking, SystemClock(), await open_acra_csv(path))
    assert len(await store.acra_after(limit=1000)) == 300
    done = await import_acra(store, SystemClock(), await open_acra_csv(path))
    assert (done.rows, done.written, done.resumed_at) == (500, 200, 300)
    assert len(await store.acra_after(limit=1000)) == 500


async def test_another_months_file_is_another_one(store: SqliteStore, tmp_path: Path) -> None:
    await import_acra(store, SystemClock(), await open_acra_csv(bulk_file(tmp_path, 5)))
    done = await import_acra(store, SystemClock(), await open_acra_csv(bulk_file(tmp_path, 6)))
    assert (done.written, done.resumed_at) == (6, 0)
    path = bulk_file(tmp_path, 6)
    path.write_bytes(path.read_bytes().replace(b'"5"', b'"9"'))  # of the same length
    done = await import_acra(store, SystemClock(), await open_acra_csv(path))
    assert (done.written, done.resumed_at) == (6, 0)


@pytest.mark.parametrize(
    "body",
    [b"", b"uen,name\n1,2\n", b"\xff\xfeu\x00", b"uen,entity_name\n1,\xff\xff\n",
     b"uen,entity_name\n1,\"" + b"x" * 200_000],
)  # fmt: skip
async def test_a_file_that_is_no_such_csv_is_refused(
    store: SqliteStore, tmp_path: Path, body: bytes
) -> None:
    path = tmp_path / "acra.csv"
    path.write_bytes(body)
    with pytest.raises(InvalidArgument):
        await import_acra(store, SystemClock(), await open_acra_csv(path))
    with pytest.raises(InvalidArgument):
        await open_acra_csv(tmp_path / "none.csv")
