"""What every store must do, whatever it is made of: documents, SSIC and ACRA rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import anyio
import pytest

from data411_mcp.errors import StaleVersion
from data411_mcp.services.ports.icp import AcraEntity, Document, IcpStore, SsicRow
from tests.stores.samples import MINUTE, NOW

ENTITY = AcraEntity(
    uen="201900001K",
    name="KOPI EXAMPLE PTE. LTD.",
    status="Live Company",
    live=True,
    entity_type="Local Company",
    incorporated=date(2019, 1, 2),
    ssic_code="01111",
    ssic_description="GROWING OF LEAFY VEGETABLES",
    ssic_edition="2020",
    street="EXAMPLE ROAD",
    postal_code="069999",
    former_names=("TEH EXAMPLE", "MILO, EXAMPLE"),
)
ROWS = (
    SsicRow("A", "section", "AGRICULTURE"),
    SsicRow("01", "division", "AGRICULTURE"),
    SsicRow("01111", "subclass", "Growing of leafy vegetables", "Includes kangkong", "spinach"),
)


# --- documents ---------------------------------------------------------------------------


async def test_a_document_is_replaced_and_its_writes_are_counted(icp: IcpStore) -> None:
    assert await icp.document("acme", "profile", "k") is None
    assert await icp.put_document("acme", "profile", "k", "one", at=NOW) == 1
    assert await icp.put_document("acme", "profile", "k", "two", at=NOW + MINUTE) == 2
    assert await icp.document("acme", "profile", "k") == Document(
        "profile", "k", "two", 2, NOW + MINUTE
    )


async def test_a_document_is_saved_only_over_the_version_that_was_read(icp: IcpStore) -> None:
    asked = ("acme", "profile", "k")
    with pytest.raises(StaleVersion):
        await icp.put_document(*asked, "early", at=NOW, expected_version=1)
    assert await icp.put_document(*asked, "one", at=NOW, expected_version=0) == 1
    with pytest.raises(StaleVersion):
        await icp.put_document(*asked, "again", at=NOW, expected_version=0)
    assert await icp.put_document(*asked, "two", at=NOW, expected_version=1) == 2
    with pytest.raises(StaleVersion):
        await icp.put_document(*asked, "late", at=NOW, expected_version=1)
    found = await icp.document(*asked)
    assert found is not None
    assert found.text == "two"


async def test_of_many_that_make_a_document_one_does(icp: IcpStore) -> None:
    won = []

    async def make(number: int) -> None:
        try:
            await icp.put_document("acme", "delivery", "j", str(number), at=NOW, expected_version=0)
        except StaleVersion:
            return
        won.append(str(number))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(make, number)
    found = await icp.document("acme", "delivery", "j")
    assert found is not None
    assert won == [found.text]


async def test_documents_come_in_order_of_key_by_prefix_and_portion(icp: IcpStore) -> None:
    for key in ("b:2", "a", "b:1", "b%3", "B:0", "bä"):
        await icp.put_document("acme", "company", key, key, at=NOW)
    await icp.put_document("acme", "signals", "b:0", "", at=NOW)
    await icp.put_document("rival", "company", "b:0", "", at=NOW)

    async def keys(**asked: object) -> list[str]:
        found = await icp.documents("acme", "company", **asked)  # type: ignore[arg-type]
        return [d.key for d in found]

    assert await keys() == ["B:0", "a", "b%3", "b:1", "b:2", "bä"]
    assert await keys(prefix="b:") == ["b:1", "b:2"]
    assert await keys(prefix="b", after="b:1", limit=1) == ["b:2"]
    assert await keys(prefix="b%") == ["b%3"]


async def test_all_documents_are_scanned_once_in_portions(icp: IcpStore) -> None:
    made = {("signals", "a"), ("company", "b"), ("company", "a"), ("profile", "z")}
    for kind, key in made:
        await icp.put_document("acme", kind, key, "{}", at=NOW)
    await icp.put_document("rival", "company", "c", "{}", at=NOW)
    seen: list[tuple[str, str]] = []
    while portion := await icp.documents_to_scan(
        "acme", after=seen[-1] if seen else ("", ""), limit=3
    ):
        seen += [(d.kind, d.key) for d in portion]
    assert seen == sorted(made)
    assert await icp.document_tenants("company") == ("acme", "rival")
    assert await icp.document_tenants("none") == ()


async def test_a_document_of_another_tenant_does_not_exist(icp: IcpStore) -> None:
    await icp.put_document("acme", "profile", "k", "mine", at=NOW)
    assert await icp.document("rival", "profile", "k") is None
    assert not await icp.delete_document("rival", "profile", "k")
    assert await icp.put_document("rival", "profile", "k", "theirs", at=NOW) == 1
    assert await icp.delete_document("acme", "profile", "k")
    assert not await icp.delete_document("acme", "profile", "k")
    assert await icp.document("rival", "profile", "k") is not None


# --- registers ---------------------------------------------------------------------------


async def test_an_edition_is_replaced_whole_and_the_newest_one_answers(icp: IcpStore) -> None:
    assert await icp.ssic_rows() == ()
    old = (SsicRow("99999", "subclass", "Old"),)
    assert await icp.replace_ssic("2020", old) == 1
    assert await icp.replace_ssic("2025", ROWS[:1]) == 1
    assert await icp.replace_ssic("2025", ROWS) == 3
    assert set(await icp.ssic_rows()) == set(ROWS)
    assert await icp.ssic_rows("2020") == old
    assert await icp.ssic_rows("1999") == ()
    assert await icp.ssic_editions() == ("2025", "2020")


async def test_a_table_of_several_thousand_rows_is_taken(icp: IcpStore) -> None:
    rows = [SsicRow(f"{n:05}", "subclass", f"Title {n}") for n in range(3000)]
    assert await icp.replace_ssic("2025", rows) == 3000
    assert len(await icp.ssic_rows()) == 3000


async def test_a_registered_company_is_found_by_its_name_and_replaced_by_its_uen(
    icp: IcpStore,
) -> None:
    other = replace(ENTITY, uen="T00LL0001A", live=False, incorporated=None, former_names=())
    assert await icp.add_acra([ENTITY, other], keys=["kopi example"] * 2) == 2
    assert await icp.acra_by_name("kopi example") == (ENTITY, other)
    assert await icp.acra_by_name("kopi") == ()
    renamed = replace(ENTITY, name="TEH EXAMPLE PTE. LTD.")
    assert await icp.add_acra([ENTITY, renamed], keys=["kopi example", "teh example"]) == 1
    assert await icp.acra_by_name("teh example") == (renamed,)
    assert await icp.acra_by_name("kopi example") == (other,)


async def test_live_companies_of_a_code_come_the_newest_first(icp: IcpStore) -> None:
    def row(number: int, **more: Any) -> AcraEntity:
        day = date(2015 + number, 1, 1)
        return replace(ENTITY, uen=f"2019{number:05}K", incorporated=day, **more)

    rows = [
        row(1, ssic_code="52292"),
        row(3, ssic_code="52292"),
        row(2, ssic_code="52292"),
        row(4, ssic_code="52292", live=False),
        row(5, ssic_code="10712"),
        replace(row(6, ssic_code="52292"), incorporated=None),
    ]
    await icp.add_acra(rows, keys=["kopi example"] * len(rows))
    assert await icp.acra_by_ssic("52292") == (rows[1], rows[2], rows[0])
    assert await icp.acra_by_ssic("52292", limit=1) == (rows[1],)
    assert await icp.acra_by_ssic("99999") == ()


async def test_registered_companies_are_read_in_order_of_uen(icp: IcpStore) -> None:
    rows = [replace(ENTITY, uen=f"2019{n:05}K") for n in range(5)]
    await icp.add_acra(rows[::-1], keys=["kopi example"] * 5)
    assert await icp.acra_after(limit=2) == tuple(rows[:2])
    assert await icp.acra_after(rows[1].uen) == tuple(rows[2:])
    assert await icp.add_acra([], keys=[]) == 0
