"""The list by mail: its words, the SMTP server's moods, and that nobody gets it twice."""

from __future__ import annotations

import csv
import io
import json
import ssl
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.adapters.mail import SmtpAccount, SmtpMailer, mailer_of
from data411_mcp.adapters.odoo import OdooCrm
from data411_mcp.domain.icp.mailing import (
    allowed_recipients,
    list_mail,
    message_id,
    recipients,
)
from data411_mcp.domain.icp.values import Deliverability
from data411_mcp.errors import LookupFailed, RecipientNotAllowed, StaleVersion, VendorUnusable
from data411_mcp.network import Network
from data411_mcp.services.icp.delivering import ListDeliverer, check_recipient
from data411_mcp.services.icp.parts import DELIVERY
from data411_mcp.services.ports.icp import Attachment, IcpSettings, Mail, Mailer
from data411_mcp.settings import Settings
from data411_mcp.twins.http_server import authority
from data411_mcp.twins.smtp_server import Mode, SmtpTwin, running_smtp
from tests.icp.delivery import CLOCK, NOW, RUN, TENANT, a_contact, a_context, a_lead, a_store

BOSS = "boss@seller.example"
SETTINGS = IcpSettings(notify_recipients={TENANT: (BOSS,)})
MAIL = Mail(
    to=(BOSS,),
    subject="Your shortlist is ready — 1 lead",
    text="Hello\n.\nthere",
    html="<p>Hello</p>",
    message_id=message_id("job-1", "seller.example"),
    attachments=(Attachment("shortlist.csv", "text/csv", b'"a"\r\n'),),
)


def mailer(twin: SmtpTwin, **more: Any) -> SmtpMailer:
    account = SmtpAccount("127.0.0.1", twin.port, "data411@seller.example", **more)
    return SmtpMailer(account, now=lambda: NOW, retry_factor=0.01)


def deliverer(store: Any, mailer: Mailer, settings: IcpSettings = SETTINGS) -> ListDeliverer:
    return ListDeliverer(store, CLOCK, mailer, OdooCrm(None), settings, mail_domain="s.example")


# --- the words -----------------------------------------------------------------------------


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "td":
            self.cells.append("")
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def test_the_subject_says_how_many_leads_there_really_are() -> None:
    assert list_mail([a_lead(n) for n in (1, 2, 3)]).subject == "Your shortlist is ready — 3 leads"
    assert list_mail([a_lead()]).subject == "Your shortlist is ready — 1 lead"


def test_the_table_holds_a_row_for_each_lead_in_order() -> None:
    mail = list_mail([a_lead(2, domain="quay.example", name="Quay"), a_lead(1)])
    reader = read(mail.html)
    assert reader.tags.count("tr") == 3
    assert reader.cells[:6] == [
        "1", "Harbour Freight", "harbour.example", "83", "A", "jane.tan@harbour.example (verified)",
    ]  # fmt: skip
    assert reader.cells[10] == "2"
    assert mail.text.index("Harbour Freight") < mail.text.index("Quay")


def test_the_mail_says_what_is_not_known() -> None:
    bare = a_lead(2, contacts=(), emails=(), phones=(), employees="", domain="quay.example")
    failed = a_lead(3, state="failed", reason="timeout", domain="pier.example")
    doubtful = a_lead(4, contacts=(a_contact(deliverability=Deliverability.UNKNOWN),))
    mail = list_mail(
        [a_lead(), bare, failed, doubtful], listed=12, degraded=["JINA_TIMEOUT", "JINA_TIMEOUT"]
    )
    for sentence in (
        "1 of 4 could not be enriched; only the plan's findings stand.",
        "No named contact was found for 1 of 4.",
        "No e-mail address was found for 1 of 4.",
        "1 of 3 e-mail addresses are not verified.",
        "The number of employees is not known for 1 of 4.",
        "8 more companies of the list are still queued.",
        "The run was degraded: JINA_TIMEOUT.",
    ):
        assert sentence in mail.text
    assert "not found" in read(mail.html).cells


@given(st.text(alphabet="<>\"&'=ab:/.\n", max_size=60))
def test_no_text_from_a_page_becomes_markup_or_a_link(text: str) -> None:
    person = a_contact(
        text or "x", title=text, email=text, linkedin_url=f"https://evil.example/{text}"
    )
    mail = list_mail([a_lead(name=text or "x", domain="a.example", contacts=(person,),
                             like={"why": text or "x"})])  # fmt: skip
    reader = read(mail.html)
    assert set(reader.tags) <= {"html", "body", "p", "table", "tr", "th", "td", "ul", "li", "a"}
    assert reader.links == ["https://a.example/"]
    assert "\n" not in mail.subject


