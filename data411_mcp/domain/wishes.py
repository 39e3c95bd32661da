"""What the user's words ask for: slots, gaps, a resynthesis, a held-back finding, everything.

One reader for all who act on words, so that what is refused and what is bought never differ. The
words are cut into mentions; a negation ("not", "except", "without") holds up to the next break.
Where nothing is named, nothing is guessed: `Wish.hunts` is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from data411_mcp.domain.graph import Backfill, Gap, Unmerged
from data411_mcp.domain.slot_mentions import mentions
from data411_mcp.domain.slots import DEEP, FORGE, GROUND, SLOTS, SWIFT, Pass, SlotState

# What a follow-up runs whose words name nothing.
FOLLOW_UP_SLOTS = (GROUND, FORGE, SWIFT, DEEP)
PAID_SLOTS = tuple(s.id for s in SLOTS.values() if s.pass_ in (Pass.FIRST, Pass.DIG_DEEPER))
_DEEPER = tuple(s.id for s in SLOTS.values() if s.pass_ is Pass.DIG_DEEPER)
NOT_CONFIGURED = "not_configured"
_OPEN_STATES = (SlotState.PENDING.value, SlotState.ERROR.value)
_LABEL_CHARS_MIN = 3  # a shorter value is found in any text


@dataclass(frozen=True, slots=True)
class Wish:
    """`slots` are those that the words name, through gaps and "the failed ones" too. `hunts` is
    what a follow-up is to run: None when the words leave that open, () when they want nothing
    bought."""

    slots: tuple[str, ...] = ()
    hunts: tuple[str, ...] | None = None
    gaps: tuple[Gap, ...] = ()
    open_slots: bool = False
    everything: bool = False
    from_scratch: bool = False
    summary: bool = False
    finding: bool = False
    candidate: Unmerged | None = None
    partial: bool = False  # the words name a part of the work, or leave a part out

    @property
    def only_summary(self) -> bool:
        return self.hunts == () and not self.finding and not self.open_slots


class _Kind(Enum):
    SLOT = auto()
    GAP = auto()
    BREAK = auto()
    COMMA = auto()
    NOT = auto()
    SCRATCH = auto()
    OPEN = auto()
    ALL = auto()
    DEEPER = auto()
    SUMMARY = auto()
    FINDING = auto()
    PURPOSE = auto()
    RERUN = auto()
    HUNT = auto()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: _Kind
    start: int
    end: int
    slot: str = ""
    gap: Gap | None = None
    reported: bool = False  # "Hunt Forge found nothing": told, not asked for


_RERUN = r"(?:re-?run|run|re-?try|redo|repeat|re-?start|relaunch)"
_SLOTS = r"(?:slots?|hunts?|models?)"
_STATE = r"(?:pending|failed|failing|errored|unfinished|open|error)"
_ONES = rf"(?:{_SLOTS}|ones)"
_SEEK = (
    r"(?:find|hunt(?=\s+(?:for|down|again|more)\b)|search|look(?=\s+(?:for|up|into|again|deeper)\b)|"
    r"dig|discover|locate|research|get\s+me|check|verify)"
)
_PATTERNS: tuple[tuple[_Kind, str], ...] = (
    (_Kind.BREAK, r"\bwhy\s+(?:not|don't)\b"),
    (_Kind.NOT, r"(?<=everything )but\b|(?<=slots )but\b|(?<=hunts )but\b|(?<=all )but\b"),
    (_Kind.NOT, r"\bnot\b|\b(?:do|need|should|must|wo|does)n't\b|\bdont\b|\bnever\b|\bwithout\b|"
     r"\bno\s+(?:need|new|more|further)\b|\bexcept(?:ing)?\b|\bexcluding\b|\bother\s+than\b|"
     r"\bapart\s+from\b|\binstead\s+of\b|\brather\s+than\b|\bskip(?:ping)?\b|\bavoid\b|"
     r"\bleav(?:e|ing)\b|\bminus\b"),
    (_Kind.SCRATCH, r"\bfrom\s+scratch\b|\bignor(?:e|ing)\s+(?:the\s+)?cache\b"),
    (_Kind.OPEN, rf"\bpending\s+(?:and|or|&|/)\s+{_STATE}\b|\bslots[-_ ]reruns?\b|"
     rf"\b{_STATE}(?:\s+(?:and|or|&)\s+{_STATE})?\s+{_ONES}\b|"
     rf"\b{_RERUN}\s+(?:(?:all|the|those|what|that|which|is|has)\s+)*{_STATE}\b(?!\s+\w)|"
     rf"\b{_ONES}\s+(?:that|which)\s+(?:have\s+|has\s+|are\s+|is\s+)?(?:still\s+)?{_STATE}\b"),
    (_Kind.ALL, rf"\b(?:{_RERUN}|do|try|hunt)\s+(?:again\s+)?(?:everything|"
     rf"all(?:\s+of)?(?:\s+the)?(?:\s+other)?(?:\s+\w+)?\s+{_SLOTS}|all\s+of\s+(?:them|it)|"
     rf"(?:them|it)\s+all|every\s+{_SLOTS})\b|"
     r"\b(?:everything|all(?:\s+the)?\s+(?:slots|hunts|models)|all)"
     r"(?=\s*,?\s*(?:except|but|other\s+than|apart\s+from|excluding|without|minus|not)\b)"),
    (_Kind.DEEPER, r"\bdig[- ]deeper\s+(?:pass|slots?|hunts?|models?)\b"),
    (_Kind.SUMMARY, r"\bre-?synthesi[sz]\w*|\bsynthesi[sz]e-patch\w*|\bresynthesize_lead_graph\b|"
     r"\bsynthesi[sz]e\b|\bre-?summari[sz]e\b|"
     r"\b(?:re-?write|redo|update|refresh|shorten|reword|rephrase|make|write|re-?generate|polish|"
     r"improve|translate|format|reformat|emphasi[sz]e|highlight|put)\b[^.;!?\n]{0,60}\bsummary\b"),
    (_Kind.FINDING, r"\binvestigate\w*|\bfindings?[-_ ]reruns?\b"),
    (_Kind.PURPOSE, r"\bso\s+that\b|\bso\b|\bin\s+order\s+to\b|\bbecause\b|\bsince\b|"
     r"\b(?:easy|easier|able|simple|simpler|quick|quicker)\s+to\b"),
    (_Kind.BREAK, r"[.;!?:]+(?=\s|$)|\n+|\bbut\b|\bjust\b|\bonly\b|\binstead\b|\bthen\b|"
     r"\bplease\b|\s[-–—]+\s|"
     rf"\band\b(?=\s+(?:please\s+|also\s+|then\s+)*(?:{_RERUN}|{_SEEK}|re-?synth|synth|rewrite|"
     r"update|make|write)\b)|\band\b(?=\s+re-?synth)"),
    (_Kind.COMMA, r"[,()]"),
    (_Kind.RERUN, rf"\b{_RERUN}\b|\bslot[-_ ]reruns?\b|\brerun_hunt_slot\b|\btry\s+again\b|"
     r"\bonce\s+more\b|\bagain\b"),
    (_Kind.HUNT, rf"\b{_SEEK}\b"),
)  # fmt: skip
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _PATTERNS)
_ROUTE = re.compile(r"\bslot[-_ ]reruns?\b|\brerun_hunt_slot\b", re.IGNORECASE)
_TOOL = re.compile(r"\binvestigate_\w+|\bfindings?[-_ ]reruns?\b", re.IGNORECASE)
_OBJECT = re.compile(r"\s*(?:the\s+)?(?:(?:held[- ]back|unmerged|un-merged)\s+)?"
                     r"(?:findings?|candidates?)\b|\s*[A-Z0-9+\"“'@]")  # fmt: skip


def wish_of(prompts: Sequence[str], backfill: Backfill | None) -> Wish:
    """What the prompts ask for, together."""
    said = _plain("\n".join(prompts))
    yes, no = _sorted_out(_tokens(said, backfill))
    kinds = {t.kind for t in yes}
    gaps = tuple({t.gap.text: t.gap for t in yes if t.gap is not None}.values())
    named = _named(yes, no, gaps, backfill)
    left_out = {t.slot for t in no if t.kind is _Kind.SLOT and t.slot in PAID_SLOTS}
    slots = tuple(s for s in SLOTS if s in named and SLOTS[s].pass_ is not Pass.ANY)
    finding, candidate = _finding(said, yes, backfill)
    summary = _Kind.SUMMARY in kinds
    everything = _Kind.ALL in kinds
    return Wish(
        slots=slots,
        hunts=slots or _left_open(yes, no),
        gaps=gaps,
        open_slots=_Kind.OPEN in kinds,
        everything=everything,
        from_scratch=_Kind.SCRATCH in kinds,
        summary=summary,
        finding=finding,
        candidate=candidate,
        partial=bool(named or gaps or summary or finding or left_out or _Kind.OPEN in kinds
                     or any(t.kind is _Kind.SLOT for t in no) or _ROUTE.search(said)
                     or _agent_named(yes)) and not (everything and not left_out),
    )  # fmt: skip


def _left_open(yes: Sequence[_Token], no: Sequence[_Token]) -> tuple[str, ...] | None:
    """What is hunted where no slot is asked for: () nothing, None what a follow-up hunts."""
    kinds = {t.kind for t in yes}
    told = _Kind.SUMMARY in kinds or any(t.kind is _Kind.ALL for t in no)
    if _Kind.OPEN in kinds or (told and not _seeks(kinds)):
        return ()
    left_out = {t.slot for t in no if t.kind is _Kind.SLOT and t.slot in PAID_SLOTS}
    return tuple(s for s in FOLLOW_UP_SLOTS if s not in left_out) if left_out else None


def open_slots(backfill: Backfill | None) -> tuple[str, ...]:
    """The slots that are pending or failed and could run."""
    rows = backfill.tool_trace.parallel_results if backfill is not None else ()
    return tuple(r.model_id for r in rows if r.state in _OPEN_STATES and r.reason != NOT_CONFIGURED)


# --- reading ---------------------------------------------------------------------------------


def _tokens(said: str, backfill: Backfill | None) -> list[_Token]:
    """What is mentioned, in order. A gap's text and a slot's name win over what stands in them."""
    taken: list[_Token] = []
    for found in (*_gaps_in(said, backfill), *_slots_in(said, backfill), *_others_in(said)):
        if not any(t.start < found.end and found.start < t.end for t in taken):
            taken.append(found)
    return sorted(taken, key=lambda t: t.start)


def _gaps_in(said: str, backfill: Backfill | None) -> Iterator[_Token]:
    for gap in sorted(backfill.gaps if backfill else (), key=lambda g: -len(g.text)):
        words = _plain(gap.text).rstrip(".!").split()
        if not words:
            continue
        pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, words)) + r"(?!\w)"
        for found in re.finditer(pattern, said, re.IGNORECASE):
            yield _Token(_Kind.GAP, *found.span(), gap=gap)


def _slots_in(said: str, backfill: Backfill | None) -> Iterator[_Token]:
    rows = backfill.tool_trace.parallel_results if backfill else ()
    for mention in mentions(said, [(r.model_id, r.provider) for r in rows]):
        yield _Token(_Kind.SLOT, mention.start, mention.end, mention.slot,
                     reported=mention.reported)  # fmt: skip


def _others_in(said: str) -> Iterator[_Token]:
    for kind, pattern in _COMPILED:
        for found in pattern.finditer(said):
            yield _Token(kind, *found.span())


def _sorted_out(tokens: Sequence[_Token]) -> tuple[list[_Token], list[_Token]]:
    """What is wanted and what is not. A purpose ("so I can find …") wants nothing by itself."""
    yes: list[_Token] = []
    no: list[_Token] = []
    negated = purpose = False
    for i, token in enumerate(tokens):
        if token.kind is _Kind.NOT:
            negated = True
        elif token.kind is _Kind.BREAK:
            negated = purpose = False
        elif token.kind is _Kind.PURPOSE:
            negated, purpose = False, True
        elif token.kind is _Kind.COMMA:
            listed = 0 < i < len(tokens) - 1 and (
                tokens[i - 1].kind is tokens[i + 1].kind is _Kind.SLOT
            )
            negated = negated and listed
        elif not (purpose and token.kind is _Kind.HUNT):
            (no if negated else yes).append(token)
    return yes, no


def _named(
    yes: Sequence[_Token], no: Sequence[_Token], gaps: Sequence[Gap], backfill: Backfill | None
) -> set[str]:
    """The slots asked for: told ones ("Hunt Forge failed") only when they are to run again."""
    kinds = {t.kind for t in yes}
    wanted = {t.slot for t in yes if t.kind is _Kind.SLOT and not t.reported}
    wanted |= {g.slot for g in gaps if g.slot}
    left_out = {t.slot for t in no if t.kind is _Kind.SLOT}
    if _Kind.OPEN in kinds:
        wanted |= set(open_slots(backfill)) - left_out
    if _Kind.ALL in kinds and left_out:
        wanted |= set(PAID_SLOTS) - left_out
    if not wanted and _Kind.DEEPER in kinds and _Kind.RERUN in kinds:
        wanted = set(_DEEPER) - left_out
    if not wanted and _Kind.RERUN in kinds and _Kind.ALL not in kinds:
        wanted = {t.slot for t in yes if t.kind is _Kind.SLOT}
    return wanted


def _seeks(kinds: set[_Kind]) -> bool:
    """Something is to be looked for, beside what is to be told."""
    again = _Kind.RERUN in kinds and _Kind.SUMMARY not in kinds
    return again or bool({_Kind.HUNT, _Kind.ALL} & kinds)


def _agent_named(yes: Sequence[_Token]) -> bool:
    return any(t.kind is _Kind.SLOT and SLOTS[t.slot].pass_ is Pass.ANY for t in yes)


def _finding(
    said: str, yes: Sequence[_Token], backfill: Backfill | None
) -> tuple[bool, Unmerged | None]:
    """Whether a held-back finding is to be looked at, and which. To investigate a question
    ("investigate who owns it") is none."""
    token = next((t for t in yes if t.kind is _Kind.FINDING), None)
    if token is None:
        return False, None
    held = backfill.unmerged_candidates if backfill is not None else ()
    text = said[token.start :].casefold()
    exact = [u for u in held if u.id in text or _in(u.label, text)]
    found = next(iter([*exact, *(u for u in held if _in(u.value, text))]), None)
    named = found is not None or bool(
        _TOOL.match(said, token.start) or _OBJECT.match(said, token.end)
    )
    return named, found


def _in(part: str, text: str) -> bool:
    wanted = " ".join(_plain(part).split()).casefold()
    whole = " ".join(text.split())
    return len(wanted) >= _LABEL_CHARS_MIN and re.search(
        rf"(?<!\w){re.escape(wanted)}(?!\w)", whole
    ) is not None  # fmt: skip


def _plain(text: str) -> str:
    """As typed: without the backslashes of Markdown, with straight apostrophes."""
    return text.replace("\\", "").replace("’", "'").replace("\r", "\n")
