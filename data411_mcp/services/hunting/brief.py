"""What a slot is told, what it works with, and what it brings back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from data411_mcp.domain.evidence import Finding, ReadPage
from data411_mcp.domain.extract.document import Fact
from data411_mcp.domain.graph import FieldName, IdentityCard
from data411_mcp.domain.lead import Lead, LeadKey
from data411_mcp.domain.slots import (
    DEEP,
    DNS,
    FORGE,
    GROUND,
    REGISTRY,
    SITE,
    SLOTS,
    SPAN,
    SWIFT,
    Pass,
)
from data411_mcp.services.ports import (
    DnsLookup,
    LanguageModel,
    Registry,
    RegistryRecord,
    SearchEngine,
)

if TYPE_CHECKING:
    from data411_mcp.services.shelf import Shelf

# Facts below this raw score are other people's numbers more often than not.
SCORE_MIN = 0.3


@dataclass(frozen=True)
class Sources:
    """The outside world, as ports. A missing search engine or model means: not configured."""

    registries: tuple[Registry, ...]
    dns: DnsLookup
    search: SearchEngine | None
    llm: LanguageModel | None
    slot_cents: int = 35

    def offers(self) -> dict[str, int]:
        """The slots that could run now, with what one costs, in cents."""
        return {
            slot: 0 if SLOTS[slot].pass_ is Pass.FREE else self.slot_cents
            for slot in self.runnable()
        }

    def runnable(self) -> frozenset[str]:
        """Ids of the slots that could run now."""
        ready = {SITE, REGISTRY, DNS}
        if self.llm is not None and self.llm.configured():
            ready |= {GROUND, SPAN, FORGE, SWIFT, DEEP}
        elif self.search is not None:
            ready.add(GROUND)
        return frozenset(ready)


@dataclass(frozen=True)
class Brief:
    """Everything a slot may know: lead, identity so far, the gaps to fill, the user's words."""

    lead: Lead
    key: LeadKey
    identity: IdentityCard
    shelf: Shelf
    sources: Sources
    gaps: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    known: str = ""  # the graph so far, compact JSON, for the models
    page_read: Callable[[str], None] = field(default=lambda url: None)

    @property
    def domain(self) -> str | None:
        """The company's registrable domain: the anchored one, else the lead's."""
        for anchor in self.identity.anchors:
            if anchor.kind == "domain":
                return anchor.value
        return self.key.domain


@dataclass
class Haul:
    """What a slot found. `degraded` holds stable reason words; the cost is what vendors charged,
    read off the slot's meter once the haul is in."""

    findings: list[Finding] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    cost_usd_micros: int = 0
    provider: str = ""
    records: tuple[RegistryRecord, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "findings": [asdict(f) for f in self.findings],
            "degraded": self.degraded,
            "cost_usd_micros": self.cost_usd_micros,
            "provider": self.provider,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Haul:
        findings = [Finding(**{**f, "field": FieldName(f["field"])}) for f in data["findings"]]
        return cls(findings, data["degraded"], data["cost_usd_micros"], data["provider"])


def finding_of(fact: Fact, read: ReadPage, slot: str) -> Finding:
    """A fact that our own extraction read, as a finding of a slot."""
    return Finding(
        field=fact.field,
        value=fact.value,
        slot=slot,
        url=read.page.url,
        quote=read.page.text[fact.start : fact.end],
        kind=fact.kind,
        person=fact.person,
        start=fact.start,
        end=fact.end,
        page_sha256=read.page.sha256,
        rule=fact.rule,
        score=fact.score,
    )


def findings_on(read: ReadPage, slot: str) -> list[Finding]:
    return [finding_of(f, read, slot) for f in read.facts.facts if f.score >= SCORE_MIN]
