"""Which company is this, and how sure: decided before anything is paid for.

Candidates come from the lead's own domain, from search and from registers. Each is compared with
what the lead says. A domain, phone, street or register id ties; a name ties only with its place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from data411_mcp.domain.graph import Anchor, Choice, IdentityCard, RunnerUp, sha1_id
from data411_mcp.domain.hosts import SHARED_HOSTS
from data411_mcp.domain.lead import Lead, LeadKey
from data411_mcp.domain.legal_forms import strip_legal_form
from data411_mcp.domain.places import same_state
from data411_mcp.domain.resolve import Profile, same_company
from data411_mcp.domain.ties import address_in, fold, phone_in

NAME_ALIKE = 0.8  # Judgement.score from which two company names count as alike
CHOICES_MAX = 5
WEIGHT_MIN = 2.0  # below, a candidate shares no more than its town with the lead


@dataclass(frozen=True, slots=True)
class Place:
    """An address of a candidate, as far as it could be read."""

    line: str = ""
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One company the lead may mean, as its own pages and the registers show it.

    `text` is the canonical text of what was read of it; `from_lead` says that the lead itself
    named this domain; `dead` that the domain shows no company (parked, gone, error).
    """

    name: str
    domain: str | None = None
    other_names: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    registry_ids: tuple[str, ...] = ()
    text: str = ""
    from_lead: bool = False
    dead: bool = False
    source: str = "site"  # site, search, registry

    @property
    def id(self) -> str:
        return sha1_id("company", self.domain or "", fold(self.name))[:12]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What ties a candidate to the lead, and what speaks against it."""

    candidate: Candidate
    ties: tuple[str, ...]  # domain, phone, street, zip, city, state, name, person
    against: tuple[str, ...]  # place, name

    @property
    def weight(self) -> float:
        points = {"domain": 4.0, "phone": 4.0, "street": 3.0, "zip": 1.5, "city": 1.5,
                  "state": 0.5, "name": 2.0, "person": 2.0}  # fmt: skip
        lost = {"place": 3.0, "name": 1.0}
        return sum(points[t] for t in self.ties) - sum(lost[a] for a in self.against)

    @property
    def settled(self) -> bool:
        """Enough to be sure, were it alone: one strong tie that nothing outweighs, or the name
        together with the town."""
        ties, against = set(self.ties), set(self.against)
        if self.candidate.dead:
            return False
        if "domain" in ties:
            # A domain whose site goes by another name may be the agency's that built it, or a
            # marketplace's: something else of the lead must stand there too.
            if "place" in against and not ties & {"phone", "street"}:
                return False
            second = ties & {"phone", "name", "street", "zip", "person"}
            return bool(second) or not against
        if "phone" in ties and not {"place", "name"} <= against:
            return True
        if "street" in ties and "name" in ties:
            return True
        return "name" in ties and bool({"zip", "city", "person"} & ties) and "place" not in against


def compare(lead: Lead, key: LeadKey, candidate: Candidate) -> Comparison:
    ties: list[str] = []
    against: list[str] = []
    if candidate.from_lead and candidate.domain == key.domain:
        ties.append("domain")
    phones = [p for p in key.phones if p in candidate.phones or phone_in(candidate.text, p)]
    if phones:
        ties.append("phone")
    ties += _place_ties(lead, candidate)
    if _place_differs(lead, candidate) and not {"zip", "city", "street"} & set(ties):
        against.append("place")
    if lead.company:
        if is_called(lead.company, candidate):
            ties.append("name")
        elif not names_itself(candidate.text, lead.company):
            against.append("name")
        elif candidate.source != "search" or not candidate.name:
            ties.append("name")
        # Else a page that a search brought and that calls itself otherwise: a newspaper or a
        # directory may merely write about the company.
    if lead.dm_name and len(fold(lead.dm_name)) > 5 and _says(candidate.text, lead.dm_name):
        ties.append("person")
    return Comparison(candidate, tuple(ties), tuple(against))


def name_alike(name: str, candidate: Candidate) -> bool:
    """The candidate is called like this, somewhere: as its name, or word for word in its text."""
    return is_called(name, candidate) or _says(candidate.text, name)


_SELF = re.compile(
    r"d/?b/?a|doing business as|trad(?:ing|es|e name)|t/a\b|operat(?:ed|es) (?:by|as|under)|brand|"
    r"formerly|also known as|a\.?k\.?a|©|copyright|\(c\)|welcome to|\babout\b|registered|limited|"
    r"\bllc\b|\binc\b|\bltd\b|gmbh|all rights",
    re.IGNORECASE,
)
SELF_CHARS = 80  # a company says what it is called within so many characters of the name


def names_itself(text: str, name: str) -> bool:
    """The text gives the name as its company's own: beside "doing business as", in a copyright
    line, "welcome to …". A mention among clients does not."""
    pattern = r"\W+".join(re.escape(w) for w in fold(name).split())
    if not pattern:
        return False
    return any(
        _SELF.search(text[max(0, m.start() - SELF_CHARS) : m.end() + SELF_CHARS])
        for m in re.finditer(pattern, text, re.IGNORECASE)
    )


def is_called(name: str, candidate: Candidate) -> bool:
    """The candidate calls itself like this: by one of its names, or in its domain, unless that
    is the domain of the lead: then it is no second sign."""
    if candidate.domain and not candidate.from_lead and _in_label(name, candidate.domain):
        return True
    for other in (candidate.name, *candidate.other_names):
        if not other:
            continue
        judgement = same_company(Profile(name=name), Profile(name=other))
        if judgement.same or judgement.score >= NAME_ALIKE:
            return True
    return False


def _in_label(name: str, domain: str) -> bool:
    """The domain's label is made of the name: joined words, or its initials and a word."""
    label = "".join(c for c in domain.split(".")[0] if c.isalnum())
    parts = [w for w in fold(strip_legal_form(name)).split() if w not in {"and", "the", "of"}]
    if not parts:
        return False
    joined = "".join(parts)
    initials = "".join(p[0] for p in parts)
    if joined.startswith(label) or (label.startswith(joined) and len(joined) >= 5):
        return len(label) >= 4
    return len(initials) >= 3 and label == initials


