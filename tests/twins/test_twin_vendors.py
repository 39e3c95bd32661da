"""Each vendor twin answers like the vendor: keys, shapes, errors, price."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from data411_mcp.twins import load_world, running_twins

DEADLINE_SECONDS = 20
AGENT = {"user-agent": "data411 contact@data411.example"}
CHAT = "https://openrouter.ai/api/v1/chat/completions"
SCHEMA = {
    "type": "object",
    "required": ["phones", "company", "note"],
    "properties": {
        "phones": {"type": "array", "items": {"type": "string"}},
        "company": {"anyOf": [{"$ref": "#/$defs/c"}, {"type": "null"}]},
        "note": {"type": "string"},
        "extra": {"type": "string"},
    },
    "$defs": {"c": {"type": "object"}},
}


@pytest.fixture
async def twins(world_folder):
    async with running_twins(load_world(world_folder)) as running:
        yield running


@pytest.fixture
async def web(twins, client_for):
    with anyio.fail_after(DEADLINE_SECONDS):
        async with client_for(twins.address) as client:
            yield client


def chat(slot: str | None = None, prompt: str = "hello", **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": "x-ai/grok-build-0.1",
        "messages": [{"role": "user", "content": prompt}],
        **more,
    }
    return body | ({"metadata": {"slot": slot}} if slot else {})


def key(value: str) -> dict[str, str]:
    return {"authorization": f"Bearer {value}"}


async def test_jina_renders_a_page_as_markdown_and_keeps_hidden_text(web) -> None:
    text = (await web.get("https://r.jina.ai/https://acme.example/")).text
    assert text.startswith("Title: Acme Pumps\n\nURL Source: https://acme.example/\n")
    assert "Markdown Content:\n# Acme Pumps" in text
    assert "[write](https://acme.example/contact)" in text
    assert "| Ada Quill | Owner |" in text
    assert "hidden words" in text
    assert "var x" not in text


async def test_jina_gives_json_on_request_and_charges_only_with_a_key(web, twins) -> None:
    headers = {"accept": "application/json"}
    data = (await web.get("https://r.jina.ai/https://acme.example/", headers=headers)).json()
    assert (data["code"], data["status"]) == (200, 20000)
    assert data["data"]["links"] == {"write": "https://acme.example/contact"}
    assert twins.bill["jina_reader"] == 0
    posted = await web.post(
        "https://r.jina.ai/", json={"url": "https://acme.example/big"}, headers=key("jina_x")
    )
    assert posted.status_code == 200
    assert twins.bill["jina_reader"] > 0


async def test_jina_reports_a_dead_target_as_success_with_a_warning(web) -> None:
    reply = await web.get("https://r.jina.ai/https://acme.example/nothing")
    assert reply.status_code == 200
    assert "Warning: Target URL returned error 404: Not Found" in reply.text


@pytest.mark.parametrize(
    ("target", "status"),
    [("https://nobody.example/", 422), ("http://127.0.0.1/", 400), ("ftp://acme.example/", 400)],
)
async def test_jina_refuses_targets_it_cannot_read(web, target, status) -> None:
    reply = await web.get(f"https://r.jina.ai/{target}")
    assert reply.status_code == status
    assert reply.json()["code"] == status


async def test_jina_follows_redirects(web) -> None:
    assert "# Contact" in (await web.get("https://r.jina.ai/https://acme.example/old")).text


@pytest.mark.parametrize(("echo", "path"), [("asked", "old"), ("final", "contact")])
async def test_jina_names_the_address_as_asked_or_the_final_one_as_the_world_says(
    world_folder, client_for, echo, path
) -> None:
    (world_folder / "world.json").write_text(json.dumps({"name": "echo", "jina_echo": echo}))
    with anyio.fail_after(DEADLINE_SECONDS):
        async with (
            running_twins(load_world(world_folder)) as twins,
            client_for(twins.address) as web,
        ):
            text = (await web.get("https://r.jina.ai/https://acme.example/old")).text
    assert f"URL Source: https://acme.example/{path}\n" in text
    assert "# Contact" in text


async def test_jina_search_needs_a_key(web) -> None:
    refused = await web.get("https://s.jina.ai/?q=acme")
    assert (refused.status_code, refused.json()["status"]) == (401, 40103)
    headers = key("jina_x") | {"accept": "application/json"}
    found = (await web.get("https://s.jina.ai/?q=acme", headers=headers)).json()["data"]
    assert [row["url"] for row in found] == ["https://acme.example/"]


async def test_tavily_answers_scripted_queries_by_their_terms(web, twins) -> None:
    body = {"query": "Who is the OWNER of Acme?", "include_answer": True, "include_usage": True}
    reply = await web.post("https://api.tavily.com/search", json=body, headers=key("tvly-x"))
    data = reply.json()
    assert data["answer"] == "Ada Quill"
    assert data["results"][0]["url"] == "https://acme.example/team"
    assert data["usage"] == {"credits": 1}
    assert twins.bill["tavily"] == 8_000


async def test_tavily_without_a_key_works_in_keyless_mode_only(web, twins) -> None:
    url, body = "https://api.tavily.com/search", {"query": "pumps columbus"}
    assert (await web.post(url, json=body)).status_code == 401
    keyless = await web.post(url, json=body, headers={"x-tavily-access-mode": "keyless"})
    assert keyless.json()["results"][0]["url"] == "https://directory.example/acme/"
    assert twins.bill["tavily"] == 0


async def test_tavily_filters_domains(web) -> None:
    body = {"query": "acme owner", "include_domains": ["directory.example"]}
    reply = await web.post("https://api.tavily.com/search", json=body, headers=key("tvly-x"))
    assert [hit["url"] for hit in reply.json()["results"]] == ["https://directory.example/acme"]


@pytest.mark.parametrize(
    ("body", "token", "status"),
    [
        ({"query": ""}, "tvly-x", 400),
        ({"query": "x" * 401}, "tvly-x", 400),
        ({"query": "x"}, "tvly-revoked", 401),
        ({"query": "x"}, "jina_x", 401),
        ({"query": "x"}, "tvly-spent", 432),
        ({"query": "x", "max_results": 99}, "tvly-x", 422),
    ],
)
async def test_tavily_refuses_like_the_vendor(web, body, token, status) -> None:
    reply = await web.post("https://api.tavily.com/search", json=body, headers=key(token))
    assert reply.status_code == status
    assert "detail" in reply.json()


async def test_tavily_extract_lists_what_it_could_not_fetch(web) -> None:
    body = {"urls": ["https://acme.example/", "https://nobody.example/"]}
    reply = await web.post("https://api.tavily.com/extract", json=body, headers=key("tvly-x"))
    assert "# Acme Pumps" in reply.json()["results"][0]["raw_content"]
    assert reply.json()["failed_results"][0]["url"] == "https://nobody.example/"


async def test_openrouter_answers_by_slot_and_counts_calls(web, twins) -> None:
    headers = key("sk-or-v1-x")
    first = (await web.post(CHAT, json=chat("data411-hunt-swift"), headers=headers)).json()
    second = (await web.post(CHAT, json=chat("data411-hunt-swift"), headers=headers)).json()
    assert json.loads(first["choices"][0]["message"]["content"])["phones"]
    assert second["choices"][0]["message"]["content"] == "not JSON at all"
    assert first["provider"] == "xAI"
    assert (
        twins.bill["openrouter"] == round((first["usage"]["cost"] + second["usage"]["cost"]) * 1e6)
        or abs(twins.bill["openrouter"] - (first["usage"]["cost"] + second["usage"]["cost"]) * 1e6)
        <= 1
    )
    assert (await web.get("https://openrouter.ai/api/v1/key", headers=headers)).json()["data"][
        "usage"
    ] > 0


async def test_openrouter_cites_and_charges_for_a_web_search(web) -> None:
    body = chat("data411-hunt-swift", tools=[{"type": "openrouter:web_search"}])
    reply = (await web.post(CHAT, json=body, headers=key("sk-or-v1-x"))).json()
    cited = reply["choices"][0]["message"]["annotations"][0]["url_citation"]
    assert (cited["url"], cited["start_index"]) == ("https://acme.example/", 0)
    assert reply["usage"]["server_tool_use_details"]["web_search_requests"] == 1
    assert reply["usage"]["cost"] > 0.007


async def test_openrouter_falls_back_to_model_and_prompt(web) -> None:
    body = chat(prompt="Who is the owner of Acme?")
    reply = (await web.post(CHAT, json=body, headers=key("sk-or-v1-x"))).json()
    assert "```json" in reply["choices"][0]["message"]["content"]


async def test_unscripted_json_is_empty_and_unscripted_prose_is_refused(web) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    body = chat("data411-hunt-deep", response_format=form)
    reply = (await web.post(CHAT, json=body, headers=key("sk-or-v1-x"))).json()
    content = json.loads(reply["choices"][0]["message"]["content"])
    assert content == {"phones": [], "company": None, "note": ""}
    prose = await web.post(CHAT, json=chat("data411-hunt-deep"), headers=key("sk-or-v1-x"))
    assert prose.status_code == 404


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, chat(), 401),
        (key("sk-or-v1-revoked"), chat(), 401),
        (key("sk-or-v1-spent"), chat(), 402),
        (key("sk-or-v1-x"), chat(model="nonsense"), 400),
        (key("sk-or-v1-x"), {"model": "a/b"}, 400),
    ],
)
async def test_openrouter_refuses_like_the_vendor(web, headers, body, status) -> None:
    reply = await web.post(CHAT, json=body, headers=headers)
    assert reply.status_code == status
    assert reply.json()["error"]["code"] == status


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"model": "a/b", "messages": [3], "tools": 7, "metadata": "x"},
        {"model": "a/b", "messages": [{"content": None}], "response_format": "json"},
        {
            "model": "a/b",
            "messages": [{}],
            "tools": [1],
            "plugins": [None],
            "metadata": {"slot": 1},
        },
    ],
)
async def test_arguments_of_the_wrong_shape_never_end_the_twins(web, body) -> None:
    reply = await web.post(CHAT, json=body, headers=key("sk-or-v1-x"))
    assert reply.status_code in (400, 404)
    queries = {"urls": 5, "query": {"a": 1}, "include_domains": 3}
    for path in ("search", "extract"):
        await web.post(f"https://api.tavily.com/{path}", json=queries, headers=key("tvly-x"))
    odd = await web.get("https://data.gov.sg/api/action/datastore_search?offset=many")
    assert odd.status_code == 400
    assert (await web.get("https://acme.example/")).status_code == 200


async def test_openrouter_streams_with_its_quirks(web) -> None:
    body = chat("synthesis", stream=True)
    text = (await web.post(CHAT, json=body, headers=key("sk-or-v1-x"))).text
    assert text.startswith(": OPENROUTER PROCESSING")
    events = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    said = "".join(c["choices"][0]["delta"]["content"] for c in chunks)
    assert said == "Acme makes pumps [1]."
    assert [c["choices"][0]["finish_reason"] for c in chunks[-2:]] == ["stop", "stop"]
    assert "usage" in chunks[-1]
    assert "usage" not in chunks[-2]


async def test_openrouter_lists_models_with_prices_as_text(web) -> None:
    models = (await web.get("https://openrouter.ai/api/v1/models")).json()["data"]
    assert all(isinstance(model["pricing"]["prompt"], str) for model in models)


async def test_gleif_filters_and_follows_parents(web) -> None:
    base = "https://api.gleif.org/api/v1/lei-records"
    query = {"filter[entity.legalName]": "acme pumps", "filter[entity.legalAddress.country]": "US"}
    found = await web.get(base, params=query)
    assert found.headers["content-type"] == "application/vnd.api+json"
    record = found.json()["data"][0]
    assert record["attributes"]["entity"]["legalName"]["name"] == "Acme Pumps LLC"
    parent = (await web.get(f"{base}/{record['id']}/direct-parent")).json()["data"]
    assert parent["attributes"]["entity"]["legalName"]["name"] == "Acme Holding Inc."
    assert (await web.get(f"{base}/{parent['id']}/direct-parent")).status_code == 404
    assert (await web.get(base, params={"filter[entity.legalName]": "other"})).json()["data"] == []
    both = f"{record['id']},{parent['id']}"
    assert len((await web.get(base, params={"filter[lei]": both})).json()["data"]) == 2
    fuzzy = await web.get(
        "https://api.gleif.org/api/v1/fuzzycompletions",
        params={"field": "entity.legalName", "q": "acme pumps works"},
    )
    assert fuzzy.json()["data"][0]["attributes"]["value"] == "Acme Pumps LLC"


async def test_edgar_wants_a_contact_in_the_user_agent(web) -> None:
    tickers = "https://www.sec.gov/files/company_tickers.json"
    refused = await web.get(tickers, headers={"user-agent": "python-client"})
    assert refused.status_code == 403
    assert "Undeclared Automated Tool" in refused.text
    assert (await web.get(tickers, headers=AGENT)).json()["0"]["ticker"] == "ACMX"
    url = "https://data.sec.gov/submissions/CIK{:010d}.json"
    company = (await web.get(url.format(1234), headers=AGENT)).json()
    assert company["addresses"]["business"]["city"] == "Columbus"
    assert (await web.get(url.format(9), headers=AGENT)).status_code == 404


async def test_wikidata_searches_and_answers_the_query_that_was_asked(web) -> None:
    found = await web.get(
        "https://www.wikidata.org/w/api.php?action=wbsearchentities&search=acme&format=json",
        headers=AGENT,
    )
    assert found.json()["search"][0]["id"] == "Q901"
    query = (
        "SELECT ?item ?itemLabel ?site ?staff ?industryLabel WHERE { VALUES ?item { wd:Q901 } "
        "OPTIONAL { ?item wdt:P856 ?site } OPTIONAL { ?item wdt:P1128 ?staff } "
        "OPTIONAL { ?item wdt:P452 ?industry } }"
    )
    reply = await web.get(
        "https://query.wikidata.org/sparql", params={"query": query}, headers=AGENT
    )
    row = reply.json()["results"]["bindings"][0]
    assert row["item"]["value"].endswith("/Q901")
    assert row["site"]["value"] == "https://acme.example/"
    assert row["staff"]["value"] == "41"
    assert row["industryLabel"]["value"] == "pump manufacturing"
    refused = await web.get(
        "https://query.wikidata.org/sparql", params={"query": query}, headers={"user-agent": "x"}
    )
    assert refused.status_code == 403


async def test_wikidata_lists_the_companies_of_an_industry_in_a_country(web) -> None:
    found = await web.get(
        "https://www.wikidata.org/w/api.php?action=wbsearchentities&search=pump+manufacturing",
        headers=AGENT,
    )
    industry = found.json()["search"][0]["id"]

    async def items(code: str, of: str = industry) -> list[str]:
        query = (
            f'SELECT ?item WHERE {{ VALUES ?industry {{ wd:{of} }} VALUES ?code {{ "{code}" }} '
            "?item wdt:P452 ?industry; wdt:P17 ?country. ?country wdt:P297 ?code. "
            "FILTER NOT EXISTS { ?item wdt:P576 ?gone. } }"
        )
        reply = await web.post(
            "https://query.wikidata.org/sparql", data={"query": query}, headers=AGENT
        )
        bindings = reply.json()["results"]["bindings"]
        return [row["item"]["value"].rpartition("/")[2] for row in bindings]

    assert await items("US") == ["Q901"]
    assert await items("SG") == []
    assert await items("US", "Q1") == []


async def test_rdap_redirects_to_the_registry_which_answers(web) -> None:
    hop = await web.get("https://rdap.org/domain/acme.com")
    assert hop.status_code == 302
    data = (await web.get(hop.headers["location"])).json()
    assert data["ldhName"] == "ACME.COM"
    assert data["events"][0]["eventDate"] == "2003-02-03T00:00:00Z"
    hop = await web.get("https://rdap.org/domain/nobody.com")
    assert (await web.get(hop.headers["location"])).status_code == 404


async def test_the_log_says_what_was_asked_but_never_a_key(web, twins) -> None:
    await web.post("https://api.tavily.com/search", json={"query": "x"}, headers=key("tvly-secret"))
    (entry,) = twins.calls("tavily")
    assert entry.json == {"query": "x"}
    assert entry.key
    assert "tvly-secret" not in repr(entry)