# --- who may get it ------------------------------------------------------------------------


def test_a_list_goes_only_to_whom_the_tenants_configuration_allows() -> None:
    configured = {
        TENANT: ("Boss@Seller.example",),
        "*": ("ops@host.example",),
        "other": ("x@y.example",),
    }
    assert allowed_recipients(configured, TENANT) == ("Boss@Seller.example", "ops@host.example")
    assert recipients(configured, TENANT, " boss@seller.EXAMPLE ") == ("Boss@Seller.example",)
    assert recipients(configured, TENANT, "x@y.example") == ()
    assert recipients(configured, TENANT, None) == ("Boss@Seller.example", "ops@host.example")
    assert recipients({}, TENANT, None) == ()


def test_a_recipient_that_is_not_allowed_is_refused_when_it_is_asked_for() -> None:
    assert check_recipient(SETTINGS, TENANT, BOSS.upper()) == BOSS
    assert check_recipient(SETTINGS, TENANT, None) is None
    for wanted, tenant in (("thief@evil.example", TENANT), (BOSS, "other")):
        with pytest.raises(RecipientNotAllowed) as refused:
            check_recipient(SETTINGS, tenant, wanted)
        assert "evil" not in refused.value.message + refused.value.hint
        assert BOSS not in refused.value.message + refused.value.hint


@pytest.mark.parametrize(
    "wanted", ["boss@seller.example,thief@evil.example", "boss@seller.example\nBcc: x@y.example"]
)
def test_a_second_address_cannot_be_smuggled_in(wanted: str) -> None:
    with pytest.raises(RecipientNotAllowed):
        check_recipient(SETTINGS, TENANT, wanted)


# --- the SMTP server -----------------------------------------------------------------------


async def test_a_mail_arrives_with_its_table_its_text_and_the_file() -> None:
    async with running_smtp() as twin:
        await mailer(twin).send(MAIL, deadline_seconds=5)
    (received,) = twin.received
    message = received.message
    assert received.sender == "data411@seller.example"
    assert received.recipients == (BOSS,)
    assert message["Subject"] == MAIL.subject
    assert message["Message-ID"] == "<icp-shortlist.job-1@seller.example>"
    assert message["To"] == BOSS
    assert message["Date"].datetime == NOW
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().split() == ["Hello", ".", "there"]
    html = message.get_body(("html",))
    assert html is not None
    assert "<p>Hello</p>" in html.get_content()
    (file,) = message.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("shortlist.csv", "text/csv")
    assert file.get_payload(decode=True) == b'"a"\r\n'


@pytest.mark.parametrize("mode", ["451_then_ok", "451_data_then_ok"])
async def test_a_refusal_for_now_is_tried_again(mode: Mode) -> None:
    async with running_smtp(mode) as twin:
        await mailer(twin).send(MAIL, deadline_seconds=5)
    assert len(twin.received) == 1
    assert twin.connections == 2


@pytest.mark.parametrize("mode", ["550", "554_data"])
async def test_a_refusal_for_good_is_not_tried_again(mode: Mode) -> None:
    async with running_smtp(mode) as twin:
        with pytest.raises(VendorUnusable) as refused:
            await mailer(twin).send(MAIL, deadline_seconds=5)
    assert refused.value.reason == "refused"
    assert twin.connections == 1
    assert twin.received == []


async def test_a_server_that_is_busy_to_the_end_has_not_taken_the_mail() -> None:
    async with running_smtp("421") as twin:
        with pytest.raises(LookupFailed) as failed:
            await mailer(twin).send(MAIL, deadline_seconds=5)
    assert failed.value.reason == "refused_for_now"
    assert twin.connections == 4


async def test_a_connection_lost_before_the_text_is_tried_again() -> None:
    async with running_smtp("normal") as twin:
        other = mailer(twin)
        assert other.account is not None
        dead = SmtpMailer(replace(other.account, port=1), now=lambda: NOW, retry_factor=0.01)
        with pytest.raises(LookupFailed) as failed:
            await dead.send(MAIL, deadline_seconds=5)
    assert failed.value.reason == "connect"


async def test_a_connection_lost_after_the_text_leaves_the_outcome_unknown() -> None:
    async with running_smtp("drop_after_data") as twin:
        with pytest.raises(LookupFailed) as failed:
            await mailer(twin).send(MAIL, deadline_seconds=5)
    assert failed.value.reason == "outcome_unknown"
    assert len(twin.received) == 1
    assert twin.connections == 1


