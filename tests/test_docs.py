"""The documentation cannot lie about what can be checked: names, defaults, commands, output."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from data411_mcp.tools import TOOLS
from data411_mcp.tools.graph import Section
from pydantic import AliasChoices, SecretStr

from data411_mcp import errors
from data411_mcp.cli import app as command_line
from data411_mcp.domain.jobs import TRANSITIONS, JobStatus
from data411_mcp.domain.ledger import (
    Book,
    RefundReason,
    TransferKind,
    precharge,
    settle,
    transfer,
)
from data411_mcp.domain.pricing import (
    SESSION,
    ItemOutcome,
    PriceList,
    Quote,
    QuoteItem,
    bill_of,
    items_of,
)
from data411_mcp.services.payloads import PAYLOADS
from data411_mcp.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO_SECONDS = 90
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".json", ".jsonl", ".sh", ".sql", ".html", ""}
TEXT_BYTES_MAX = 2_000_000


def doc(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of every table row."""
    lines = (line.strip() for line in text.splitlines())
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|") and not set(line) <= set("|-: ")
    ]


# --- settings, errors, tools, commands -----------------------------------------------------


def names_of(field: str, info: Any) -> list[str]:
    if isinstance(info.validation_alias, AliasChoices):
        return [str(choice) for choice in info.validation_alias.choices]
    return [f"DATA411_{field.upper()}"]


SETTINGS = {field: names_of(field, info) for field, info in Settings.model_fields.items()}


@pytest.mark.parametrize("field", SETTINGS)
def test_every_setting_is_documented_with_its_default(field: str) -> None:
    info = Settings.model_fields[field]
    row = next((r for r in rows(doc("settings.md")) if SETTINGS[field][0] in r[0]), None)
    assert row is not None, f"docs/settings.md has no row for {SETTINGS[field]}"
    assert all(name in row[0] for name in SETTINGS[field])
    assert row[2] == info.description
    if info.default_factory is None:
        default = info.default
        shown = "none" if default is None else str(default)
        assert not isinstance(default, SecretStr)
        assert row[1] == shown


def test_no_documented_setting_is_gone() -> None:
    known = {name for names in SETTINGS.values() for name in names}
    documented = set(re.findall(r"`((?:DATA411_)?[A-Z][A-Z0-9_]+)`", doc("settings.md")))
    assert documented <= known


def error_classes(base: type[errors.Data411Error]) -> Iterator[type[errors.Data411Error]]:
    yield base
    for sub in base.__subclasses__():
        if sub.__module__ == errors.__name__:
            yield from error_classes(sub)


@pytest.mark.parametrize("kind", list(error_classes(errors.Data411Error)), ids=lambda k: k.code)
def test_every_error_is_documented_as_it_is(kind: type[errors.Data411Error]) -> None:
    row = next((r for r in rows(doc("errors.md")) if r[0] == f"`{kind.code}`"), None)
    assert row is not None
    assert row[1] == str(kind.status)
    assert row[2] == ("yes" if kind.retryable else "no")
    assert row[3]


@pytest.mark.parametrize("spec", TOOLS, ids=lambda s: s.name)
def test_every_tool_is_in_the_readme_and_its_arguments_in_the_reference(spec: Any) -> None:
    assert f"| `{spec.name}` |" in README
    reference = doc("tools.md")
    part = reference.split(f"\n## {spec.name}\n")[1].split("\n## ")[0]
    schema = json.loads(
        (ROOT / "tests" / "snapshots" / "tools" / f"{spec.name}.json").read_text(encoding="utf-8")
    )
    documented = {r[0].strip("`") for r in rows(part)}
    assert schema["inputSchema"]["properties"].keys() <= documented
    codes = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", part.split("Errors:")[-1]))
    assert codes
    assert codes <= {kind.code for kind in error_classes(errors.Data411Error)}


@pytest.mark.parametrize("spec", TOOLS, ids=lambda s: s.name)
def test_every_tool_has_an_example_call_that_its_schema_takes(spec: Any) -> None:
    part = doc("tools.md").split(f"\n## {spec.name}\n")[1].split("\n## ")[0]
    (example,) = blocks(part, "json call")
    arguments = json.loads(example)
    schema = json.loads(
        (ROOT / "tests" / "snapshots" / "tools" / f"{spec.name}.json").read_text(encoding="utf-8")
    )["inputSchema"]
    assert arguments.keys() <= schema["properties"].keys()
    assert set(schema.get("required", [])) <= arguments.keys()
    for name, value in arguments.items():
        wanted = schema["properties"][name]
        kinds = {"string": str, "object": dict, "array": list, "boolean": bool,
                 "integer": int, "number": int | float}  # fmt: skip
        named = [kind["type"] for kind in wanted.get("anyOf", [wanted])]
        assert any(isinstance(value, kinds[kind]) for kind in named), name
        assert value in wanted.get("enum", [value])


def test_the_reference_documents_no_tool_that_is_gone_and_every_section() -> None:
    reference = doc("tools.md")
    titles = set(re.findall(r"^## ([a-z_]+)$", reference, re.MULTILINE))
    assert titles == {spec.name for spec in TOOLS}
    assert all(f"`{section}`" in reference for section in get_args(Section))


