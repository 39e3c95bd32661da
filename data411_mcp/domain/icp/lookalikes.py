"""Ranked lookalikes: each candidate beside the profile and beside the seeds themselves.

Half of the score is the profile: the weight of the conditions that the candidate's own text is
seen to meet. What is not known adds nothing, and what fails takes away. The other half is how
alike the texts are, measured by how alike the seeds are among themselves. What the lost customers
share lowers the score. Every condition gets a verdict, with the quote that decided.

What the user accepted beyond that (a micro-ICP) comes before the score: those that meet it, those
of which something of it is not known, those that are seen to contradict it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from data411_mcp.domain.icp.industries import LABELS
from data411_mcp.domain.icp.micro_icp import Facet, facets_of, ids_of
from data411_mcp.domain.icp.profile import ALTERNATIVES, ASKED_FOR, label_of, quote_of, values_of
from data411_mcp.domain.icp.run import TOPLIKES_MAX
from data411_mcp.domain.icp.signals import text_signals
from data411_mcp.domain.icp.similarity import CompanyText, Likeness, Pool
from data411_mcp.domain.icp.topics import speaks_of
from data411_mcp.domain.icp.values import (
    FROM_REGISTER,
    Candidate,
    Condition,
    EnrichedCompany,
    IcpProfile,
    Lookalike,
    MicroIcp,
    ScoredLead,
    SiteSignals,
    Snippet,
    Verdict,
)

A_MIN = 70
B_MIN = 50
PROFILE_SHARE = 0.5  # of the score; the rest is likeness
FAILED = 0.3  # of its weight, taken off for a condition that is seen to fail
NEGATIVE_MAX = 40  # points, where all that the lost share is there
NEGATIVE_MIN = 8  # points, for any of it
LOST_ENOUGH = 3  # lost customers that make a pattern
LIKE_THE_LOST = 8  # points, where the text is nearer to a lost customer's than to any seed's
UNREAD_MAX = A_MIN - 1  # a search result is not the company's own page
CONTRADICTS_MAX = B_MIN - 1  # what the user accepted is not what this company is
SNIPPET_CHARS_MAX = 180
NAMED_MAX = 4  # conditions in one part of `why`
NOT = "not:"  # before the id of a negative
_SEVERAL = ("industry", "ssic")  # a site shows the foremost of these, not each that is true of it

# By field: what customers that show an accepted value of it show beside it. A company that shows
# such a one contradicts the accepted one no more than they do.
Kin = Mapping[str, frozenset[str]]


def rank(
    candidates: Sequence[Candidate],
    read: Mapping[str, SiteSignals],
    profile: IcpProfile,
    seeds: Sequence[SiteSignals],
    lost: Sequence[SiteSignals] = (),
    *,
    limit: int = TOPLIKES_MAX,
) -> tuple[Lookalike, ...]:
    """The best first, by what was accepted and then by score; equal scores by fewer unknowns,
    then by domain. `read`: signals by domain of those whose page was read; the others are judged
    by their snippet, and cannot be an A. A domain that comes twice counts once."""
    once: dict[str, Candidate] = {}
    for candidate in candidates:
        once.setdefault(candidate.domain, candidate)
    companies = [_Company(c, *_site_of(c, read)) for c in once.values()]
    winners = [s for s in seeds if s.text]
    gone = [s for s in lost if s.text]
    pool = Pool([_text(s) for s in (*winners, *gone, *(c.site for c in companies))])
    first = len(winners) + len(gone)
    likes = pool.likeness(range(len(winners)))[first:]
    kin = _kin(profile, winners)
    ranked = []
    for at, (company, like) in enumerate(zip(companies, likes, strict=True)):
        near = pool.cosines(first + at, range(first))
        best = max(near[: len(winners)], default=0.0)
        worst = max(near[len(winners) :], default=0.0)
        ranked.append(_judge(company, like, profile, winners, kin, like_the_lost=worst > best))

    def place(like: Lookalike) -> tuple[Fit, int, int, str]:
        unknown = sum(v.state == "unknown" for v in like.verdicts)
        return fit_of(like, profile.accepted), -like.score, unknown, like.domain

    return tuple(sorted(ranked, key=place)[:limit])


def bucket_of(score: int) -> str:
    """A from 70, B from 50, else C: the one scale for every score from 0 to 100."""
    return "A" if score >= A_MIN else "B" if score >= B_MIN else "C"


def judge(site: SiteSignals, condition: Condition, *, whole_page: bool = True) -> Verdict:
    """How one company stands to one condition. Only a page that was read can fail one, and only
    for what a company has one of: that a page does not name a product proves nothing."""

    def verdict(state: str, evidence: Snippet | None) -> Verdict:
        return Verdict.model_validate(
            {
                "condition": condition.id,
                "label": condition.label,
                "state": state,
                "evidence": evidence,
            }
        )

    if condition.field == "topic" or _trade_in_other_words(condition):
        quote = speaks_of(site, condition.value)
        return verdict("matched" if quote else "unknown", quote)
    values = values_of(site, condition.field)
    met = condition.value in values
    if condition.field == "ssic":  # of a class or group, any code in it
        met = any(code.startswith(condition.value) for code in values)
    if met:
        return verdict("matched", quote_of(site, condition.field, condition.value))
    if condition.field in ALTERNATIVES and values and whole_page:
        return verdict("failed", quote_of(site, condition.field, values[0]))
    if condition.id == "signal:hiring" and site.hiring_open_roles == 0:
        return verdict("failed", site.quotes.get("hiring_open_roles"))
    return verdict("unknown", None)


def _trade_in_other_words(condition: Condition) -> bool:
    return condition.field == "industry" and condition.value not in LABELS


@dataclass(frozen=True, slots=True)
class _Company:
    candidate: Candidate
    site: SiteSignals
    read: bool

    @property
    def blank(self) -> bool:
        return not self.site.text.strip()


def _site_of(candidate: Candidate, read: Mapping[str, SiteSignals]) -> tuple[SiteSignals, bool]:
    site = read.get(candidate.domain)
    if site is not None and site.text.strip():
        return site, True
    return (
        text_signals(candidate.domain, candidate.name, candidate.snippet, candidate.url),
        False,
    )


def _text(site: SiteSignals) -> CompanyText:
    return CompanyText(site.name, site.description, site.text)


def _judge(
    company: _Company,
    like: Likeness,
    profile: IcpProfile,
    winners: Sequence[SiteSignals],
    kin: Kin,
    *,
    like_the_lost: bool,
) -> Lookalike:
    site = company.site
    verdicts = _verdicts(company, profile.conditions, kin)
    against = [
        (c, v.evidence)
        for c in profile.negatives
        if (v := judge(site, c, whole_page=company.read)).state == "matched"
    ]
    score = 0
    if not company.blank:
        score = _score(verdicts, profile, like, sum(_certainty(c) for c, _ in against))
        score -= LIKE_THE_LOST if like_the_lost else 0
        score = max(0, min(score, 100 if company.read else UNREAD_MAX))
        if fit_in(verdicts, profile.accepted).failed:
            score = min(score, CONTRADICTS_MAX)
    nearest = winners[like.nearest] if like.nearest >= 0 else None
    similar = (nearest.name or nearest.domain) if nearest else ""
    negative = [
        Verdict(condition=NOT + c.id, label=c.label, state="failed", evidence=quote)
        for c, quote in against
    ]
    said = site.description or company.candidate.snippet or site.text
    return Lookalike.model_validate(
        {
            "domain": company.candidate.domain,
            "name": site.name or company.candidate.name or company.candidate.domain,
            "score": score,
            "bucket": bucket_of(score),
            "why": _why(company, verdicts, negative, similar, like, like_the_lost, len(winners)),
            "snippet": _short(said),
            "verdicts": (*verdicts, *negative),
            "similar_to": similar,
            "source": company.candidate.source,
            "read": company.read,
        }
    )


def _verdicts(company: _Company, conditions: Sequence[Condition], kin: Kin) -> list[Verdict]:
    """One a condition; of those a company can only meet one of, the one met, or else the one that
    most seeds show."""
    out: list[Verdict] = []
    for field in dict.fromkeys(c.field for c in conditions):
        own = [c for c in conditions if c.field == field]
        found = [judge(company.site, c, whole_page=company.read) for c in own]
        if kin.get(field, frozenset()) & set(values_of(company.site, field)):
            found = [_left_open(v) if v.state == "failed" else v for v in found]
        out += _one_of(found) if field in ALTERNATIVES else found
    return out


def _one_of(found: Sequence[Verdict]) -> list[Verdict]:
    """Those that are met; else one that says how it stands. What may still be met is not failed."""
    states = {state: [v for v in found if v.state == state] for state in ("matched", "unknown")}
    return states["matched"] or states["unknown"][:1] or list(found[:1])


def _certainty(negative: Condition) -> float:
    """A share of all that counts against a company; one lost customer is no pattern yet, but what
    the user named is the user's word."""
    if negative.label.startswith(ASKED_FOR):
        return 1.0
    shown = negative.support / negative.of if negative.of else 0.0
    return negative.weight * shown * min(1.0, negative.of / LOST_ENOUGH)


