"""The slot catalogue: who hunts, in which pass, and what each needs to run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SlotState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"
    REPETITION = "repetition"  # it ran and added nothing new


class Pass(StrEnum):
    FREE = "free"  # keyless, before the identity decision
    FIRST = "first"  # after identity, in parallel
    DIG_DEEPER = "dig-deeper"  # with the gaps of the first pass as its brief
    ANY = "any"  # the calling agent, whenever it has something


class Need(StrEnum):
    NOTHING = "nothing"
    LLM = "llm"
    SEARCH_OR_LLM = "search or llm"
    CALLER = "caller"


@dataclass(frozen=True, slots=True)
class Slot:
    id: str
    label: str
    pass_: Pass
    needs: Need
    hunts_for: str
    provider: str  # default provider slug; settings may replace it
    deadline_seconds: float


SITE = "data411-site"
REGISTRY = "data411-registry"
DNS = "data411-dns"
GROUND = "data411-hunt-ground"
SPAN = "data411-crimson-span"
FORGE = "data411-hunt-forge"
SWIFT = "data411-hunt-swift"
DEEP = "data411-hunt-deep"
AGENT = "data411-agent"

SLOTS: dict[str, Slot] = {
    slot.id: slot
    for slot in (
        Slot(
            SITE,
            "Site",
            Pass.FREE,
            Need.NOTHING,
            "the company's own pages: contacts, people, legal name",
            "site",
            30,
        ),
        Slot(
            REGISTRY,
            "Registry",
            Pass.FREE,
            Need.NOTHING,
            "GLEIF, SEC EDGAR, Wikidata, RDAP: legal entity, status, officers",
            "registry",
            20,
        ),
        Slot(
            DNS,
            "DNS",
            Pass.FREE,
            Need.NOTHING,
            "MX, SPF, DMARC: what an e-mail there is worth",
            "dns",
            8,
        ),
        Slot(
            GROUND,
            "Hunt Ground",
            Pass.FIRST,
            Need.SEARCH_OR_LLM,
            "grounded web search: right company, where, who runs it",
            "google/gemini-3.5-flash-lite",
            60,
        ),
        Slot(
            SPAN,
            "Crimson Span",
            Pass.FIRST,
            Need.LLM,
            "long-context reading of everything fetched and pasted",
            "anthropic/claude-sonnet-5.5",
            60,
        ),
        Slot(
            FORGE,
            "Hunt Forge",
            Pass.DIG_DEEPER,
            Need.LLM,
            "owners, officers, legal contacts, filings",
            "x-ai/grok-build-0.1",
            75,
        ),
        Slot(
            SWIFT,
            "Hunt Swift",
            Pass.DIG_DEEPER,
            Need.LLM,
            "phones, e-mails, socials, fast",
            "openai/gpt-5.4-mini",
            45,
        ),
        Slot(
            DEEP,
            "Hunt Deep",
            Pass.DIG_DEEPER,
            Need.LLM,
            "people, relations, history, contradictions",
            "openai/gpt-6.1-terra",
            120,
        ),
        Slot(
            AGENT,
            "Agent",
            Pass.ANY,
            Need.CALLER,
            "findings the calling agent hands in",
            "agent",
            45,
        ),
    )
}