async def test_an_answer_that_does_not_come_in_time_leaves_the_outcome_unknown() -> None:
    async with running_smtp("slow") as twin:
        with pytest.raises(LookupFailed) as failed:
            await mailer(twin).send(MAIL, deadline_seconds=3)
    assert failed.value.reason == "outcome_unknown"
    assert len(twin.received) == 1


async def test_one_recipient_that_is_refused_does_not_keep_the_mail_from_the_others() -> None:
    async with running_smtp() as twin:
        twin.refuse = frozenset({BOSS})
        await mailer(twin).send(replace(MAIL, to=(BOSS, "ops@seller.example")), deadline_seconds=5)
    assert [r.recipients for r in twin.received] == [("ops@seller.example",)]


async def test_a_password_goes_out_only_over_tls_and_the_certificate_is_checked() -> None:
    login = ("data411", "open sesame")
    account = {"username": login[0], "password": login[1]}
    trusting = ssl.create_default_context(cadata=authority().cert_pem.bytes().decode())
    async with running_smtp(starttls=True, login=login) as twin:
        known = mailer(twin, **account, starttls="required")
        trusted = replace(known, ssl_context=trusting)
        assert trusted.account is not None
        named = replace(trusted, account=replace(trusted.account, host="localhost"))
        await named.send(MAIL, deadline_seconds=5)
        assert [mail.secure for mail in twin.received] == [True]
        with pytest.raises(LookupFailed) as failed:
            await known.send(MAIL, deadline_seconds=5)
        assert failed.value.reason == "tls"
    assert len(twin.received) == 1


async def test_a_wrong_password_is_no_reason_to_try_again() -> None:
    async with running_smtp(login=("data411", "right")) as twin:
        with pytest.raises(VendorUnusable) as refused:
            await mailer(twin, username="data411", password="wrong", starttls="off").send(
                MAIL, deadline_seconds=5
            )
    assert refused.value.reason == "bad_key"
    assert twin.connections == 1


async def test_tls_that_is_required_and_not_offered_sends_nothing() -> None:
    async with running_smtp() as twin:
        with pytest.raises((LookupFailed, VendorUnusable)) as failed:
            await mailer(twin, starttls="required").send(MAIL, deadline_seconds=5)
    assert failed.value.reason == "tls_required"
    assert twin.received == []


@pytest.mark.parametrize(
    "address", ["nobody", "a@", "a@b@c.example", "ü@seller.example", "a\nb@c.example"]
)
async def test_an_address_that_is_none_sends_nothing_and_ends_nothing(address: str) -> None:
    async with running_smtp() as twin:
        with pytest.raises(VendorUnusable):
            await mailer(twin).send(replace(MAIL, to=(address,)), deadline_seconds=5)
    assert twin.received == []


async def test_domains_of_any_script_are_written_in_ascii() -> None:
    async with running_smtp() as twin:
        account = SmtpAccount("127.0.0.1", twin.port, "Dätä <lists@verkäufer.example>")
        mail = replace(MAIL, to=("boss@müller.example",))
        await SmtpMailer(account, now=lambda: NOW).send(mail, deadline_seconds=5)
    (received,) = twin.received
    assert received.recipients == ("boss@xn--mller-kva.example",)
    assert received.sender == "lists@xn--verkufer-3za.example"
    assert received.message["To"] == "boss@xn--mller-kva.example"
    assert received.message["From"] == "Dätä <lists@xn--verkufer-3za.example>"
    assert b"=?utf-8?q?m" not in received.raw


async def test_an_address_that_cannot_be_written_does_not_keep_the_others_from_their_mail() -> None:
    async with running_smtp() as twin:
        mail = replace(MAIL, to=("ü@seller.example", BOSS))
        await mailer(twin).send(mail, deadline_seconds=5)
    (received,) = twin.received
    assert received.recipients == (BOSS,)
    assert received.message["To"] == BOSS


