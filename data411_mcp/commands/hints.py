"""Calls of tools, as the hints spell them, told as commands of this program."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from data411_mcp.domain.calls import Arguments, spelled_otherwise

PROGRAM = "data411-mcp"
_LEAD_FILE = "<lead.json>"


def as_commands(text: str) -> str:
    """The text with every call that has a command replaced by it; other text stays."""
    return spelled_otherwise(text, _COMMANDS)


def _enrich(a: Arguments) -> str:
    flags = _flags(chat=a.get("chat_session_id"), choice=a.get("identity_choice"),
                   budget=a.get("budget_usd"), refresh=a.get("refresh"))  # fmt: skip
    return f"{PROGRAM} enrich --lead {_LEAD_FILE}{flags}{_prompts(a)}"


def _rerun(a: Arguments) -> str:
    slots = "".join(_flags(slot=s) for s in a.get("model_ids") or [a.get("model_id")])
    more = _flags(refresh_summary=a.get("refresh_summary"), budget=a.get("budget_usd"))
    return f"{PROGRAM} rerun{_flags(chat=a.get('chat_session_id'))}{slots}{_prompts(a)}{more}"


def _submit(a: Arguments) -> str:
    payload = a.get("payload") or {}
    if str(a.get("route", "")).endswith(("/slots-rerun", "/slot-rerun")):
        return _rerun(payload)
    return f"{PROGRAM} job submit {shlex.quote(str(a.get('route', '')))} <payload.json>"


_COMMANDS: dict[str, Callable[[Arguments], str]] = {
    "enrich_lead_session": _enrich,
    "rerun_hunt_slot": _rerun,
    "submit_enrich_job": _submit,
    "resynthesize_lead_graph": lambda a: (
        f"{PROGRAM} resynthesize{_flags(chat=a.get('chat_session_id'))}{_prompts(a)}"
    ),
    "investigate_unmerged_finding": lambda a: (
        f"{PROGRAM} investigate"
        + _flags(chat=a.get("chat_session_id"), candidate=a.get("candidate_id"))
    ),
    "wait_enrich_job": lambda a: f"{PROGRAM} job wait {shlex.quote(str(a.get('job_id', '')))}",
    "cancel_enrich_job": lambda a: (
        f"{PROGRAM} job cancel {shlex.quote(str(a.get('job_id', '')))}"
        + _flags(slot=a.get("slot"), retry=a.get("retry"))
    ),
    # The graph is shown at the end of each run; to show a run's again is to wait for its job.
    "get_lead_graph": lambda a: f"{PROGRAM} job wait <id of the chat's last job>",
    "get_account": lambda a: f"{PROGRAM} account",
}


def _prompts(a: Arguments) -> str:
    return "".join(_flags(prompt=p) for p in a.get("prompts") or ())


def _flags(**given: Any) -> str:
    told = ""
    for name, value in given.items():
        if value is True:
            told += f" --{name.replace('_', '-')}"
        elif value is not None and value is not False:
            told += f" --{name.replace('_', '-')} {shlex.quote(str(value))}"
    return told
