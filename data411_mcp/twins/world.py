"""A world: the folder that all twins answer from. `load_world` reads and checks it.

Sites are served from disk when asked for; everything else is read once, and an error names the
file, the line and the nearest known key.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from data411_mcp.errors import InvalidArgument
from data411_mcp.twins.rows import (
    AcraRow,
    DnsRow,
    EdgarRow,
    FaultRow,
    GleifRow,
    Gold,
    LinkedinCompanyRow,
    LinkedinPersonRow,
    LlmRow,
    MailboxRow,
    RdapRow,
    SearchRow,
    WikidataRow,
    WorldInfo,
    record_texts,
)

M = TypeVar("M", bound=BaseModel)

REGISTRY_ROWS: Mapping[str, type[BaseModel]] = {
    "gleif": GleifRow,
    "edgar": EdgarRow,
    "wikidata": WikidataRow,
    "rdap": RdapRow,
    "acra": AcraRow,
}
LINKEDIN_ROWS: Mapping[str, type[BaseModel]] = {
    "companies": LinkedinCompanyRow,
    "people": LinkedinPersonRow,
}
TOP_LEVEL = frozenset(
    {
        "sites",
        "registry",
        "search",
        "llm",
        "linkedin",
        "dns.jsonl",
        "mailboxes.jsonl",
        "faults.jsonl",
        "world.json",
        "lead.json",
        "gold.json",
    }
)
_TOKEN = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
_STATUS = re.compile(r"^[2-5]\d\d$")
_HOST = re.compile(r"^(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+$")


class WorldInvalid(InvalidArgument):
    """The world's folder cannot be used; the message names file and line."""

    code = "WORLD_INVALID"


@dataclass(frozen=True)
class World:
    """`sites` maps a host to its folder. `leads` is what lead.json holds, always as a list."""

    folder: Path
    info: WorldInfo
    sites: Mapping[str, Path] = field(default_factory=dict)
    gleif: tuple[GleifRow, ...] = ()
    edgar: tuple[EdgarRow, ...] = ()
    wikidata: tuple[WikidataRow, ...] = ()
    rdap: tuple[RdapRow, ...] = ()
    acra: tuple[AcraRow, ...] = ()
    companies: tuple[LinkedinCompanyRow, ...] = ()
    people: tuple[LinkedinPersonRow, ...] = ()
    mailboxes: tuple[MailboxRow, ...] = ()
    search: tuple[SearchRow, ...] = ()
    llm: tuple[LlmRow, ...] = ()
    dns: tuple[DnsRow, ...] = ()
    faults: tuple[FaultRow, ...] = ()
    leads: tuple[dict[str, Any], ...] = ()
    gold: Gold = field(default_factory=Gold)

    @property
    def name(self) -> str:
        return self.info.name


def load_world(path: Path) -> World:
    """Read and check a world's folder. Raises WorldInvalid."""
    folder = path.resolve()
    if not folder.is_dir():
        raise WorldInvalid(f"{path} is not a folder", "Give the folder that holds sites/.")
    for entry in sorted(folder.iterdir()):
        if entry.name not in TOP_LEVEL and not _is_note(entry):
            raise WorldInvalid(
                f"{entry.name}: unknown entry{_nearest(entry.name, TOP_LEVEL)}",
                "See docs/twins.md for the files of a world.",
            )
    info_file = folder / "world.json"
    info = (
        _one(WorldInfo, _json(info_file), "world.json")
        if info_file.exists()
        else WorldInfo(name=folder.name)
    )
    registry = _tables(folder, "registry", REGISTRY_ROWS, "register")
    linkedin = _tables(folder, "linkedin", LINKEDIN_ROWS, "file")
    _check_headers(folder / "sites")
    dns_rows = tuple(_rows(DnsRow, folder, "dns.jsonl"))
    _check_records(dns_rows)
    gold_file = folder / "gold.json"
    return World(
        folder=folder,
        info=info,
        sites=_sites(folder / "sites"),
        mailboxes=tuple(_rows(MailboxRow, folder, "mailboxes.jsonl")),
        search=tuple(_rows(SearchRow, folder, "search/*.jsonl")),
        llm=tuple(_rows(LlmRow, folder, "llm/*.jsonl")),
        dns=dns_rows,
        faults=tuple(_rows(FaultRow, folder, "faults.jsonl")),
        leads=_leads(folder),
        gold=_one(Gold, _json(gold_file), "gold.json") if gold_file.exists() else Gold(),
        **registry,
        **linkedin,
    )


