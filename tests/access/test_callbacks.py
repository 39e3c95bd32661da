"""Notices about finished jobs: signed, tried again, and never to an address inside a network."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.errors import CallbackRefused
from data411_mcp.services.callbacks import BACKOFF_SECONDS, LEASE_SECONDS, SENDING_MAX
from data411_mcp.services.payloads import SYNTHESIZE_PATCH
from data411_mcp.services.routes import Terms
from tests.access.jobs_to_tell import HOOK, HandClock, callback_desk, finished_job
from tests.services.session_world import PUMP_LEAD, TENANT, lab, pump_world, until, write_site
from tests.vendors.guarded_web import Asked, redirect, reply, reset, silence

ROOT = Path(__file__).resolve().parent.parent.parent
OK = reply(status=204)


async def test_a_notice_is_signed_and_names_ids_only(tmp_path: Path) -> None:
    async with callback_desk(tmp_path) as desk:
        desk.web.on(HOOK, OK)
        job = await finished_job(desk.store, desk.clock)
        assert await desk.callbacks.send_next()
        (asked,) = desk.web.asked
        secret = await desk.callbacks.webhook_secret("acme")
        told = Webhook(secret).verify(asked.body, asked.headers)
        assert told == {
            "type": "enrich.job_completed",
            "job_id": job.id,
            "status": "done",
            "chat_session_id": job.chat_session_id,
        }
        assert (asked.method, asked.headers["content-type"]) == ("POST", "application/json")
        assert "authorization" not in asked.headers
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(asked.body.replace(b"done", b"gone"), asked.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(await desk.callbacks.webhook_secret("rival")).verify(asked.body, asked.headers)
        assert not await desk.callbacks.send_next()


async def test_the_documented_check_accepts_our_notices_and_no_others(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "keys-and-callbacks.md").read_text(encoding="utf-8")
    shown: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], shown)  # noqa: S102 - our own page
    async with callback_desk(tmp_path) as desk:
        desk.web.on(HOOK, OK)
        job = await finished_job(desk.store, desk.clock)
        await desk.callbacks.send_next()
        (asked,) = desk.web.asked
        secret = await desk.callbacks.webhook_secret("acme")
        assert shown["read_notice"](secret, asked.headers, asked.body)["job_id"] == job.id
        with pytest.raises(WebhookVerificationError):
            shown["read_notice"](secret, asked.headers, asked.body + b" ")


async def test_a_tenants_secret_stays_the_same_and_is_256_bits(tmp_path: Path) -> None:
    async with callback_desk(tmp_path) as desk:
        one, again, other = [
            await desk.callbacks.webhook_secret(t) for t in ("acme", "acme", "rival")
        ]
        assert one == again != other
        assert one.startswith("whsec_")
        assert len(base64.b64decode(one.removeprefix("whsec_"))) == 32


async def test_a_failed_notice_comes_again_after_each_pause_and_is_given_up_at_last(
    tmp_path: Path,
) -> None:
    async with callback_desk(tmp_path) as desk:
        desk.web.on(HOOK, reply(status=500))
        await finished_job(desk.store, desk.clock)
        assert await desk.callbacks.send_next()
        for pause in BACKOFF_SECONDS:
            desk.clock.seconds += pause - 1
            assert not await desk.callbacks.send_next()
            desk.clock.seconds += 1
            assert await desk.callbacks.send_next()
        desk.clock.seconds += 1_000_000
        assert not await desk.callbacks.send_next()
        assert desk.door.outcomes == [500] * (len(BACKOFF_SECONDS) + 1)
        assert len({a.headers["webhook-id"] for a in desk.web.asked}) == 1
        assert len({a.headers["webhook-timestamp"] for a in desk.web.asked}) > 1


async def test_every_attempt_carries_a_signature_of_its_own_time(tmp_path: Path) -> None:
    async with callback_desk(tmp_path) as desk:
        desk.web.on(HOOK, reply(status=503), OK)
        await finished_job(desk.store, desk.clock)
        await desk.callbacks.send_next()
        desk.clock.seconds += BACKOFF_SECONDS[0]
        await desk.callbacks.send_next()
        hook = Webhook(await desk.callbacks.webhook_secret("acme"))
        for asked in desk.web.asked:
            hook.verify(asked.body, asked.headers)
        first, second = (int(a.headers["webhook-timestamp"]) for a in desk.web.asked)
        assert second - first == BACKOFF_SECONDS[0]


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (silence, "timeout"),
        (reset, "connect"),
        (reply(status=404), 404),
        (redirect("https://slow.example/"), 302),
    ],
    ids=["silence", "reset", "404", "redirect"],
)
async def test_a_receiver_on_a_bad_day_is_asked_again(
    tmp_path: Path, handler: object, outcome: int | str
) -> None:
    seconds = 3 if outcome == "timeout" else 30  # time for the attempt after it, on any machine
    async with callback_desk(tmp_path, attempt_seconds=seconds) as desk:
        desk.web.on(HOOK, handler, OK)  # type: ignore[arg-type]
        await finished_job(desk.store, desk.clock)
        assert await desk.callbacks.send_next()
        desk.clock.seconds += BACKOFF_SECONDS[0]
        assert await desk.callbacks.send_next()
        assert desk.door.outcomes == [outcome, 204]
        assert {a.host for a in desk.web.asked} == {"hooks.example"}


async def test_a_receiver_that_says_gone_is_left_alone(tmp_path: Path) -> None:
    async with callback_desk(tmp_path) as desk:
        desk.web.on(HOOK, reply(status=410))
        await finished_job(desk.store, desk.clock)
        assert await desk.callbacks.send_next()
        desk.clock.seconds += 1_000_000
        assert not await desk.callbacks.send_next()


async def test_a_name_that_turns_private_between_attempts_is_not_called(tmp_path: Path) -> None:
    async with callback_desk(tmp_path) as desk:
        desk.web.on(HOOK, reply(status=500), OK)
        await finished_job(desk.store, desk.clock)
        await desk.callbacks.send_next()
        connections = desk.web.connections
        desk.web.names["hooks.example"] = ["10.0.0.7"]
        desk.clock.seconds += BACKOFF_SECONDS[0]
        assert await desk.callbacks.send_next()
        desk.web.names["hooks.example"] = ["127.0.0.1", "169.254.169.254"]
        desk.clock.seconds += BACKOFF_SECONDS[1]
        assert await desk.callbacks.send_next()
        assert desk.web.connections == connections
        desk.web.names["hooks.example"] = ["127.0.0.1"]
        desk.clock.seconds += BACKOFF_SECONDS[2]
        assert await desk.callbacks.send_next()
        assert desk.door.outcomes == [500, "address", "address", 204]


async def test_a_certificate_of_nobody_we_know_is_not_trusted(tmp_path: Path) -> None:
    async with callback_desk(tmp_path) as desk:
        desk.web.names["other.example"] = ["127.0.0.1"]  # a name without a certificate
        await finished_job(desk.store, desk.clock, "https://other.example/hook")
        await desk.callbacks.send_next()
        assert desk.door.outcomes == ["tls"]
        assert desk.web.asked == []


async def test_a_receiver_that_hangs_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async with callback_desk(tmp_path, attempt_seconds=60, poll_seconds=0.01) as desk:
        for _ in range(5):
            await finished_job(desk.store, desk.clock, "https://slow.example/hook", "slow")
        wanted = {(await finished_job(desk.store, desk.clock)).id for _ in range(20)}
        told: set[str] = set()
        all_told = anyio.Event()

        async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
            await OK(asked, writer)
            told.add(json.loads(asked.body)["job_id"])
            if told == wanted:
                all_told.set()

        desk.web.on("https://slow.example/hook", silence)
        desk.web.on(HOOK, answer)
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(desk.callbacks.run)
                await all_told.wait()
                tasks.cancel_scope.cancel()


async def test_a_sender_that_is_killed_while_it_sends_is_made_up_for(tmp_path: Path) -> None:
    """kill -9 after the receiver has read the notice and before it answers."""
    async with callback_desk(tmp_path) as desk:
        job = await finished_job(desk.store, desk.clock)
        pem = tmp_path / "ca.pem"
        pem.write_text(desk.web.ca_pem, encoding="ascii")
        senders: list[subprocess.Popen[bytes]] = []

        def start(ahead: float) -> None:
            port = str(desk.web.network.port_map[443])
            words = [sys.executable, "-m", "tests.access.sender_process",
                     str(tmp_path / "store.sqlite3"), port, str(pem), str(ahead)]  # fmt: skip
            senders.append(subprocess.Popen(words, cwd=ROOT))

        async def kill(_asked: Asked, writer: asyncio.StreamWriter) -> None:
            os.kill(senders[-1].pid, signal.SIGKILL)
            await anyio.to_thread.run_sync(senders[-1].wait)
            writer.close()

        told = anyio.Event()

        async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
            await OK(asked, writer)
            told.set()

        desk.web.on(HOOK, kill, answer)
        try:
            with anyio.fail_after(40):
                start(0)
                await anyio.to_thread.run_sync(senders[0].wait)
                start(LEASE_SECONDS + 1)
                await told.wait()
        finally:
            for sender in senders:
                sender.kill()
                await anyio.to_thread.run_sync(sender.wait)
        ids = [a.headers["webhook-id"] for a in desk.web.asked]
        assert ids == [f"msg_{job.id}"] * 2


REFUSED = [
    "http://hooks.example/x",
    "ftp://hooks.example/x",
    "https://hooks.example:8443/x",
    "https://hooks.example:80/x",
    "https://user:secret@hooks.example/x",
    "https://hooks.example/x#part",
    "https://localhost/x",
    "https://intranet/x",
    "https://printer.local/x",
    "https://db.internal/x",
    "https://127.0.0.1/x",
    "https://10.1.2.3/x",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/x",
    "https://[::ffff:10.0.0.1]/x",
    "https://0x7f.1/x",
    "https://2130706433/x",
    "https://hooks.example\n/x",
    "https://hooks.example/" + "x" * 2048,
    "https:///x",
    "not an address",
    "",
]
TAKEN = [HOOK, "https://hooks.example:443/x?token=t", "https://münchen.example/x"]


async def test_an_address_that_must_not_be_called_is_refused_when_it_is_given(
    tmp_path: Path,
) -> None:
    async with callback_desk(tmp_path) as desk:
        for url in REFUSED:
            with pytest.raises(CallbackRefused) as refused:
                desk.callbacks.check_url(url)
            assert "secret" not in refused.value.message + refused.value.hint


async def test_an_address_of_the_public_web_is_taken_as_it_is(tmp_path: Path) -> None:
    async with callback_desk(tmp_path) as desk:
        assert [desk.callbacks.check_url(url) for url in TAKEN] == TAKEN


async def test_the_end_of_a_real_job_is_told_and_only_when_it_was_asked_for(tmp_path: Path) -> None:
    world = pump_world(tmp_path / "world")
    write_site(world, "hooks.example", index="<p>Notices are posted here.</p>")
    async with lab(tmp_path, world) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        started = await open_lab.app.routes[SYNTHESIZE_PATCH].start(
            TENANT, {"chat_session_id": ran.chat}, Terms(callback_url="https://hooks.example/")
        )

        def notices() -> list[Any]:
            return [c for c in open_lab.twins.log if c.host == "hooks.example"]

        await until(lambda: bool(notices()))
        (notice,) = notices()
        assert notice.method == "POST"
        assert notice.json == {
            "type": "enrich.job_completed",
            "job_id": started.job.id,
            "status": "done",
            "chat_session_id": ran.chat,
        }


async def test_a_server_closes_while_a_receiver_hangs_and_the_notice_is_kept(
    tmp_path: Path,
) -> None:
    world = pump_world(tmp_path / "world")
    write_site(world, "hooks.example", index="<p>Notices are posted here.</p>")
    async with lab(tmp_path, world) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "web", "host": "hooks.example", "fault": {"kind": "stall"}}
        )
        ran = await open_lab.run(PUMP_LEAD)
        await open_lab.app.routes[SYNTHESIZE_PATCH].start(
            TENANT, {"chat_session_id": ran.chat}, Terms(callback_url="https://hooks.example/")
        )
        await until(lambda: any(c.host == "hooks.example" for c in open_lab.twins.log))
    clock = HandClock(seconds=LEASE_SECONDS + 1)
    async with SqliteStore.open(tmp_path / "data" / "data411.sqlite3") as store:
        due = await store.claim_callback(now=clock.now(), lease_seconds=1)
    assert due is not None
    assert (due.url, due.attempt) == ("https://hooks.example/", 2)


async def test_hanging_receivers_of_one_tenant_do_not_hold_up_another(tmp_path: Path) -> None:
    async with callback_desk(tmp_path, attempt_seconds=30.0, poll_seconds=0.01) as desk:
        desk.web.on("https://slow.example/hook", silence)
        for _ in range(SENDING_MAX + 8):
            await finished_job(desk.store, desk.clock, "https://slow.example/hook", "slow")
        desk.clock.seconds += 1
        await finished_job(desk.store, desk.clock)
        told = anyio.Event()

        async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
            await OK(asked, writer)
            told.set()

        desk.web.on(HOOK, answer)
        with anyio.fail_after(25):  # less than an attempt: no hanging one has given up its place
            async with anyio.create_task_group() as sending:
                sending.start_soon(desk.callbacks.run)
                await told.wait()
                sending.cancel_scope.cancel()
