"""Language models, and the prompts they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class LlmRequest:
    slot: str  # slot id, or "synthesis"
    model: str  # provider slug
    system: str
    user: str
    schema: Mapping[str, Any] | None  # JSON schema of the answer; None: plain text
    schema_name: str = "answer"
    web_search: bool = False
    max_output_tokens: int = 4000


@dataclass(frozen=True, slots=True)
class LlmReply:
    """`data` is the parsed answer when a schema was asked for (fences and cut JSON repaired)."""

    text: str
    data: Any
    model: str
    cost_usd_micros: int
    input_tokens: int
    output_tokens: int
    citations: tuple[str, ...] = ()
    repaired: bool = False


class LanguageModel(Protocol):
    def configured(self) -> bool: ...

    async def complete(self, request: LlmRequest, *, deadline_seconds: float) -> LlmReply:
        """Raises LookupFailed(timeout, rate_limited, bad_reply, refused, vendor_error) or
        VendorUnusable(not_configured, bad_key, no_credit)."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt with its inputs filled in. `sha` is over the prompt file, not the inputs."""

    system: str
    user: str
    sha: str


class Prompts(Protocol):
    def render(self, name: str, **inputs: str) -> Rendered:
        """Inputs must be exactly those the prompt declares."""