def _score(verdicts: Sequence[Verdict], profile: IcpProfile, like: Likeness, against: float) -> int:
    states = {v.condition: v.state for v in verdicts}
    got = whole = 0.0
    for field in dict.fromkeys(c.field for c in profile.conditions):
        own = [c for c in profile.conditions if c.field == field]
        top = max(c.weight for c in own)
        # Several of one field tell more than one, not as much more as their number.
        field_weight = top if field in ALTERNATIVES else top * min(2.0, 0.5 + 0.5 * len(own))
        whole += field_weight
        met = [c.weight for c in own if states.get(c.id) == "matched"]
        failed = any(states.get(c.id) == "failed" for c in own)
        if field in ALTERNATIVES:
            got += max(met, default=-FAILED * top if failed else 0.0)
        else:
            got += field_weight * sum(met) / sum(c.weight for c in own)
            got -= FAILED * top if failed and not met else 0.0
    likeness = min(1.0, like.value)
    if whole:
        points = 100 * (PROFILE_SHARE * max(0.0, got / whole) + (1 - PROFILE_SHARE) * likeness)
    else:
        points = 100 * likeness
    if against:
        points -= max(NEGATIVE_MIN, NEGATIVE_MAX * min(1.0, against))
    return round(max(0.0, points))


def _why(
    company: _Company,
    verdicts: Sequence[Verdict],
    negative: Sequence[Verdict],
    similar: str,
    like: Likeness,
    like_the_lost: bool,
    seeds: int,
) -> str:
    """Sentences for a salesperson, in our words: what is met, what is not, what is not known."""
    if company.blank:
        return "Nothing could be read about this company, so it is not scored."
    out = []
    met = [v.label for v in verdicts if v.state == "matched"]
    if met:
        out.append(f"Meets {len(met)} of {len(verdicts)}: {_list(met)}.")
    elif verdicts:
        out.append(f"Meets none of {len(verdicts)} conditions that we could see.")
    if failed := [v.label for v in verdicts if v.state == "failed"]:
        out.append(f"Fails: {_list(failed)}.")
    if negative:
        out.append(f"Counts against it: {_list([v.label for v in negative])}.")
    if unknown := [v.label for v in verdicts if v.state == "unknown"]:
        out.append(f"Not known: {_list(unknown)}.")
    if similar and like.value > 0:
        share = round(100 * min(1.0, like.value))
        out.append(
            f"Its words are {share} % as close to your customers' as theirs are to each other; "
            f"closest to {similar[:80]}."
            if seeds > 1
            else f"Its words resemble those of {similar[:80]} ({share} %)."
        )
    else:
        out.append("Its text has nothing in common with your customers'.")
    if like_the_lost:
        out.append("Its words are closer to those of a customer you lost.")
    if not company.read:
        register = company.candidate.source.startswith(FROM_REGISTER)
        out.append(f"Known from a {'register' if register else 'search result'} only.")
    return " ".join(out)


