"""The user's company and customers, from whatever was sent: what is kept, what was left out, and
what has still to be asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from data411_mcp.domain.icp.customers import Read, is_entry, read_customers, read_row, takes_back
from data411_mcp.domain.icp.intents import is_question
from data411_mcp.domain.icp.values import Candidate, Customer, Intake, LostCustomer
from data411_mcp.domain.icp.websites import Address, addresses, is_lone_address, repaired, site_of
from data411_mcp.domain.names import company_key
from data411_mcp.errors import InvalidArgument

CUSTOMERS_MIN, CUSTOMERS_MAX = 5, 15
LOST_MAX = 10
MESSAGE_CHARS_MAX = 20_000
ANSWERS_CHARS_MAX = 8_000
OWN_COMPANIES_MAX = 1_000
NAMED_MAX = 10  # names that one note lists
# The answers under which clients send customers that left; all are read.
LOST_KEYS = ("lost_churned", "lost", "lost_or_churned", "churned")

Asked = Literal["", "website", "customers", "confirm", "rerun", "drift", "cancel"]


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the script to say, with what fills it."""

    line: str
    values: Mapping[str, object] = field(default_factory=dict)


# --- the user's own website --------------------------------------------------------------------

_OWN = re.compile(
    r"\b(?:(?:my|our)\s+(?:own\s+)?(?:company(?:'s|’s)?\s+)?(?:new\s+)?(?:website|web\s*site|site|"
    r"homepage|url|domain|company)|(?:company\s+)?website(?:\s+url)?|unsere\s+(?:web)?seite|"
    r"meine\s+(?:web)?seite|nuestr[oa]\s+(?:sitio|web|p[aá]gina)|notre\s+site|we\s+are(?:\s+now)?|"
    r"i\s+work\s+(?:at|for))\b"
    r"[^.\n]{0,40}?(?:\bis\b|\bare\b|\bat\b|\bist\b|\bes\b|\best\b|[:=—–-]|\bhas\s+(?:changed|moved)"
    r"\s+to\b|\bto\b|\s)\s*[\"“‘(<]*$",
    re.IGNORECASE,
)


_OF_OTHERS = re.compile(
    r"\b(?:customers?|clients?|kunden|clientes?|clienti|competitors?|lost|churned)\b", re.IGNORECASE
)