# --- jobs and money --------------------------------------------------------------------------


def first_cells(text: str, heading: str) -> list[str]:
    part = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [r[0] for r in rows(part)[1:]]


def test_the_page_on_jobs_has_every_route_with_its_payload_and_every_state() -> None:
    page = doc("jobs.md")
    assert first_cells(page, "Routes") == [f"`{route}`" for route in PAYLOADS]
    shared = {"chat_session_id", "lead", "prior_backfill", "progress_key"}
    for row in rows(page.split("## Routes")[1].split("\n## ")[0])[1:]:
        named = set(re.findall(r"`([a-z_]+)`", row[1]))
        assert named - shared == PAYLOADS[row[0].strip("`")].model_fields.keys() - shared
    goes_to = {
        state: set(re.findall(r"`([a-z]+)`", row[2]))
        for row in rows(page.split("## States")[1])[1:]
        for state in re.findall(r"`([a-z]+)`", row[0])
    }
    assert {s.value: {t.value for t in TRANSITIONS[s]} for s in JobStatus} == goes_to


def test_the_page_on_money_has_every_reason_and_price() -> None:
    page = doc("money.md")
    reasons = {cell.strip("`") for cell in first_cells(page, "What happens to a cent")}
    assert reasons == {reason.value for reason in RefundReason}
    for name in PriceList.model_fields:
        if not name.endswith("_cents"):
            continue
        price = f"${getattr(PriceList(), name) / 100:.2f}"
        row = next(r for r in rows(page) if f"DATA411_PRICE_{name.upper()}" in r[-1])
        assert price in row[1]


def test_the_worked_example_adds_up() -> None:
    """The figures of the page, recomputed by what settles real jobs."""
    shown = {
        tuple(line.split())
        for block in blocks(doc("money.md"), "text money")
        for line in block.splitlines()
    }
    book = Book()
    assert book.post([transfer("t", "", "ref", TransferKind.CREDIT, 1000)])
    told = {("balance", str(book.balances("t").customer))}
    session = Quote(items=(QuoteItem(item=SESSION, cents=150),), ceiling_cents=300, trues_up=True)
    found = ItemOutcome(proven=12, added=20, findings=30, state="", cost_usd_micros=1_420_000)
    told |= _settled(book, "one", session, {SESSION: found}, "session")
    slots = ("swift", "deep", "forge")
    batch = Quote(items=items_of(slots, 35), ceiling_cents=105)
    outcomes = {
        "swift": ItemOutcome(proven=1, added=1, findings=1, state="done"),
        "deep": ItemOutcome(proven=0, added=0, findings=4, state="repetition"),
        "forge": ItemOutcome(proven=0, added=0, findings=0, state="error"),
    }
    told |= _settled(book, "two", batch, outcomes, "captured")
    assert told == shown
    assert book.balances("t").sum == book.balances("t").held == 0


def _settled(
    book: Book, job: str, quote: Quote, outcomes: dict[str, ItemOutcome], captured: str
) -> set[tuple[str, str]]:
    held = quote.ceiling_cents
    assert book.post([precharge("t", job, held)])
    posted = settle("t", job, held, bill_of(quote, outcomes))
    assert book.post(posted)
    words = {TransferKind.CAPTURE: captured, TransferKind.TRUE_UP: "true-up",
             TransferKind.RELEASE: "released"}  # fmt: skip
    moved = {(words.get(t.kind, t.reason), str(t.cents)) for t in posted}
    return moved | {("held", str(held)), ("balance", str(book.balances("t").customer))}


# --- the command line --------------------------------------------------------------------------


def commands() -> dict[str, Any]:
    group = typer.main.get_command(command_line)
    return dict(getattr(group, "commands", {}))


@pytest.mark.parametrize("name", commands())
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"| `data411-mcp {name}` |" in README


def test_every_page_is_in_the_index() -> None:
    index = doc("index.md")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


# --- commands that pages tell people to type -------------------------------------------------


PROGRAM = re.compile(r"(?:[A-Z0-9_]+=\S+ )*(make|claude|python|\S*data411-mcp)( |$)")


def blocks(text: str, *wanted: str) -> Iterator[str]:
    """The code blocks whose opening fence says one of the wanted words."""
    body: list[str] = []
    info: str | None = None
    for line in text.splitlines():
        if not line.startswith("```"):
            body.append(line)
        elif info is None:
            info, body = line.removeprefix("```"), []
        else:
            if info in wanted:
                yield "\n".join(body)
            info = None


def shown_commands(page: Path) -> Iterator[list[str]]:
    """The command lines of the shell blocks, as words, without settings and comments."""
    for block in blocks(page.read_text(encoding="utf-8"), "sh", ""):
        for line in block.splitlines():
            if PROGRAM.match(line):
                words = shlex.split(line, comments=True)
                yield [w for w in words if not re.fullmatch(r"[A-Z0-9_]+=\S+", w)]


