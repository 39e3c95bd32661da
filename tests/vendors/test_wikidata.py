from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from data411_mcp.adapters.vendors.wikidata import Wikidata
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import RegistryQuery
from tests.vendors.vendor_server import Answer, Call, quotes, values, world

ITEM = "http://www.wikidata.org/entity/"


def binding(item: str = "Q900001", **more: str) -> dict[str, Any]:
    known = {
        "itemLabel": "Talweg Pumps",
        "website": "https://www.talweg.example/",
        "inception": "1987-01-01T00:00:00Z",
        "industryLabel": "mechanical engineering",
        "employees": "240",
        "lei": "549300EXAMPLE0000042",
        "linkedin": "talweg-pumps",
        "ceoLabel": "Ada Brook",
        "hqLabel": "Dayton",
        "countryCode": "US",
        "parentLabel": "Watershed Holdings",
    }
    row = {k: {"type": "literal", "value": v} for k, v in (known | more).items() if v}
    return {"item": {"type": "uri", "value": ITEM + item}, **row}


def results(*rows: dict[str, Any]) -> Response:
    return JSONResponse({"head": {"vars": []}, "results": {"bindings": list(rows)}})


def hits(*labels: tuple[str, str]) -> Response:
    search = [{"id": i, "label": label, "match": {"text": label}} for i, label in labels]
    return JSONResponse({"search": search, "success": 1})


async def lookup(answer: Answer, folder: Path, **query: Any) -> Any:
    async with world(answer, folder) as w:
        wikidata = Wikidata(
            w.http,
            w.store,
            w.clock,
            w.settings,
            "t1",
            api_url="http://www.wikidata.example/w/api.php",
            sparql_url="http://query.wikidata.example/sparql",
        )
        with anyio.fail_after(10):
            found = await wikidata.lookup(RegistryQuery(**query), deadline_seconds=5)
        return found, w.vendor.calls


async def test_the_item_with_the_leads_website_is_found_by_one_query(tmp_path: Path) -> None:
    found, calls = await lookup(
        lambda _: results(binding()), tmp_path, name="HG Auto", domain="talweg.example"
    )
    (record,) = found
    assert len(calls) == 1
    assert "<https://www.talweg.example/>" in calls[0].query["query"]
    assert "@" in calls[0].headers["user-agent"]
    assert {(f.field, f.value, f.person) for f in record.facts} == {
        ("name", "Talweg Pumps", None),
        ("link", "https://www.talweg.example/", None),
        ("website_domain", "talweg.example", None),
        ("founded_year", "1987", None),
        ("industry_norm", "mechanical engineering", None),
        ("employees_est", "240", None),
        ("registry_id", "GLEIF:549300EXAMPLE0000042", None),
        ("linkedin_url", "https://www.linkedin.com/company/talweg-pumps", None),
        ("hq_city", "Dayton", None),
        ("hq_country", "US", None),
        ("parent", "Watershed Holdings", None),
        ("person", "Ada Brook", "Ada Brook"),
        ("title", "CEO", "Ada Brook"),
    }
    assert '"value":"Ada Brook"' in quotes(record)["person"]
    assert quotes(record)["title"].startswith('"ceoLabel"')
    assert record.page.url.endswith("/Q900001.json")


async def test_by_name_only_alike_companies_come_back(tmp_path: Path) -> None:
    song = {"website": "", "inception": "1999-01-01T00:00:00Z"} | dict.fromkeys(
        ("industryLabel", "employees", "lei", "linkedin", "ceoLabel", "hqLabel", "parentLabel"), ""
    )

    def answer(call: Call) -> Response:
        if call.path.endswith("api.php"):
            return hits(
                ("Q900003", "Talweg River"),
                ("Q900002", "Talweg Pumps"),
                ("Q900001", "Talweg Pumps"),
            )
        asked = call.query["query"]
        assert "Q900003" not in asked
        return results(binding("Q900001"), binding("Q900002", **song), binding("evil/../Q1"))

    found, _ = await lookup(answer, tmp_path, name="Talweg Pumps GmbH")
    assert [r.record_id for r in found] == ["Q900001"]


async def test_of_several_rows_of_an_item_the_one_with_our_website_counts(tmp_path: Path) -> None:
    old = binding(website="https://old-talweg.example/", employees="3")
    found, _ = await lookup(
        lambda _: results(old, binding()), tmp_path, name="Talweg", domain="talweg.example"
    )
    (record,) = found
    assert values(record, "employees_est") == ["240"]


async def test_unknown_values_and_items_without_a_label_are_no_facts(tmp_path: Path) -> None:
    row = binding(ceoLabel="Q4711", employees="about 200", countryCode="")
    row["inception"] = {"type": "uri", "value": "http://www.wikidata.org/.well-known/genid/ab12"}
    row["parentLabel"] = {"type": "bnode", "value": "t1"}
    found, _ = await lookup(lambda _: results(row), tmp_path, domain="talweg.example")
    fields = {f.field for f in found[0].facts}
    assert not fields & {"person", "title", "employees_est", "founded_year", "parent", "hq_country"}


async def test_a_domain_cannot_break_out_of_the_query(tmp_path: Path) -> None:
    _, calls = await lookup(
        lambda _: results(), tmp_path, domain='x.example> } UNION { ?item ?p "secret'
    )
    assert '"secret' not in calls[0].query["query"]
    assert calls[0].query["query"].count("UNION") == 7


async def test_a_country_code_is_only_asked_for_with_its_country(tmp_path: Path) -> None:
    _, calls = await lookup(lambda _: results(), tmp_path, domain="talweg.example")
    nested = "?item wdt:P17 ?country. OPTIONAL { ?country wdt:P297 ?countryCode. } }"
    assert nested in calls[0].query["query"]
    assert calls[0].query["query"].count("{") == calls[0].query["query"].count("}")


async def test_an_unknown_company_is_an_empty_answer(tmp_path: Path) -> None:
    def answer(call: Call) -> Response:
        return hits() if call.path.endswith("api.php") else results()

    found, calls = await lookup(answer, tmp_path, name="Talweg", domain="talweg.example")
    assert found == ()
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (PlainTextResponse("java.util.concurrent.TimeoutException: …", 500), "vendor_error"),
        (PlainTextResponse("timeout", 504), "timeout"),
        (PlainTextResponse("too many", 429, {"retry-after": "900"}), "rate_limited"),
        (PlainTextResponse("Please set a user-agent", 403), "refused"),
        (PlainTextResponse("<html>", 200), "bad_reply"),
    ],
)
async def test_a_bad_day_of_wikidata_is_a_reason(
    tmp_path: Path, response: Response, reason: str
) -> None:
    with pytest.raises(LookupFailed) as failed:
        await lookup(lambda _: response, tmp_path, domain="talweg.example")
    assert failed.value.reason == reason
