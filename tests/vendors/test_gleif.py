from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from data411_mcp.adapters.vendors.gleif import Gleif
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import RegistryQuery, RegistryRecord
from tests.vendors.vendor_server import Answer, Call, quotes, values, world

BASE = "http://api.gleif.example/api/v1"
LEI = "549300EXAMPLE0000042"
OTHER = "549300EXAMPLE0000099"


def row(
    lei: str = LEI, name: str = "TALWEG PUMPS PTE. LTD.", *, parent: bool = False, **entity: Any
) -> dict[str, Any]:
    address = {
        "addressLines": ["1 EXAMPLE ROAD", "#01-01"],
        "city": "Singapore",
        "region": "SG-01",
        "country": "SG",
        "postalCode": "012345",
    }
    link = {"lei-record": "x"} if parent else {"reporting-exception": "x"}
    return {
        "type": "lei-records",
        "id": lei,
        "attributes": {
            "lei": lei,
            "entity": {
                "legalName": {"name": name, "language": "en"},
                "otherNames": [{"name": "Talweg", "type": "TRADING_OR_OPERATING_NAME"}],
                "legalAddress": address,
                "headquartersAddress": address | {"addressLines": ["9 EXAMPLE QUAY"]},
                "registeredAs": "201912345K",
                "jurisdiction": "SG",
                "status": "ACTIVE",
                "creationDate": "2019-04-01T00:00:00Z",
                **entity,
            },
        },
        "relationships": {"direct-parent": {"links": link}},
    }


def listing(*rows: dict[str, Any]) -> Response:
    return JSONResponse({"meta": {}, "data": list(rows)})


async def lookup(answer: Answer, folder: Path, name: str, **more: Any) -> Any:
    async with world(answer, folder) as w:
        gleif = Gleif(w.http, w.store, w.clock, w.settings, "t1", base_url=BASE)
        with anyio.fail_after(10):
            found = await gleif.lookup(RegistryQuery(name=name, **more), deadline_seconds=5)
        for record in found:
            stored = await w.store.page("t1", record.page.sha256, record.page.url)
            assert stored is not None
            assert stored.text == record.page.text
        return found, w.vendor.calls


async def test_every_fact_points_at_a_quote_that_holds_it(tmp_path: Path) -> None:
    found, calls = await lookup(lambda _: listing(row()), tmp_path, "Talweg Pumps")
    (record,) = found
    assert quotes(record) | {
        "legal_name": '"name":"TALWEG PUMPS PTE. LTD."',
        "hq_city": '"city":"Singapore"',
        "incorporation_year": '"creationDate":"2019-04-01T00:00:00Z"',
    } == quotes(record)
    assert values(record, "registry_id") == [f"GLEIF:{LEI}", "UEN:201912345K"]
    assert values(record, "address") == [
        "1 EXAMPLE ROAD, #01-01, Singapore, 01 012345, SG",
        "9 EXAMPLE QUAY, Singapore, 01 012345, SG",
    ]
    assert values(record, "incorporation_year") == ["2019"]
    assert values(record, "trade_name") == ["Talweg"]
    assert (record.country, record.status, record.record_id) == ("SG", "ACTIVE", LEI)
    assert len(calls) == 1
    assert calls[0].query["filter[entity.legalName]"] == "Talweg Pumps"


async def test_a_page_holds_one_record_only(tmp_path: Path) -> None:
    """Or a namesake would be tied to the company by the row beside its own."""
    namesake = row(OTHER, "Talweg Pumps GmbH", jurisdiction="DE")
    found, _ = await lookup(lambda _: listing(row(), namesake), tmp_path, "Talweg Pumps")
    assert {r.record_id for r in found} == {LEI, OTHER}
    for record in found:
        others = {LEI, OTHER} - {record.record_id}
        assert not any(lei in record.page.text for lei in others)
    german = next(r for r in found if r.record_id == OTHER)
    assert values(german, "registry_id") == [f"GLEIF:{OTHER}"]  # no UEN outside Singapore


async def test_another_company_is_not_returned_as_if_right(tmp_path: Path) -> None:
    names = ("Talweg Pump Rental and Tools Ltd", "Fund II Talweg", "Talmeg Trumps Inc")
    rows = [row(f"549300EXAMPLE000010{i}", name, otherNames=[]) for i, name in enumerate(names)]
    found, calls = await lookup(lambda _: listing(*rows), tmp_path, "Talweg Pumps")
    assert found == ()
    assert [c.path.rpartition("/")[2] for c in calls] == [
        "lei-records",
        "lei-records",
        "fuzzycompletions",
    ]