def _says(text: str, phrase: str) -> bool:
    return bool(fold(phrase)) and f" {fold(phrase)} " in f" {fold(text)} "


def _place_ties(lead: Lead, candidate: Candidate) -> list[str]:
    ties = []
    if lead.street and address_in(candidate.text, lead.street):
        ties.append("street")
    if lead.zip and _says(candidate.text, lead.zip[:5] if lead.zip[:5].isdigit() else lead.zip):
        ties.append("zip")
    in_city = [
        p
        for p in candidate.places
        if p.city
        and lead.city
        and fold(p.city) == fold(lead.city)
        and same_state(p.state, lead.state)
    ]
    if in_city or (lead.city and not candidate.places and _says(candidate.text, lead.city)):
        ties.append("city")
    if lead.state and any(p.state and same_state(p.state, lead.state) for p in candidate.places):
        ties.append("state")
    return ties


def _place_differs(lead: Lead, candidate: Candidate) -> bool:
    """Every place the candidate shows lies elsewhere than the lead says."""
    states = [p.state for p in candidate.places if p.state]
    if lead.state and states:
        return not any(same_state(s, lead.state) for s in states)
    cities = [p.city for p in candidate.places if p.city]
    if lead.city and cities:
        return not any(fold(c) == fold(lead.city) for c in cities)
    return False


