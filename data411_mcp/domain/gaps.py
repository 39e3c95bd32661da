"""After each run: what is missing, stale or contested, and the one call that would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data411_mcp.domain.graph import (
    COMPANY,
    Backfill,
    Contact,
    FieldName,
    Gap,
    Statement,
    Status,
    sha1_id,
)
from data411_mcp.domain.merge import statements_of
from data411_mcp.domain.slots import DEEP, FORGE, GROUND, SWIFT

GAPS_MAX = 12

# Which slot is asked first for a field; the first that can run now is taken.
_ASK: dict[FieldName, tuple[str, ...]] = {
    FieldName.PHONE: (SWIFT, GROUND, DEEP),
    FieldName.EMAIL: (SWIFT, GROUND, DEEP),
    FieldName.PERSON: (FORGE, DEEP, GROUND),
    FieldName.TITLE: (FORGE, DEEP),
    FieldName.LEGAL_NAME: (FORGE, GROUND),
    FieldName.ADDRESS: (GROUND, SWIFT),
    FieldName.LINK: (SWIFT, GROUND),
}
_DEFAULT_ASK = (DEEP, GROUND)

_LEADS = ("owner", "founder", "president", "chief", "ceo", "cto", "cfo", "coo", "director",
          "principal", "partner", "managing", "head", "vice president", "vp", "general manager",
          "proprietor", "chair", "geschäftsführer", "inhaber", "gérant", "titolare",
          "gerente", "directeur", "directora", "eigenaar")  # fmt: skip


def decides(contact: Contact) -> bool:
    """The title says that this person decides: owner, chief, director, partner, head, …"""
    return contact.title is not None and any(
        f" {word} " in f" {contact.title.value.casefold()} "
        or contact.title.value.casefold().startswith(word)
        for word in _LEADS
    )


def find_gaps(backfill: Backfill, offers: Mapping[str, int]) -> tuple[Gap, ...]:
    """Gaps, most useful first. `offers` holds the slots that could run now and their prices in
    cents."""
    gaps: list[Gap] = []

    def add(kind: str, field: FieldName, text: str, owner: str = COMPANY) -> None:
        slot = next((s for s in _ASK.get(field, _DEFAULT_ASK) if s in offers), None)
        gaps.append(_gap(backfill, kind, field, text, owner, slot, offers.get(slot or "", 0)))

    proven = {s.id: s for s in statements_of(backfill) if s.status is Status.PROVEN}
    deciders = [c for c in backfill.contacts if c.name.id in proven and decides(c)]
    if not deciders:
        add("missing", FieldName.PERSON, "Find who decides there: owner, director or head.")
    if not any(s.field is FieldName.PHONE and s.kind != "fax" for s in proven.values()):
        add("missing", FieldName.PHONE, "Find a phone number of the company.")
    if not any(s.field is FieldName.EMAIL for s in proven.values()):
        add("missing", FieldName.EMAIL, "Find an e-mail address of the company.")
    for contact in deciders[:3]:
        name = contact.name.value
        if not any(i in proven for i in contact.emails):
            add("missing", FieldName.EMAIL, f"Find an e-mail address of {name}.", contact.id)
        if not any(i in proven for i in contact.phones):
            add("missing", FieldName.PHONE, f"Find a direct phone number of {name}.", contact.id)
    if not any(s.field is FieldName.LEGAL_NAME for s in proven.values()):
        add("missing", FieldName.LEGAL_NAME, "Find the legal name behind the trade name.")
    if not any(s.field is FieldName.ADDRESS for s in proven.values()):
        add("missing", FieldName.ADDRESS, "Find the street address.")
    for statement in _with_status(backfill, Status.CONTESTED):
        what = described(statement, backfill)
        text = f"Settle which {what} is right: {statement.value[:60]} is contested."
        add("contested", statement.field, text, statement.owner)
    for statement in _with_status(backfill, Status.STALE):
        what = described(statement, backfill)
        text = f"Check whether the {what} {statement.value[:60]} still holds."
        add("stale", statement.field, text, statement.owner)
    return tuple(gaps[:GAPS_MAX])


def described(statement: Statement, backfill: Backfill) -> str:
    """`title of Jane Doe`, `founded year`: what a statement is about, in words."""
    what = statement.field.value.replace("_", " ")
    if statement.owner == COMPANY or statement.field is FieldName.PERSON:
        return what
    name = next((e.name for e in backfill.entities if e.id == statement.owner), "")
    return f"{what} of {name}" if name else what


def _with_status(backfill: Backfill, status: Status) -> Sequence[Statement]:
    return [s for s in statements_of(backfill) if s.status is status]


def _gap(
    backfill: Backfill,
    kind: str,
    field: FieldName,
    text: str,
    owner: str,
    slot: str | None,
    cents: int,
) -> Gap:
    call = {
        "tool": "rerun_hunt_slot",
        "arguments": {
            "chat_session_id": backfill.chat_session_id,
            "model_id": slot,
            "prompts": [text],
            "refresh_summary": True,
        },
    }
    return Gap(
        id=sha1_id("gap", kind, field.value, owner, text)[:12],
        kind=kind,
        field=field.value,
        owner=owner,
        text=text,
        slot=slot,
        price_cents=cents,
        call=call if slot is not None else {},
    )
