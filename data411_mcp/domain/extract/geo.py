"""Countries, regions and cities by name: look-ups over the tables in `data/`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from data411_mcp.domain.extract.data import cities, countries

# Country-code domains that are sold to anybody: they say nothing about a place.
GENERIC_CCTLDS = frozenset(
    """
    ac ad ag ai am as bz cc cd cf cm co cx dj fm ga gd gg gl gq gs io is im la li ly me ml mn ms
    mu nr nu pn pw rs sc sh st su tf tk tl to tv vc vg vu ws
    """.split()
)
_REAL_AMONG_GENERIC = frozenset({"is", "rs", "am"})  # mostly used at home all the same
_TLD_TO_COUNTRY = {"uk": "GB", "eu": ""}
_WORD = re.compile(r"(?<!\w)[^\W\d_]+")
_NOT_WORD = re.compile(r"[^\w]+")
_SPACED = re.compile(r"[^\u0e00-\u0eff\u3000-\u9fff\uac00-\ud7af]+$")  # scripts that part words
_SHORT_COUNTRY = re.compile(
    r"(?<!\w)(?:USA|U\.S\.A\.?|UK|U\.K\.?|UAE|U\.A\.E\.?|P\.?R\.? ?China|R\.O\.C\.|KSA|PRC|Cuba"
    r"|Fiji|Iran|Iraq|Oman|Peru|Perú)(?!\w)"
)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


def fold(text: str) -> str:
    """Case, accents and punctuation removed: how names of places are compared."""
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text)
        text = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join(_NOT_WORD.sub(" ", text.casefold().replace("ß", "ss")).split())


def _records(table: str) -> list[tuple[str, tuple[str, ...]]]:
    lines = table.strip().replace("\n|", "|").splitlines()
    pairs = (line.split(" ", 1) for line in lines)
    return [(code, tuple(names.split("|"))) for code, names in pairs]


def _codes(table: str) -> dict[str, str]:
    """`AB Alberta|…` → {"alberta": "AB", "ab": "AB"}."""
    pairs = (entry.strip().split(" ", 1) for entry in table.replace("\n", "").split("|"))
    found: dict[str, str] = {}
    for pair in pairs:
        if len(pair) == 2:
            found[pair[1].casefold()] = pair[0]
            found[pair[0].casefold()] = pair[0]
    return found


COUNTRY_NAMES: dict[str, str] = {
    name.casefold(): code for code, names in _records(countries.NAMES) for name in names
}
COUNTRY_CODES = frozenset(code for code, _ in _records(countries.NAMES))
US_STATES = _codes(countries.US_STATES)
CA_PROVINCES = _codes(countries.CA_PROVINCES)
AU_STATES = _codes(countries.AU_STATES)
GB_AREAS = {key.upper(): key for key in _codes(countries.GB_AREAS)}
_GB_TOWNS: dict[str, str] = {
    pair[0]: pair[1]
    for pair in (
        entry.strip().split(" ", 1)
        for entry in countries.GB_AREAS.replace("\n", "").split("|")
        if entry.strip()
    )
}
GB_COUNTIES = frozenset(
    name.strip().casefold() for name in countries.GB_COUNTIES.replace("\n", "").split("|")
)
_ISO3 = {
    "USA": "US",
    "GBR": "GB",
    "CAN": "CA",
    "AUS": "AU",
    "DEU": "DE",
    "FRA": "FR",
    "ITA": "IT",
    "ESP": "ES",
    "NLD": "NL",
    "SGP": "SG",
    "IND": "IN",
    "NZL": "NZ",
    "IRL": "IE",
    "CHE": "CH",
    "AUT": "AT",
    "BEL": "BE",
    "SWE": "SE",
    "JPN": "JP",
    "BRA": "BR",
    "MEX": "MX",
    "ZAF": "ZA",
    "ARE": "AE",
    "MYS": "MY",
    "HKG": "HK",
}


def country_code(text: str) -> str | None:
    """ISO 2 code of a country given by name or by an ISO code; None when it is neither."""
    name = text.strip().strip(".,;()").strip()
    if code := COUNTRY_NAMES.get(name.casefold()):
        return code
    upper = name.upper()
    if upper in COUNTRY_CODES:
        return upper
    return _ISO3.get(upper)


@cache
def _city_index() -> dict[str, str]:
    index: dict[str, str] = {}
    # The first country to name a city keeps it, save where a later one is far better known for it.
    for code, names in _records(cities.CITIES):
        for name in names:
            index.setdefault(fold(name), code)
    index.update(_BETTER_KNOWN)
    return index


# Cities that are also common words or first names: no sign of a place in running text.
_ALSO_WORDS = frozenset(
    "reading bath nice split bend surprise essen martin moss delta concord baden hamm zug mesa"
    " aurora victoria regina providence natal salem jackson madison charlotte austin florence"
    " corona enterprise independence normal eagle orange union liberty sale deal wells ripley poole"
    " hull bury crewe rugby sofia santos salvador leon lincoln warren carmel victoria surrey"
    " salomon tours pau lens brest sion faro como pisa lund"
    .split()
)  # fmt: skip
_BETTER_KNOWN = {
    "birmingham": "GB",
    "manchester": "GB",
    "cambridge": "GB",
    "portsmouth": "GB",
    "vancouver": "CA",
    "athens": "GR",
    "naples": "IT",
    "florence": "IT",
    "newcastle": "GB",
}


@cache
def _cities_of(country: str) -> frozenset[str]:
    found = (names for code, names in _records(cities.CITIES) if code == country)
    return frozenset(fold(name) for names in found for name in names)


def is_city(name: str, country: str | None = None) -> bool:
    """Whether the table knows this city (in `country`, where one is given)."""
    folded = fold(name)
    if not folded:
        return False
    return folded in (_cities_of(country) if country else _city_index())


def city_country(name: str) -> str | None:
    """The country of a well-known city, None when the table does not know the name."""
    return _city_index().get(fold(name))


@dataclass(frozen=True, slots=True)
class Named:
    """A name found in a text, with its country."""

    start: int
    end: int
    name: str
    country: str


class NameFinder:
    """Finds names of a list in a text in one pass: by their first word, the longest first."""

    def __init__(self, names: Mapping[str, str], *, ignore_case: bool) -> None:
        self._ignore_case = ignore_case
        self._by_first: dict[str, list[tuple[str, str]]] = {}
        wordless = []
        for name, code in names.items():
            key = name.casefold() if ignore_case else name
            first = _WORD.match(key)
            if first is None or not _SPACED.match(name):
                wordless.append((name, code))
                continue
            self._by_first.setdefault(first.group(), []).append((key, code))
        for entries in self._by_first.values():
            entries.sort(key=lambda entry: -len(entry[0]))
        self._wordless = dict(wordless)
        options = sorted(self._wordless, key=len, reverse=True)
        self._script = re.compile("|".join(re.escape(name) for name in options) or r"(?!)")

    def find(self, text: str) -> Iterator[Named]:
        """Every name in order of appearance, without overlaps."""
        # Folding may change a text's length; lower() keeps it for all but a few characters.
        searched = text.lower() if self._ignore_case else text
        if len(searched) != len(text):
            searched = text
        end = 0
        for word in _WORD.finditer(searched):
            if word.start() < end:
                continue
            for name, code in self._by_first.get(word.group(), ()):
                stop = word.start() + len(name)
                if (
                    searched.startswith(name, word.start())
                    and not searched[stop : stop + 1].isalnum()
                ):
                    end = stop
                    yield Named(word.start(), stop, text[word.start() : stop], code)
                    break
        for match in self._script.finditer(text):
            yield Named(match.start(), match.end(), match.group(), self._wordless[match.group()])


@cache
def _country_finder() -> NameFinder:
    names = {
        name: code for name, code in COUNTRY_NAMES.items() if len(name) > 4 and "." not in name
    }
    names |= {name: code for name, code in COUNTRY_NAMES.items() if not name.isascii()}
    return NameFinder(names, ignore_case=True)


@cache
def _city_finder() -> NameFinder:
    names = {
        name: ""
        for _, names in _records(cities.CITIES)
        for name in names
        if name.casefold() not in _ALSO_WORDS
    }
    return NameFinder({name: city_country(name) or "" for name in names}, ignore_case=False)


def find_countries(text: str) -> list[Named]:
    """Country names in running text, in order. Abbreviations only as they are written (`USA`,
    `U.K.`): `us` is a word."""
    found = list(_country_finder().find(text))
    found += [
        Named(match.start(), match.end(), match.group(), code)
        for match in _SHORT_COUNTRY.finditer(text)
        if (code := country_code(match.group()))
    ]
    return sorted(found, key=lambda named: named.start)


def country_at_start(text: str) -> Named | None:
    """The country name a text begins with."""
    return next((named for named in find_countries(text[:40]) if named.start == 0), None)


def find_cities(text: str) -> list[Named]:
    """Well-known cities written as names are, in order."""
    return sorted(_city_finder().find(text), key=lambda named: named.start)


def host_of(url: str) -> str:
    """Host name of a URL or of a bare domain, lower case, without `www.`; empty if there is
    none."""
    text = url if "//" in url else f"//{url}"
    try:
        host = (urlsplit(text).hostname or "").casefold().rstrip(".")
    except ValueError:
        return ""
    return host.removeprefix("www.") if _HOST.fullmatch(host) else ""


def domain_country(host: str) -> str | None:
    """The country a host name's last label stands for; None for generic ones."""
    tld = host.rsplit(".", 1)[-1].casefold() if "." in host else ""
    if tld in {"gov", "mil", "edu"}:
        return "US"
    if tld in GENERIC_CCTLDS and tld not in _REAL_AMONG_GENERIC:
        return None
    code = _TLD_TO_COUNTRY.get(tld, tld.upper())
    return code if code in COUNTRY_CODES else None


def post_town(postcode: str) -> str | None:
    """The main town of a UK postcode's area: `SW1A 1AA` → London."""
    area = re.match(r"[A-Z]{1,2}", postcode.strip().upper())
    return _GB_TOWNS.get(area.group()) if area else None