def _is_note(entry: Path) -> bool:
    return entry.name.startswith(".") or entry.suffix == ".md"


def _tables(
    folder: Path, within: str, models: Mapping[str, type[BaseModel]], what: str
) -> dict[str, Any]:
    """The rows of each file of a subfolder whose file names are fixed."""
    for file in sorted((folder / within).glob("*")):
        if file.stem not in models or file.suffix != ".jsonl":
            near = _nearest(file.stem, models)
            raise WorldInvalid(f"{within}/{file.name}: unknown {what}{near}")
    return {
        name: tuple(_rows(model, folder, f"{within}/{name}.jsonl"))
        for name, model in models.items()
    }


def _sites(folder: Path) -> dict[str, Path]:
    sites: dict[str, Path] = {}
    if not folder.is_dir():
        return sites
    for entry in sorted(folder.iterdir()):
        if not entry.is_dir() or not _HOST.match(entry.name):
            raise WorldInvalid(
                f"sites/{entry.name}: not a folder named like a host",
                "Lower case, at least one dot, punycode for international names.",
            )
        sites[entry.name] = entry
    return sites


def _check_headers(sites: Path) -> None:
    for file in sorted(sites.rglob("*.headers")):
        name = "sites/" + file.relative_to(sites).as_posix()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            key, colon, value = line.partition(":")
            if line.strip() and not (colon and _TOKEN.match(key.strip())):
                raise WorldInvalid(f"{name}:{number}: not a line of the form name: value")
            if key.strip().lower() == "status" and not _STATUS.match(value.strip()):
                raise WorldInvalid(f"{name}:{number}: status is a number from 200 to 599")


def _check_records(rows: tuple[DnsRow, ...]) -> None:
    """Read every record as the DNS twin will, so that a slip is found here and not in a query."""
    import dns.exception
    import dns.rrset

    for number, row in enumerate(rows, start=1):
        try:
            if row.values:
                dns.rrset.from_text(row.name, row.ttl, "IN", row.type, *record_texts(row))
        except (dns.exception.DNSException, ValueError) as error:
            kind = row.type
            raise WorldInvalid(
                f"dns.jsonl: row {number} ({row.name} {kind}): not values of type {kind}"
            ) from error


def _leads(folder: Path) -> tuple[dict[str, Any], ...]:
    file = folder / "lead.json"
    if not file.exists():
        return ()
    raw = _json(file)
    leads = raw if isinstance(raw, list) else [raw]
    if not all(isinstance(lead, dict) for lead in leads):
        raise WorldInvalid("lead.json: holds one lead, or a list of leads")
    return tuple(leads)


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise WorldInvalid(f"{file.name}: not JSON ({_place(error)})") from error


def _rows(model: type[M], folder: Path, pattern: str) -> Iterator[M]:
    for file in sorted(folder.glob(pattern)):
        name = file.relative_to(folder).as_posix()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                raw = json.loads(line)
            except json.JSONDecodeError as error:
                raise WorldInvalid(f"{name}:{number}: not JSON ({_place(error)})") from error
            yield _one(model, raw, f"{name}:{number}")


def _one(model: type[M], raw: Any, where: str) -> M:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = _known_keys(model, first["loc"][:-1])
            near = _nearest(str(first["loc"][-1]), known)
            raise WorldInvalid(f"{where}: unknown key {at}{near}") from error
        raise WorldInvalid(f"{where}: {at or 'row'}: {first['msg']}") from error


def _known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Keys of the (nested) object at `path`, read from the model's JSON schema."""
    schema: dict[str, Any] = model.model_json_schema()
    here = schema
    for part in path:
        here = (
            here.get("items", here) if isinstance(part, int) else here["properties"].get(part, {})
        )
        here = next((o for o in here.get("anyOf", ()) if "$ref" in o or "items" in o), here)
        if "$ref" in here:
            here = schema["$defs"][here["$ref"].rsplit("/", 1)[1]]
        if isinstance(part, str) and "items" in here and "$ref" in here["items"]:
            here = {"items": schema["$defs"][here["items"]["$ref"].rsplit("/", 1)[1]]}
    return list(here.get("properties", ()))


def _nearest(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    if close:
        return f" (did you mean {close[0]}?)"
    return f" (known: {', '.join(sorted(known))})"


def _place(error: json.JSONDecodeError | UnicodeDecodeError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}"
    return f"byte {error.start}, UTF-8 expected"
