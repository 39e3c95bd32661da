"""Fictional raw material for generated worlds: names, trades, places, reserved numbers.

Every telephone number lies in a range that the country's regulator keeps for fiction. Streets,
firms and people are combinations drawn by seed; none is meant to be anybody's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

GIVEN = (
    *("Amara", "Benedikt", "Callista", "Desmond", "Eluned", "Fabrice", "Ginevra", "Hollis"),
    *("Ingrid", "Jarek", "Keziah", "Leopold", "Mirela", "Nestor", "Ottilie", "Percival"),
    *("Quilla", "Roswitha", "Severin", "Tamsin", "Ulrich", "Verity", "Wendell", "Ximena"),
    *("Yolanda", "Zoltan", "Briony", "Caspian", "Delphine", "Emrys", "Fenella", "Gideon"),
)
FAMILY = (
    *("Ashgrove", "Birkenfeld", "Coldwater", "Dunmore", "Eastlake", "Farthing", "Greywell"),
    *("Hawksmoor", "Ironside", "Jellicoe", "Kestermann", "Larkspur", "Mossgrave", "Netherby"),
    *("Oakenshaw", "Pennyfeather", "Quarterman", "Ravensdale", "Stillwater", "Thornbury"),
    *("Underhill", "Vandermeer", "Whitlock", "Yarborough", "Zellweg", "Applewhite", "Brambley"),
)
FIRM_WORDS = (
    *("Juniper", "Copperfield", "Northgate", "Bluestone", "Harbourview", "Millrace", "Foxglove"),
    *("Lantern", "Redwing", "Silverbirch", "Windrow", "Saltmarsh", "Hollybank", "Cinderhill"),
)
TRADES = (
    ("Plumbing", "plumbing and heating"),
    ("Roofing", "roofing"),
    ("Dental Care", "dentistry"),
    ("Print Works", "commercial printing"),
    ("Pumps", "pump manufacturing"),
    ("Landscaping", "landscaping"),
    ("Physiotherapy", "physiotherapy"),
    ("Joinery", "joinery"),
)
TITLES = (
    *("Managing Director", "Operations Manager", "Head of Sales", "Finance Manager"),
    *("Service Manager", "Office Manager", "Workshop Manager", "Marketing Manager"),
)
STREETS = ("Tannery", "Foundry", "Orchard", "Chapel", "Quarry", "Millpond", "Weaver", "Granary")


@dataclass(frozen=True)
class Place:
    """`area` is the national part before the subscriber's digits, without the leading zero."""

    city: str
    region: str  # as written in an address; empty where addresses have none
    region_code: str  # ISO 3166-2
    area: str
    postcodes: tuple[str, ...]


@dataclass(frozen=True)
class Country:
    code: str
    calling_code: str
    legal_form: str
    places: tuple[Place, ...]
    subscriber: tuple[str, int, int]  # fixed digits, width of the free part, its upper bound
    mobile: tuple[str, int, int]
    legal_page: str  # file stem of the page that holds the legal name


COUNTRIES = (
    Country(
        "US",
        "1",
        "LLC",
        (
            Place("Columbus", "OH", "US-OH", "614", ("43215", "43201")),
            Place("Boise", "ID", "US-ID", "208", ("83702", "83705")),
            Place("Tucson", "AZ", "US-AZ", "520", ("85701", "85711")),
        ),
        ("5550", 3, 199),
        ("5550", 3, 199),
        "terms",
    ),
    Country(
        "GB",
        "44",
        "Ltd",
        (
            Place("Bristol", "", "GB-BST", "117", ("BS1 4AA", "BS2 9AB")),
            Place("Manchester", "", "GB-MAN", "161", ("M1 2AB", "M4 5CD")),
            Place("Leeds", "", "GB-LDS", "113", ("LS1 3AB", "LS2 7CD")),
        ),
        ("4960", 3, 999),
        ("7700900", 3, 999),
        "legal",
    ),
    Country(
        "AU",
        "61",
        "Pty Ltd",
        (
            Place("Newcastle", "NSW", "AU-NSW", "2", ("2300", "2302")),
            Place("Ballarat", "VIC", "AU-VIC", "3", ("3350", "3355")),
            Place("Toowoomba", "QLD", "AU-QLD", "7", ("4350", "4352")),
        ),
        ("5550", 4, 9999),
        ("491570", 3, 159),
        "privacy",
    ),
    Country(
        "DE",
        "49",
        "GmbH",
        (
            Place("Berlin", "", "DE-BE", "30", ("10115", "10435")),
            Place("Hamburg", "", "DE-HH", "40", ("20095", "22765")),
        ),
        ("", 0, 0),
        ("17139200", 2, 99),
        "impressum",
    ),
)
_GERMAN_FIXED = {"30": "23125", "40": "66969"}
_MOBILE_FROM = {"AU": 156, "US": 100}


@dataclass
class Numbers:
    """Hands out each number of a country's reserved ranges at most once; values are E.164."""

    rng: random.Random
    country: Country
    used: set[str]

    def fixed(self, place: Place) -> str:
        prefix, width, top = self.country.subscriber
        if self.country.code == "DE":
            prefix, width, top = _GERMAN_FIXED[place.area], 3, 999
        return self._draw(place.area + prefix, width, 100, top)

    def mobile(self, place: Place) -> str:
        prefix, width, top = self.country.mobile
        if self.country.code == "US":
            prefix = place.area + prefix
        return self._draw(prefix, width, _MOBILE_FROM.get(self.country.code, 0), top)

    def _draw(self, prefix: str, width: int, low: int, high: int) -> str:
        while True:
            digits = f"{self.rng.randint(low, high):0{width}d}"
            number = f"+{self.country.calling_code}{prefix}{digits}"
            if number not in self.used:
                self.used.add(number)
                return number


@dataclass
class Names:
    """Hands out each full name at most once."""

    rng: random.Random
    used: set[str]

    def person(self) -> str:
        while True:
            name = f"{self.rng.choice(GIVEN)} {self.rng.choice(FAMILY)}"
            if not self.used & set(name.split()):
                self.used |= {*name.split(), name}
                return name


def pretty(number: str, country: Country, style: int) -> str:
    """An E.164 number as people write it: national, national with brackets, international."""
    national = number[1 + len(country.calling_code) :]
    if country.code == "US":
        area, left, right = national[:3], national[3:6], national[6:]
        forms: Sequence[str] = (
            f"({area}) {left}-{right}",
            f"{area}.{left}.{right}",
            f"+1 {area}-{left}-{right}",
        )
        return forms[style % len(forms)]
    is_mobile = national.startswith(country.mobile[0])
    cut = {"GB": 3, "AU": 1, "DE": 2}[country.code]
    if is_mobile:
        cut = {"GB": 4, "AU": 3, "DE": 3}[country.code]
    area, rest = national[:cut], national[cut:]
    half = len(rest) - 4 if country.code in ("GB", "AU") and not is_mobile else len(rest) - 3
    spaced = f"{rest[:half]} {rest[half:]}".strip()
    forms = (f"0{area} {spaced}", f"(0{area}) {spaced}", f"+{country.calling_code} {area} {spaced}")
    return forms[style % len(forms)]
