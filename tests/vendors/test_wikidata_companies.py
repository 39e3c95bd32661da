from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from data411_mcp.adapters.vendors.wikidata_companies import WikidataCompanies
from data411_mcp.domain.icp.registers import RegisterWish
from data411_mcp.errors import LookupFailed
from tests.vendors.vendor_server import Answer, Call, world

ENTITY = "http://www.wikidata.org/entity/"
WISH = RegisterWish(
    words=("freight",), countries=("SG",), websites=("one.example", "two.example", "three.example")
)


def results(*rows: dict[str, str]) -> Response:
    bindings = [{k: {"type": "literal", "value": v} for k, v in row.items()} for row in rows]
    return JSONResponse({"head": {"vars": []}, "results": {"bindings": bindings}})


def works_in(item: str, *industries: str) -> list[dict[str, str]]:
    return [{"item": ENTITY + item, "industry": ENTITY + industry} for industry in industries]


def company(item: str = "Q7", **more: str) -> dict[str, str]:
    row = {
        "item": ENTITY + item,
        "itemLabel": "Quayline",
        "itemDescription": "forwarder of freight",
        "website": "https://www.quayline.example/en/",
        "industryLabel": "freight",
        "countryCode": "SG",
    }
    return {k: v for k, v in (row | more).items() if v}


def query_of(call: Call) -> str:
    """The SPARQL of a call; empty where it is a search by name."""
    return parse_qs(call.body.decode()).get("query", [""])[0] if call.body else ""


async def asked(answer: Answer, folder: Path, wish: RegisterWish = WISH) -> tuple[Any, list[Call]]:
    async with world(answer, folder) as w:
        register = WikidataCompanies(
            w.http,
            w.store,
            w.clock,
            w.settings,
            "t1",
            api_url="http://www.wikidata.example/w/api.php",
            sparql_url="http://query.wikidata.example/sparql",
        )
        with anyio.fail_after(10):
            found = await register.companies(wish, limit=5, deadline_seconds=5)
        return found, w.vendor.calls


async def test_what_most_winners_are_in_is_asked_for_first_with_their_country(
    tmp_path: Path,
) -> None:
    def answer(call: Call) -> Response:
        query = query_of(call)
        if "?dissolved" not in query:
            assert "<https://www.three.example/>" in query
            return results(*works_in("Q1", "Q11", "Q12"), *works_in("Q2", "Q12"), {"item": "x"})
        assert "VALUES ?industry { wd:Q12 wd:Q11 }" in query
        assert 'VALUES ?countryCode { "SG" }' in query
        return results(company(), company("Q8", website="https://lines.example"))

    found, calls = await asked(answer, tmp_path)
    assert [row.domain for row in found] == ["quayline.example", "lines.example"]
    assert found[0].said == "forwarder of freight. Industry: freight. Country: Singapore"
    assert found[0].url == "https://www.wikidata.org/entity/Q7"
    assert len(calls) == 2
    assert all("@" in call.headers["user-agent"] for call in calls)


async def test_rows_without_a_name_or_site_and_second_rows_of_a_company_are_left_out(
    tmp_path: Path,
) -> None:
    rows = (
        company("Q3", itemLabel="Q3", website="https://nameless.example"),
        company("Q4", website=""),
        company("Q5"),
        company("Q5", industryLabel="logistics"),
        company("evil", website="https://evil.example"),
        *(company(f"Q9{n}", website=f"https://lines{n}.example") for n in range(9)),
    )
    found, _ = await asked(
        lambda call: (
            results(*rows) if "?dissolved" in query_of(call) else results(*works_in("Q1", "Q11"))
        ),
        tmp_path,
    )
    assert [row.domain for row in found] == [
        "quayline.example", *(f"lines{n}.example" for n in range(4))
    ]  # fmt: skip


async def test_without_items_of_the_winners_only_items_called_like_the_trade_count(
    tmp_path: Path,
) -> None:
    def answer(call: Call) -> Response:
        if call.path.endswith("api.php"):
            rows = [
                {"id": "Q21", "label": "cargo", "match": {"text": "freight"}},
                {"id": "Q22", "label": "Freight Films", "match": {"text": "Freight Films"}},
            ]
            return JSONResponse({"search": rows, "success": 1})
        if "?dissolved" not in query_of(call):
            return results()
        assert "VALUES ?industry { wd:Q21 }" in query_of(call)
        return results(company())

    found, calls = await asked(answer, tmp_path)
    assert [row.name for row in found] == ["Quayline"]
    assert len(calls) == 3


async def test_winners_that_cannot_be_asked_about_leave_the_trade_by_name(tmp_path: Path) -> None:
    def answer(call: Call) -> Response:
        if call.path.endswith("api.php"):
            return JSONResponse({"search": [{"id": "Q21", "label": "freight"}], "success": 1})
        if "?dissolved" not in query_of(call):
            return PlainTextResponse("java.util.concurrent.TimeoutException", 500)
        return results(company())

    found, _ = await asked(answer, tmp_path)
    assert [row.name for row in found] == ["Quayline"]


async def test_a_trade_that_nobody_knows_ends_the_asking(tmp_path: Path) -> None:
    def answer(call: Call) -> Response:
        if call.path.endswith("api.php"):
            return JSONResponse({"search": [], "success": 1})
        return results()

    found, calls = await asked(answer, tmp_path)
    assert found == ()
    assert len(calls) == 2


@pytest.mark.parametrize("countries", [(), ('SG" } evil',), ("Singapore",)])
async def test_without_a_country_code_nothing_is_asked(
    tmp_path: Path, countries: tuple[str, ...]
) -> None:
    wish = RegisterWish(words=("freight",), countries=countries)
    assert await asked(lambda _: results(), tmp_path, wish) == ((), [])


@pytest.mark.parametrize(
    "bad",
    [
        PlainTextResponse("java.util.concurrent.TimeoutException", 500),
        PlainTextResponse("<html>busy</html>", 200),
    ],
)
async def test_a_query_that_took_too_long_or_is_no_answer_is_a_failure(
    tmp_path: Path, bad: Response
) -> None:
    with pytest.raises(LookupFailed):
        await asked(lambda _: bad, tmp_path)
