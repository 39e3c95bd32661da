"""An accepted micro-ICP orders the list: those that meet it, those of which something of it is not
known, those that contradict it; and "run enrichment" takes the first ten of that order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from data411_mcp.domain.icp.lookalikes import CONTRADICTS_MAX, Fit, fit_to, narrowed_to, rank
from data411_mcp.domain.icp.micro_icp import facets_of
from data411_mcp.domain.icp.profile import build_profile
from data411_mcp.domain.icp.signals import text_signals
from data411_mcp.domain.icp.suggestions import cards
from data411_mcp.domain.icp.values import (
    Candidate,
    Lookalike,
    MicroIcp,
    SiteSignals,
    SsicCode,
    ThreadStatus,
)
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.errors import StoreBusy
from data411_mcp.services.icp.parts import Shortlist, shortlist_of
from data411_mcp.services.icp.run import IcpRunRoute
from data411_mcp.services.ports.icp import ThreadRow
from tests.icp.run_parts import Parts, a_like, bench
from tests.icp.world import SELLER, icp_lab, icp_run
from tests.services.session_world import TENANT, Lab

HERE = MicroIcp(id="industry:freight", industries=("freight",), geos=("SG",))
SEEDS = [
    text_signals(f"seed{n}.example", name, text)
    for n, (name, text) in enumerate(
        (
            ("Harbour Lane", "Freight forwarding and customs clearance in Singapore. Uses Xero."),
            ("Quay North", "Ocean freight, containers and customs. Connects to Xero. Singapore."),
            ("Tern Cargo", "Freight forwarder with bonded warehouses, on Xero, in Singapore."),
        )
    )
]
ALIKE = "Freight forwarder: sea freight forwarding, customs, bonded warehouses. Connects to Xero."
PLAIN = "Freight forwarding by lorry, and freight by rail."
LAW = "Law firm: lawyers for litigation and contracts, legal advice."


def site(domain: str, text: str, country: str | None = None) -> SiteSignals:
    found = text_signals(domain, domain.partition(".")[0].title(), text)
    return found.model_copy(update={"country": country})


def listed(
    *sites: SiteSignals, micro: MicroIcp | None = None, snippets: Mapping[str, str] | None = None
) -> tuple[Lookalike, ...]:
    """Pages that were read, and companies known from a snippet only, ranked."""
    offered = [Candidate(domain=s.domain, name=s.name, snippet=s.text) for s in sites]
    offered += [Candidate(domain=d, snippet=text) for d, text in (snippets or {}).items()]
    return rank(offered, {s.domain: s for s in sites}, build_profile(SEEDS, micro=micro), SEEDS)


def order(likes: tuple[Lookalike, ...]) -> list[str]:
    return [like.domain for like in likes]


def states(like: Lookalike) -> dict[str, str]:
    return {v.condition: v.state for v in like.verdicts}


MARKET = (
    site("abroad.example", ALIKE, "GB"),
    site("somewhere.example", ALIKE),
    site("plain.example", PLAIN, "SG"),
    site("law.example", LAW, "SG"),
    site("lawabroad.example", LAW, "GB"),
)


# --- the order ----------------------------------------------------------------------------------


def test_those_that_meet_what_was_accepted_come_before_the_more_alike_that_contradict_it() -> None:
    likes = listed(*MARKET, micro=HERE)
    assert order(likes) == [
        "plain.example", "somewhere.example", "abroad.example", "law.example", "lawabroad.example",
    ]  # fmt: skip
    found = {like.domain: like for like in likes}
    assert states(found["abroad.example"])["country:SG"] == "failed"
    assert "Fails: In Singapore." in found["abroad.example"].why
    assert states(found["law.example"])["industry:freight"] == "failed"
    assert states(found["somewhere.example"])["country:SG"] == "unknown"
    without = {like.domain: like for like in listed(*MARKET)}
    assert without["abroad.example"].score > without["plain.example"].score


def test_a_company_that_contradicts_it_is_a_c_at_most() -> None:
    (like,) = listed(site("abroad.example", ALIKE, "GB"), micro=HERE)
    assert 0 < like.score <= CONTRADICTS_MAX
    assert like.bucket == "C"


def test_with_nothing_accepted_the_score_alone_decides() -> None:
    likes = listed(*MARKET)
    assert [k.score for k in likes] == sorted((k.score for k in likes), reverse=True)
    assert {fit_to(like, None) for like in likes} == {Fit()}


def test_a_trade_that_customers_have_beside_the_accepted_one_contradicts_nothing() -> None:
    seeds = [s.model_copy(update={"industries": ("freight", "logistics")}) for s in SEEDS]
    pages = [
        site(f"{trade}.example", ALIKE, "SG").model_copy(update={"industries": (trade,)})
        for trade in ("logistics", "legal")
    ]
    profile = build_profile(seeds, micro=HERE)
    likes = rank([Candidate(domain=p.domain) for p in pages], {p.domain: p for p in pages},
                 profile, seeds)  # fmt: skip
    assert [fit_to(like, HERE) for like in likes] == [Fit(unknown=1), Fit(failed=1)]
    assert order(likes) == ["logistics.example", "legal.example"]


def test_a_snippet_contradicts_nothing() -> None:
    likes = listed(
        site("law.example", LAW, "SG"), micro=HERE, snippets={"told.example": f"{LAW} In London."}
    )
    assert order(likes) == ["told.example", "law.example"]
    assert "failed" not in {s for c, s in states(likes[0]).items() if c[:4] != "not:"}


def test_of_several_values_of_one_kind_any_will_do() -> None:
    either = MicroIcp(industries=("legal", "freight"), geos=("SG", "GB"))
    fits = {like.domain: fit_to(like, either) for like in listed(*MARKET, micro=either)}
    assert fits["abroad.example"].meets
    assert fits["law.example"].meets
    assert fits["somewhere.example"] == Fit(failed=0, unknown=1)


@pytest.mark.parametrize(
    "words",
    [
        MicroIcp(industries=("cold chain",)),
        MicroIcp(geos=("Tiong Bahru",)),
        MicroIcp(size_bands=("family business",)),
        MicroIcp(ssic=("freight",)),
        MicroIcp(industries=("legal", "cold chain")),
    ],
)
def test_words_of_the_users_own_are_looked_for_and_nobody_contradicts_them(words: MicroIcp) -> None:
    said = site("said.example", f"{PLAIN} A family business with a cold chain in Tiong Bahru.")
    likes = listed(*MARKET[:3], said, micro=words)
    assert not any(fit_to(like, words).failed for like in likes)
    assert fit_to(next(k for k in likes if k.domain == "said.example"), words).meets
    assert order(likes)[0] == "said.example" or words.ssic


def test_a_group_of_codes_takes_in_its_codes() -> None:
    coded = [
        site(f"s{code}.example", PLAIN).model_copy(
            update={"ssic": (SsicCode(code=code, title="A trade", edition="2025"),)}
        )
        for code in ("52291", "69100")
    ]
    group = MicroIcp(ssic=("522",))
    fits = {like.domain: fit_to(like, group) for like in listed(*coded, micro=group)}
    assert fits == {"s52291.example": Fit(), "s69100.example": Fit(failed=1)}


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"geos": ("Singapore", "sg", "uk")}, [("country", "SG"), ("country", "GB")]),
        ({"geos": ("Leeds",)}, [("topic", "Leeds")]),
        ({"size_bands": ("51-200",)}, [("size_band", "51-200")]),
        ({"size_bands": ("50 – 200",)}, [("size_band", "51-200")]),
        ({"size_bands": ("11 to 200",)}, [("size_band", "11-50"), ("size_band", "51-200")]),
        ({"size_bands": ("5001+",)}, [("size_band", "5001+")]),
        ({"size_bands": ("900-50",)}, [("topic", "900-50")]),
        ({"ssic": ("SSIC 52292 Freight",)}, [("ssic", "52292")]),
        ({"industries": ("Freight forwarder",)}, [("industry", "freight")]),
    ],
)
def test_what_is_asked_for_is_read_as_sites_say_it(
    given: dict[str, tuple[str, ...]], asked: list[tuple[str, str]]
) -> None:
    assert facets_of(MicroIcp(**given)) == (tuple(asked),)  # type: ignore[arg-type]


def test_a_cards_title_names_every_country_that_it_takes_in() -> None:
    seeds = [
        s.model_copy(update={"domain": f"{s.domain[:5]}{code}.example", "country": code})
        for code in ("SG", "MY")
        for s in SEEDS
    ]
    titles = [card.title for card in cards(build_profile(seeds))]
    assert any(title.endswith((", Malaysia or Singapore", ", Singapore or Malaysia"))
               for title in titles)  # fmt: skip


# --- a list that was ranked before ---------------------------------------------------------------


def test_a_list_that_was_made_before_is_ordered_as_it_would_be_ranked_now() -> None:
    many = [
        site(f"{what}{country or 'nowhere'}.example".lower(), text, country)
        for what, text in (("alike", ALIKE), ("plain", PLAIN), ("law", LAW))
        for country in ("SG", "GB", None)
    ]
    made, now = listed(*many), listed(*many, micro=HERE)
    narrowed = narrowed_to(made, HERE)
    assert {k.domain: fit_to(k, HERE) for k in narrowed} == {k.domain: fit_to(k, HERE) for k in now}
    assert sorted(order(narrowed)) == sorted(order(made))
    failed = next(k for k in narrowed if k.domain == "alikegb.example")
    assert states(failed)["country:SG"] == "failed"
    assert (failed.bucket, failed.score) == ("C", CONTRADICTS_MAX)
    assert "fails In Singapore" in failed.why


def test_what_a_list_never_asked_is_unknown_unless_a_snippet_says_it() -> None:
    made = listed(*MARKET[:3], site("leeds.example", f"{PLAIN} Our yard is in Leeds.", "GB"))
    town = narrowed_to(made, MicroIcp(geos=("Leeds",)))
    assert order(town)[0] == "leeds.example"
    assert {fit_to(k, MicroIcp(geos=("Leeds",))) for k in town[1:]} == {Fit(unknown=1)}


def test_narrowing_a_list_twice_is_narrowing_it_once() -> None:
    once = narrowed_to(listed(*MARKET), HERE)
    assert [(k.domain, k.score, k.verdicts) for k in narrowed_to(once, HERE)] == [
        (k.domain, k.score, k.verdicts) for k in once
    ]


# --- "run enrichment" ---------------------------------------------------------------------------

CHAIN = MicroIcp(title="Supply chain", industries=("supply-chain",), geos=("SG",))
CHAIN_FIRMS = {"pandanwarehouse.example", "tanjongship.example"}  # of the market: they say so


def route(lab: Lab) -> IcpRunRoute:
    found = lab.app.routes["icp/run"]
    assert isinstance(found, IcpRunRoute)
    return found


async def settled(lab: Lab, job_id: str) -> Job:
    job = await lab.app.runner.wait(TENANT, job_id, seconds=60.0)
    assert job.status in (JobStatus.WAITING, JobStatus.DONE), job.error
    return job


async def planned(lab: Lab, thread_id: str, **changes: object) -> Job:
    run = icp_run(thread_id, micro_icp=None, **changes)
    return await settled(lab, (await route(lab).jobs.hand_in(TENANT, run)).job.id)


async def open_thread(lab: Lab) -> None:
    """That of the first plan, so that the second finds its list."""
    now = lab.app.clock.now()
    await lab.app.icp.store.open_thread(
        ThreadRow(
            TENANT, "thread-1", "", "icp_finder", f"domain:{SELLER}", ThreadStatus.OPEN, SELLER,
            now, now,
        )
    )  # fmt: skip


async def shortlist(lab: Lab, thread_id: str) -> Shortlist:
    found = await shortlist_of(lab.app.icp.store, TENANT, thread_id)
    assert found is not None
    return found


@pytest.mark.parametrize("taken_over", [False, True], ids=["own plan", "list of an earlier plan"])
async def test_a_micro_icp_accepted_before_run_enrichment_chooses_the_ten_without_a_search(
    tmp_path: Path, taken_over: bool
) -> None:
    async with icp_lab(tmp_path) as lab:
        thread = "thread-1"
        job = await planned(lab, thread)
        if taken_over:
            await open_thread(lab)
            thread = "thread-2"
            job = await planned(lab, thread, use_cached=True)
        assert ("heads" in await lab.app.store.checkpoints(job.id)) is not taken_over
        before = (await shortlist(lab, thread)).lookalikes
        bought = len(lab.twins.calls("tavily"))
        await route(lab).jobs.approve(TENANT, thread, micro_icp=CHAIN)
        done = await settled(lab, job.id)
        assert done.status is JobStatus.DONE
        assert len(lab.twins.calls("tavily")) == bought
        after = await shortlist(lab, thread)
        fits = [fit_to(like, CHAIN) for like in after.lookalikes]
        assert fits == sorted(fits)
        assert set(order(after.lookalikes)[:2]) == CHAIN_FIRMS != set(order(before)[:2])
        assert [fit.meets for fit in fits[:3]] == [True, True, False]
        assert fits[-1].failed
        scored = json.loads((await lab.app.store.checkpoints(job.id))["scoring"])
        assert [row["domain"] for row in scored] == order(after.top)
        said = [e.message for e in await lab.app.store.events(TENANT, job.id, since=0, limit=200)]
        assert sum(message.startswith("Ranked anew by the accepted") for message in said) == 1


async def test_a_job_that_goes_on_after_a_crash_enriches_the_ten_that_were_settled(
    tmp_path: Path,
) -> None:
    parts = Parts()

    def dies_once(point: str) -> None:
        if point == "enrich firm4.example" and len(parts.likes) == 12:
            # Whatever the list looks like to the next attempt.
            parts.likes = tuple(a_like(n) for n in (13, 12, 11, *range(10, 0, -1)))
            raise StoreBusy("The store is away.")

    parts.before = dies_once
    async with bench(tmp_path, parts) as lab:
        await lab.planned(icp_run(micro_icp=None))
        job = await lab.approved()
        assert job.status is JobStatus.DONE
        assert set(parts.enriched) == {f"firm{n}.example" for n in range(1, 11)}
        assert parts.mails == [[f"firm{n}.example" for n in range(1, 11)]]


async def test_what_was_accepted_decides_the_order_of_the_delivered_list(tmp_path: Path) -> None:
    likes = listed(*MARKET, micro=HERE)
    async with bench(tmp_path, Parts(likes=likes)) as lab:
        await lab.planned(icp_run(micro_icp=HERE))
        await lab.approved()
        assert lab.parts.mails == [order(likes)]
