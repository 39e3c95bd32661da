"""Public registers: GLEIF, SEC EDGAR and RDAP."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from data411_mcp.twins.rows import EdgarRow, GleifRow, RdapRow
from data411_mcp.twins.wire import Reply, Request, json_reply, text_reply

GLEIF_PAGE_SIZE = 15
GLEIF_TYPE = "application/vnd.api+json"
UNDECLARED = (
    "<html><head><title>SEC.gov | Your Request Originates from an Undeclared Automated Tool"
    "</title></head><body><h1>Your Request Originates from an Undeclared Automated Tool</h1>"
    "<p>Please declare your traffic by updating your user agent to include company specific"
    " information.</p></body></html>"
)
RDAP_REGISTRIES = {
    "com": "https://rdap.verisign.com/com/v1/",
    "net": "https://rdap.verisign.com/net/v1/",
    "org": "https://rdap.publicinterestregistry.org/rdap/",
}
RDAP_ELSE = "https://rdap.nic.example/"
RDAP_HOSTS = frozenset(
    {"rdap.org", "rdap.verisign.com", "rdap.publicinterestregistry.org", "rdap.nic.example"}
)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


# --- GLEIF -------------------------------------------------------------------------------


def gleif_error(code: int, title: str = "Server Error") -> dict[str, Any]:
    return {"errors": [{"status": str(code), "title": title}]}


def gleif(rows: Sequence[GleifRow], request: Request) -> Reply:
    parts = [part for part in request.path.removeprefix("/api/v1").split("/") if part]
    if parts in (["fuzzycompletions"], ["autocompletions"]):
        return _gleif_completions(rows, request)
    if not parts or parts[0] != "lei-records":
        return _gleif_reply(gleif_error(404, "Not Found"), 404)
    if len(parts) == 1:
        return _gleif_list(rows, request)
    row = next((row for row in rows if row.lei == parts[1].upper()), None)
    if row is not None and len(parts) == 3:
        wanted = {"direct-parent": row.direct_parent, "ultimate-parent": row.ultimate_parent}
        row = next((r for r in rows if r.lei == wanted.get(parts[2])), None)
    if row is None:
        return _gleif_reply(gleif_error(404, "Not Found"), 404)
    return _gleif_reply({"data": _gleif_record(row)})


def _gleif_reply(data: Any, status: int = 200) -> Reply:
    return json_reply(data, status, content_type=GLEIF_TYPE)


def _gleif_list(rows: Sequence[GleifRow], request: Request) -> Reply:
    found = [row for row in rows if _gleif_matches(row, request)]
    size_text = request.arg("page[size]", default=str(GLEIF_PAGE_SIZE))
    page_text = request.arg("page[number]", default="1")
    size = int(size_text) if size_text.isdigit() and 0 < int(size_text) <= 200 else GLEIF_PAGE_SIZE
    page = int(page_text) if page_text.isdigit() and int(page_text) > 0 else 1
    shown = found[(page - 1) * size : page * size]
    pagination = {
        "currentPage": page,
        "perPage": size,
        "from": (page - 1) * size + 1 if shown else None,
        "to": (page - 1) * size + len(shown) if shown else None,
        "total": len(found),
        "lastPage": max(1, -(-len(found) // size)),
    }
    meta = {"goldenCopy": {"publishDate": "2026-11-20T08:00:00Z"}, "pagination": pagination}
    return _gleif_reply({"meta": meta, "links": {}, "data": [_gleif_record(r) for r in shown]})


def _gleif_matches(row: GleifRow, request: Request) -> bool:
    """Every filter given must hold; a comma in its value means "or". Names match when all their
    words occur."""
    checks: dict[str, Callable[[str], bool]] = {
        "filter[lei]": lambda v: row.lei == v.upper(),
        "filter[entity.legalName]": lambda v: _words(v) <= _words(row.legal_name),
        "filter[entity.names]": lambda v: _words(v) <= _gleif_names(row),
        "filter[fulltext]": lambda v: _words(v) <= _gleif_text(row),
        "filter[entity.legalAddress.country]": lambda v: row.country == v.upper(),
        "filter[entity.legalAddress.city]": lambda v: row.city.casefold() == v.casefold(),
        "filter[entity.legalAddress.region]": lambda v: row.region == v.upper(),
        "filter[entity.legalAddress.postalCode]": lambda v: row.postal_code == v,
        "filter[entity.registeredAs]": lambda v: row.registered_as == v,
        "filter[entity.jurisdiction]": lambda v: (row.jurisdiction or row.country) == v.upper(),
        "filter[entity.status]": lambda v: row.status == v.upper(),
    }
    return all(
        any(check(value.strip()) for value in request.query[key][0].split(","))
        for key, check in checks.items()
        if key in request.query
    )


def _gleif_names(row: GleifRow) -> set[str]:
    return _words(" ".join((row.legal_name, *row.other_names)))


def _gleif_text(row: GleifRow) -> set[str]:
    parts = (*row.address, row.city, row.postal_code, row.registered_as or "", row.lei)
    return _gleif_names(row) | _words(" ".join(parts))


def _gleif_completions(rows: Sequence[GleifRow], request: Request) -> Reply:
    """Fuzzy: at least half of the query's words, most first."""
    wanted = _words(request.arg("q"))
    scored = sorted(
        ((len(wanted & _gleif_names(row)), row) for row in rows), key=lambda pair: -pair[0]
    )
    data = [
        {
            "type": "fuzzycompletions",
            "attributes": {"value": row.legal_name},
            "relationships": {"lei-records": {"data": {"type": "lei-records", "id": row.lei}}},
        }
        for share, row in scored
        if wanted and share * 2 >= len(wanted)
    ]
    return _gleif_reply({"data": data[:10]})


