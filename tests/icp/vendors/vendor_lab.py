"""A small world of fictional companies, its twins, and what an adapter is built from."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.http import HttpClient, open_client
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.adapters.vendors.apify import Apify
from data411_mcp.settings import Settings
from data411_mcp.twins import load_world, running_twins
from data411_mcp.twins.serve import Twins

TALWEG = "https://www.linkedin.com/company/talweg-pumps"
COMPANIES: tuple[dict[str, Any], ...] = (
    {"slug": "talweg-pumps", "name": "Talweg Pumps", "domains": ["talweg.example"],
     "region": "sg", "url_key": "linkedinUrl"},
    {"slug": "quiet-harbour", "name": "Quiet Harbour", "domains": ["quiet.example"],
     "run": "empty"},
    {"slug": "throttled", "domains": ["throttled.example"], "run": "rate_limited"},
    {"slug": "broken", "domains": ["broken.example"], "run": "failed"},
    {"slug": "endless", "domains": ["endless.example"], "run": "endless"},
    {"slug": "slow-mill", "domains": ["slow.example"], "run": "timed_out"},
    {"slug": "elsewhere", "domains": ["moved.example"], "website": "https://elsewhere.example/"},
    {"slug": "same-site", "domains": ["same.example"], "website": "www.same.example/home"},
)  # fmt: skip
PEOPLE: tuple[dict[str, Any], ...] = (
    {"company": "talweg-pumps", "first_name": "Ada", "last_name": "Quill", "title": "Owner",
     "emails": ["Ada@talweg.example"], "city": "Singapore", "country_code": "SG",
     "former": "old-mill"},
    {"company": "talweg-pumps", "first_name": "José", "last_name": "Brook",
     "title": "Sales Director", "emails": ["jose@talweg.example"], "emails_as_text": True},
    {"company": "talweg-pumps", "first_name": "Lena", "last_name": "Gone",
     "title": "Sales Director", "left": True},
    {"company": "talweg-pumps", "title": "Engineer", "hidden": True},
    {"company": "quiet-harbour", "first_name": "Per", "last_name": "Found", "title": "Director",
     "found_by": "search"},
    *({"company": slug, "first_name": name, "last_name": "Reed", "title": "Manager"}
      for slug in ("throttled", "slow-mill") for name in ("Ann", "Bo")),
)  # fmt: skip


def write_rows(file: Path, *rows: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n")


@dataclass
class Lab:
    twins: Twins
    http: HttpClient
    store: SqliteStore
    clock: SystemClock
    settings: Settings

    @property
    def apify(self) -> Apify:
        store = cast(Any, self.store)
        return Apify(self.http, store, store, self.clock, self.settings, "local")


@asynccontextmanager
async def open_lab(
    folder: Path,
    *,
    latency: float = 0.0,
    rate_limits: bool = False,
    companies: tuple[dict[str, Any], ...] = COMPANIES,
    people: tuple[dict[str, Any], ...] = PEOPLE,
    **changed: Any,
) -> AsyncIterator[Lab]:
    world = folder / "world"
    world.mkdir(exist_ok=True)
    write_rows(world / "linkedin/companies.jsonl", *companies)
    write_rows(world / "linkedin/people.jsonl", *people)
    settings = Settings(
        data_dir=folder, host_interval_s=0,
        **({"apify_token": SecretStr("apify_api_x")} | changed),
    )  # fmt: skip
    async with (
        running_twins(load_world(world), latency=latency, rate_limits=rate_limits) as twins,
        open_client(twins.address.network(), settings) as http,
        SqliteStore.open(folder / "store.sqlite3") as store,
    ):
        yield Lab(twins, http, store, SystemClock(), settings)
