"""Is there such a mailbox? ZeroBounce, Hunter and NeverBounce, behind one port.

Each says "no" in its own way: ZeroBounce with HTTP 200 and an `error`, Hunter with 403 for its
rate and 429 for the plan, NeverBounce with 200 whatever happens. An address is asked for once;
what was said is remembered by its hash as long as the process lives.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import anyio
from pydantic import SecretStr

from data411_mcp.adapters.politeness import retry_after_seconds
from data411_mcp.adapters.vendors.errors import (
    VendorHttp,
    VendorReply,
    check_status,
    parse_object,
)
from data411_mcp.domain.icp.values import Deliverability
from data411_mcp.domain.metering import metered
from data411_mcp.errors import LookupFailed, VendorUnusable
from data411_mcp.services.ports import Clock
from data411_mcp.services.ports.icp import EmailVerifier
from data411_mcp.settings import Settings

REMEMBERED_MAX = 20_000
PRICE_USD_MICROS = 8_000  # the dearest published price of one address
HUNTER_WAIT_SECONDS = 2.0  # after a 202, "still verifying"

_UNKNOWN, _BAD = Deliverability.UNKNOWN, Deliverability.UNDELIVERABLE
_RISKY, _ACCEPTED = Deliverability.RISKY, Deliverability.ACCEPTED
_VERIFIED = Deliverability.VERIFIED


@dataclass
class _Verifier(ABC):
    """What the three have in common: each address once, whoever asks, and one at a time."""

    http: VendorHttp
    clock: Clock
    key: SecretStr
    base_url: str
    _known: OrderedDict[str, Deliverability] = field(default_factory=OrderedDict, repr=False)
    _turns: dict[str, anyio.Lock] = field(default_factory=dict, repr=False)
    name: ClassVar[str]

    def configured(self) -> bool:
        return True

    async def verify(self, email: str, *, deadline_seconds: float) -> Deliverability:
        email = email.strip().lower()
        digest = hashlib.sha256(email.encode()).hexdigest()
        try:
            with anyio.fail_after(deadline_seconds):
                async with self._turn(digest):
                    if (known := self._known.get(digest)) is not None:
                        return known
                    found = await self._ask(email, deadline_seconds)
        except TimeoutError as error:
            raise LookupFailed("timeout", "No answer in time.") from error
        if found is not _UNKNOWN:  # tomorrow the vendor may know
            self._known[digest] = found
            while len(self._known) > REMEMBERED_MAX:
                self._known.popitem(last=False)
        return found

    @asynccontextmanager
    async def _turn(self, digest: str) -> AsyncIterator[None]:
        lock = self._turns.setdefault(digest, anyio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.statistics().locked:  # handed on to the next who waits
                self._turns.pop(digest, None)

    async def _get(
        self, path: str, params: Mapping[str, str], deadline_seconds: float
    ) -> VendorReply:
        return await self.http.call(
            "GET", f"{self.base_url}{path}", params=params, deadline_seconds=deadline_seconds
        )

    @abstractmethod
    async def _ask(self, email: str, deadline_seconds: float) -> Deliverability: ...


class ZeroBounce(_Verifier):
    """https://www.zerobounce.net/docs/email-validation-api-quickstart"""

    name = "zerobounce"
    _STATES: ClassVar[Mapping[str, Deliverability]] = {
        "valid": _VERIFIED,
        "invalid": _BAD,
        "catch-all": _ACCEPTED,
        "spamtrap": _RISKY,
        "abuse": _RISKY,
        "do_not_mail": _RISKY,
    }

    async def _ask(self, email: str, deadline_seconds: float) -> Deliverability:
        params = {
            "api_key": self.key.get_secret_value(),
            "email": email,
            "ip_address": "",
            "timeout": str(max(3, min(60, int(deadline_seconds)))),
        }
        reply = await self._get("/v2/validate", params, deadline_seconds)
        check_status(reply, self.clock.now())
        answer = parse_object(reply.body)
        if any(answer.get(key) for key in ("error", "message", "error_message")):
            # One text for a bad key and for no credit: both need a human.
            raise VendorUnusable("bad_key")
        found = self._STATES.get(_word(answer, "status"), _UNKNOWN)
        if found is not _UNKNOWN:  # "unknown" is free
            metered(PRICE_USD_MICROS)
        return found