def _list(labels: Sequence[str]) -> str:
    more = len(labels) - NAMED_MAX
    return "; ".join(labels[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _short(text: str) -> str:
    words = " ".join(text.split())
    if len(words) <= SNIPPET_CHARS_MAX:
        return words
    return words[: SNIPPET_CHARS_MAX - 1].rpartition(" ")[0] + "…"


# --- what the user accepted ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Fit:
    """How many of the facets of a micro-ICP a company contradicts, and of how many it is not
    known whether it meets them. The least is the best; nothing accepted, all are equal."""

    failed: int = 0
    unknown: int = 0

    @property
    def meets(self) -> bool:
        return not self.failed and not self.unknown


def _kin(profile: IcpProfile, winners: Sequence[SiteSignals]) -> Kin:
    ids = {id_ for facet in profile.accepted for id_ in facet}
    found: dict[str, frozenset[str]] = {}
    for field in _SEVERAL:
        accepted = {c.value for c in profile.conditions if c.field == field and c.id in ids}
        shown = [set(values_of(site, field)) for site in winners]
        found[field] = frozenset().union(*(values for values in shown if values & accepted))
    return found


def _left_open(verdict: Verdict) -> Verdict:
    return verdict.model_copy(update={"state": "unknown", "evidence": None})


def fit_of(like: Lookalike, accepted: Sequence[Collection[str]]) -> Fit:
    """`accepted`: as in `IcpProfile.accepted`."""
    return fit_in(like.verdicts, accepted)


def fit_in(verdicts: Sequence[Verdict], accepted: Sequence[Collection[str]]) -> Fit:
    states = {v.condition: v.state for v in verdicts}
    failed = unknown = 0
    for ids in accepted:
        found = {states[i] for i in ids if i in states}
        if "matched" not in found:
            failed += found == {"failed"}
            unknown += found != {"failed"}
    return Fit(failed, unknown)


def fit_to(like: Lookalike, micro: MicroIcp | None) -> Fit:
    """Of a company on a list that was ranked by this micro-ICP."""
    return fit_of(like, [ids_of(f) for f in facets_of(micro)] if micro is not None else ())


def as_delivered(
    companies: Iterable[tuple[EnrichedCompany, Lookalike]], micro: MicroIcp | None
) -> tuple[ScoredLead, ...]:
    """By what was accepted, then by likeness, and of equals those first that were found out
    about."""

    def place(one: tuple[EnrichedCompany, Lookalike]) -> tuple[Fit, int, bool]:
        company, like = one
        return fit_to(like, micro), -like.score, company.state != "done"

    return tuple(
        ScoredLead(rank=rank, company=company, lookalike=like)
        for rank, (company, like) in enumerate(sorted(companies, key=place), start=1)
    )


def narrowed_to(likes: Sequence[Lookalike], micro: MicroIcp) -> tuple[Lookalike, ...]:
    """A list that was ranked before the micro-ICP was accepted, in the order that it asks for. It
    says of every company how it stands to each condition of its profile; of other conditions it
    knows what the snippets say."""
    facets = facets_of(micro)
    asked = frozenset(v.condition for like in likes for v in like.verdicts)
    accepted = [ids_of(facet) for facet in facets]
    stood = [_stands(like, facets, asked) for like in likes]
    return tuple(sorted(stood, key=lambda like: (fit_of(like, accepted), -like.score)))


def _stands(like: Lookalike, facets: Sequence[Facet], asked: Collection[str]) -> Lookalike:
    """The company with a verdict on each facet."""
    mine = {v.condition: v for v in like.verdicts}
    own = [
        verdict
        for facet in facets
        for verdict in _one_of([
            mine.get(id_) or _recalled(like, field, value, id_ in asked)
            for (field, value), id_ in zip(facet, ids_of(facet), strict=True)
        ])
    ]  # fmt: skip
    replaced = {v.condition for v in own} | {
        v.condition
        for facet in facets
        for field, _ in facet
        for v in like.verdicts
        if field != "topic" and v.condition.startswith(f"{field}:")
    }
    verdicts = (*own, *(v for v in like.verdicts if v.condition not in replaced))
    fit = fit_in(own, [ids_of(facet) for facet in facets])
    score = min(like.score, CONTRADICTS_MAX) if fit.failed else like.score
    said = "; ".join(f"{_STATE_WORDS[v.state]} {v.label}" for v in own)
    return like.model_copy(
        update={
            "verdicts": verdicts,
            "score": score,
            "bucket": bucket_of(score),
            "why": f"{like.why} Of what was accepted: {said}.",
        }
    )


_STATE_WORDS = {"matched": "meets", "failed": "fails", "unknown": "not known:"}


def _recalled(like: Lookalike, field: str, value: str, asked: bool) -> Verdict:
    """The verdict on a condition that the list does not show for this company. Of a field it shows
    what is met, else one that stands for all: with that one fails what was asked for (`asked`). Of
    what a company has only one of, another one that is met will do, too."""
    label = label_of(field, value)
    condition = Condition(
        id=f"{field}:{value}", label=label, field=field, value=value, support=0, of=0, weight=0.0
    )
    shown = [v for v in like.verdicts if v.condition.startswith(f"{field}:")]
    met = next((v for v in shown if v.state == "matched"), None)
    if field in _SEVERAL or met is None:
        contradicts = asked and bool(shown) and shown[0].state == "failed"
    else:
        contradicts = field in ALTERNATIVES
    if contradicts and like.read:
        evidence = (met or shown[0]).evidence
        return Verdict(condition=condition.id, label=label, state="failed", evidence=evidence)
    site = text_signals(like.domain, like.name, like.snippet)
    return judge(site, condition, whole_page=False)