def decide(
    lead: Lead, key: LeadKey, candidates: Sequence[Candidate], *, choice: str | None = None
) -> IdentityCard:
    """The identity card. `choice` is the id the user picked from an earlier ambiguous card, or
    `none` for none of them."""
    compared = sorted(
        (compare(lead, key, c) for c in _distinct(candidates)),
        key=lambda c: (-c.weight, c.candidate.name, c.candidate.domain or ""),
    )
    alive = [c for c in compared if not c.candidate.dead]
    if choice == "none":
        return _unknown(lead, key, compared, "none of the offered companies was meant")
    if choice is not None:
        chosen = [c for c in alive if c.candidate.id == choice]
        if chosen:
            return _clear(lead, key, chosen[0], compared, "chosen by the user", source="user")
    settled = [c for c in alive if c.settled]
    if len(settled) == 1 or (len(settled) > 1 and _clearly_ahead(settled)):
        best = settled[0]
        return _clear(lead, key, best, compared, _difference(best, compared))
    plausible = settled or [c for c in alive if "name" in c.ties or c.weight >= WEIGHT_MIN]
    if plausible:
        return _ambiguous(lead, key, plausible, compared)
    return _unknown(lead, key, compared, "nothing found fits what the lead says")


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One candidate a domain, or a name where there is none; the lead's own comes first."""
    seen: dict[str, Candidate] = {}
    for c in sorted(candidates, key=lambda c: not c.from_lead):
        seen.setdefault(c.domain or "name:" + fold(c.name), c)
    return list(seen.values())


def _clearly_ahead(settled: Sequence[Comparison]) -> bool:
    first, second = settled[0], settled[1]
    strong = {"domain", "phone", "street"}
    lead_ties = (strong & set(first.ties)) - (strong & set(second.ties))
    return bool(lead_ties) and first.weight - second.weight >= 2.0


_TIE_WORDS = {
    "domain": "the lead's own domain", "phone": "the lead's phone number",
    "street": "the lead's street address", "zip": "the same postcode", "city": "the same town",
    "state": "the same state", "name": "the same name", "person": "the lead's contact person",
}  # fmt: skip
_AGAINST_WORDS = {"place": "it is in another place", "name": "it goes by another name"}


def _why(comparison: Comparison) -> str:
    for_it = [_TIE_WORDS[t] for t in comparison.ties]
    against = [_AGAINST_WORDS[a] for a in comparison.against]
    said = ", ".join(for_it) if for_it else "nothing of the lead"
    return f"shows {said}" + (f"; but {', '.join(against)}" if against else "")


def _place_words(candidate: Candidate) -> str:
    for p in candidate.places:
        words = ", ".join(x for x in (p.city, p.state) if x)
        if words:
            return words
    return candidate.domain or "place unknown"


def _why_not(comparison: Comparison, best: Comparison | None) -> str:
    if comparison.candidate.dead:
        return "the domain shows no company"
    if comparison.against:
        return ", ".join(_AGAINST_WORDS[a] for a in comparison.against)
    if best is not None:
        missing = [t for t in best.ties if t not in comparison.ties]
        if missing:
            return "does not show " + ", ".join(_TIE_WORDS[t] for t in missing)
    return "nothing of the lead ties it"


def _difference(best: Comparison, compared: Sequence[Comparison]) -> str:
    others = [c for c in compared if c is not best]
    only = [t for t in best.ties if all(t not in o.ties for o in others)] or list(best.ties)
    return "it shows " + ", ".join(_TIE_WORDS[t] for t in only)


def _runners_up(compared: Sequence[Comparison], best: Comparison | None) -> tuple[RunnerUp, ...]:
    return tuple(
        RunnerUp(
            name=f"{c.candidate.name or c.candidate.domain} ({_place_words(c.candidate)})",
            why_not=_why_not(c, best),
        )
        for c in compared
        if c is not best
    )[:CHOICES_MAX]


