"""The market with LinkedIn beside it, for whole runs: every other company names nobody on its
site, so that its people come from the vendor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.icp.world import ALIKE, Firm, home, icp_world
from tests.services.session_world import write_rows, write_site

KEYS: Mapping[str, Any] = {
    "apify_token": "apify_api_token",
    "zerobounce_key": "zb-key",
    "jina_api_key": "jina_key",  # a plan alone reads more than 20 pages a minute
}
NAMELESS: tuple[Firm, ...] = ALIKE[::2]
_CONTACT = """<html lang="en"><head><title>Contact | {name}</title></head><body>
<h1>Contact {name}</h1><p>Please use the form below. Somebody from the desk answers within one
working day, and on the same day when goods of yours are under way.</p><p>Phone: {phone}</p>
</body></html>"""


def keys() -> dict[str, SecretStr]:
    return {name: SecretStr(value) for name, value in KEYS.items()}


def slug_of(firm: Firm) -> str:
    return firm.name.lower().replace(" ", "-")


def pipeline_world(folder: Path, *, companies: Sequence[Mapping[str, Any]] = ()) -> Path:
    """`companies`: LinkedIn rows in place of the usual ones."""
    icp_world(folder)
    for firm in NAMELESS:
        nobody = home(firm).replace('<a href="/about">About us</a>', "")
        contact = _CONTACT.format(name=firm.name, phone=firm.phone)
        write_site(folder, firm.domain, index=nobody, contact=contact)
        (folder / "sites" / firm.domain / "about.html").unlink()
    rows = [
        {"slug": slug_of(f), "name": f.name, "domains": [f.domain], "region": "sg",
         "website": f"https://www.{f.domain}/"}
        for f in NAMELESS
    ]  # fmt: skip
    write_rows(folder / "linkedin" / "companies.jsonl", *(companies or rows))
    write_rows(
        folder / "linkedin" / "people.jsonl",
        *(
            {"company": slug_of(f), "first_name": f.director.split()[0],
             "last_name": f.director.split()[-1], "title": f.director_title,
             "emails": [mailbox_of(f)], "country_code": "SG"}
            for f in NAMELESS
        ),
    )  # fmt: skip
    write_rows(
        folder / "mailboxes.jsonl", *({"address": mailbox_of(f), "state": "valid"} for f in ALIKE)
    )
    return folder


def mailbox_of(firm: Firm) -> str:
    return f"{firm.director.split()[-1].lower()}@{firm.domain}"
