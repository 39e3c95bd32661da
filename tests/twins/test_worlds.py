"""Worlds: what is refused and how, the demo's world, and worlds from seeds."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import phonenumbers
import pytest

from data411_mcp.errors import InvalidArgument
from data411_mcp.network import TwinAddress
from data411_mcp.services.llm_answers import parse_answer
from data411_mcp.twins import World, WorldInvalid, load_world, serve_world, spawned_twins
from data411_mcp.twins.markdown import render
from data411_mcp.twins.mutate import generate_identity_case, generate_world
from data411_mcp.twins.pages import Sites

HOOPS = Path(__file__).parents[2] / "examples" / "worlds" / "hoops"
LIES = {
    *("invented_person", "invented_quote", "misattributed", "namesake", "directory_phone"),
    *("stale_page", "injection_visible", "injection_hidden", "lookalike_submission"),
    *("agency_credit", "someone_else"),
}
SEEDS = range(24)


def text_at(world: World, url: str) -> str:
    parts = urlsplit(url)
    page = Sites(world.sites).page(parts.hostname or "", parts.path or "/")
    assert page.status == 200, url
    return page.text + "\n" + render(page.text, url).text


def squeezed(text: str) -> str:
    return " ".join(text.replace("&amp;", "&").split())


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "llm/a.jsonl",
            '\n{"slott": "x", "text": "y"}',
            "llm/a.jsonl:2: unknown key slott (did you mean slot?)",
        ),
        (
            "llm/a.jsonl",
            '{"slot": "x"}',
            "llm/a.jsonl:1: row: Value error, give one of answer, text or fault",
        ),
        ("dns.jsonl", '{"name": "a.example"', "dns.jsonl:1: not JSON (line 1, column 21)"),
        ("dns.jsonl", '{"name": 3}', "dns.jsonl:1: name: Input should be a valid string"),
        (
            "registry/gleiff.jsonl",
            "{}",
            "registry/gleiff.jsonl: unknown register (did you mean gleif?)",
        ),
        (
            "faults.jsonl",
            '{"fault": {"kind": "delay", "second": 1}}',
            "faults.jsonl:1: unknown key fault.second (did you mean seconds?)",
        ),
        (
            "gold.json",
            '{"facts": [{"field": "a", "value": "b", "wher": []}]}',
            "gold.json: unknown key facts.0.wher (did you mean where?)",
        ),
        ("golden.json", "{}", "golden.json: unknown entry (did you mean gold.json?)"),
        ("sites/Acme/index.html", "x", "sites/Acme: not a folder named like a host"),
        (
            "sites/a.example/x.html.headers",
            "status: 200\nstatus: many",
            "sites/a.example/x.html.headers:2: status is a number from 200 to 599",
        ),
        (
            "dns.jsonl",
            '{"name": "a.example", "type": "MX", "values": ["mail"]}',
            "dns.jsonl: row 1 (a.example MX): not values of type MX",
        ),
        ("lead.json", '"x"', "lead.json: holds one lead, or a list of leads"),
    ],
)
def test_a_faulty_world_is_refused_with_file_line_and_nearest_key(
    tmp_path, file, text, message
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with pytest.raises(WorldInvalid) as refused:
        load_world(tmp_path)
    assert refused.value.message == message


def test_an_empty_folder_is_a_world_and_a_missing_one_is_not(tmp_path) -> None:
    assert load_world(tmp_path).name == tmp_path.name
    with pytest.raises(WorldInvalid):
        load_world(tmp_path / "nothing")


def test_the_demos_world_says_everything_that_gold_says_it_says() -> None:
    world = load_world(HOOPS)
    assert world.leads[0]["contact_id"] == 1737992709
    assert len([fact for fact in world.gold.facts if fact.field == "person"]) == 5
    for fact in world.gold.facts:
        for url in fact.where:
            text = squeezed(text_at(world, url))
            if fact.field == "phone":
                assert fact.value[2:] in digits(text), (fact, url)
            else:
                assert fact.value.casefold() in text.casefold(), (fact, url)


def test_the_demos_lies_stand_where_gold_says_and_nowhere_as_facts() -> None:
    world = load_world(HOOPS)
    facts = {(fact.field, fact.value) for fact in world.gold.facts}
    models = json.dumps([row.answer for row in world.llm])
    for lie in world.gold.lies:
        assert (lie.field, lie.value) not in facts
        if lie.planted_in.startswith("llm:"):
            number = lie.value[2:] if lie.field == "phone" else lie.value
            assert number in (digits(models) if lie.field == "phone" else models)
        elif lie.field == "phone":
            assert lie.value[2:] in digits(text_at(world, lie.planted_in))
        else:
            assert lie.value in text_at(world, lie.planted_in)


def test_the_demos_stale_page_is_dated_and_its_numbers_are_reserved_for_fiction() -> None:
    world = load_world(HOOPS)
    page = Sites(world.sites).page("hgautotech.com", "/team-2019")
    assert "2019" in page.headers["last-modified"]
    for file in HOOPS.rglob("*.html"):
        for number in re.findall(r"\(\d{3}\) (\d{3}-\d{4})", file.read_text()):
            assert re.fullmatch(r"555-01\d\d", number)


def test_generated_worlds_depend_on_the_seed_alone(tmp_path) -> None:
    for generate in (generate_world, generate_identity_case):
        for folder in ("a", "b"):
            generate(3, tmp_path / generate.__name__ / folder)
        generate(4, tmp_path / generate.__name__ / "c")
        trees = [
            {
                file.relative_to(root): file.read_bytes()
                for file in sorted(root.rglob("*"))
                if file.is_file()
            }
            for root in sorted((tmp_path / generate.__name__).iterdir())
        ]
        assert trees[0] == trees[1]
        assert trees[0] != trees[2]


def test_a_world_is_not_written_over_another(tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InvalidArgument):
        generate_world(1, tmp_path)


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_truth_worlds_are_true_where_gold_says_so(tmp_path, seed) -> None:
    generate_world(seed, tmp_path / "w")
    world = load_world(tmp_path / "w")
    country = {"US": "US", "GB": "GB", "AU": "AU", "DE": "DE"}[world.gleif[0].country]
    for fact in world.gold.facts:
        for url in fact.where:
            text = text_at(world, url)
            if fact.field == "phone":
                found = {
                    phonenumbers.format_number(m.number, phonenumbers.PhoneNumberFormat.E164)
                    for m in phonenumbers.PhoneNumberMatcher(
                        text, country, leniency=phonenumbers.Leniency.POSSIBLE
                    )
                }
                assert fact.value in found, (fact, found)
            else:
                assert fact.value.casefold() in squeezed(text).casefold(), (fact, url)


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_truth_worlds_hold_every_kind_of_lie_and_no_lie_is_a_fact(tmp_path, seed) -> None:
    generate_world(seed, tmp_path / "w")
    world = load_world(tmp_path / "w")
    facts = {(fact.field, fact.value, fact.owner) for fact in world.gold.facts}
    assert {lie.kind for lie in world.gold.lies} == LIES
    assert all((lie.field, lie.value, lie.owner) not in facts for lie in world.gold.lies)
    assert len(world.gold.submit_findings) == 3
    for row in world.gold.submit_findings:
        assert row.value in text_at(world, row.url) or row.field == "phone"
    answers = [parse_answer(row.answer) for row in world.llm]
    assert len(answers) == 5
    assert sum(len(answer.people) for answer in answers) >= 5
    assert sum(len(answer.phones) for answer in answers) >= 5


def test_seeds_bring_several_countries_and_layouts(tmp_path) -> None:
    countries, layouts = set(), set()
    for seed in SEEDS:
        generate_world(seed, tmp_path / str(seed))
        world = load_world(tmp_path / str(seed))
        countries.add(world.gleif[0].country)
        team = text_at(world, f"https://{world.gold.identity.domain}/team")  # type: ignore[union-attr]
        layouts.add(next((k for k in ("<table", "<ul", "card", "is our") if k in team), None))
    assert countries == {"US", "GB", "AU", "DE"}
    assert layouts == {"<table", "<ul", "card", "is our"}


@pytest.mark.parametrize("seed", range(16))
def test_identity_cases_offer_what_they_decide(tmp_path, seed) -> None:
    generate_identity_case(seed, tmp_path / "w")
    world = load_world(tmp_path / "w")
    identity = world.gold.identity
    assert identity is not None
    if identity.decision == "clear":
        assert identity.domain in world.sites
    elif identity.decision == "ambiguous":
        assert len(identity.choices) == 2
        assert set(identity.choices) <= set(world.sites)
    else:
        assert identity.domain is None


async def test_twins_in_a_child_process_are_reached_by_their_address(world_folder) -> None:
    with anyio.fail_after(30):
        async with spawned_twins(world_folder) as address:
            assert address.world == str(world_folder.resolve())
            stream = await anyio.connect_tcp("127.0.0.1", address.plain_port)
            await stream.aclose()


async def test_serving_a_world_writes_the_address_and_ends_on_a_signal(
    world_folder, tmp_path
) -> None:
    connection_file = tmp_path / "deep" / "twins.json"
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve_world, world_folder, connection_file)
            while not connection_file.exists():
                await anyio.lowlevel.checkpoint()
            assert TwinAddress.read(connection_file).tls_port > 0
            signal.raise_signal(signal.SIGTERM)
    assert not connection_file.exists()
