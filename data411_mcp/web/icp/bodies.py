"""Request bodies of the ICP finder's routes. Texts are the user's: bounded here, read there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TEXT_CHARS_MAX = 100_000  # what a body may bring; the conversation looks at less
CSV_CHARS_MAX = 1_000_000
ID_CHARS_MAX = 200
LIST_MAX = 200

Text = Annotated[str, Field(max_length=TEXT_CHARS_MAX)]
ThreadId = Annotated[str, Field(min_length=1, max_length=ID_CHARS_MAX)]
SortKey = Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"]
MessageId = Annotated[str, Field(min_length=1, max_length=ID_CHARS_MAX)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Protocol(BaseModel):
    """A body of the LangGraph server's protocol: what is not known is left alone."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class CustomerBody(_Body):
    """At least one of the two."""

    name: Text = ""
    domain: Text | None = None
    website: Text | None = None
    reason: Annotated[Text, Field(description="Of a lost customer: why.")] = ""


class SeedBody(_Body):
    """A best customer in the words of the intake form."""

    seed_name: Text = ""
    domain: Text | None = None


class IntakeBody(_Body):
    """Either `message`, which is what the user said, or the fields of the form."""

    message: Text | None = None
    message_id: MessageId | None = None
    website: Text | None = None
    customers: Annotated[
        Text | list[CustomerBody] | None,
        Field(description="5 to 15 best customers: as the user wrote them, or as objects."),
    ] = None
    seeds: Annotated[list[SeedBody] | None, Field(max_length=LIST_MAX)] = None
    lost: Annotated[
        Text | list[CustomerBody] | None, Field(description="Lost or churned, with a reason.")
    ] = None
    answers: Annotated[
        dict[str, Any] | None, Field(description="Optional answers of the form, by key.")
    ] = None
    own_companies_csv: Annotated[
        str | None, Field(max_length=CSV_CHARS_MAX, description="The user's own companies.")
    ] = None
    thread_id: ThreadId | None = None
    start_fresh: bool = False


class ThreadBody(_Body):
    thread_id: ThreadId


class MicroIcpBody(_Body):
    """A narrower profile of the user's own."""

    title: Text = ""
    industries: list[Text] = []
    integrations: list[Text] = []
    buyer_titles: list[Text] = []
    size_bands: list[Text] = []
    triggers: list[Text] = []
    geos: list[Text] = []
    ssic: list[Text] = []


class AcceptBody(_Body):
    thread_id: ThreadId
    micro_icp: Annotated[
        Text | MicroIcpBody, Field(description="The id of a suggestion, or a profile.")
    ]


class Top10Body(_Body):
    thread_id: ThreadId
    notify_email: Annotated[
        Text | None, Field(description="Only an address that the tenant's configuration allows.")
    ] = None


class OrchestrationBody(_Body):
    """One message of the user: `input`, or the same under its other name."""

    input: Text | None = None
    message: Text | None = None
    message_id: MessageId | None = None
    thread_id: ThreadId | None = None
    start_fresh: bool = False


class ResumeEligibleBody(_Body):
    context_key: Annotated[str, Field(max_length=ID_CHARS_MAX)] | None = None


# --- the LangGraph server's protocol ---------------------------------------------------------


class CreateThreadBody(_Protocol):
    thread_id: ThreadId | None = None
    metadata: dict[str, Any] | None = None
    if_exists: Literal["raise", "do_nothing"] | None = None
    start_fresh: bool = True


class CountBody(_Protocol):
    metadata: dict[str, Any] | None = None
    values: dict[str, Any] | None = None
    status: Literal["idle", "busy", "interrupted", "error"] | None = None


class SearchBody(CountBody):
    ids: Annotated[list[str], Field(max_length=LIST_MAX)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0
    sort_by: SortKey | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None


class PatchThreadBody(_Protocol):
    metadata: dict[str, Any] | None = None
    label: Text | None = None
    status: Annotated[
        Literal["locked", "archived"] | None,
        Field(description="Lock or archive the thread; a locked one is not opened again."),
    ] = None


class HistoryBody(_Protocol):
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    before: Annotated[
        str | dict[str, Any] | None,
        Field(description="A checkpoint or its id: only what is older is listed."),
    ] = None


class CheckpointBody(_Protocol):
    checkpoint: dict[str, Any]


class CancelRunsBody(_Protocol):
    thread_id: ThreadId
    run_ids: Annotated[list[str], Field(max_length=LIST_MAX)] | None = None


class RunBody(_Protocol):
    """`input`: {"messages": [{"role": "user", "content": "…", "id": "…"}]}; the last message of
    the user counts."""

    assistant_id: Annotated[str, Field(max_length=ID_CHARS_MAX)] = "orchestrator"
    input: dict[str, Any] | None = None
    stream_mode: str | list[str] | None = None
    metadata: dict[str, Any] | None = None
    if_not_exists: Literal["create", "reject"] | None = None
