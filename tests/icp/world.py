"""A small fictional market: a seller, six best customers, two that left, some fifteen companies
like (and unlike) them, and what a search also brings up: directories, dead and parked sites.

Hosts are under .example, names are nobody's, telephone numbers are from ranges of fiction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data411_mcp.domain.icp.run import IcpRun
from data411_mcp.domain.icp.values import Customer, Intake, LostCustomer, MicroIcp
from tests.services.session_world import Lab, lab, write_rows, write_site

WEBSITE = "https://www.palmridge.example/"
SELLER = "palmridge.example"


@dataclass(frozen=True)
class Firm:
    """A company of the market, and what its site says."""

    name: str
    domain: str
    trade: str  # what it does, in a sentence
    services: tuple[str, ...]
    uses: tuple[str, ...] = ()  # products it names on its site
    city: str = "Singapore"
    country: str = "Singapore"
    staff: int = 120
    director: str = ""
    director_title: str = "Operations Director"
    pricing: bool = True
    jobs: tuple[str, ...] = ()
    phone: str = "+65 6000 0100"


def _carrier(
    name: str, domain: str, trade: str, staff: int, director: str, number: int, **more: Any
) -> Firm:
    return Firm(
        name,
        domain,
        trade,
        ("freight forwarding", "warehousing", "customs brokerage", "last-mile delivery"),
        uses=more.pop("uses", ("Xero", "Shopify")),
        staff=staff,
        director=director,
        phone=f"+65 6000 {number:04d}",
        **more,
    )


SEEDS: tuple[Firm, ...] = (
    _carrier("Harbourline Freight", "harbourline.example",
             "moves sea and air freight for importers", 140, "Maren Osei", 101,
             jobs=("Warehouse Supervisor", "Customs Clerk", "Driver")),
    _carrier("Jurong Crate Logistics", "jurongcrate.example",
             "stores and ships crates for makers of machines", 90, "Tobias Lim", 102),
    _carrier("Straits Parcel Works", "straitsparcel.example",
             "delivers parcels of online shops on the same day", 210, "Ines Tan", 103,
             uses=("Xero", "Shopify", "WooCommerce")),
    _carrier("Keppel Cold Chain", "keppelcold.example",
             "keeps food and medicine cold from the ship to the shop", 180, "Ravi Menon-Hale", 104),
    _carrier("Loyang Haulage", "loyanghaul.example",
             "hauls containers between the port and the factories", 160, "Petra Goh", 105),
    _carrier("Tuas Bonded Stores", "tuasbonded.example",
             "keeps bonded goods for importers of wine and machines", 75, "Noel Quah", 106),
)  # fmt: skip

LOST: tuple[Firm, ...] = (
    Firm("Hilltop Primary School", "hilltopschool.example", "teaches children from six to twelve",
         ("classes", "after-school care"), staff=60, director="Dara Finch",
         director_title="Principal", pricing=False),
    Firm("Old Quay Museum", "oldquaymuseum.example", "shows the history of the harbour",
         ("exhibitions", "guided tours"), staff=25, director="Simon Ferrow",
         director_title="Curator", pricing=False),
)  # fmt: skip

ALIKE: tuple[Firm, ...] = (
    _carrier("Changi Air Cargo Partners", "changicargo.example",
             "books air freight for electronics makers", 130, "Wanda Seet", 111),
    _carrier("Pandan Warehousing", "pandanwarehouse.example",
             "runs three warehouses for importers", 95, "Ivo Marsh", 112),
    _carrier("Marina Freight Desk", "marinafreight.example",
             "forwards sea freight for small exporters", 60, "Lotte Chia", 113),
    _carrier("Sembawang Movers Group", "sembawangmovers.example",
             "moves machines and containers by road", 150, "Hal Bergin", 114),
    _carrier("Kallang Fulfilment", "kallangfulfil.example",
             "picks, packs and delivers for online shops", 110, "Mei Rautio", 115),
    _carrier("Bukit Customs House", "bukitcustoms.example",
             "clears goods through customs for importers", 45, "Oren Vale", 116),
    _carrier("Pioneer Reefer Lines", "pioneerreefer.example",
             "ships chilled food in reefer containers", 170, "Suki Dahl", 117),
    _carrier("Seletar Parcel Hub", "seletarparcel.example",
             "sorts and delivers parcels across the island", 220, "Bram Noor", 118),
    _carrier("Woodlands Trucking", "woodlandstruck.example",
             "trucks freight across the causeway", 80, "Asta Koh", 119),
    _carrier("Tanjong Shipping Agents", "tanjongship.example",
             "looks after ships and their freight in port", 65, "Gil Moreau", 120),
    _carrier("Punggol Storage Yard", "punggolstore.example",
             "stores containers and pallets by the week", 40, "Rhea Lund", 121, uses=("Xero",)),
)  # fmt: skip

UNLIKE: tuple[Firm, ...] = (
    Firm("Amber Crust Bakery", "ambercrust.example", "bakes bread and cakes",
         ("bread", "wedding cakes"), staff=12, director="Flora Penn", director_title="Baker"),
    Firm("Blue Kettle Design", "bluekettle.example", "draws brands and websites",
         ("branding", "web design"), staff=8, director="Ned Arkell", director_title="Art Director"),
    Firm("Fernway Dental", "fernwaydental.example", "mends teeth",
         ("check-ups", "implants"), staff=15, director="Una Blick", director_title="Dentist"),
    Firm("Greenholm Farm Freight", "greenholmfarm.example",
         "carries milk and grain for farms in the north",
         ("freight forwarding", "grain storage"), city="Leeds", country="United Kingdom",
         staff=30, director="Edda Royle", phone="+44 1632 960 101"),
)  # fmt: skip

DEAD = "closedlines.example"  # no such host
PARKED = "parkedfreight.example"
CHECKED = "justamoment.example"  # a bot wall instead of a page
DIRECTORY = "firms-directory.example"

CANDIDATES = (*ALIKE, *UNLIKE)


def home(firm: Firm) -> str:
    offers = "".join(f"<li>{s.capitalize()}</li>" for s in firm.services)
    uses = "".join(f"<p>Our orders and invoices flow into {u}: we integrate with {u}.</p>"
                   for u in firm.uses)  # fmt: skip
    pricing = '<p><a href="/pricing">See our pricing</a> and plans.</p>' if firm.pricing else ""
    jobs = "".join(f"<li>{job}</li>" for job in firm.jobs)
    careers = f"<h2>Careers: open positions</h2><ul>{jobs}</ul>" if jobs else ""
    services = ", ".join(firm.services)
    about = (
        f"<p>{firm.name} {firm.trade}. From our base in {firm.city} a team of {firm.staff} "
        f"employees looks after {services}. Customers call us because somebody who knows their "
        "goods picks up the telephone, day and night.</p>"
    )
    return f"""<html lang="en"><head><title>{firm.name} | {firm.services[0]} in {firm.city}</title>
