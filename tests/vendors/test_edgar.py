from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from data411_mcp.adapters.vendors.edgar import Edgar
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import RegistryQuery
from tests.vendors.vendor_server import Answer, Call, World, quotes, values, world

TICKERS = {
    "0": {"cik_str": 9000001, "ticker": "TLWG", "title": "Talweg Pumps Inc."},
    "1": {"cik_str": 9000002, "ticker": "TLWT", "title": "Talweg Pump Rental & Tools Corp"},
    "2": {"cik_str": 9000001, "ticker": "TLWGP", "title": "Talweg Pumps Inc."},
    "3": {"cik_str": "no number", "title": "Talweg Pumps Inc."},
    "4": ["another shape"],
}
PLACE = {
    "street1": "5 TEST WAY",
    "street2": "SUITE 3",
    "city": "DAYTON",
    "stateOrCountry": "OH",
    "zipCode": "45402",
}
SUBMISSION: dict[str, Any] = {
    "cik": "0009000001",
    "sic": "3561",
    "sicDescription": "Pumps & Pumping Equipment",
    "name": "TALWEG PUMPS INC.",
    "website": "talweg.example",
    "addresses": {"mailing": PLACE | {"street1": "PO BOX 7", "street2": None}, "business": PLACE},
    "phone": "(937) 555-0142",
    "formerNames": [{"name": "OLD TALWEG CO", "from": None, "to": None}],
    "filings": {"recent": {"accessionNumber": [], "form": []}},
}


def usual(call: Call) -> Response:
    if "@" not in call.headers.get("user-agent", ""):
        return PlainTextResponse("<html>Undeclared Automated Tool</html>", 403)
    if call.path.endswith("company_tickers.json"):
        return JSONResponse(TICKERS)
    if call.path.endswith("CIK0009000001.json"):
        return JSONResponse(SUBMISSION)
    return PlainTextResponse("<Error><Code>NoSuchKey</Code></Error>", 404)


def edgar(w: World, tenant: str = "t1") -> Edgar:
    return Edgar(
        w.http,
        w.store,
        w.clock,
        w.settings,
        tenant,
        tickers_url="http://www.sec.example/files/company_tickers.json",
        submissions_url="http://data.sec.example/submissions",
    )


async def lookup(answer: Answer, folder: Path, name: str = "Talweg Pumps") -> Any:
    async with world(answer, folder) as w:
        with anyio.fail_after(10):
            return await edgar(w).lookup(RegistryQuery(name=name), deadline_seconds=5)


async def test_a_registrant_gives_its_facts_with_quotes(tmp_path: Path) -> None:
    (record,) = await lookup(usual, tmp_path)
    assert values(record, "registry_id") == ["SEC:0009000001"]
    assert values(record, "industry_code") == ["SIC:3561"]
    assert values(record, "industry_norm") == ["Pumps & Pumping Equipment"]
    assert values(record, "phone") == ["(937) 555-0142"]
    assert values(record, "link") == ["https://talweg.example"]
    assert values(record, "address") == [
        "5 TEST WAY, SUITE 3, DAYTON, OH 45402",
        "PO BOX 7, DAYTON, OH 45402",
    ]
    assert values(record, "hq_country") == ["US"]
    assert not any("OLD TALWEG" in fact.value for fact in record.facts)
    assert quotes(record)["phone"] == '"phone":"(937) 555-0142"'
    assert (record.country, record.state, record.city) == ("US", "OH", "DAYTON")


async def test_the_list_of_registrants_is_asked_for_once_a_day(tmp_path: Path) -> None:
    async with world(usual, tmp_path) as w:
        first = edgar(w)
        for _ in range(2):
            await first.lookup(RegistryQuery(name="Talweg Pumps"), deadline_seconds=5)
        # Another process: its memory is empty, the store is not.
        await edgar(w).lookup(RegistryQuery(name="Talweg Pumps"), deadline_seconds=5)
        asked = [c for c in w.vendor.calls if c.path.endswith("company_tickers.json")]
        assert len(asked) == 1


async def test_the_user_agent_names_a_contact(tmp_path: Path) -> None:
    async with world(usual, tmp_path) as w:
        await edgar(w).lookup(RegistryQuery(name="Talweg Pumps"), deadline_seconds=5)
        assert all("ops@data411.example" in c.headers["user-agent"] for c in w.vendor.calls)


async def test_a_company_that_is_no_registrant_is_an_empty_answer(tmp_path: Path) -> None:
    assert await lookup(usual, tmp_path, "Hydraulic Bakery") == ()


async def test_a_registrant_without_a_record_is_left_out(tmp_path: Path) -> None:
    assert await lookup(usual, tmp_path, "Talweg Pump Rental & Tools") == ()


async def test_a_foreign_registrant_is_not_put_into_the_united_states(tmp_path: Path) -> None:
    def answer(call: Call) -> Response:
        if call.path.endswith("company_tickers.json"):
            return JSONResponse(TICKERS)
        place = PLACE | {"stateOrCountry": "X0", "city": "LONDON"}
        return JSONResponse(SUBMISSION | {"addresses": {"business": place, "mailing": None}})

    (record,) = await lookup(answer, tmp_path)
    assert record.country is None
    assert values(record, "hq_country") == []
    assert values(record, "hq_city") == ["LONDON"]


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (PlainTextResponse("<html>Undeclared Automated Tool</html>", 403), "refused"),
        (PlainTextResponse("<html>maintenance</html>", 200), "bad_reply"),
        (JSONResponse([]), "bad_reply"),
        (PlainTextResponse("", 502), "vendor_error"),
    ],
)
async def test_a_list_that_cannot_be_had_is_a_reason_and_is_not_kept(
    tmp_path: Path, response: Response, reason: str
) -> None:
    with pytest.raises(LookupFailed) as failed:
        await lookup(lambda _: response, tmp_path)
    assert failed.value.reason == reason
    assert await lookup(usual, tmp_path) != ()
