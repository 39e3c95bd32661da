"""api.zerobounce.net, api.hunter.io and api.neverbounce.com: is there such a mailbox?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data411_mcp.twins.keys import KeyState, key_state
from data411_mcp.twins.rows import MailboxRow
from data411_mcp.twins.wire import Reply, Request, json_reply

PRICE_USD_MICROS = 8_000
ZEROBOUNCE_HOSTS = ("api.zerobounce.net", "api-us.zerobounce.net", "api-eu.zerobounce.net")
_ZEROBOUNCE: Mapping[str, tuple[str, str]] = {
    "valid": ("valid", ""),
    "invalid": ("invalid", "mailbox_not_found"),
    "catch_all": ("catch-all", ""),
    "disposable": ("do_not_mail", "disposable"),
    "role": ("do_not_mail", "role_based"),
    "webmail": ("valid", ""),
    "spamtrap": ("spamtrap", ""),
    "unknown": ("unknown", "mail_server_temporary_error"),
}
_HUNTER = {"catch_all": "accept_all", "role": "valid", "spamtrap": "invalid"}
_NEVERBOUNCE = {
    "catch_all": "catchall",
    "role": "valid",
    "webmail": "valid",
    "spamtrap": "invalid",
}


def state_of(rows: Sequence[MailboxRow], address: str) -> str:
    """The row of the address, else the one of its whole host, else unknown."""
    wanted = (address.casefold(), "*@" + address.casefold().rpartition("@")[2])
    by_address = {row.address.casefold(): row.state for row in rows}
    return next((by_address[w] for w in wanted if w in by_address), "unknown")


def zerobounce(rows: Sequence[MailboxRow], request: Request) -> Reply:
    if request.path != "/v2/validate":
        return json_reply({"error": "not found"}, 404)
    if key_state("zerobounce", request.arg("api_key") or None) is not KeyState.GOOD:
        return json_reply({"error": "Invalid API key or your account ran out of credits"})
    address = request.arg("email")
    status, sub_status = _ZEROBOUNCE[state_of(rows, address)]
    reply = {
        "address": address,
        "status": status,
        "sub_status": sub_status,
        "account": address.partition("@")[0],
        "domain": address.partition("@")[2],
        "did_you_mean": None,
        "free_email": False,
        "mx_found": "true",
        "processed_at": "2026-11-20 08:00:00.000",
    }
    # Unknown is free of charge at this vendor.
    return json_reply(reply, cost_usd_micros=0 if status == "unknown" else PRICE_USD_MICROS)


def hunter_error(code: int) -> dict[str, Any]:
    kinds = {401: "authentication_failed", 403: "too_many_requests", 429: "usage_exceeded"}
    kind = kinds.get(code, "wrong_params" if code == 400 else "server_error")
    return {"errors": [{"id": kind, "code": code, "details": "Details of the vendor."}]}


def hunter(rows: Sequence[MailboxRow], request: Request) -> Reply:
    """429 says that the plan is used up; too many calls are a 403."""
    if request.path != "/v2/email-verifier":
        return json_reply(hunter_error(404), 404)
    state = key_state("hunter", request.arg("api_key") or None)
    if state is not KeyState.GOOD:
        status = 429 if state is KeyState.SPENT else 401
        return json_reply(hunter_error(status), status)
    address = request.arg("email")
    found = state_of(rows, address)
    status_word = _HUNTER.get(found, found)
    data = {
        "status": status_word,
        "score": {"valid": 97, "invalid": 3}.get(status_word, 50),
        "email": address,
        "disposable": found == "disposable",
        "webmail": found == "webmail",
        "mx_records": True,
        "smtp_check": found in ("valid", "role", "webmail"),
        "accept_all": found == "catch_all",
        "sources": [],
    }
    return json_reply({"data": data, "meta": {}}, cost_usd_micros=PRICE_USD_MICROS)


def neverbounce_error(code: int) -> dict[str, Any]:
    kind = "throttle_triggered" if code == 429 else "temp_unavail"
    return {"status": kind, "message": "Message of the vendor.", "execution_time": 3}


def neverbounce(rows: Sequence[MailboxRow], request: Request) -> Reply:
    """Whatever happens, HTTP 200."""
    if request.path != "/v4/single/check":
        return json_reply({"status": "general_failure", "message": "not found"})
    state = key_state("neverbounce", request.arg("key") or None)
    if state is KeyState.SPENT:
        return json_reply({"status": "general_failure", "message": "Insufficient credits."})
    if state is not KeyState.GOOD:
        return json_reply({"status": "auth_failure", "message": "Invalid API key"})
    found = state_of(rows, request.arg("email"))
    reply = {
        "status": "success",
        "result": _NEVERBOUNCE.get(found, found),
        "flags": ["has_dns", "has_dns_mx", *(["role_account"] if found == "role" else [])],
        "suggested_correction": "",
        "execution_time": 499,
    }
    return json_reply(reply, cost_usd_micros=PRICE_USD_MICROS)
