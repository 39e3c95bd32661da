"""What the tests of the MCP surface share: a server over the demo's world, and graphs to read."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult

from data411_mcp.app import open_services
from data411_mcp.domain.graph import Backfill, Evidence, FieldName, Statement, person_id
from data411_mcp.domain.graph import statement_id as id_of
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.merge import assemble
from data411_mcp.services.requests import bind_session
from data411_mcp.serving import build_server
from data411_mcp.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
HOOPS = ROOT / "examples" / "worlds" / "hoops"
LEAD: dict[str, Any] = json.loads((HOOPS / "lead.json").read_text(encoding="utf-8"))
ANSWER_BYTES_MAX = 8_000
ERAS = ("auto", "legacy")
WAIT_SECONDS = 60.0


def settings(data_dir: Path, world: Path = HOOPS, **more: Any) -> Settings:
    return Settings(data_dir=data_dir, world=world, log_level="ERROR", **more)


@asynccontextmanager
async def connected(
    data_dir: Path,
    *,
    world: Path = HOOPS,
    mode: str = "auto",
    client: dict[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[Client]:
    """A client in this process, of one protocol era, on a server of its own."""
    server = build_server(settings(data_dir, world, **more))
    async with Client(server, mode=mode, **(client or {})) as connection:
        yield connection


def stdio_server(data_dir: Path, world: Path = HOOPS, **environment: str) -> StdioServerParameters:
    """The server as a child process, as a host starts it."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "data411_mcp", "serve"],
        env=process_environment(data_dir, world, **environment),
        cwd=str(ROOT),
    )


def process_environment(data_dir: Path, world: Path | None = HOOPS, **more: str) -> dict[str, str]:
    """This process's environment without its own settings and keys, and with ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DATA411_") and not name.endswith("_API_KEY")
    }
    ours = {"DATA411_DATA_DIR": str(data_dir), **more}
    return kept | ours | ({"DATA411_WORLD": str(world)} if world is not None else {})


def world_with_fault(folder: Path, *faults: dict[str, Any]) -> Path:
    """A copy of the demo's world in which something goes wrong."""
    shutil.copytree(HOOPS, folder)
    rows = "\n".join(json.dumps(row) for row in faults)
    (folder / "faults.jsonl").write_text(rows + "\n", encoding="utf-8")
    return folder


def answer_bytes(result: CallToolResult) -> int:
    """What the model has to take in: every text and the structured content, as UTF-8."""
    texts = sum(len(getattr(part, "text", "").encode()) for part in result.content)
    structured = json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
    return texts + len(structured.encode())


def structured(result: CallToolResult) -> dict[str, Any]:
    assert result.structured_content is not None
    return result.structured_content


async def finished_session(data_dir: Path) -> str:
    """Run the demo's lead to its end without MCP; returns the chat."""
    async with open_services(settings(data_dir)) as app:
        started = await app.leads.start(app.tenant, {"lead": LEAD})
        job = started.job
        while not job.final:
            job = await app.runner.wait(app.tenant, job.id, seconds=30)
        assert job.status is JobStatus.DONE
        return job.chat_session_id


async def crowded_session(data_dir: Path, contacts: int = 50) -> str:
    """A chat whose graph has many contacts with long values; returns the chat."""
    async with open_services(settings(data_dir)) as app:
        bound = await bind_session(app.store, app.clock, app.tenant, LEAD, "crowded")
        chat = bound.row.chat_session_id
        empty = Backfill(chat_session_id=chat, lead=bound.lead)
        facts = [fact for number in range(contacts) for fact in _contact_facts(number)]
        graph = assemble(empty, facts, []).model_copy(
            update={"summary_markdown": "\n".join(f"- fact number {n} – é" for n in range(900))}
        )
        await app.store.save_backfill(
            app.tenant,
            chat,
            graph.model_dump_json(by_alias=True),
            expected_version=bound.row.version,
            at=app.clock.now(),
        )
        return chat


def _contact_facts(number: int) -> list[Statement]:
    """A person with a title, an e-mail and a phone, each with a long quote of two-byte letters."""
    name = f"Zoë {_letters(number)} Ångström-Ødegård"
    owner = person_id(name)
    values = {
        FieldName.PERSON: name,
        FieldName.TITLE: f"Œuvre Director {number} " + "é" * 120,
        FieldName.EMAIL: f"zoe.{number}@hgautotech.com",
        FieldName.PHONE: f"+1614555{100 + number:04d}",
    }
    return [
        Statement(
            id=id_of(owner, name_, value),
            field=name_,
            value=value,
            raw=value,
            owner=owner,
            evidence=(_evidence(number),),
            score=1.0,
        )
        for name_, value in values.items()
    ]


def _letters(number: int) -> str:
    return "".join("ABCDEFGHIJ"[int(digit)] for digit in f"{number:03d}").title()


def _evidence(number: int) -> Evidence:
    return Evidence(
        url=f"https://hgautotech.com/team/{number}/" + "x" * 200,
        page_sha256=f"{number:064x}",
        start=0,
        end=400,
        quote="ü" * 400,
        slot="data411-site",
        fetched_at="2026-11-20T09:00:00+00:00",
        source="own_site",
        tied_by=("domain",),
    )
