"""Merging is a union: idempotent, order-free, and nothing is ever lost."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from data411_mcp.domain.evidence import Finding, Proof, SourceClass
from data411_mcp.domain.graph import Backfill, Evidence, FieldName, Statement, Status
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.merge import assemble, merge, statements_of, vouched_hosts

EMPTY = Backfill(chat_session_id="chat", lead=Lead(contact_id=1, company="Millbrook Pumps"))
SITE = "https://millbrook-pumps.example/contact"


def proof(
    field: FieldName,
    value: str,
    *,
    person: str | None = None,
    url: str = SITE,
    source: SourceClass = SourceClass.OWN_SITE,
    verdict: str = "proven",
    slot: str = "data411-site",
    at: str = "2026-11-01",
    body: str = "",
) -> Proof:
    finding = Finding(field=field, value=value, slot=slot, url=url, person=person)
    sha = hashlib.sha256(body.encode() or url.encode()).hexdigest()
    evidence = Evidence(url=url, page_sha256=sha, start=0, end=9, quote=value, slot=slot,
                        fetched_at=at, source=source.value, verdict=verdict)  # fmt: skip
    status = Status.PROVEN if verdict == "proven" else Status.UNPROVEN
    return Proof(finding, status, "", value, evidence, source)


def held(value: str, reason: str = "the quote is not on the page") -> Proof:
    finding = Finding(field=FieldName.PHONE, value=value, slot="data411-hunt-swift", url=SITE)
    return Proof(finding, Status.UNPROVEN, reason, value, None, None, hold_back=True)


def by_value(graph: Backfill) -> dict[str, Statement]:
    return {s.value: s for s in statements_of(graph)}


values = st.sampled_from(["+16145550142", "+16145550143", "+16145550144"])
mails = st.sampled_from(["a@x.example", "b@x.example"])
sources = st.sampled_from([SourceClass.OWN_SITE, SourceClass.THIRD_PARTY, SourceClass.DIRECTORY])
urls = st.sampled_from([SITE, "https://news.example/1", "https://list.example/2"])
people = st.sampled_from(["Nora Fields", "Peter Lund", "Ana Ruiz"])
proofs = st.lists(
    st.one_of(
        st.builds(proof, st.just(FieldName.PHONE), values, url=urls, source=sources,
                  verdict=st.sampled_from(["proven", "alone", "stale"])),
        st.builds(proof, st.just(FieldName.EMAIL), mails, url=urls, source=sources),
        st.builds(lambda p, u: proof(FieldName.PERSON, p, person=p, url=u), people, urls),
        st.builds(held, values),
    ),
    max_size=12,
)  # fmt: skip


@given(proofs)
@settings(max_examples=80, deadline=None)
def test_merging_the_same_twice_changes_nothing(found: list[Proof]) -> None:
    once = merge(EMPTY, found, lead_key="k").backfill
    twice = merge(once, found, lead_key="k")
    assert twice.backfill == once
    assert twice.added == 0


@given(proofs, proofs)
@settings(max_examples=80, deadline=None)
def test_the_order_of_merging_does_not_matter(first: list[Proof], second: list[Proof]) -> None:
    one = merge(merge(EMPTY, first, lead_key="k").backfill, second, lead_key="k").backfill
    other = merge(merge(EMPTY, second, lead_key="k").backfill, first, lead_key="k").backfill
    assert {s.id for s in statements_of(one)} == {s.id for s in statements_of(other)}
    assert by_value(one) == by_value(other)


@given(proofs, proofs)
@settings(max_examples=80, deadline=None)
def test_no_statement_and_no_evidence_is_ever_lost(first: list[Proof], second: list[Proof]) -> None:
    before = merge(EMPTY, first, lead_key="k").backfill
    after = merge(before, second, lead_key="k").backfill
    later = {s.id: s for s in statements_of(after)}
    for statement in statements_of(before):
        assert statement.id in later
        kept = {(e.url, e.verdict) for e in later[statement.id].evidence}
        assert {(e.url, e.verdict) for e in statement.evidence} <= kept


@given(proofs)
@settings(max_examples=50, deadline=None)
def test_a_graph_survives_its_wire_form(found: list[Proof]) -> None:
    graph = merge(EMPTY, found, lead_key="k").backfill
    again = Backfill.model_validate_json(graph.model_dump_json(by_alias=True))
    assert again == graph
    assert assemble(again, statements_of(again), again.unmerged_candidates) == graph


def test_two_independent_outsiders_prove_what_one_alone_does_not() -> None:
    one = proof(FieldName.PHONE, "+16145550142", url="https://a.example/x",
                source=SourceClass.THIRD_PARTY, verdict="alone")  # fmt: skip
    copy = proof(FieldName.PHONE, "+16145550142", url="https://www.a.example/y",
                 source=SourceClass.THIRD_PARTY, verdict="alone")  # fmt: skip
    other = proof(FieldName.PHONE, "+16145550142", url="https://b.example/x",
                  source=SourceClass.THIRD_PARTY, verdict="alone")  # fmt: skip
    alone = merge(EMPTY, [one, copy], lead_key="k").backfill
    assert by_value(alone)["+16145550142"].status is Status.UNPROVEN
    both = merge(alone, [other], lead_key="k").backfill
    assert by_value(both)["+16145550142"].status is Status.PROVEN


def test_one_text_on_two_sites_is_one_vote() -> None:
    found = [
        proof(FieldName.PHONE, "+16145550142", url=f"https://{host}.example/", body="the same",
              source=SourceClass.THIRD_PARTY, verdict="alone")
        for host in ("a", "b")
    ]  # fmt: skip
    graph = merge(EMPTY, found, lead_key="k").backfill
    assert by_value(graph)["+16145550142"].status is Status.UNPROVEN


def test_two_pages_handed_in_by_the_caller_prove_nothing_together() -> None:
    found = [
        proof(FieldName.PHONE, "+16145550142", url=f"https://{host}.example/",
              source=SourceClass.THIRD_PARTY, verdict="vouched", slot="data411-agent")
        for host in ("a", "b")
    ]  # fmt: skip
    graph = merge(EMPTY, found, lead_key="k").backfill
    assert by_value(graph)["+16145550142"].status is Status.UNPROVEN
    assert vouched_hosts(graph) == {"a.example", "b.example"}


def test_directories_do_not_add_up_to_a_proof() -> None:
    found = [
        proof(FieldName.PHONE, "+16145550170", url=f"https://list{i}.example/",
              source=SourceClass.DIRECTORY, verdict="alone")
        for i in range(5)
    ]  # fmt: skip
    graph = merge(EMPTY, found, lead_key="k").backfill
    assert by_value(graph)["+16145550170"].status is Status.UNPROVEN


def test_an_outsiders_phone_is_contested_once_the_own_site_gives_another() -> None:
    own = proof(FieldName.PHONE, "+16145550142")
    outside = proof(FieldName.PHONE, "+16145550170", url="https://news.example/",
                    source=SourceClass.THIRD_PARTY)  # fmt: skip
    graph = merge(EMPTY, [own, outside], lead_key="k").backfill
    assert by_value(graph)["+16145550142"].status is Status.PROVEN
    assert by_value(graph)["+16145550170"].status is Status.CONTESTED


def test_two_founding_years_of_equal_weight_are_both_contested_and_both_kept() -> None:
    graph = merge(
        EMPTY,
        [proof(FieldName.FOUNDED_YEAR, "1987"), proof(FieldName.FOUNDED_YEAR, "1989")],
        lead_key="k",
    ).backfill
    statuses = {s.value: s.status for s in statements_of(graph)}
    assert statuses == {"1987": Status.CONTESTED, "1989": Status.CONTESTED}


def test_a_title_without_a_proven_person_is_held_back() -> None:
    merged = merge(EMPTY, [proof(FieldName.TITLE, "Owner", person="Ivan Invented")], lead_key="k")
    assert statements_of(merged.backfill) == ()
    assert merged.unmerged == 1


def test_a_human_rejection_outranks_machines_until_newer_stated_evidence() -> None:
    graph = merge(EMPTY, [proof(FieldName.PHONE, "+16145550142")], lead_key="k").backfill
    said = by_value(graph)["+16145550142"]
    no = Evidence(
        url="human:correction", page_sha256="", start=0, end=0, quote="", slot="x",
        fetched_at="2026-11-02", reader="human", source="human", verdict="rejected",
    )  # fmt: skip
    rejected = assemble(graph, [*statements_of(graph), said.model_copy(update={"evidence": (no,)})],
                        [])  # fmt: skip
    assert by_value(rejected)["+16145550142"].status is Status.SUPERSEDED
    again = merge(rejected, [proof(FieldName.PHONE, "+16145550142", url=SITE + "?b",
                                   at="2026-12-01")], lead_key="k").backfill  # fmt: skip
    assert by_value(again)["+16145550142"].status is Status.SUPERSEDED
    newer = proof(FieldName.PHONE, "+16145550142", url=SITE + "?c", at="2027-01-01")
    assert newer.evidence is not None
    stated = Proof(newer.finding, newer.status, "", newer.value,
                   newer.evidence.model_copy(update={"stated_at": "2026-12-30"}),
                   newer.source)  # fmt: skip
    assert (
        by_value(merge(again, [stated], lead_key="k").backfill)["+16145550142"].status
        is Status.PROVEN
    )


def test_candidate_ids_are_stable_and_gone_once_the_value_is_proven() -> None:
    first = merge(EMPTY, [held("+16145550150")], lead_key="k").backfill
    second = merge(EMPTY, [held("+16145550150", "another reason")], lead_key="k").backfill
    assert first.unmerged_candidates[0].id == second.unmerged_candidates[0].id
    proven = merge(first, [proof(FieldName.PHONE, "+16145550150")], lead_key="k").backfill
    assert proven.unmerged_candidates == ()


def test_spellings_of_one_person_become_one_contact_with_a_reason() -> None:
    found = [
        proof(FieldName.PERSON, "Robert Q. Miller", person="Robert Q. Miller"),
        proof(FieldName.PERSON, "Robert Miller", person="Robert Miller"),
        proof(FieldName.TITLE, "Owner", person="Robert Miller"),
    ]
    graph = merge(EMPTY, found, lead_key="k").backfill
    assert len(graph.contacts) == 1
    assert graph.contacts[0].title is not None
    person = next(e for e in graph.entities if e.kind == "person")
    assert person.joined_because


def test_two_people_of_one_surname_stay_two() -> None:
    found = [proof(FieldName.PERSON, n, person=n) for n in ("Anna Miller", "Robert Miller")]
    assert len(merge(EMPTY, found, lead_key="k").backfill.contacts) == 2