_IT_IS = re.compile(
    r"\W*(?:(?:sure|yes|ok|hi|hello)\W+)*"
    r"(?:it['’]?s|it is|this is|that['’]?s|ours is|here it is)?\W*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class OwnSite:
    """`refused` is the host of a page that is no company's own website."""

    website: str = ""
    domain: str = ""
    refused: str = ""
    start: int = 0
    end: int = 0

    def __bool__(self) -> bool:
        return bool(self.domain or self.refused)


NO_SITE = OwnSite()


def own_site(text: str, *, asked: bool) -> OwnSite:
    """The user's own website in a message. A customer's address is never taken for it: only what
    is called their own ("our website is …"), or, where it was `asked` for, the one address of a
    message, or the first line of it."""
    text = repaired(text)[:MESSAGE_CHARS_MAX]
    found = addresses(text)
    for address in found:
        if _OWN.search(text[: address.start]) and not _is_column(text):
            return _site(address)
    if not asked or not found:
        return NO_SITE
    first_line = next((line for line in text.splitlines() if line.strip()), "")
    alone = addresses(first_line)
    if len(alone) == 1 and is_lone_address(first_line):
        return _site(found[0])
    lone = len({a.domain or a.host for a in found}) == 1 and len(text) <= 300
    answers = bool(_IT_IS.fullmatch(text[: found[0].start]))
    if lone and (answers or not _OF_OTHERS.search(text)):
        return _site(found[0])
    return NO_SITE


def _is_column(text: str) -> bool:
    """`Company, Website` over a table is a head, not a statement."""
    head = text.strip().splitlines()[0] if text.strip() else ""
    return any(mark in head for mark in ",;\t|") and not addresses(head)


def _site(address: Address) -> OwnSite:
    if address.shared:
        return OwnSite(refused=address.shared, start=address.start, end=address.end)
    return OwnSite(site_of(address), address.domain, start=address.start, end=address.end)


def given_site(website: str) -> OwnSite:
    """A website passed as such. Raises InvalidArgument where nothing in it can be one."""
    found = addresses(repaired(website.strip())[:2_000])
    if not found:
        raise InvalidArgument(
            "website holds no website's address.",
            'Pass the company\'s own, like website="https://www.your-company.com".',
        )
    return _site(found[0])


# --- what a message brings ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Brought:
    """Of one message, read but not yet weighed. Counts nothing twice: `Read` keeps the order."""

    site: OwnSite = NO_SITE
    read: Read = field(default_factory=Read)
    answers: Mapping[str, Any] = field(default_factory=dict)
    truncated: bool = False

    @property
    def customers(self) -> int:
        return len(self.read.best) + len(self.read.lost)


def brought_by(text: str, *, asked: Asked) -> Brought:
    """What a message in the user's words brings."""
    whole = repaired(text)
    bounded = whole[:MESSAGE_CHARS_MAX]
    site = own_site(bounded, asked=asked == "website")
    rest = _without_site(bounded, site) if site else bounded
    if not site and not _tells_customers(bounded, asked):
        rest = ""
    return Brought(site, read_customers(rest), {}, truncated=len(whole) > len(bounded))


def _without_site(text: str, site: OwnSite) -> str:
    """Without the sentence that names the user's own website."""
    start = max(text.rfind("\n", 0, site.start), _sentence_start(text, site.start)) + 1
    end = site.end
    while end < len(text) and text[end] in ' .,;)>"”':
        end += 1
    return (text[:start] + "\n" + text[end:]).strip()


def _sentence_start(text: str, end: int) -> int:
    return max((m.end() - 1 for m in re.finditer(r"[.!?;]\s", text[:end])), default=-1)


def _tells_customers(text: str, asked: Asked) -> bool:
    """Whether the message may be read for customers: whatever comes when they were asked for, or
    with the website; later only what has the form of entries, never small talk or a question."""
    found = addresses(text)
    if is_question(text) and len(found) < 2:
        return False
    if asked in ("website", "customers"):
        return True
    if asked == "confirm":
        return bool(found) or takes_back(text)
    if len(found) > 1 or (found and _OF_OTHERS.search(text)) or takes_back(text):
        return True
    return bool(found) and is_entry(text)


def given_intake(
    *,
    website: str | None,
    customers: str | Sequence[Mapping[str, Any]] | None,
    lost: str | Sequence[Mapping[str, Any]] | None,
    answers: Mapping[str, Any] | None,
) -> Brought:
    """What a form or a client brings. Raises InvalidArgument."""
    kept = dict(answers or {})
    if len(json.dumps(kept, ensure_ascii=False, default=str)) > ANSWERS_CHARS_MAX:
        raise InvalidArgument(
            f"answers is longer than {ANSWERS_CHARS_MAX} characters.", "Shorten the answers."
        )
    of_answers = [kept.pop(key) for key in LOST_KEYS if key in kept]
    website = website or _text_of(kept.pop("website", None))
    read = Read()
    _collect(read, customers, lost=False)
    for group in (lost, *of_answers):
        _collect(read, group, lost=True)
    site = given_site(website) if website else NO_SITE
    return Brought(site, read, json.loads(json.dumps(kept, default=str)))


def _text_of(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _collect(read: Read, given: object, *, lost: bool) -> None:
    if isinstance(given, str):
        found = read_customers(given[:MESSAGE_CHARS_MAX], lost=lost)
        read.best += found.best
        read.lost += found.lost
        read.unread += found.unread
        read.profiles += found.profiles
        read.plain &= found.plain
        return
    if isinstance(given, Mapping):
        given = [given]
    if not isinstance(given, Sequence):
        return
    for entry in given[:500]:
        if isinstance(entry, Mapping):
            read_row(read, entry, lost=lost)
        elif isinstance(entry, str):
            _collect(read, entry if "\n" in entry else f"- {entry}", lost=lost)


# --- weighing it -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taken:
    """`intake` after a message, what is to be said about it, and whether anything changed."""

    intake: Intake
    notes: tuple[Note, ...] = ()
    changed: bool = False


def take(intake: Intake, brought: Brought, *, replace: bool = False) -> Taken:
    """Add what a message brings; with `replace` its customers take the place of the ones there
    were. The website is only taken, never weighed: whether a new one is meant is asked before."""
    site, read = brought.site, brought.read
    notes: list[Note] = []
    website, domain = intake.website, intake.domain
    if site.refused:
        notes.append(Note("website_is_profile", {"host": site.refused}))
    elif site.domain:
        website, domain = site.website, site.domain
    if brought.truncated:
        notes.append(Note("too_long", {"n": MESSAGE_CHARS_MAX}))
    before = () if replace and read.best else intake.customers
    lost = _deduped([*intake.lost, *read.lost])
    best, repeated = _counted([*before, *read.best])
    best, gone, nobody = _without_removed(best, read.removed)
    if gone:
        notes.append(Note("removed", {"names": listed(gone)}))
    if nobody:
        notes.append(Note("not_removed", {"names": joined(nobody)}))
    best, own = _without_own(best, domain)
    notes += [Note("own_company", {"name": c.name or c.domain}) for c in own[:1]]
    if repeated:
        notes.append(Note("duplicates", {"n": repeated}))
    both = [c for c in best if _key(c) in {_key(x) for x in lost}]
    if both:
        notes.append(Note("both_lists", {"names": listed(both)}))
        best = [c for c in best if c not in both]
    best, left = _at_most(best)
    if left:
        notes.append(Note("left_out", {"names": listed(left)}))
    notes += _reading_notes(read)
    bare = [c for c in read.lost if not c.reason]
    if bare:
        notes.append(Note("no_reason", {"names": listed(bare)}))
    answers = {**intake.answers, **brought.answers}
    after = Intake(
        website=website,
        domain=domain,
        customers=tuple(best),
        lost=tuple(lost[:LOST_MAX]),
        answers=answers,
    )
    return Taken(after, tuple(notes), changed=after != intake)


def _reading_notes(read: Read) -> list[Note]:
    notes = []
    if read.unread:
        notes.append(Note("no_website_in", {"names": joined(read.unread)}))
    if read.profiles:
        notes.append(Note("shared_host", {"names": joined(read.profiles)}))
    return notes


def complete(intake: Intake) -> bool:
    """Enough to infer a profile from."""
    return intake.domain is not None and len(intake.customers) >= CUSTOMERS_MIN


def _key(customer: Customer) -> str:
    return customer.domain or f"name:{company_key(customer.name) or customer.name.casefold()}"


def _counted(customers: Sequence[Customer]) -> tuple[list[Customer], int]:
    """One entry for each company, in order, and how many entries that joined. An entry with a
    name alone joins the one of the same name that has a website."""
    by_key: dict[str, Customer] = {}
    for customer in customers:
        name_key = f"name:{company_key(customer.name)}" if customer.name else ""
        same = next((k for k, c in by_key.items() if name_key and _name_key(c) == name_key
                     and (c.domain is None or customer.domain is None)), None)  # fmt: skip
        key = same or _key(customer)
        known = by_key.get(key)
        if known is None:
            by_key[key] = customer
            continue
        by_key[key] = Customer(
            name=known.name or customer.name, domain=known.domain or customer.domain
        )
    return list(by_key.values()), len(customers) - len(by_key)


def _name_key(customer: Customer) -> str:
    return f"name:{company_key(customer.name)}" if customer.name else ""


def _deduped(lost: Sequence[LostCustomer]) -> list[LostCustomer]:
    """One entry for each; a later reason fills an empty one."""
    by_key: dict[str, LostCustomer] = {}
    for customer in lost:
        known = by_key.get(_key(customer))
        if known is None or (customer.reason and not known.reason):
            by_key[_key(customer)] = customer
    return list(by_key.values())


def _without_own(
    customers: Sequence[Customer], domain: str | None
) -> tuple[list[Customer], list[Customer]]:
    own = [c for c in customers if domain and (c.domain == domain or _named_like(c, domain))]
    return [c for c in customers if c not in own], own


def _named_like(customer: Customer, domain: str) -> bool:
    """Without a website, and with the very name that the domain is: The Black Knight and
    theblackknight.org."""
    label = domain.partition(".")[0].replace("-", "")
    names = (customer.name.casefold(), company_key(customer.name))
    return not customer.domain and label in {re.sub(r"[\W_]", "", name) for name in names}


def _without_removed(
    customers: Sequence[Customer], removed: Sequence[str]
) -> tuple[list[Customer], list[Customer], list[str]]:
    """Those that stay, those that the user takes back (by website, by name, or by a beginning of
    it that only one has), and the words that mean none."""
    gone: list[Customer] = []
    nobody: list[str] = []
    for whom in removed:
        domains = {a.domain for a in addresses(whom)}
        said = company_key(whom) or whom.casefold()
        keys = [company_key(c.name) or c.name.casefold() for c in customers]
        same = [c for c, key in zip(customers, keys, strict=True)
                if c.domain in domains or key == said]  # fmt: skip
        begun = [c for c, key in zip(customers, keys, strict=True) if key.startswith(f"{said} ")]
        meant = same or (begun if len(begun) == 1 else [])
        gone += meant
        nobody += [] if meant else [whom]
    return [c for c in customers if c not in gone], gone, nobody


def _at_most(customers: Sequence[Customer]) -> tuple[list[Customer], list[Customer]]:
    """The first fifteen, those that have a website before those that have none; their order
    stays."""
    if len(customers) <= CUSTOMERS_MAX:
        return list(customers), []
    ranked = sorted(range(len(customers)), key=lambda i: (customers[i].domain is None, i))
    kept = set(ranked[:CUSTOMERS_MAX])
    return (
        [c for i, c in enumerate(customers) if i in kept],
        [c for i, c in enumerate(customers) if i not in kept],
    )


def listed(customers: Sequence[Customer]) -> str:
    return joined([c.name or c.domain or "" for c in customers])


def read_back(customers: Sequence[Customer | LostCustomer]) -> str:
    """All of them, as they were understood."""
    return ", ".join(
        f"{c.name} ({c.domain or 'by name'})" if c.name else c.domain or "" for c in customers
    )


def joined(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED_MAX])
    more = len(names) - NAMED_MAX
    return f"{shown} and {more} more" if more > 0 else shown


# --- the user's own list of companies ----------------------------------------------------------


def own_companies(text: str) -> tuple[Candidate, ...]:
    """Candidates from a file of the user's own: a table or a list of names and websites. Those
    without a website cannot be compared and are left out; each domain counts once. Raises
    InvalidArgument where nothing can be read."""
    found: dict[str, Candidate] = {}
    for part in _portions(text):
        for customer in read_customers(part).best:
            if customer.domain and len(found) < OWN_COMPANIES_MAX:
                known = Candidate(
                    domain=customer.domain,
                    name=customer.name,
                    url=f"https://{customer.domain}/",
                    source="csv",
                    rank=len(found) + 1,
                )
                found.setdefault(customer.domain, known)
    if not found:
        raise InvalidArgument(
            "own_companies_csv holds no company with a website.",
            "Send a table with the columns company and website.",
        )
    return tuple(found.values())


def _portions(text: str) -> list[str]:
    """Each with the head of the table, so that a long file is read to its end."""
    lines = text.splitlines()[: OWN_COMPANIES_MAX * 2]
    head, rest = lines[:1], lines[1:]
    return ["\n".join([*head, *rest[i : i + 400]]) for i in range(0, max(len(rest), 1), 400)]
