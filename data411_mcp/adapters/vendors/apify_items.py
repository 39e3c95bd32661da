"""What Apify's LinkedIn actors answer, read with distrust: keys vary, most are optional, e-mails
are strings or objects, control characters stand raw in strings, hidden people have no names.

Of a person only what says who they are and where they work now is kept and stored.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from data411_mcp.adapters.vendors.api_page import api_page
from data411_mcp.domain.evidence import Page
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import Clock
from data411_mcp.services.ports.icp import Employee, LinkedinPage

NAME_CHARS_MAX = 120
TITLE_CHARS_MAX = 200
EMAILS_MAX = 3
_URL_KEYS = ("linkedin_url", "linkedinUrl", "linkedin_company_url", "companyUrl", "url")
_WEBSITE_KEYS = ("website", "websiteUrl", "companyWebsite", "company_website")
_NAMELESS = frozenset({"linkedin member", "member", "unknown", "n a"})
_EMAIL = re.compile(r"[^@\s<>\"',;]{1,64}@[a-z0-9.-]+\.[a-z0-9-]{2,}", re.IGNORECASE)
_PAGE_KEYS = ("companyLinkedinUrl", "companyUrl")
_JOB_KEYS = ("position", "companyName", "companyLinkedinUrl", "companyUniversalName", "endDate")


def parse_items(body: bytes) -> list[dict[str, Any]]:
    """The objects of a bare array; raw control characters in strings are let through. Raises
    LookupFailed("bad_reply")."""
    try:
        parsed = json.loads(body.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError) as error:
        raise LookupFailed("bad_reply") from error
    if not isinstance(parsed, list):
        raise LookupFailed("bad_reply")
    return [item for item in parsed if isinstance(item, dict)]


def parse_run(body: bytes) -> dict[str, Any]:
    """`data` of a run's reply, its ids checked: they become parts of paths."""
    try:
        data = json.loads(body, strict=False)["data"]
        ids = (data["id"], data["defaultDatasetId"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LookupFailed("bad_reply") from error
    if not all(isinstance(i, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", i) for i in ids):
        raise LookupFailed("bad_reply")
    return dict(data)


# --- addresses ---------------------------------------------------------------------------------


def company_url(address: str) -> str | None:
    """`sg.linkedin.com/company/Acme/about` → `https://www.linkedin.com/company/acme`; None for
    another host, a person's page, or no address at all."""
    return _linkedin(address, "linkedin")


def person_url(address: str) -> str | None:
    return _linkedin(address, "linkedin_person")


def company_slug(address: str) -> str | None:
    url = company_url(address)
    return url.rpartition("/")[2] if url else None


def _linkedin(address: str, kind: str) -> str | None:
    from data411_mcp.domain.extract.links import profile_of  # with the first reply

    try:
        found = profile_of(address if "//" in address else f"https://{address}")
    except ValueError:
        return None
    if found is None or found[0] != kind or re.search(r"[\s\"<>\\]", found[1]):
        return None
    return found[1]


# --- companies ---------------------------------------------------------------------------------


def linkedin_page(
    items: list[dict[str, Any]], domain: str, address: str, clock: Clock
) -> LinkedinPage | None:
    """The first row that fits the domain. A row that names another domain or website is another
    company's, whatever its name."""
    for item in items:
        keys = [k for k in _URL_KEYS if isinstance(item.get(k), str) and company_url(item[k])]
        sites = [("domain", item.get("domain"))] + [(k, item.get(k)) for k in _WEBSITE_KEYS]
        told = [(k, _clean(s, 300)) for k, s in sites if isinstance(s, str) and s.strip()]
        if not keys or any(registrable_domain(_bare(s)) != domain for _, s in told):
            continue
        kept = _Excerpt()
        for key, site in told:
            kept.line(**{key: site})
        raw = _clean(item[keys[0]], 300)
        kept.line(**{keys[0]: raw})
        page = _stored(address, kept, clock)
        start, end = kept.where(raw)
        url = company_url(raw)
        if url is not None:
            # The domain is only what was asked for, said again.
            vouched = any(k in _WEBSITE_KEYS for k, _ in told)
            return LinkedinPage(url, page, start, end, vouched)
    return None


def _bare(site: str) -> str:
    """A website without its path, whether or not it has a scheme."""
    return site if "//" in site else site.split("/", 1)[0]


# --- people ------------------------------------------------------------------------------------


def employee(item: Mapping[str, Any], slug: str, clock: Clock) -> Employee | None:
    """The person of an item; None when hidden, nameless or not (or no longer) at the company."""
    name_parts = _name(item)
    name = " ".join(name_parts.values())
    if item.get("hidden") is True or not _is_name(name):
        return None
    works_here, job = _current_job(item, slug)
    if not works_here:
        return None
    address = _text(item, "linkedinUrl", "linkedin_url", "profileUrl", "url")
    url = person_url(address) or ""
    emails = tuple(dict.fromkeys(_emails(item)))[:EMAILS_MAX]
    title, title_key = _title(item, job)
    city, country = _place(item)
    kept = _Excerpt()
    kept.line(**name_parts)
    if len(name_parts) > 1:
        kept.line(name=name)  # in one piece too: as such an erased person is found
    kept.line(**{title_key: title} if title_key else {})
    kept.line(**{"experience": [_job_excerpt(job)]} if job else {})
    kept.line(**{"linkedinUrl": address} if address else {})
    kept.line(**{"location": {"city": city, "countryCode": country}} if city or country else {})
    kept.line(**{"emails": list(emails)} if emails else {})
    if company_slug(_text(job, *_PAGE_KEYS)) != slug and (asked := _asked_of(item)):
        kept.line(currentCompanies=asked)  # the one thing in it that leads to the company's page
    page = _stored(url or f"https://www.linkedin.com/company/{slug}#{_digest(name)}", kept, clock)
    start, end = kept.around(*name_parts.values())
    title_start, title_end = kept.where(title) if title else (0, 0)
    return Employee(
        name, title, url, page, start, end, emails, city, country, title_start, title_end,
        employer=_text(job, "companyName"), tied=slug in _slugs(job),
    )  # fmt: skip


def _name(item: Mapping[str, Any]) -> dict[str, str]:
    first, last = _text(item, "firstName"), _text(item, "lastName")
    if first or last:
        return {k: v for k, v in (("firstName", first), ("lastName", last)) if v}
    name = _text(item, "name", "fullName")
    return {"name": name} if name else {}


def _is_name(name: str) -> bool:
    letters = re.sub(r"[\W\d_]+", " ", name).strip()
    return (
        2 <= len(name) <= NAME_CHARS_MAX
        and len(letters) > 1
        and letters.casefold() not in (_NAMELESS)
    )


def _current_job(item: Mapping[str, Any], slug: str) -> tuple[bool, dict[str, Any]]:
    """Whether the person may be with the company now, and the entry that says so. An actor lists
    past employees too. Where no entry names its company's page, the first that goes on is given:
    the name in it is to be looked at; where there is none, the vendor's query is believed."""
    jobs = [j for k in ("experience", "currentPositions", "currentPosition")
            for j in _dicts(item.get(k))]  # fmt: skip
    told = [(j, _slugs(j)) for j in jobs]
    here = [j for j, slugs in told if slug in slugs]
    now = [j for j in here if _goes_on(j)]
    if now:
        return True, now[0]
    going_on = [(j, slugs) for j, slugs in told if _goes_on(j)]
    if here or any(slugs for _, slugs in going_on) or (jobs and not going_on):
        return False, {}
    named = [j for j, _ in going_on if _text(j, "companyName")]
    return True, named[0] if named else going_on[0][0] if going_on else {}


def _slugs(job: Mapping[str, Any]) -> set[str]:
    """Pages that the entry names; a number instead of a name says nothing."""
    named = {_text(job, "companyUniversalName").lower()}
    named.add(company_slug(_text(job, *_PAGE_KEYS)) or "")
    return {s for s in named if s and not s.isdigit()}


def _goes_on(job: Mapping[str, Any]) -> bool:
    until = job.get("endDate")
    if isinstance(until, dict):
        if until.get("year") and not until.get("text"):
            return False
        until = until.get("text")
    return until is None or str(until).strip().casefold() in ("", "present", "none")


def _title(item: Mapping[str, Any], job: Mapping[str, Any]) -> tuple[str, str]:
    """The title and the key it stands under; no key when the job's entry gives it."""
    if position := _text(job, "position", "title"):
        return position[:TITLE_CHARS_MAX], ""
    for key in ("position", "title", "headline"):
        if found := _text(item, key):
            return found[:TITLE_CHARS_MAX], key
    return "", ""


def _job_excerpt(job: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if position := _text(job, "position", "title"):
        kept["position"] = position[:TITLE_CHARS_MAX]
    for key in _JOB_KEYS[1:4]:
        if found := _text(job, key):
            kept[key] = found
    return kept


def _emails(item: Mapping[str, Any]) -> Iterator[str]:
    found = item.get("emails")
    for one in [*(found if isinstance(found, list) else [found]), item.get("email")]:
        text = one.get("email") if isinstance(one, dict) else one
        if isinstance(text, str) and _EMAIL.fullmatch(_clean(text, 400)):
            yield _clean(text, 400).lower()


def _place(item: Mapping[str, Any]) -> tuple[str | None, str | None]:
    place = item.get("location")
    if not isinstance(place, dict):
        return None, None
    parsed = place.get("parsed")
    rows = [p for p in (parsed, place) if isinstance(p, dict)]
    city = next((_text(p, "city") for p in rows if _text(p, "city")), "")
    country = next((_text(p, "countryCode") for p in rows if _text(p, "countryCode")), "")
    return city or None, country.upper() if re.fullmatch(r"[A-Za-z]{2}", country) else None


def _asked_of(item: Mapping[str, Any]) -> list[str]:
    """The companies that the vendor says it was asked about."""
    meta = item.get("_meta")
    query = meta.get("query") if isinstance(meta, dict) else None
    asked = query.get("currentCompanies") if isinstance(query, dict) else None
    return (
        [_clean(a, 300) for a in asked if isinstance(a, str)][:5] if isinstance(asked, list) else []
    )


def shape(item: Mapping[str, Any], *, keys: bool) -> dict[str, Any]:
    """What may be logged of an item: which parts it has, never what they say."""
    seen: dict[str, Any] = {
        "name": bool(_name(item)),
        "hidden": item.get("hidden") is True,
        "emails": sum(1 for _ in _emails(item)),
        "jobs": len(_dicts(item.get("experience"))),
    }
    if keys:
        seen["keys"] = sorted(k for k in item if re.fullmatch(r"\w{1,40}", k))[:60]
    return seen


# --- texts -------------------------------------------------------------------------------------


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _text(item: Mapping[str, Any], *keys: str) -> str:
    """The first of the keys that holds a text, in one line."""
    for key in keys:
        value = item.get(key)
        if isinstance(value, str) and (cleaned := _clean(value, 400)):
            return cleaned
    return ""


def _clean(value: str, most: int) -> str:
    value = unicodedata.normalize("NFC", value)
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Cn") else c for c in value)
    return " ".join(plain.split())[:most]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass
class _Excerpt:
    """A JSON object of the vendor's values, one statement a line, so that a line's proof is not
    disturbed by another's words."""

    lines: list[str] = field(default_factory=list)

    def line(self, **members: Any) -> None:
        if members:
            shown = (f"{_json(k)}:{_json(v)}" for k, v in members.items())
            self.lines.append(",".join(shown))

    def text(self) -> str:
        return "{" + ",\n".join(self.lines) + "}"

    def where(self, value: str) -> tuple[int, int]:
        """Offsets of a value, without its quotation marks."""
        inner = _json(value)[1:-1]
        start = self.text().index(f'"{inner}"') + 1
        return start, start + len(inner)

    def around(self, *values: str) -> tuple[int, int]:
        spans = [self.where(value) for value in values]
        return min(s for s, _ in spans), max(e for _, e in spans)


def _stored(address: str, kept: _Excerpt, clock: Clock) -> Page:
    """Not as a register's row: what the vendor says is a third party's word."""
    return replace(api_page(address, kept.text(), clock), reader="apify")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
