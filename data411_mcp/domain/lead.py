"""The lead as the CRM gave it: immutable, echoed as it came, never rewritten by discoveries."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, StrictInt, StrictStr


class Lead(BaseModel):
    """One CRM record. Values are exactly as pasted; `domain/lead_input.py` makes one from raw
    input and `LeadKey` holds the normalised forms that matching uses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact_id: StrictInt | StrictStr | None = None
    company: StrictStr | None = None
    domain: StrictStr | None = None
    street: StrictStr | None = None
    city: StrictStr | None = None
    state: StrictStr | None = None
    zip: StrictStr | None = None
    number1: StrictStr | None = None
    number2: StrictStr | None = None
    dm_name: StrictStr | None = None
    source_system: StrictStr | None = None
    search_variants: tuple[StrictStr, ...] = ()


class LeadKey(BaseModel):
    """The normalised forms of a lead: what "same lead" and the warm seed compare.

    `domain` is a registrable domain, `phones` are E.164, names are folded. `text` is one stable
    string for ids and locks.
    """

    model_config = ConfigDict(frozen=True)

    contact_id: str | None
    source_system: str | None
    company: str | None
    domain: str | None
    phones: tuple[str, ...]
    person: str | None
    country: str | None  # ISO 2, guessed from state, zip, phone or domain suffix
    text: str