<meta name="description" content="{firm.name} {firm.trade}: {services} in {firm.city}."></head>
<body><h1>{firm.name}</h1>{about}<h2>What we do</h2><ul>{offers}</ul>{uses}{pricing}{careers}
<p><a href="/about">About us</a> <a href="/contact">Contact</a></p>
<footer>{firm.name}, 8 Example Way, {firm.city}, {firm.country}. Phone: {firm.phone}</footer>
</body></html>"""


def about(firm: Firm) -> str:
    local = firm.director.split()[0].lower() if firm.director else "office"
    return f"""<html lang="en"><head><title>About | {firm.name}</title></head><body>
<h1>About {firm.name}</h1>
<p>{firm.name} {firm.trade}. We began with one lorry and a borrowed desk, and have kept the habit
of answering every message on the day it comes in. Today we are {firm.staff} employees.</p>
<h2>Our team</h2><h3>{firm.director}</h3><p>{firm.director_title}</p>
<p>{local}@{firm.domain}</p></body></html>"""


def contact(firm: Firm) -> str:
    return f"""<html lang="en"><head><title>Contact | {firm.name}</title></head><body>
<h1>Contact {firm.name}</h1>
<p>Our office is open from Monday to Friday between eight and six. Outside these hours a person
on duty takes your call and your goods keep moving.</p>
<p>Address: 8 Example Way, {firm.city}</p><p>Phone: {firm.phone}</p>
<p>E-mail: hello@{firm.domain}</p></body></html>"""


_SELLER_HOME = """<html lang="en"><head><title>Palmridge Systems | Software for logistics</title>
<meta name="description" content="Palmridge Systems makes order and billing software for logistics
companies in Singapore."></head><body><h1>Palmridge Systems</h1>
<p>Palmridge Systems makes software that carries orders from the warehouse into the accounts of
freight forwarders and logistics companies in Singapore. It connects to Xero and Shopify.</p>
<p>Ask for Operations Directors and Warehouse Managers who use it every day.</p>
<p>Phone: +65 6000 0199</p></body></html>"""
_PARKED = """<html><head><title>parkedfreight.example</title></head><body>
<h1>parkedfreight.example</h1><p>This domain is for sale. Buy this domain. Related searches:
freight, logistics, Singapore. The domain owner may be contacted through the parking
service.</p></body></html>"""
_WALL = """<html><head><title>Just a moment...</title></head><body><p>Checking your browser before
you can go on. Enable JavaScript and cookies to continue.</p></body></html>"""


def icp_world(folder: Path) -> Path:
    """Write the market; returns the folder."""
    for firm in (*SEEDS, *LOST, *CANDIDATES):
        write_site(folder, firm.domain, index=home(firm), about=about(firm), contact=contact(firm))
    write_site(folder, SELLER, index=_SELLER_HOME)
    write_site(folder, PARKED, index=_PARKED)
    write_site(folder, CHECKED, index=_WALL)
    listing = "".join(
        f'<li><a href="https://{f.domain}/">{f.name}</a>: {f.services[0]} in {f.city}</li>'
        for f in CANDIDATES
    )
    write_site(
        folder,
        DIRECTORY,
        index="<html><head><title>Business directory | logistics companies in Singapore</title>"
        "</head><body><h1>Business directory: logistics companies in Singapore</h1>"
        f"<p>Claim this listing.</p><ul>{listing}</ul></body></html>",
    )
    hits = [
        {"url": f"https://{f.domain}/", "title": f"{f.name} | {f.services[0]}",
         "content": f"{f.name} {f.trade}: {', '.join(f.services)} in {f.city}.",
         "score": 0.9 - 0.01 * i}
        for i, f in enumerate(CANDIDATES)
    ]  # fmt: skip
    noise = [
        {"url": url, "title": title, "content": title, "score": 0.5}
        for url, title in (
            ("https://www.linkedin.com/company/changicargo-example", "Changi Cargo | LinkedIn"),
            (f"https://{DIRECTORY}/logistics", "Logistics companies in Singapore | Directory"),
            ("https://en.wikipedia.org/wiki/Logistics", "Logistics"),
            (f"https://{DEAD}/", "Closed Lines freight"),
            (f"https://{PARKED}/", "Parked Freight logistics"),
            (f"https://{CHECKED}/", "Just a moment..."),
            ("https://www.stats.gov.sg/logistics", "Statistics of logistics"),
            ("https://2fharbourline.example/%2Fabout", "Harbourline Freight"),
            (f"https://{SEEDS[0].domain}/about", SEEDS[0].name),
        )
    ]
    write_rows(
        folder / "search" / "market.jsonl",
        {"terms": ["logistics"], "results": [*hits[:9], *noise]},
        {"terms": ["freight"], "results": [*hits[4:], *noise[:3]]},
        {"terms": ["warehousing"], "results": [*hits[:4], *hits[9:]]},
        *(
            {
                "terms": [f.name.split()[0], "official", "website"],
                "results": [
                    {
                        "url": f"https://{f.domain}/",
                        "title": f"{f.name} | Home",
                        "content": f.trade,
                        "score": 0.9,
                    }
                ],
            }
            for f in SEEDS
        ),
    )
    write_rows(
        folder / "dns.jsonl",
        *(
            {"name": f.domain, "type": "MX", "values": [f"10 mx.{f.domain}."]}
            for f in (*SEEDS, *CANDIDATES)
        ),
    )
    return folder


def intake(**changes: Any) -> Intake:
    """What the user has told: website, six best customers, two lost ones."""
    told = Intake(
        website=WEBSITE,
        domain=SELLER,
        customers=tuple(Customer(name=f.name, domain=f.domain) for f in SEEDS),
        lost=(
            LostCustomer(name=LOST[0].name, domain=LOST[0].domain, reason="budget was too small"),
            LostCustomer(name=LOST[1].name, domain=LOST[1].domain, reason="on-prem only"),
        ),
    )
    return told.model_copy(update=changes)


CUSTOMERS_TEXT = "\n".join(f"{f.name} — https://{f.domain}" for f in SEEDS) + (
    f"\nLost: {LOST[0].name} — {LOST[0].domain} (budget was too small)"
    f"\nLost: {LOST[1].name} — {LOST[1].domain} (on-prem only)"
)


def icp_run(thread_id: str = "thread-1", **changes: Any) -> IcpRun:
    """The payload of the job, as the conversation hands it in."""
    run = IcpRun(
        thread_id=thread_id,
        context_key=f"domain:{SELLER}",
        intake=intake(),
        micro_icp=MicroIcp(geos=("sg",)),
    )
    return run.model_copy(update=changes)


@asynccontextmanager
async def icp_lab(
    tmp_path: Path, *, world: Path | None = None, **settings: Any
) -> AsyncIterator[Lab]:
    """The product, open on the market; `settings` as of Settings."""
    folder = world or icp_world(tmp_path / "market")
    async with lab(tmp_path, folder, **settings) as opened:
        yield opened


def faults(world: Path, *rows: Mapping[str, Any]) -> Path:
    """Have the twins of this world misbehave; see docs/twins.md."""
    write_rows(world / "faults.jsonl", *rows)
    return world
