"""What the user's words ask for: neither more is bought than they say, nor less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.graph import Backfill, Gap, SlotRow, ToolTrace, Unmerged
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.slots import AGENT, DEEP, FORGE, GROUND, SITE, SLOTS, SPAN, SWIFT
from data411_mcp.domain.wishes import FOLLOW_UP_SLOTS, wish_of

GAP = "Find a direct phone number of Dale Clark."
LONGER = "Find a direct phone number of Dale Clark Jr."
HELD = "a1b2c3d4e5f6a7b8"


def _row(slot: str, state: str = "done", reason: str = "") -> SlotRow:
    spec = SLOTS[slot]
    return SlotRow(
        model_id=slot, label=spec.label, provider=spec.provider, state=state, reason=reason
    )


def _gap(text: str, slot: str) -> Gap:
    return Gap(id=slot, kind="missing", field="phone", owner="p", text=text, slot=slot,
               price_cents=35, call={"tool": "rerun_hunt_slot", "arguments": {}})  # fmt: skip


GRAPH = Backfill(
    chat_session_id="c",
    lead=Lead(company="Alder Pump Works"),
    gaps=(_gap(GAP, SWIFT), _gap(LONGER, DEEP)),
    unmerged_candidates=(
        Unmerged(id=HELD, label="Jo Reed: +16145550133", kind="phone", value="+16145550133",
                 reason="r"),
        Unmerged(id="b" * 16, label="Milo Sandoval", kind="person", value="Milo Sandoval",
                 reason="r"),
    ),
    tool_trace=ToolTrace(
        parallel_results=(_row(SITE), _row(GROUND, "pending"), _row(SPAN), _row(FORGE, "error"),
                          _row(SWIFT), _row(DEEP, "error", "not_configured"))
    ),
)  # fmt: skip
OPEN = (GROUND, FORGE)
LEFT_OPEN = None
NOTHING: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("said", "hunts"),
    [
        # gaps, as pasted from the summary
        (GAP, (SWIFT,)),
        ("Find a direct phone number of Dale Clark", (SWIFT,)),
        ("- Find a direct phone number of Dale Clark. ($0.35)", (SWIFT,)),
        ("* find a direct phone  number of Dale Clark ($0.35)", (SWIFT,)),
        (f"Please close this gap: {GAP} Thanks!", (SWIFT,)),
        (LONGER, (DEEP,)),
        # names and short names
        ("Rerun the Hunt Forge dig-deeper pass and resynthesize the summary with the current "
         "graph.", (FORGE,)),
        ("Rerun Hunt Forge and resynthesize with our current info.", (FORGE,)),
        ("rerun forge", (FORGE,)),
        ("Run Swift again", (SWIFT,)),
        ("Swift again please", (SWIFT,)),
        ("Rerun forge for the owner's name", (FORGE,)),
        ("Run the site slot again", (SITE,)),
        ("Crimson Span should read the pages once more", (SPAN,)),
        ("ask GPT-6.1-Terra again", (DEEP,)),
        ("Rerun Hunt Forge, Swift and Deep", (FORGE, SWIFT, DEEP)),
        ("rerun forge & swift", (FORGE, SWIFT)),
        ("run hunt ground and crimson", (GROUND, SPAN)),
        ("Rerun the dig-deeper pass", (FORGE, SWIFT, DEEP)),
        ("Hunt Forge failed, run it again", (FORGE,)),
        ("I don't have the owner's phone so rerun Hunt Swift", (SWIFT,)),
        ("Why don't you rerun Hunt Forge", (FORGE,)),
        # exceptions and negations
        ("Rerun everything except Hunt Deep", (GROUND, SPAN, FORGE, SWIFT)),
        ("Rerun everything but Hunt Deep and Swift", (GROUND, SPAN, FORGE)),
        ("Run all slots except Forge, Swift and Deep", (GROUND, SPAN)),
        ("Don't rerun Hunt Forge, just resynthesize.", NOTHING),
        ("Don’t rerun Hunt Forge, Swift or Deep; only resynthesize", NOTHING),
        ("only Hunt Forge, not everything from scratch", (FORGE,)),
        ("Don't start from scratch, rerun Hunt Forge", (FORGE,)),
        ("Retry Hunt Forge without ignoring cache", (FORGE,)),
        ("Hunt Swift, not Hunt Forge", (SWIFT,)),
        ("not Hunt Forge but Hunt Swift", (SWIFT,)),
        ("Skip Hunt Deep, dig deeper on the owner", (GROUND, FORGE, SWIFT)),
        ("Don't rerun anything, rewrite the summary", NOTHING),
        # the summary
        ("re-synthesize the summary", NOTHING),
        ("Make the summary shorter", NOTHING),
        ("Rewrite the summary shorter", NOTHING),
        ("Emphasize owner phones and legal contacts in the summary.", NOTHING),
        ("Resynthesize so I can find the phone", NOTHING),
        ("Resynthesize the summary so I can find the owner phones at once.", NOTHING),
        ("update the summary with the corrected phone", NOTHING),
        ("Find the owner and resynthesize", LEFT_OPEN),
        # what is open
        ("Run pending & failed (2)", OPEN),
        ("Run pending and failed", OPEN),
        ("Retry the failed slots", OPEN),
        ("rerun all failed slots except forge", (GROUND,)),
        ("slots-rerun please", OPEN),
        # words that name nothing
        ("dig deeper on the owners", LEFT_OPEN),
        ("who runs it?", LEFT_OPEN),
        ("run deep research on the owner", LEFT_OPEN),
        ("Check the website again", LEFT_OPEN),
        ("Their forge is swift and deep", LEFT_OPEN),
        ("What did Hunt Forge find?", LEFT_OPEN),
        ("Hunt Forge found nothing; find the owner's e-mail elsewhere", LEFT_OPEN),
        ("Rerun the agent slot", LEFT_OPEN),
        ("Investigate who owns it", LEFT_OPEN),
    ],
)  # fmt: skip
def test_a_follow_up_hunts_what_the_words_name(said: str, hunts: tuple[str, ...] | None) -> None:
    assert wish_of((said,), GRAPH).hunts == hunts


@pytest.mark.parametrize(
    ("said", "partial"),
    [
        ("Rerun everything", False),
        ("Rerun all slots", False),
        ("do it all again", False),
        ("Check the website again", False),
        ("Find the owner", False),
        ("Rerun everything except Hunt Deep", True),
        ("Don't rerun Hunt Forge", True),
        ("rerun forge", True),
        ("Make the summary shorter", True),
        ("Retry the failed slots", True),
        ("Investigate Milo Sandoval", True),
    ],
)
def test_words_name_a_part_or_the_whole(said: str, partial: bool) -> None:
    assert wish_of((said,), GRAPH).partial is partial


@pytest.mark.parametrize(
    ("said", "scratch"),
    [
        ("From scratch please, Hunt Forge too", True),
        ("Ignore the cache", True),
        ("not from scratch", False),
        ("Don't start from scratch", False),
        ("without ignoring the cache", False),
        ("only Hunt Forge, not everything from scratch", False),
    ],
)
def test_from_scratch_counts_only_where_it_is_wanted(said: str, scratch: bool) -> None:
    assert wish_of((said,), GRAPH).from_scratch is scratch


@pytest.mark.parametrize(
    ("said", "candidate"),
    [
        ("Investigate Milo Sandoval", "b" * 16),
        ("please investigate milo sandoval", "b" * 16),
        ("Investigate Jo Reed: +16145550133", HELD),
        ("Investigate +16145550133", HELD),
        (f"finding-rerun {HELD}", HELD),
        ("Investigate the held-back finding", None),
        ("Investigate Nobody Known", None),
    ],
)
def test_a_held_back_finding_is_known_by_label_value_or_id(
    said: str, candidate: str | None
) -> None:
    wish = wish_of((said,), GRAPH)
    assert wish.finding
    assert (wish.candidate.id if wish.candidate else None) == candidate


_HUNTERS = [GROUND, SPAN, FORGE, SWIFT, DEEP]
_subsets = st.lists(st.sampled_from(_HUNTERS), min_size=1, unique=True)


def _listed(slots: list[str], last: str) -> str:
    names = [SLOTS[s].label for s in slots]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


@given(_subsets, st.sampled_from(["Rerun {}.", "run {} again", "please retry {}, thanks"]))
def test_a_list_of_slots_is_that_list(slots: list[str], sentence: str) -> None:
    said = sentence.format(_listed(slots, "and"))
    assert set(wish_of((said,), GRAPH).hunts or ()) == set(slots)


@given(_subsets)
def test_everything_except_a_list_is_the_rest(slots: list[str]) -> None:
    said = f"Rerun everything except {_listed(slots, 'and')}."
    assert set(wish_of((said,), GRAPH).slots) == set(_HUNTERS) - set(slots)


@given(_subsets)
def test_what_must_not_run_does_not(slots: list[str]) -> None:
    said = f"Dig deeper on the owner. Don't rerun {_listed(slots, 'or')}."
    assert set(wish_of((said,), GRAPH).hunts or ()) == set(FOLLOW_UP_SLOTS) - set(slots)


@given(st.text(max_size=300))
def test_any_text_is_read(said: str) -> None:
    wish = wish_of((said,), GRAPH)
    assert AGENT not in wish.slots
