"""`data411-mcp doctor`: what works, what is missing, and what that costs in coverage."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import anyio

from data411_mcp.errors import Data411Error, LookupFailed
from data411_mcp.settings import Settings

DISK_FREE_MIN_BYTES = 200_000_000
PROBE_SECONDS = 6.0


def run_checks(settings: Settings) -> dict[str, Any]:
    """Every check as {name, ok, says, costs}; `ok` overall is false only when nothing can run."""
    checks = [_python(), _disk(settings), *anyio.run(_live_checks, settings), *_keys(settings)]
    fatal = [c for c in checks if not c["ok"] and c["fatal"]]
    return {"ok": not fatal, "checks": checks}


def _check(name: str, ok: bool, says: str, costs: str = "", fatal: bool = False) -> dict[str, Any]:
    return {"name": name, "ok": ok, "says": says, "costs": "" if ok else costs, "fatal": fatal}


def _python() -> dict[str, Any]:
    version = ".".join(str(n) for n in sys.version_info[:3])
    return _check("python", sys.version_info >= (3, 11), version, "3.11 or later is needed", True)


def _disk(settings: Settings) -> dict[str, Any]:
    at = settings.data_dir
    while not at.exists():
        at = at.parent
    free = shutil.disk_usage(at).free
    return _check("disk", free > DISK_FREE_MIN_BYTES, f"{free // 1_000_000} MB free",
                  "sessions cannot be stored when it is full", True)  # fmt: skip


async def _live_checks(settings: Settings) -> list[dict[str, Any]]:
    from data411_mcp.app import open_services

    try:
        async with open_services(settings) as app:
            found = [_check("store", True, "opens and is migrated")]
            offline = True
            with anyio.move_on_after(PROBE_SECONDS):
                offline = await app.desks(app.tenant).reader.offline()
            found.append(
                _check("network", not offline, "names resolve" if not offline else "offline",
                       "nothing can be looked up; stored graphs can still be read")
            )  # fmt: skip
            found.append(await _dns(app.desks(app.tenant).sources.dns, offline))
            return found
    except Data411Error as error:
        return [_check("store", False, error.message, "nothing can run", True)]


async def _dns(dns: Any, offline: bool) -> dict[str, Any]:
    costs = "no word on what an e-mail there is worth"
    if offline:
        return _check("dns", False, "offline", costs)
    try:
        await dns.mail_domain("example.com", deadline_seconds=PROBE_SECONDS)
    except LookupFailed as failure:
        return _check("dns", False, failure.reason, costs)
    return _check("dns", True, "answers")


def _keys(settings: Settings) -> list[dict[str, Any]]:
    llm = settings.llm_api_key is not None or settings.world is not None
    return [
        _check("llm key", llm, "set" if llm else "OPENROUTER_API_KEY is not set",
               "Crimson Span and Hunt Forge, Swift and Deep do not run; Hunt Ground searches "
               "without a model; the summary comes from our own writer"),
        _check("jina key", settings.jina_api_key is not None,
               "set" if settings.jina_api_key else "JINA_API_KEY is not set",
               "20 pages a minute through the reader, then direct reads"),
        _check("tavily key", settings.tavily_api_key is not None,
               "set" if settings.tavily_api_key else "TAVILY_API_KEY is not set",
               "keyless search at low limits"),
    ]  # fmt: skip


def render(report: dict[str, Any]) -> str:
    lines = []
    for check in report["checks"]:
        mark = "ok     " if check["ok"] else "missing"
        lines.append(f"{mark}  {check['name']:<11} {check['says']}")
        if check["costs"]:
            lines.append(f"{'':21}costs: {check['costs']}")
    keyless = "Works without any key: Site, Registry, DNS and keyless search."
    return "\n".join([*lines, "", keyless])
