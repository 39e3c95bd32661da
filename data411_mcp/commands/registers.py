"""What the commands for Singapore's registers do: files into the store, and the nightly work."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from data411_mcp.app import acra_download, open_services
from data411_mcp.errors import InvalidArgument
from data411_mcp.logs import configure_logging
from data411_mcp.settings import Settings

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ#"
DOWNLOAD_SECONDS = 1800.0  # of one letter's file


def import_ssic(settings: Settings, path: Path) -> dict[str, Any]:
    """Raises InvalidArgument, StoreError."""
    from data411_mcp.adapters.ssic_workbook import read_ssic
    from data411_mcp.adapters.store.open import open_store
    from data411_mcp.services.icp import ssic_import

    configure_logging(settings.log_level)

    async def imported() -> dict[str, Any]:
        table = await anyio.to_thread.run_sync(read_ssic, path)
        async with open_store(settings) as store:
            return asdict(await ssic_import.import_ssic(store, table))

    return anyio.run(imported)


def import_acra_file(settings: Settings, path: Path, *, again: bool) -> dict[str, Any]:
    """Raises InvalidArgument, StoreError."""
    from data411_mcp.adapters.acra_csv import open_acra_csv
    from data411_mcp.adapters.clock import SystemClock
    from data411_mcp.adapters.store.open import open_store
    from data411_mcp.services.icp import acra_import

    configure_logging(settings.log_level)

    async def imported() -> dict[str, Any]:
        source = await open_acra_csv(path)
        async with open_store(settings) as store:
            return asdict(await acra_import.import_acra(store, SystemClock(), source, again=again))

    return anyio.run(imported)


def import_acra_letters(settings: Settings, letters: str, *, again: bool) -> dict[str, Any]:
    """From data.gov.sg. Raises InvalidArgument, LookupFailed, StoreError."""
    from data411_mcp.services.icp import acra_import

    wanted = [letter for letter in LETTERS if letter in letters.upper()]
    if not wanted or set(letters.upper()) - set(LETTERS):
        raise InvalidArgument("--letters are of A to Z, and # for all others.", "Write e.g. ABC.")

    configure_logging(settings.log_level)

    async def imported() -> dict[str, Any]:
        done: dict[str, Any] = {}
        async with acra_download(settings) as (download, store, clock):
            for letter in wanted:
                file = await download.file(letter, deadline_seconds=DOWNLOAD_SECONDS)
                done[letter] = asdict(
                    await acra_import.import_acra(store, clock, file, again=again)
                )
        return done

    return anyio.run(imported)


def nightly(settings: Settings, tenant: str | None, companies: int) -> dict[str, Any]:
    """Raises StoreError. Jobs are handed in for a server or worker to do."""

    async def ran() -> dict[str, Any]:
        async with open_services(settings, works=False) as services:
            report = await services.nightly.run(tenant=tenant, companies_max=companies)
            return asdict(report)

    return anyio.run(ran)


def crm_preview(settings: Settings, tenant: str | None, thread: str | None) -> dict[str, Any]:
    """By record what writing a list's companies would change. Raises NotFound, InvalidArgument,
    StoreError."""

    async def looked() -> dict[str, Any]:
        async with open_services(settings, works=False) as services:
            late = services.nightly.late
            assert late is not None  # noqa: S101 - the composition root gives it
            return await late.preview(tenant or settings.tenant, thread)

    return anyio.run(looked)


def acra_direct(
    settings: Settings, tenant: str | None, *, limit: int, ssic: str, restart: bool
) -> dict[str, Any]:
    """Raises InvalidArgument, StoreError."""
    from data411_mcp.services.icp.acra_direct import LIMIT_MAX, AcraDirect, lead_jobs_for

    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidArgument(f"--limit is from 1 to {LIMIT_MAX}.", "Call again to go on.")
    if not ssic.isdecimal() and ssic:
        raise InvalidArgument("--ssic is the beginning of a code.", "Write e.g. --ssic 62.")

    async def ran() -> dict[str, Any]:
        whose = tenant or settings.tenant
        async with open_services(settings, works=False) as services:
            hand_in = lead_jobs_for(services.leads, services.clock, whose)
            direct = AcraDirect(services.nightly.icp, services.clock, hand_in)
            report = await direct.run(whose, limit=limit, ssic=ssic, restart=restart)
        if report.empty:
            raise InvalidArgument(
                "The company register is not imported.",
                "Run data411-mcp acra import with a file of data.gov.sg, or with --letters.",
            )
        return asdict(report)

    return anyio.run(ran)
