"""What both generators share: drawing a company, and writing a world's files."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data411_mcp.errors import InvalidArgument
from data411_mcp.twins.mutate_names import (
    COUNTRIES,
    FIRM_WORDS,
    STREETS,
    TITLES,
    TRADES,
    Country,
    Names,
    Numbers,
    Place,
)
from data411_mcp.twins.mutate_pages import TEAM_LAYOUTS, Company, Person, Style

LEI_PREFIX = "9999"
GENERATORS = ("WordPress 6.8", "Wix.com Website Builder", "Hugo 0.150.0", "Joomla! 5")


@dataclass
class Draft:
    """Writes files below a world's folder."""

    folder: Path

    def text(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def json(self, path: str, data: Any) -> None:
        self.text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")

    def rows(self, path: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def empty_folder(folder: Path) -> Path:
    """Raises InvalidArgument for a folder that already holds something."""
    if folder.exists() and any(folder.iterdir()):
        raise InvalidArgument("the folder is not empty", "Give a new folder for the world.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass
class Draw:
    """Draws fictional things from one seed; names and numbers come at most once a world."""

    rng: random.Random
    _names: set[str] = field(default_factory=set)
    _numbers: set[str] = field(default_factory=set)

    def person(self) -> str:
        return Names(self.rng, self._names).person()

    def numbers(self, country: Country) -> Numbers:
        return Numbers(self.rng, country, self._numbers)

    def style(self) -> Style:
        return Style(
            team=self.rng.choice(sorted(TEAM_LAYOUTS)),
            number=self.rng.randrange(3),
            json_ld=self.rng.random() < 0.5,
            mailto=self.rng.random() < 0.7,
            generator=self.rng.choice(GENERATORS),
        )

    def company(
        self,
        *,
        country: Country | None = None,
        place: Place | None = None,
        trade: str | None = None,
        domain: str | None = None,
        legal: str | None = None,
    ) -> Company:
        """A company with three to five people; what is not given is drawn."""
        rng = self.rng
        country = country or rng.choice(COUNTRIES)
        place = place or rng.choice(country.places)
        word = rng.choice(FIRM_WORDS)
        suffix, industry = rng.choice(TRADES)
        trade = trade or f"{word} {suffix}"
        domain = domain or f"{trade.lower().replace(' ', '-')}.example"
        family = Names(rng, self._names).person().split()[1]
        numbers = self.numbers(country)
        return Company(
            trade=trade,
            legal=legal or f"{family} & {word} Services {country.legal_form}",
            domain=domain,
            industry=industry,
            country=country,
            place=place,
            street=self.street(country),
            postcode=rng.choice(place.postcodes),
            phone=numbers.fixed(place),
            email=f"{'info' if country.code == 'DE' else 'office'}@{domain}",
            founded=rng.randint(1975, 2019),
            employees=rng.randint(6, 180),
            people=self._people(country, place, domain),
            register_id=self.register_id(country),
            fax=numbers.fixed(place) if rng.random() < 0.4 else None,
            socials=(
                ("linkedin", f"https://www.linkedin.com/company/{domain.split('.')[0]}"),
                ("facebook", f"https://www.facebook.com/{domain.split('.')[0]}"),
            )[: rng.randint(1, 2)],
        )

    def street(self, country: Country) -> str:
        name, number = self.rng.choice(STREETS), self.rng.randint(2, 240)
        if country.code == "DE":
            return f"{name}straße {number}"
        return f"{number} {name} {self.rng.choice(('Street', 'Road', 'Lane'))}"

    def register_id(self, country: Country) -> str:
        if country.code == "DE":
            return f"HRB {self.rng.randint(10_000, 99_999)}"
        return f"{self.rng.randint(10_000_000, 99_999_999)}"

    def _people(self, country: Country, place: Place, domain: str) -> tuple[Person, ...]:
        numbers = self.numbers(country)
        titles = self.rng.sample(TITLES[1:], self.rng.randint(2, 4))
        people = []
        for title in (TITLES[0], *titles):
            name = self.person()
            email = f"{name.lower().replace(' ', '.')}@{domain}"
            phone, kind = None, "direct"
            draw = self.rng.random()
            if country.code == "AU" and draw < 0.5:
                phone = numbers.fixed(place)
            elif draw < 0.25:
                phone, kind = numbers.mobile(place), "mobile"
            elif draw < 0.5:
                phone = numbers.fixed(place)
            has_mail = self.rng.random() < 0.6
            people.append(Person(name, title, email if has_mail else None, phone, kind))
        return tuple(people)


class SourceFacts:
    """Register rows of a company."""

    @staticmethod
    def gleif(company: Company) -> dict[str, Any]:
        return {
            "lei": lei(company.register_id),
            "legal_name": company.legal,
            "other_names": [company.trade],
            "address": [company.street],
            "city": company.place.city,
            "region": company.place.region_code,
            "country": company.country.code,
            "postal_code": company.postcode,
            "registered_as": company.register_id,
            "legal_form": company.country.legal_form,
            "created": f"{company.founded}-03-01",
        }


def lei(number: str) -> str:
    """A 20-character LEI with its ISO 17442 check digits, made of any number."""
    digits = "".join(ch for ch in number if ch.isalnum()).upper()
    base = f"{LEI_PREFIX}{digits:0>14}"
    value = int("".join(str(int(ch, 36)) for ch in base + "00"))
    return f"{base}{98 - value % 97:02d}"


def claim(value: str, url: str, quote: str) -> dict[str, str]:
    return {"value": value, "url": url, "quote": quote}


def person_claim(
    name: str,
    title: str,
    url: str,
    quote: str,
    *,
    email: str | None = None,
    phone: str | None = None,
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "email": email,
        "phone": phone,
        "url": url,
        "quote": quote,
    }


def search_hit(url: str, title: str, content: str, score: float = 0.9) -> dict[str, Any]:
    return {"url": url, "title": title, "content": content, "score": score}