class Hunter(_Verifier):
    """https://hunter.io/api-documentation/v2#email-verifier"""

    name = "hunter"
    _STATES: ClassVar[Mapping[str, Deliverability]] = {
        "valid": _VERIFIED,
        "invalid": _BAD,
        "accept_all": _ACCEPTED,
        "disposable": _RISKY,
    }

    async def _ask(self, email: str, deadline_seconds: float) -> Deliverability:
        params = {"email": email, "api_key": self.key.get_secret_value()}
        while True:
            reply = await self._get("/v2/email-verifier", params, deadline_seconds)
            if reply.status != 202:
                break
            await anyio.sleep(HUNTER_WAIT_SECONDS)
        if reply.status == 403:
            wait = retry_after_seconds(reply.headers, self.clock.now())
            raise LookupFailed("rate_limited", retry_after_seconds=wait)
        if reply.status == 429:
            raise VendorUnusable("no_credit")
        check_status(reply, self.clock.now())
        data = parse_object(reply.body).get("data")
        if not isinstance(data, dict):
            raise LookupFailed("bad_reply")
        metered(PRICE_USD_MICROS)
        state = _word(data, "status")
        if state == "webmail":  # says only where the mailbox would be
            return _VERIFIED if data.get("smtp_check") is True else _UNKNOWN
        return self._STATES.get(state, _UNKNOWN)


class NeverBounce(_Verifier):
    """https://developers.neverbounce.com/reference/single-check"""

    name = "neverbounce"
    _STATES: ClassVar[Mapping[str, Deliverability]] = {
        "valid": _VERIFIED,
        "invalid": _BAD,
        "disposable": _RISKY,
        "catchall": _ACCEPTED,
    }

    async def _ask(self, email: str, deadline_seconds: float) -> Deliverability:
        params = {
            "key": self.key.get_secret_value(),
            "email": email,
            "timeout": str(max(3, min(30, int(deadline_seconds)))),
        }
        reply = await self._get("/v4/single/check", params, deadline_seconds)
        check_status(reply, self.clock.now())
        answer = parse_object(reply.body)
        match _word(answer, "status"):
            case "success":
                metered(PRICE_USD_MICROS)
                return self._STATES.get(_word(answer, "result"), _UNKNOWN)
            case "throttle_triggered":
                raise LookupFailed("rate_limited")
            case "auth_failure" | "bad_referrer":
                raise VendorUnusable("bad_key")
            case "general_failure" if "credit" in _word(answer, "message"):
                raise VendorUnusable("no_credit")
            case "temp_unavail" | "general_failure":
                raise LookupFailed("vendor_error")
        raise LookupFailed("bad_reply")


@dataclass
class NoVerifier:
    """No key: contacts stay, unverified."""

    name: ClassVar[str] = "none"

    def configured(self) -> bool:
        return False

    async def verify(self, email: str, *, deadline_seconds: float) -> Deliverability:
        raise VendorUnusable("not_configured")


def email_verifier(http: VendorHttp, clock: Clock, settings: Settings) -> EmailVerifier:
    """The first of the three that has a key."""
    if settings.zerobounce_key is not None:
        return ZeroBounce(http, clock, settings.zerobounce_key, "https://api.zerobounce.net")
    if settings.hunter_key is not None:
        return Hunter(http, clock, settings.hunter_key, "https://api.hunter.io")
    if settings.neverbounce_key is not None:
        return NeverBounce(http, clock, settings.neverbounce_key, "https://api.neverbounce.com")
    return NoVerifier()


def _word(answer: Mapping[str, Any], key: str) -> str:
    value = answer.get(key)
    return value.strip().casefold() if isinstance(value, str) else ""