COMMANDS = [
    pytest.param(words, id=f"{page.name}: {' '.join(words)}"[:90])
    for page in PAGES
    for words in shown_commands(page)
]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_that_a_page_shows_exists(words: list[str]) -> None:
    program = words[0].rsplit("/", 1)[-1]
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(words[1:]) <= set(targets)
        return
    if program == "python":
        assert (ROOT / words[1]).is_file()
        return
    if program == "claude":  # claude mcp add NAME -- COMMAND
        words = words[words.index("--") + 1 :]
        assert words[0].endswith("data411-mcp")
    command, rest = commands()[words[1]], words[2:]
    if hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    known = {flag for p in command.params for flag in (*p.opts, *p.secondary_opts)}
    used = {word.split("=")[0] for word in rest if word.startswith("--")}
    assert used <= known


def test_the_readme_shows_commands_at_all() -> None:
    programs = {words[0].rsplit("/", 1)[-1] for words in shown_commands(ROOT / "README.md")}
    assert {"make", "claude", "data411-mcp"} <= programs


@pytest.mark.parametrize("block", list(blocks(README, "json")))
def test_a_configuration_in_the_readme_starts_a_server(block: str) -> None:
    found = json.loads(block)
    server = next(iter((found.get("mcpServers") or found["servers"]).values()))
    assert server["command"].endswith("/data411-mcp")
    assert server["args"] == ["serve"]


# --- the transcript ------------------------------------------------------------------------


def normal(line: str) -> str:
    """Without times and money, which differ between runs."""
    line = re.sub(r"^\s+\d+\.\ds ", "  0.0s ", line)
    return re.sub(r"\$\d+\.\d+", "$0", line).rstrip()


def test_the_transcript_is_what_the_demo_prints() -> None:
    """Line by line and in order, where `…` stands for lines left out. Progress lines may come in
    another order between runs, so the transcript shows only those that cannot."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DATA411_")}
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        env={k: v for k, v in kept.items() if not k.endswith("_API_KEY")},
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    printed = [normal(line) for line in done.stdout.splitlines()]
    (transcript,) = blocks(README, "text demo")
    at, skipped = 0, False
    for line in map(normal, transcript.splitlines()):
        if line == "…":
            skipped = True
            continue
        found = printed.index(line, at) if line in printed[at:] else -1
        assert found >= 0, f"the demo does not print, from here on: {line}"
        assert skipped or found == at, f"lines are left out without … before: {line}"
        at, skipped = found + 1, False


# --- words, places and numbers that must not be there ----------------------------------------


def tracked() -> list[Path]:
    """Files that git knows, or would add; without git (an sdist) every source file."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        capture_output=True, text=True, cwd=ROOT, timeout=30, check=False,
    )  # fmt: skip
    if listing.returncode == 0:
        files = [ROOT / line for line in listing.stdout.splitlines()]
    else:
        files = [f for f in ROOT.rglob("*") if not set(f.parts) & {".venv", "build", "dist"}]
    return [
        f
        for f in files
        if f.is_file() and f.suffix in TEXT_SUFFIXES and f.stat().st_size < TEXT_BYTES_MAX
    ]


MACHINE = re.compile(
    r"(?<![\w.])/(?:work|root|home/[a-z]|Users/[A-Za-z])[/\w]|[A-Z]:\\\\?Users"
    r"|files\.pythonhosted\.org|pypi\.[a-z]|registry\.npmjs|--(?:extra-)?index-url"
)


def test_no_file_names_a_machines_path_or_a_package_registry() -> None:
    here = Path(__file__).resolve()
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in tracked()
        if file.resolve() != here
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1)
        if MACHINE.search(line)
    ]
    assert found == []


NANP = re.compile(r"\+1[ .-]?\(?(\d{3})\)?[ .-]?(\d{3})[ .-]?(\d{4})(?!\d)")
FICTION = {"examples", "docs", "tests"}
SPELT = {"18003569377", "13035557285"}  # 1-800-FLOWERS, 555.PAUL: letters cannot write 0 and 1


def test_american_numbers_in_examples_pages_and_tests_are_reserved_for_fiction() -> None:
    """+1 NXX 555 0100 to 0199 is the range that no subscriber has."""
    found = [
        (f"{file.relative_to(ROOT)}: {number.group()}", re.sub(r"\D", "", number.group()))
        for file in tracked()
        if FICTION & set(file.relative_to(ROOT).parts) or file.parent == ROOT
        for number in NANP.finditer(file.read_text("utf-8", "replace"))
    ]
    assert found
    real = [at for at, d in found if d[4:7] != "555" or not 100 <= int(d[7:]) <= 199]
    assert [at for at in real if re.sub(r"\D", "", at.split(": ")[1]) not in SPELT] == []


def test_the_glossary_has_each_word_once_and_the_words_the_pages_rely_on() -> None:
    words = [w.strip() for r in rows(doc("glossary.md"))[1:] for w in r[0].split(",")]
    assert len(words) == len(set(words))
    needed = {"lead", "bound lead", "slot", "run", "finding", "fact", "page", "quote", "proof",
              "statement", "evidence", "anchor", "gap", "warm seed", "twin", "world"}  # fmt: skip
    assert needed <= set(words)