def _gleif_record(row: GleifRow) -> dict[str, Any]:
    if row.wire is not None:
        return row.wire
    legal = {
        "language": "en",
        "addressLines": list(row.address),
        "city": row.city,
        "region": row.region,
        "country": row.country,
        "postalCode": row.postal_code,
    }
    hq = legal | {
        "addressLines": list(row.address if row.hq_address is None else row.hq_address),
        "city": row.hq_city or row.city,
        "region": row.hq_region or row.region,
        "country": row.hq_country or row.country,
        "postalCode": row.hq_postal_code or row.postal_code,
    }
    entity = {
        "legalName": {"name": row.legal_name, "language": "en"},
        "otherNames": [
            {"name": name, "language": "en", "type": "TRADING_OR_OPERATING_NAME"}
            for name in row.other_names
        ],
        "legalAddress": legal,
        "headquartersAddress": hq,
        "registeredAt": {"id": row.registered_at, "other": None},
        "registeredAs": row.registered_as,
        "jurisdiction": row.jurisdiction or row.country,
        "category": "GENERAL",
        "legalForm": {"id": "8888", "other": row.legal_form},
        "status": row.status,
        "creationDate": f"{row.created}T00:00:00Z" if row.created else None,
    }
    registration = {
        "initialRegistrationDate": f"{row.created or row.updated}T00:00:00Z",
        "lastUpdateDate": f"{row.updated}T00:00:00Z",
        "status": row.registration_status,
        "corroborationLevel": "FULLY_CORROBORATED",
    }
    own = f"https://api.gleif.org/api/v1/lei-records/{row.lei}"
    parent = "lei-record" if row.direct_parent else "reporting-exception"
    return {
        "type": "lei-records",
        "id": row.lei,
        "attributes": {"lei": row.lei, "entity": entity, "registration": registration},
        "relationships": {"direct-parent": {"links": {parent: f"{own}/direct-parent"}}},
        "links": {"self": own},
    }


# --- SEC EDGAR ---------------------------------------------------------------------------


def edgar(rows: Sequence[EdgarRow], request: Request) -> Reply | None:
    """None for a path that is no interface of EDGAR (the world may have a page for it)."""
    if "@" not in request.headers.get("user-agent", ""):
        return text_reply(UNDECLARED, 403, content_type="text/html")
    if request.host == "www.sec.gov" and request.path == "/files/company_tickers.json":
        listed = [row for row in rows if row.ticker]
        return json_reply(
            {
                str(n): {"cik_str": row.cik, "ticker": row.ticker, "title": row.name}
                for n, row in enumerate(listed)
            }
        )
    match = re.fullmatch(r"/submissions/CIK(\d{10})\.json", request.path)
    if request.host == "data.sec.gov" and match:
        row = next((row for row in rows if row.cik == int(match[1])), None)
        if row is not None:
            return json_reply(_submissions(row))
    if request.host == "data.sec.gov":
        return text_reply("<Error><Code>NoSuchKey</Code></Error>", 404, content_type="text/xml")
    return None


