"""A language model's words for further searches, asked for while our own first ones run. Late,
failed or unusable, it is as if it had not been asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from data411_mcp.domain.icp.proposals import (
    PROPOSALS_MAX,
    PROPOSALS_SCHEMA,
    proposed,
    searchable,
    shown,
)
from data411_mcp.domain.icp.values import IcpProfile
from data411_mcp.domain.metering import metered
from data411_mcp.errors import VendorError
from data411_mcp.services.ports import LanguageModel, LlmRequest, Prompts

PROPOSAL_SLOT = "icp_discovery"
PROPOSAL_SECONDS = 6.0
PROPOSAL_TOKENS_MAX = 300
FALLBACK = "LLM_TIMEOUT_FALLBACK"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Proposed:
    """Queries to be asked before the rest of ours. `failed`: the model was of no use."""

    queries: tuple[str, ...] = ()
    failed: bool = False


@dataclass(frozen=True)
class Proposer:
    """`model` is the name of the model at the endpoint."""

    llm: LanguageModel
    prompts: Prompts
    model: str

    async def propose(
        self, profile: IcpProfile, ours: Sequence[str], *, seconds: float
    ) -> Proposed:
        """Within `PROPOSAL_SECONDS`, or the `seconds` that are left where these are fewer. Not
        asked without a key, or where the profile says nothing. Raises nothing for a vendor."""
        seconds = min(PROPOSAL_SECONDS, seconds)
        if not self.llm.configured() or not profile.conditions or seconds <= 0:
            return Proposed()
        rendered = self.prompts.render(
            "icp_discovery", count=str(PROPOSALS_MAX), profile=shown(profile)
        )
        request = LlmRequest(
            slot=PROPOSAL_SLOT,
            model=self.model,
            system=rendered.system,
            user=rendered.user,
            schema=PROPOSALS_SCHEMA,
            schema_name="queries",
            max_output_tokens=PROPOSAL_TOKENS_MAX,
        )
        try:
            reply = await self.llm.complete(request, deadline_seconds=seconds)
        except VendorError as error:
            return _of_no_use(error.reason)
        metered(reply.cost_usd_micros)
        raw = proposed(reply.data)
        if raw is None:
            return _of_no_use("bad_reply")
        queries = searchable(raw, ours)
        log.info("icp_discovery_proposed", proposed=len(raw), kept=len(queries),
                 cost_usd_micros=reply.cost_usd_micros)  # fmt: skip
        return Proposed(queries)


def _of_no_use(reason: str) -> Proposed:
    log.info("icp_discovery_unproposed", reason=reason)
    return Proposed(failed=True)
