"""HTML of generated worlds, in several layouts, and the text a quote of it would have."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from data411_mcp.twins.mutate_names import Country, Place, pretty


@dataclass(frozen=True)
class Person:
    name: str
    title: str
    email: str | None = None
    phone: str | None = None
    phone_kind: str = "direct"


@dataclass(frozen=True)
class Company:
    trade: str
    legal: str
    domain: str
    industry: str
    country: Country
    place: Place
    street: str
    postcode: str
    phone: str
    email: str
    founded: int
    employees: int
    people: tuple[Person, ...]
    register_id: str
    fax: str | None = None
    socials: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str:
        return f"https://{self.domain}"

    @property
    def address(self) -> str:
        place = self.place
        if self.country.code == "US":
            return f"{self.street}, {place.city}, {place.region} {self.postcode}"
        if self.country.code == "AU":
            return f"{self.street}, {place.city} {place.region} {self.postcode}"
        if self.country.code == "DE":
            return f"{self.street}, {self.postcode} {place.city}"
        return f"{self.street}, {place.city} {self.postcode}"


@dataclass(frozen=True)
class Style:
    """How a company's site is built. `number` is the way telephone numbers are written."""

    team: str
    number: int
    json_ld: bool
    mailto: bool
    generator: str
    footer: tuple[str, ...] = field(default=())

    def phone(self, number: str, country: Country) -> str:
        return pretty(number, country, self.number)


def document(title: str, body: str, *, style: Style, head: str = "", lang: str = "en") -> str:
    footer = "\n".join(f"<p>{line}</p>" for line in style.footer)
    return (
        f'<!doctype html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n"
        f'<meta name="generator" content="{style.generator}">\n{head}</head>\n<body>\n'
        '<nav><a href="/">Home</a> <a href="/about">About</a> <a href="/team">Team</a> '
        '<a href="/contact">Contact</a></nav>\n'
        f"<main>\n{body}\n</main>\n<footer>\n{footer}\n</footer>\n</body>\n</html>\n"
    )


def footer_links(links: Sequence[tuple[str, str]]) -> str:
    return " ".join(f'<a href="/{path}">{name}</a>' for name, path in links)


def legal_link(company: Company) -> tuple[tuple[str, str], ...]:
    name = "Impressum" if company.country.code == "DE" else company.country.legal_page.title()
    return ((name, company.country.legal_page),)


def mail(address: str, style: Style) -> str:
    return f'<a href="mailto:{address}">{address}</a>' if style.mailto else address


def home(company: Company, style: Style) -> str:
    number = style.phone(company.phone, company.country)
    body = (
        f"<h1>{escape(company.trade)}</h1>\n"
        f"<p>{escape(home_sentence(company))}</p>\n"
        f'<p>Call us: <a href="tel:{company.phone}">{number}</a></p>\n'
        f"<p>Write to {mail(company.email, style)}</p>"
    )
    links = " ".join(f'<a href="{url}">{kind}</a>' for kind, url in company.socials)
    body += f"\n<p>Follow us: {links}</p>" if links else ""
    title = f"{company.trade} | {company.industry} in {company.place.city}"
    return document(title, body, style=style, head=_json_ld(company) if style.json_ld else "")


def home_sentence(company: Company) -> str:
    return f"{company.trade} offers {company.industry} in and around {company.place.city}."


def _json_ld(company: Company) -> str:
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "LocalBusiness",
        "name": company.trade,
        "legalName": company.legal,
        "url": company.url + "/",
        "telephone": company.phone,
        "email": company.email,
        "foundingDate": str(company.founded),
        "address": {
            "@type": "PostalAddress",
            "streetAddress": company.street,
            "addressLocality": company.place.city,
            "addressRegion": company.place.region,
            "postalCode": company.postcode,
            "addressCountry": company.country.code,
        },
    }
    return f'<script type="application/ld+json">{json.dumps(data)}</script>\n'