async def test_a_misspelt_name_is_found_through_the_fuzzy_search(tmp_path: Path) -> None:
    def answer(call: Call) -> Response:
        if call.path.endswith("fuzzycompletions"):
            relation = {"lei-records": {"data": {"type": "lei-records", "id": LEI}}}
            hit = {"attributes": {"value": "TALWEG PUMPS PTE. LTD."}, "relationships": relation}
            return JSONResponse({"data": [hit]})
        return listing(*([row()] if call.query.get("filter[lei]") == LEI else []))

    found, _ = await lookup(answer, tmp_path, "Talwegg Pumps")
    assert [r.record_id for r in found] == [LEI]


async def test_the_parent_is_one_more_call_and_stands_in_the_records_own_page(
    tmp_path: Path,
) -> None:
    def answer(call: Call) -> Response:
        if call.path.endswith("/direct-parent"):
            return JSONResponse({"data": row(OTHER, "WATERSHED HOLDINGS LTD")})
        return listing(row(parent=True))

    found, calls = await lookup(answer, tmp_path, "Talweg Pumps")
    (record,) = found
    assert quotes(record)["parent"] == '"name":"WATERSHED HOLDINGS LTD"'
    assert values(record, "parent") == ["WATERSHED HOLDINGS LTD"]
    assert OTHER not in record.page.text
    assert len(calls) == 2


async def test_a_parent_that_cannot_be_read_loses_nothing_else(tmp_path: Path) -> None:
    def answer(call: Call) -> Response:
        if call.path.endswith("/direct-parent"):
            return PlainTextResponse("oops", 500)
        return listing(row(parent=True))

    found, _ = await lookup(answer, tmp_path, "Talweg Pumps")
    assert values(found[0], "legal_name") == ["TALWEG PUMPS PTE. LTD."]
    assert values(found[0], "parent") == []


async def test_the_leads_country_and_town_come_first(tmp_path: Path) -> None:
    address = {"addressLines": ["5 Test Way"], "city": "Dayton", "region": "US-OH", "country": "US"}
    ours = row(OTHER, "Talweg Pumps LLC", legalAddress=address, headquartersAddress=address)
    found, _ = await lookup(
        lambda _: listing(row(), ours), tmp_path, "Talweg Pumps", country="US", city="dayton"
    )
    assert [r.record_id for r in found] == [OTHER, LEI]
    assert (found[0].state, found[0].city) == ("OH", "Dayton")


async def test_at_most_ten_rows_come_back(tmp_path: Path) -> None:
    rows = [row(f"549300EXAMPLE00001{i:02}") for i in range(30)]
    found, _ = await lookup(lambda _: listing(*rows), tmp_path, "Talweg Pumps")
    assert len(found) == 10


async def test_a_comma_in_the_name_does_not_become_an_or(tmp_path: Path) -> None:
    _, calls = await lookup(lambda _: listing(), tmp_path, "Talweg, Pumps & Sons, Inc.")
    assert "," not in calls[0].query["filter[entity.legalName]"]


async def test_without_a_name_nobody_is_asked(tmp_path: Path) -> None:
    async with world(lambda _: listing(), tmp_path) as w:
        gleif = Gleif(w.http, w.store, w.clock, w.settings, "t1", base_url=BASE)
        assert await gleif.lookup(RegistryQuery(domain="a.example"), deadline_seconds=5) == ()
        assert w.vendor.calls == []


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (PlainTextResponse("busy", 500), "vendor_error"),
        (PlainTextResponse("slow down", 429, {"retry-after": "3600"}), "rate_limited"),
        (PlainTextResponse("<html>hello</html>", 200), "bad_reply"),
        (PlainTextResponse("", 200), "bad_reply"),
        (PlainTextResponse('{"data": [', 200), "bad_reply"),
        (PlainTextResponse("[" * 100_000, 200), "bad_reply"),
        (Response(b'\xff\xfe{"data"', 200), "bad_reply"),
        (PlainTextResponse("no", 403), "refused"),
    ],
)
async def test_a_bad_day_of_the_vendor_is_a_reason(
    tmp_path: Path, response: Response, reason: str
) -> None:
    with pytest.raises(LookupFailed) as failed:
        await lookup(lambda _: response, tmp_path, "Talweg Pumps")
    assert failed.value.reason == reason
    assert failed.value.message == reason  # our own word, never the vendor's text
    if reason == "rate_limited":
        assert failed.value.retry_after_seconds == 3600


@pytest.mark.parametrize(
    "data",
    [
        {"data": None},
        {"data": {"id": LEI}},
        {"data": [None, 3, "x", [], {"attributes": {"lei": 5, "entity": None}}]},
        {"data": [{"id": "../../admin", "attributes": row()["attributes"] | {"lei": "../x"}}]},
        {"data": [row(legalName=None)]},
        [],
    ],
)
async def test_rows_of_another_shape_are_left_out(tmp_path: Path, data: Any) -> None:
    found, _ = await lookup(lambda _: JSONResponse(data), tmp_path, "Talweg Pumps")
    assert all(isinstance(r, RegistryRecord) and r.record_id == LEI for r in found)
    assert all(not values(r, "legal_name") for r in found)