def _submissions(row: EdgarRow) -> dict[str, Any]:
    if row.wire is not None:
        return row.wire
    place = {
        "street1": row.street or None,
        "street2": None,
        "city": row.city or None,
        "stateOrCountry": row.state or None,
        "zipCode": row.zip or None,
        "stateOrCountryDescription": row.state or None,
    }
    return {
        "cik": f"{row.cik:010d}",
        "entityType": "operating",
        "sic": row.sic,
        "sicDescription": row.sic_description,
        "name": row.name,
        "tickers": [row.ticker] if row.ticker else [],
        "exchanges": [row.exchange] if row.exchange else [],
        "ein": row.ein,
        "website": row.website,
        "stateOfIncorporation": row.state_of_incorporation,
        "fiscalYearEnd": row.fiscal_year_end,
        "addresses": {"mailing": place, "business": place},
        "phone": row.phone,
        "formerNames": [{"name": name, "from": None, "to": None} for name in row.former_names],
        "filings": {
            "recent": {
                "accessionNumber": [f.accession for f in row.filings],
                "form": [f.form for f in row.filings],
                "filingDate": [f.date for f in row.filings],
                "primaryDocument": [f.document for f in row.filings],
            },
            "files": [],
        },
    }


# --- RDAP --------------------------------------------------------------------------------


def rdap_error(code: int, title: str = "Server Error") -> dict[str, Any]:
    return {"errorCode": code, "title": title, "description": [title]}


def rdap(rows: Sequence[RdapRow], request: Request) -> Reply:
    """rdap.org redirects to the registry of the suffix; a registry answers."""
    match = re.search(r"/domain/([^/]+)$", request.path)
    if match is None:
        return _rdap_reply(rdap_error(400, "Bad Request"), 400)
    name = match[1].lower().rstrip(".")
    if request.host == "rdap.org":
        suffix = name.rpartition(".")[2]
        location = RDAP_REGISTRIES.get(suffix, RDAP_ELSE) + f"domain/{name}"
        return Reply(302, {"location": location}, b"")
    row = next((row for row in rows if row.domain.lower() == name), None)
    if row is None:
        return _rdap_reply(rdap_error(404, "Not Found"), 404)
    return _rdap_reply(row.wire if row.wire is not None else _rdap_domain(row))


def _rdap_reply(data: Any, status: int = 200) -> Reply:
    return json_reply(data, status, content_type="application/rdap+json")


def _rdap_domain(row: RdapRow) -> dict[str, Any]:
    dates = (
        ("registration", row.registered),
        ("expiration", row.expires),
        ("last changed", row.changed),
    )
    registrant: dict[str, Any] = {"objectClassName": "entity", "roles": ["registrant"]}
    if row.registrant is None:
        registrant["remarks"] = [{"title": "REDACTED FOR PRIVACY"}]
    else:
        country = row.registrant_country or ""
        registrant["vcardArray"] = _vcard(
            ["fn", {}, "text", ""],
            ["org", {}, "text", row.registrant],
            ["adr", {"cc": country}, "text", ["", "", "", "", "", "", ""]],
        )
    return {
        "objectClassName": "domain",
        "ldhName": row.domain.upper(),
        "handle": f"{row.domain.upper()}-EXAMPLE",
        "status": list(row.status),
        "events": [
            {"eventAction": action, "eventDate": f"{date}T00:00:00Z"}
            for action, date in dates
            if date
        ],
        "entities": [
            {
                "objectClassName": "entity",
                "roles": ["registrar"],
                "vcardArray": _vcard(["fn", {}, "text", row.registrar]),
            },
            registrant,
        ],
        "nameservers": [{"ldhName": host} for host in row.nameservers],
        "secureDNS": {"delegationSigned": False},
    }


def _vcard(*lines: list[Any]) -> list[Any]:
    return ["vcard", [["version", {}, "text", "4.0"], *lines]]
