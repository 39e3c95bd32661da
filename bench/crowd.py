"""A world with many companies: copies of one world's company under other names, hosts and ids.

Every vendor call takes its published median, always the same, so that sessions can be compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.sessions import leads_of
from data411_mcp.domain.slots import DEEP, FORGE, GROUND, SWIFT
from data411_mcp.twins.timing import PROFILES

OWN_HOST = "hgautotech.com"
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_ROWS = ("registry", "search", "llm")


def company_code(number: int) -> str:
    """Four letters that no other number has; room for 4,900."""
    letters = ""
    for alphabet in (_VOWELS, _CONSONANTS, _VOWELS, _CONSONANTS):
        number, at = divmod(number, len(alphabet))
        letters = alphabet[at] + letters
    return letters


def write_crowd(world: Path, folder: Path, count: int, latency: float) -> list[dict[str, Any]]:
    """Write the world; returns the companies' leads. `latency` is a factor on the medians."""
    hosts = [host.name for host in (world / "sites").iterdir()]
    lead = json.dumps(leads_of(world)[0])
    leads = []
    for number in range(count):
        renamed = _renamer(number, hosts)
        for path in sorted(p for p in (world / "sites").rglob("*") if p.is_file()):
            _write(folder, renamed(str(path.relative_to(world))), renamed(_text(path)))
        for kind in _ROWS:
            for path in sorted((world / kind).glob("*.jsonl")):
                rows = renamed(_text(path)).splitlines()
                if kind == "llm":
                    rows = [_only_for(renamed(OWN_HOST), row) for row in rows if row.strip()]
                _append(folder / kind / path.name, rows)
        _append(folder / "dns.jsonl", renamed(_text(world / "dns.jsonl")).splitlines())
        leads.append(json.loads(renamed(lead)) | {"contact_id": 1_000_000 + number})
    _write(folder, "world.json", _text(world / "world.json"))
    _write(folder, "lead.json", json.dumps(leads[0]))
    _append(folder / "faults.jsonl", [json.dumps(row) for row in _medians(latency)])
    return leads


def _renamer(number: int, hosts: list[str]) -> Callable[[str], str]:
    """Text of the demo's company → text of the company with this number."""
    code = company_code(number)
    others = "|".join(re.escape(h) for h in sorted(hosts, key=len, reverse=True) if h != OWN_HOST)
    word = re.compile(r"autotech|hoops|gears|(?<=and[ -])clark", re.IGNORECASE)

    def renamed(text: str) -> str:
        text = text.replace(OWN_HOST, f"hg{code}tech.example")
        text = re.sub(others, lambda host: f"{code}-{host.group()}", text)
        text = text.replace("549300HGAUTOTECH0123", f"549300HG{number:012d}")
        text = text.replace("549300HOOPSCYCLE0218", f"549300HC{number:012d}")
        text = text.replace("4417203", f"4{number:06d}")
        return word.sub(lambda found: _prefixed(code, found.group()), text)

    return renamed


def _prefixed(code: str, word: str) -> str:
    return f"{code.title()}{word.lower()}" if word[0].isupper() else f"{code}{word}"


def _only_for(host: str, row: str) -> str:
    return json.dumps(json.loads(row) | {"contains": host})


def _medians(latency: float) -> list[dict[str, Any]]:
    """Rows that delay every call; for a model by what its slot asks of it."""
    of_slot = {
        GROUND: "openrouter_search",
        FORGE: "openrouter_search",
        SWIFT: "openrouter_search",
        DEEP: "openrouter_search",
    }
    rows: list[dict[str, Any]] = [
        {"vendor": "openrouter", "slot": slot, "fault": _delay(PROFILES[name].p50 * latency)}
        for slot, name in of_slot.items()
    ]
    profiles = {
        "openrouter": "openrouter",
        "jina_reader": "jina_reader",
        "tavily": "tavily_search",
        "web": "web",
        "gleif": "gleif",
        "edgar": "edgar",
        "wikidata": "wikidata",
        "rdap": "rdap",
    }
    rows += [
        {"vendor": vendor, "fault": _delay(PROFILES[name].p50 * latency)}
        for vendor, name in profiles.items()
    ]
    return rows


def _delay(seconds: float) -> dict[str, Any]:
    return {"kind": "delay", "seconds": round(seconds, 3)}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _append(path: Path, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(row for row in rows if row.strip()) + "\n")