def lead_anchors(lead: Lead, key: LeadKey) -> list[Anchor]:
    """What the lead itself says, as anchors. They are the salesperson's word."""
    anchors = []
    if key.domain and key.domain not in SHARED_HOSTS:
        anchors.append(Anchor(kind="domain", value=key.domain, source="lead"))
    anchors += [Anchor(kind="phone", value=p, source="lead") for p in key.phones]
    if lead.street:
        anchors.append(Anchor(kind="address", value=lead.street.strip(), source="lead"))
    if lead.company:
        anchors.append(Anchor(kind="name", value=lead.company.strip(), source="lead"))
    if lead.city:
        place = "|".join(x.strip() for x in (lead.city, lead.state or "") if x.strip())
        anchors.append(Anchor(kind="city", value=place, source="lead"))
    if lead.zip:
        anchors.append(Anchor(kind="zip", value=lead.zip.strip(), source="lead"))
    return anchors


def _clear(
    lead: Lead, key: LeadKey, best: Comparison, compared: Sequence[Comparison],
    difference: str, *, source: str = "site",
) -> IdentityCard:  # fmt: skip
    c = best.candidate
    anchors = lead_anchors(lead, key)
    if c.domain and c.domain not in SHARED_HOSTS:
        anchors.append(Anchor(kind="domain", value=c.domain, source=source))
    anchors += [Anchor(kind="name", value=n, source=source) for n in (c.name, *c.other_names) if n]
    if c.source == "registry":  # a site's numbers become anchors once they are proven
        anchors += [Anchor(kind="phone", value=p, source="registry") for p in c.phones]
    anchors += [Anchor(kind="registry_id", value=i, source="registry") for i in c.registry_ids]
    for p in c.places:
        if p.line:
            anchors.append(Anchor(kind="address", value=p.line, source=source))
        if p.city:
            value = "|".join(x for x in (p.city, p.state) if x)
            anchors.append(Anchor(kind="city", value=value, source=source))
        if p.zip:
            anchors.append(Anchor(kind="zip", value=p.zip, source=source))
    if "domain" not in best.ties and lead.domain and c.domain != key.domain:
        anchors = [a for a in anchors if not (a.kind == "domain" and a.value == key.domain)]
    return IdentityCard(
        decision="clear",
        name=c.name or lead.company or c.domain or "",
        anchors=_unique(anchors),
        runners_up=_runners_up(compared, best),
        difference=difference,
    )


def _unique(anchors: Sequence[Anchor]) -> tuple[Anchor, ...]:
    seen: dict[tuple[str, str], Anchor] = {}
    for a in anchors:
        seen.setdefault((a.kind, a.value.casefold()), a)
    return tuple(seen.values())


def _ambiguous(
    lead: Lead, key: LeadKey, plausible: Sequence[Comparison], compared: Sequence[Comparison]
) -> IdentityCard:
    choices = tuple(
        Choice(
            id=c.candidate.id,
            name=f"{c.candidate.name or c.candidate.domain} ({_place_words(c.candidate)})",
            why=_why(c),
        )
        for c in plausible[:CHOICES_MAX]
    )
    shown = [c.candidate for c in plausible[:CHOICES_MAX]]
    rest = [c for c in compared if c.candidate not in shown]
    return IdentityCard(
        decision="ambiguous",
        name=lead.company or key.domain or "",
        anchors=tuple(a for a in lead_anchors(lead, key) if a.kind != "domain"),
        runners_up=_runners_up(rest, None),
        difference="; ".join(f"{c.name} {c.why}" for c in choices[:2])[:400],
        choices=choices,
    )


def _unknown(lead: Lead, key: LeadKey, compared: Sequence[Comparison], why: str) -> IdentityCard:
    """Nothing ties any source to this company: only the lead's own phone and street may."""
    anchors = [a for a in lead_anchors(lead, key) if a.kind != "domain"]
    return IdentityCard(
        decision="unknown",
        name=lead.company or key.domain or "",
        anchors=tuple(anchors),
        runners_up=_runners_up(compared, None),
        difference=why,
    )