def contact(company: Company, style: Style) -> str:
    rows = [("Address", company.address), ("Phone", style.phone(company.phone, company.country))]
    if company.fax is not None:
        rows.append(("Fax", style.phone(company.fax, company.country)))
    rows.append(("E-mail", mail(company.email, style)))
    if style.team == "table":
        inner = "\n".join(f"<tr><th>{k}</th><td>{v}</td></tr>" for k, v in rows)
        body = f"<table>\n{inner}\n</table>"
    else:
        body = "\n".join(f"<p>{key}: {value}</p>" for key, value in rows)
    return document(f"Contact | {company.trade}", f"<h1>Contact</h1>\n{body}", style=style)


def about(company: Company, style: Style) -> str:
    return document(
        f"About | {company.trade}",
        f"<h1>About us</h1>\n<p>{escape(founded_sentence(company))}</p>\n"
        f"<p>{escape(staff_sentence(company))}</p>",
        style=style,
    )


def founded_sentence(company: Company) -> str:
    return f"{company.trade} was founded in {company.founded}."


def staff_sentence(company: Company) -> str:
    return f"Today our team has {company.employees} people."


def legal(company: Company, style: Style) -> str:
    german = company.country.code == "DE"
    sentence = legal_sentence(company)
    lines = [sentence, company.address]
    if german:
        lines += [f"Handelsregister: {company.register_id}"]
        lines += [f"Geschäftsführung: {company.people[0].name}"]
    else:
        lines += [f"Company number: {company.register_id}"]
    heading = "Impressum" if german else "Legal information"
    body = f"<h1>{heading}</h1>\n" + "\n".join(f"<p>{escape(line)}</p>" for line in lines)
    return document(
        f"{heading} | {company.trade}", body, style=style, lang="de" if german else "en"
    )


def legal_sentence(company: Company) -> str:
    if company.country.code == "DE":
        return f"Angaben zum Anbieter: {company.legal}"
    return f"This website is operated by {company.legal}, trading as {company.trade}."


def team(
    company: Company, people: Sequence[Person], style: Style, *, heading: str, note: str = ""
) -> str:
    body = f"<h1>{heading}</h1>\n" + (f"<p>{note}</p>\n" if note else "")
    body += TEAM_LAYOUTS[style.team](company, people, style)
    return document(f"{heading} | {company.trade}", body, style=style)


def person_sentence(person: Person, style: Style) -> str:
    """The text on the team page that names a person, as a quote of it would read."""
    if style.team == "paragraphs":
        return f"{person.name} is our {person.title}."
    if style.team == "list":
        return f"{person.name}, {person.title}"
    return person.name


def phone_words(company: Company, person: Person, style: Style) -> str:
    label = "Mobile" if person.phone_kind == "mobile" else "Direct"
    return f"{label}: {style.phone(person.phone or '', company.country)}"


def _extras(company: Company, person: Person, style: Style) -> list[str]:
    extras = [mail(person.email, style)] if person.email else []
    return extras + ([phone_words(company, person, style)] if person.phone else [])


def _table(company: Company, people: Sequence[Person], style: Style) -> str:
    rows = [
        f"<tr><td>{p.name}</td><td>{p.title}</td>"
        f"<td>{'<br>'.join(_extras(company, p, style))}</td></tr>"
        for p in people
    ]
    head = "<tr><th>Name</th><th>Role</th><th>Contact</th></tr>\n"
    return f"<table>\n{head}" + "\n".join(rows) + "\n</table>"


def _list(company: Company, people: Sequence[Person], style: Style) -> str:
    rows = [
        "<li>" + ", ".join([f"{p.name}, {p.title}", *_extras(company, p, style)]) + "</li>"
        for p in people
    ]
    return "<ul>\n" + "\n".join(rows) + "\n</ul>"


def _cards(company: Company, people: Sequence[Person], style: Style) -> str:
    return "\n".join(
        f'<div class="card"><h3>{p.name}</h3><p>{p.title}</p>'
        + "".join(f"<p>{extra}</p>" for extra in _extras(company, p, style))
        + "</div>"
        for p in people
    )


def _paragraphs(company: Company, people: Sequence[Person], style: Style) -> str:
    return "\n".join(
        "<p>" + " ".join([f"{p.name} is our {p.title}.", *_extras(company, p, style)]) + "</p>"
        for p in people
    )


TEAM_LAYOUTS: dict[str, Callable[[Company, Sequence[Person], Style], str]] = {
    "table": _table,
    "list": _list,
    "cards": _cards,
    "paragraphs": _paragraphs,
}