async def test_halves_of_characters_from_a_page_do_not_stop_the_mail(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store, running_smtp() as twin:
        broken = a_lead(name="Har\ud83dbour", contacts=(a_contact("Ja\udc00ne"),))
        desk = deliverer(store, mailer(twin))
        assert await desk.mail(a_context(), RUN, [broken]) == "sent"
    assert "Har" in twin.received[0].raw.decode()


async def test_without_a_server_mail_says_so() -> None:
    none = mailer_of(Settings(), Network())
    assert not none.configured()
    with pytest.raises(VendorUnusable) as refused:
        await none.send(MAIL, deadline_seconds=5)
    assert refused.value.reason == "not_configured"


# --- once, whatever happens ----------------------------------------------------------------


async def test_a_finished_list_is_mailed_with_its_file_and_marked_as_sent(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store, running_smtp() as twin:
        desk = deliverer(store, mailer(twin))
        assert await desk.mail(a_context(), RUN, [a_lead()]) == "sent"
        kept = await store.document(TENANT, DELIVERY, "job-1")
    (received,) = twin.received
    (file,) = received.message.iter_attachments()
    content = file.get_payload(decode=True)
    assert isinstance(content, bytes)
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert row["primary_email"] == "jane.tan@harbour.example"
    assert kept is not None
    assert json.loads(kept.text) == {"state": "sent", "leads": 1, "reason": "", "tries": 1}
    assert "@" not in kept.text


async def test_the_same_job_mails_once_however_often_it_is_replayed(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store, running_smtp() as twin:
        desk = deliverer(store, mailer(twin))
        for _ in range(3):
            assert await desk.mail(a_context(), RUN, [a_lead()]) == "sent"
        assert await desk.mail(a_context("job-2"), RUN, [a_lead()]) == "sent"
    ids = [mail.message["Message-ID"] for mail in twin.received]
    assert ids == ["<icp-shortlist.job-1@s.example>", "<icp-shortlist.job-2@s.example>"]


async def test_a_crash_between_the_mail_and_its_mark_sends_no_second_one(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store, running_smtp() as twin:
        await store.put_document(TENANT, DELIVERY, "job-1", '{"state":"sending"}', at=NOW)
        desk = deliverer(store, mailer(twin))
        for _ in range(2):
            assert await desk.mail(a_context(), RUN, [a_lead()]) == "unknown_outcome"
    assert twin.received == []


async def test_a_mail_with_an_unknown_outcome_is_not_sent_again(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store, running_smtp("drop_after_data") as twin:
        desk = deliverer(store, mailer(twin))
        assert await desk.mail(a_context(), RUN, [a_lead()]) == "unknown_outcome"
        twin.mode = "normal"
        assert await desk.mail(a_context(), RUN, [a_lead()]) == "unknown_outcome"
    assert len(twin.received) == 1


async def test_a_mail_that_was_surely_not_taken_may_be_tried_by_a_replay(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store, running_smtp("550") as twin:
        desk = deliverer(store, mailer(twin))
        assert await desk.mail(a_context(), RUN, [a_lead()]) == "failed"
        twin.mode = "normal"
        assert await desk.mail(a_context(), RUN, [a_lead()]) == "sent"
    assert len(twin.received) == 1


async def test_a_cancel_while_the_mail_goes_out_does_not_leave_its_outcome_unknown(
    tmp_path: Path,
) -> None:
    async with a_store(tmp_path) as store, running_smtp("slow") as twin:
        twin.slow_seconds = 0.2
        desk = deliverer(store, mailer(twin))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(desk.mail, a_context(), RUN, [a_lead()])
            while not twin.received:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        kept = await store.document(TENANT, DELIVERY, "job-1")
    assert kept is not None
    assert json.loads(kept.text)["state"] == "sent"


async def test_of_two_workers_at_one_mail_only_one_sends_it(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store, running_smtp() as twin:
        desk = deliverer(store, mailer(twin))
        outcomes: list[str] = []

        async def one() -> None:
            try:
                outcomes.append(await desk.mail(a_context(), RUN, [a_lead()]))
            except StaleVersion:
                outcomes.append("stale")

        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(one)
    assert len(twin.received) == 1
    assert len(outcomes) == 2


async def test_nobody_to_mail_to_and_nothing_to_mail_are_skipped(tmp_path: Path) -> None:
    asked = RUN.model_copy(update={"notify_email": "thief@evil.example"})
    async with a_store(tmp_path) as store, running_smtp() as twin:
        desk = deliverer(store, mailer(twin))
        assert await desk.mail(a_context("j1"), RUN, []) == "skipped"
        assert await desk.mail(a_context("j2"), asked, [a_lead()]) == "skipped"
        lonely = deliverer(store, mailer(twin), IcpSettings())
        assert await lonely.mail(a_context("j3"), RUN, [a_lead()]) == "skipped"
        mute = deliverer(store, SmtpMailer(None))
        assert await mute.mail(a_context("j4"), RUN, [a_lead()]) == "skipped_no_config"
    assert twin.received == []
