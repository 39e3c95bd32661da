from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from data411_mcp.adapters.vendors.rdap import Rdap
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import RegistryQuery
from tests.vendors.vendor_server import Answer, Call, quotes, values, world

REGISTRY = "http://rdap.registry.example/v1/domain/talweg.example"


def domain(organisation: str | None, name: str = "TALWEG.EXAMPLE") -> Response:
    registrant: dict[str, Any] = {"roles": ["registrant"]}
    if organisation is None:
        registrant["remarks"] = [{"title": "REDACTED FOR PRIVACY"}]
    else:
        lines = [["fn", {}, "text", ""], ["org", {}, "text", organisation]]
        registrant["vcardArray"] = ["vcard", [["version", {}, "text", "4.0"], *lines]]
    registrar_card = ["vcard", [["org", {}, "text", "Registrar Example Inc"]]]
    return JSONResponse(
        {
            "objectClassName": "domain",
            "ldhName": name,
            "status": ["active"],
            "events": [
                {"eventAction": "last changed", "eventDate": "2026-01-01T00:00:00Z"},
                {"eventAction": "registration", "eventDate": "2011-05-12T00:00:00Z"},
            ],
            "entities": [{"roles": ["registrar"], "vcardArray": registrar_card}, registrant],
        }
    )


def redirecting(answer: Response, location: str = REGISTRY) -> Answer:
    def reply(call: Call) -> Response:
        if call.host == "rdap.example":
            return Response(status_code=302, headers={"location": location})
        return answer

    return reply


async def lookup(answer: Answer, folder: Path, **query: Any) -> Any:
    async with world(answer, folder) as w:
        rdap = Rdap(
            w.http, w.store, w.clock, w.settings, "t1", base_url="http://rdap.example/domain"
        )
        asked = RegistryQuery(**{"name": "Talweg Pumps", "domain": "talweg.example"} | query)
        with anyio.fail_after(10):
            found = await rdap.lookup(asked, deadline_seconds=5)
        return found, w.vendor.calls


async def test_the_redirect_is_followed_once_and_the_registrys_answer_is_the_page(
    tmp_path: Path,
) -> None:
    found, calls = await lookup(redirecting(domain("Talweg Pumps, Inc.")), tmp_path)
    (record,) = found
    assert record.page.url == REGISTRY
    assert record.status == "active; registered 2011-05-12"
    assert values(record, "legal_name") == ["Talweg Pumps, Inc."]
    assert quotes(record)["legal_name"] == '["org",{},"text","Talweg Pumps, Inc."]'
    assert values(record, "website_domain") == ["talweg.example"]
    assert [c.host for c in calls] == ["rdap.example", "rdap.registry.example"]
    assert all(c.headers["accept"] == "application/rdap+json" for c in calls)


async def test_a_domains_age_is_no_founding_year(tmp_path: Path) -> None:
    found, _ = await lookup(redirecting(domain("Talweg Pumps Inc")), tmp_path)
    assert {f.field for f in found[0].facts} == {"website_domain", "legal_name"}


@pytest.mark.parametrize(
    "organisation",
    [None, "REDACTED FOR PRIVACY", "Domains By Proxy, LLC", "Brightweb Agency LLC"],
)
async def test_a_hidden_or_foreign_registrant_is_no_legal_name(
    tmp_path: Path, organisation: str | None
) -> None:
    found, _ = await lookup(redirecting(domain(organisation)), tmp_path)
    assert values(found[0], "legal_name") == []


async def test_a_registrant_that_is_the_domains_label_is_a_legal_name(tmp_path: Path) -> None:
    reply = redirecting(domain("HG AutoTech LLC", "hgautotech.example"))
    found, _ = await lookup(reply, tmp_path, name="Hoops & Gears", domain="hgautotech.example")
    assert values(found[0], "legal_name") == ["HG AutoTech LLC"]


async def test_an_unregistered_domain_is_an_empty_answer(tmp_path: Path) -> None:
    found, _ = await lookup(redirecting(JSONResponse({"errorCode": 404}, 404)), tmp_path)
    assert found == ()


async def test_without_a_domain_nobody_is_asked(tmp_path: Path) -> None:
    found, calls = await lookup(redirecting(domain(None)), tmp_path, domain=None)
    assert (found, calls) == ((), [])


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/x",
        "http://user:secret@rdap.registry.example/x",
        "http://rdap.registry.example:8080/x",
        "file:///etc/passwd",
        "gopher://rdap.registry.example/",
        "",
    ],
)
async def test_a_redirect_to_where_it_must_not_go_is_refused(tmp_path: Path, location: str) -> None:
    with pytest.raises(LookupFailed):
        await lookup(redirecting(domain(None), location), tmp_path)


async def test_a_second_redirect_is_not_followed(tmp_path: Path) -> None:
    again = Response(status_code=302, headers={"location": "http://elsewhere.example/x"})
    with pytest.raises(LookupFailed) as failed:
        await lookup(redirecting(again), tmp_path)
    assert failed.value.reason == "bad_reply"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (PlainTextResponse("slow", 429, {"retry-after": "600"}), "rate_limited"),
        (PlainTextResponse("<html>", 200), "bad_reply"),
        (PlainTextResponse("", 500), "vendor_error"),
        (domain(None, "OTHER.EXAMPLE"), "bad_reply"),
    ],
)
async def test_a_bad_day_of_the_registry_is_a_reason(
    tmp_path: Path, response: Response, reason: str
) -> None:
    with pytest.raises(LookupFailed) as failed:
        await lookup(redirecting(response), tmp_path)
    assert failed.value.reason == reason
