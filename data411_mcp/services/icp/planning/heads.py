"""The candidates' own sites: the most promising first, batch by batch while the time lasts.

What is not read is known from a search result only and cannot come out well, however good it is;
so the head is only the first batch, and a site that leads to another company's is nobody's proof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from data411_mcp.domain.icp.hygiene import Exclude
from data411_mcp.domain.icp.reflection import SLOW_SHARE, Decisions, Metrics, Phase
from data411_mcp.domain.icp.values import Candidate, Lookalike, SiteSignals
from data411_mcp.services.icp.planning import judging
from data411_mcp.services.icp.planning.evidence import Signals, home_of, site_of
from data411_mcp.services.icp.planning.reading import Patience, Reads, policy_of, read_enough
from data411_mcp.services.ports import Clock
from data411_mcp.services.ports.icp import FastReader

PATIENCE = Patience(soft=4.0, hard=9.0)
READS_MAX = 100  # twice what is listed; the time ends it sooner
BATCH_SECONDS_MIN = 2.0  # less is no time to read pages in
OWN_LIST = "csv"
OWN_EVERY = 3  # of the user's own companies nothing is known: each third place is theirs


class Heads(BaseModel):
    """The candidates' sites that were read, and those that turned out to be none."""

    model_config = ConfigDict(frozen=True)

    sites: tuple[SiteSignals, ...] = ()
    dropped: dict[str, str] = {}  # domain → reason
    metrics: Metrics = Metrics(phase=Phase.HEADS)


@dataclass
class HeadReader:
    """Reads the candidates of one plan. `until`: the moment (monotonic) after which no further
    batch is begun; the first is always read."""

    reader: FastReader
    clock: Clock
    signals: Signals
    decisions: Decisions
    exclude: Exclude
    until: float
    patience: Patience = PATIENCE
    _sites: list[SiteSignals] = field(default_factory=list)
    _dropped: dict[str, str] = field(default_factory=dict)
    _reads: list[Reads] = field(default_factory=list)

    async def read(self, order: Sequence[str], candidates: Mapping[str, Candidate]) -> Heads:
        """`order`: their domains, the most promising first. Never raises for a site or vendor."""
        began = self.clock.monotonic()
        left = list(order)
        while left and (patience := self._patience()) is not None:
            batch, left = left[: self.decisions.head], left[self.decisions.head :]
            await self._batch([candidates[domain] for domain in batch], patience, candidates)
        return Heads(
            sites=tuple(self._sites),
            dropped=self._dropped,
            metrics=Metrics(
                phase=Phase.HEADS,
                wanted=self._wanted,
                read=len(self._sites),
                timeouts=sum(r.timeouts for r in self._reads),
                empty=sum(r.empty for r in self._reads) + len(self._dropped),
                hedged=sum(r.hedged for r in self._reads),
                candidates=len(candidates),
                seconds=round(self.clock.monotonic() - began, 2),
            ),
        )

    @property
    def _wanted(self) -> int:
        return sum(len(r.pages) + len(r.failed) for r in self._reads)

    def _patience(self) -> Patience | None:
        """For the next batch; None where there is to be none: enough are read, the time is up, or
        the pages come so slowly that it would be waited for in vain."""
        if not self._reads:
            return self.patience
        last = self._reads[-1]
        slow = last.timeouts >= SLOW_SHARE * (len(last.pages) + len(last.failed))
        reduced = self.decisions.head < self.decisions.head_max
        seconds = self.until - self.clock.monotonic()
        if slow or reduced or seconds < BATCH_SECONDS_MIN or self._wanted >= READS_MAX:
            return None
        return Patience(min(self.patience.soft, seconds), min(self.patience.hard, seconds))

    async def _batch(
        self, batch: Sequence[Candidate], patience: Patience, all_of: Mapping[str, Candidate]
    ) -> None:
        urls = [home_of(candidate.domain) for candidate in batch]
        reads = await read_enough(self.reader, urls, policy_of(self.decisions), patience)
        self._reads.append(reads)
        for candidate, url in zip(batch, urls, strict=True):
            page, others = reads.pages.get(url), all_of.keys() - {candidate.domain}
            reason = judging.dead(page, reads.failed.get(url, ""))
            if page is not None and not reason:
                reason = judging.elsewhere(
                    candidate.domain, page.page.final_url, self.exclude, others
                )
            if reason:
                self._dropped[candidate.domain] = reason
            elif page is not None:
                # A search's title is the page's, not the company's; the user's word is.
                name = candidate.name if candidate.source.startswith(OWN_LIST) else ""
                self._sites.append(await site_of(candidate.domain, name, reads, self.signals))


def reading_order(ranked: Sequence[Lookalike], candidates: Sequence[Candidate]) -> list[str]:
    """By what the search results say, the best first. Of those that come without a word, which
    are the user's own, each third place is one: unknown is not bad."""
    silent = [c.domain for c in candidates if not c.snippet.strip()]
    told = [k.domain for k in ranked if k.domain not in set(silent)]
    out: list[str] = []
    while told or silent:
        out += told[: OWN_EVERY - 1]
        del told[: OWN_EVERY - 1]
        out += silent[:1]
        del silent[:1]
    return out
