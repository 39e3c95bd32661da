"""Profile links of the company on other sites, and which of its own pages to read next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit, urlunsplit

from data411_mcp.domain.extract.document import Document, Fact, Hints
from data411_mcp.domain.extract.structured import tag_set
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.hosts import registrable_domain


def site_of(url: str) -> str:
    """Registrable domain of an absolute address; empty where there is no host (`mailto:`)."""
    return registrable_domain(url) if "//" in url else ""


# -- profiles -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Network:
    """`path` matches a profile's path; group 1 is the handle. `canonical` makes the one address
    of all its spellings."""

    kind: str
    sites: tuple[str, ...]
    path: re.Pattern[str]
    canonical: str


def _network(kind: str, sites: str, path: str, canonical: str) -> _Network:
    return _Network(kind, tuple(sites.split()), re.compile(path, re.IGNORECASE), canonical)


_HANDLE = r"/@?([\w.\-]{2,60})/?\Z"
_NETWORKS = (
    _network(
        "linkedin",
        "linkedin.com",
        r"/(?:company|school|showcase|organization)/([^/?#]+)",
        "https://www.linkedin.com/company/{}",
    ),
    _network(
        "linkedin_person",
        "linkedin.com",
        r"/((?:in/[^/?#]+)|(?:pub/[^/?#]+(?:/\w+){0,3}))",
        "https://www.linkedin.com/{}",
    ),
    _network(
        "facebook",
        "facebook.com fb.com",
        r"/(pages/[^?#]+/\d+|p/[^/?#]+|people/[^?#]+/\d+|groups/[^/?#]+|[\w.\-]{3,80})/?(?:$|about)",
        "https://www.facebook.com/{}",
    ),
    _network("x", "twitter.com x.com", r"/@?(\w{1,20})/?\Z", "https://x.com/{}"),
    _network("instagram", "instagram.com", _HANDLE, "https://www.instagram.com/{}"),
    _network(
        "youtube",
        "youtube.com",
        r"/((?:user|c|channel)/[\w.\-]+|@[\w.\-]+)",
        "https://www.youtube.com/{}",
    ),
    _network("tiktok", "tiktok.com", r"/(@[\w.\-]+)/?\Z", "https://www.tiktok.com/{}"),
    _network("pinterest", "pinterest.com", _HANDLE, "https://www.pinterest.com/{}"),
    _network("threads", "threads.net threads.com", r"/(@[\w.]+)/?\Z", "https://www.threads.net/{}"),
    _network("bluesky", "bsky.app", r"/profile/([\w.\-]+)/?\Z", "https://bsky.app/profile/{}"),
    _network("xing", "xing.com", r"/(?:pages|companies|company)/([^/?#]+)", "https://www.xing.com/pages/{}"),
    _network("vimeo", "vimeo.com", r"/([a-z][\w\-]{2,60})/?(?:videos/?)?\Z", "https://vimeo.com/{}"),
    _network("github", "github.com", r"/([\w\-]{1,39})/?\Z", "https://github.com/{}"),
    _network("yelp", "yelp.com yelp.co.uk yelp.ca yelp.de", r"/biz/([^/?#]+)", "https://www.yelp.com/biz/{}"),
    _network("crunchbase", "crunchbase.com", r"/organization/([^/?#]+)", "https://www.crunchbase.com/organization/{}"),
)  # fmt: skip
# First parts of a path that are the network's own pages or share buttons, never a profile.
_NOT_HANDLES = tag_set(
    "share sharer sharer.php share.php sharearticle intent home home.php login signup hashtag"
    " search plugins dialog widgets help about legal privacy terms tos policies business ads"
    " explore pin watch embed results feed events marketplace settings profile.php status"
    " i oauth tr photo photo.php video groups like.php wix wixcom wordpress wordpresscom"
    " squarespace shopify weebly godaddy joomla drupal facebook twitter instagram linkedin"
    " youtube google googlemaps pinterest jimdo webflow hubspot mailchimp elementor"
    " automattic features pricing contact blog apps developers p reel"
)
_CREDIT = re.compile(
    r"\b(?:web(?:site|page)?\s*(?:design|develop\w*|by|hosting)|design(?:ed)?\s+(?:and\s+\w+\s+)?by"
    r"|site\s+(?:by|design)|powered\s+by|hosted\s+by|developed\s+by|built\s+by|created\s+by"
    r"|webdesign|umsetzung|realisiert|réalis\w+|création\s+(?:du\s+)?site)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Profile:
    kind: str
    value: str
    raw: str
    start: int
    end: int
    likeness: float


def read_links(document: Document, hints: Hints) -> tuple[tuple[Fact, ...], tuple[Fact, ...]]:
    """Facts of the company, and facts of others (agencies, partners). `value` is the profile's
    canonical address, `raw` the link as it stands, `kind` the network; the company's LinkedIn
    page is given as LINKEDIN_URL too. A personal LinkedIn page (kind `linkedin_person`)
    is given to the `person` that the link's text names, if it names one."""
    ours: list[Fact] = []
    others: list[Fact] = []
    by_kind: dict[str, list[_Profile]] = {}
    names = _own_words(document, hints)
    for profile, text in _profiles(document, names):
        if profile.kind == "linkedin_person":
            ours.append(_fact(profile, 0.6, person=_person_in(text)))
        elif _CREDIT.search(text) and profile.likeness < 0.5:
            others.append(_fact(profile, 0.2))
        else:
            by_kind.setdefault(profile.kind, []).append(profile)
    for profiles in by_kind.values():
        best = max(profile.likeness for profile in profiles)
        alone = len({profile.value for profile in profiles}) == 1
        for profile in profiles:
            # Several pages of one network: the one that is called like the company is its own.
            if not alone and (best < 0.5 or profile.likeness < best):
                others.append(_fact(profile, 0.2))
                continue
            fact = _fact(profile, 0.7 + 0.25 * profile.likeness)
            ours.append(fact)
            if profile.kind == "linkedin":
                ours.append(_fact(profile, fact.score, name=FieldName.LINKEDIN_URL))
    return tuple(ours), tuple(others)


def _profiles(document: Document, names: frozenset[str]) -> Iterator[tuple[_Profile, str]]:
    candidates = [(link.href, link.text, link.start, link.end) for link in document.links]
    candidates += [
        (value.value, "", value.start, value.end)
        for value in document.structured
        if value.path.endswith((".sameAs", "link.me", "link.publisher", "Organization.url"))
    ]
    seen: set[str] = set()
    for href, text, start, end in candidates:
        found = profile_of(href)
        if found is not None and found[1] not in seen:
            seen.add(found[1])
            likeness = _likeness(found[1], names)
            yield _Profile(found[0], found[1], href, start, end, likeness), text


def profile_of(href: str) -> tuple[str, str] | None:
    """(kind, canonical address) of a profile's address, or None: share buttons, posts, the
    network's own pages and other sites are none."""
    site = site_of(href)
    path = unquote(urlsplit(href).path) if site else ""
    fragment = unquote(urlsplit(href).fragment) if site else ""
    if fragment.startswith("!/"):  # the address style of 2011
        path = fragment[1:].partition("?")[0]
    for network in _NETWORKS:
        if site not in network.sites:
            continue
        match = network.path.match(path)
        handle = next((group for group in match.groups() if group), "") if match else ""
        words = {handle.casefold().lstrip("@"), path.strip("/").split("/")[0].casefold()}
        if handle and not words & _NOT_HANDLES:
            return network.kind, network.canonical.format(handle.casefold().rstrip("/"))
    return None


def _fact(
    profile: _Profile, score: float, *, person: str | None = None, name: FieldName = FieldName.LINK
) -> Fact:
    return Fact(
        field=name,
        value=profile.value,
        raw=profile.raw,
        start=profile.start,
        end=profile.end,
        rule="link.profile",
        score=round(score, 2),
        kind=profile.kind,
        person=person,
    )


_PERSON_NAME = re.compile(r"[A-ZÀ-Þ][\w'’.-]+(?:\s+[A-ZÀ-Þ][\w'’.-]*){1,3}")
_NETWORK_WORDS = re.compile(
    r"linked\s*in|profile|connect|follow|view|find|join|icon|\.png|\.gif", re.I
)


def _person_in(text: str) -> str | None:
    match = _PERSON_NAME.match(text.strip())
    return match.group() if match and not _NETWORK_WORDS.search(match.group()) else None


def _own_words(document: Document, hints: Hints) -> frozenset[str]:
    """What the company is called in addresses: its domain's label, names run together."""
    texts = [hints.company or "", (hints.domain or "").split(".")[0]]
    texts.append(site_of(document.url).split(".")[0])
    texts += re.split(r"\s[|–—:-]\s", document.title)
    return frozenset(word for text in texts if len(word := _squash(text)) >= 3)


def _squash(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def _likeness(value: str, names: frozenset[str]) -> float:
    """0..1: how much of a name of the company the profile's address holds."""
    handle = _squash(urlsplit(value).path.removeprefix("/company").removeprefix("/pages"))
    best = 0.0
    for name in names:
        common = next(
            (size for size in range(min(len(name), len(handle)), 3, -1) if name[:size] in handle), 0
        )
        best = max(best, common / len(name), 1.0 if len(handle) > 3 and handle in name else 0.0)
    return min(best, 1.0)


# -- pages to read next ---------------------------------------------------------------------------

_WANTED: dict[str, tuple[float, str]] = {
    "contact": (
        10,
        "contact contacts contactus contactez kontakt kontakte kontakty contacto contactanos"
        " contatti contattaci contato contatos contacten contactar reach-us get-in-touch"
        " kontaktieren yhteystiedot kapcsolat iletisim contactgegevens ansprechpartner kontakta",
    ),
    "imprint": (
        9,
        "imprint impressum legal-notice mentions-legales mentions aviso-legal note-legali"
        " colofon company-information firmeninfo virksomhedsoplysninger bedriftsinformation",
    ),
    "team": (
        8,
        "team teams people staff leadership management directors board executives our-team"
        " meet-the-team our-people mitarbeiter geschaftsfuhrung equipe equipo squadra"
        " medarbejdere medarbetare ansatte zespol equipa medewerkers attorneys lawyers doctors"
        " partners-and-staff vorstand direction personnel who-we-are officers founders",
    ),
    "about": (
        7,
        "about about-us aboutus company our-company uber-uns ueber-uns uberuns unternehmen firma"
        " a-propos apropos qui-sommes-nous entreprise societe quienes-somos sobre-nosotros empresa"
        " nosotros chi-siamo azienda quem-somos sobre sobre-nos over-ons overons bedrijf om-oss"
        " om-os o-nas o-firmie our-story history profile corporate",
    ),
    "locations": (
        5,
        "locations location offices branches standorte filialen agences sucursales sedi filiais"
        " vestigingen kontor find-us where-we-are stores anfahrt",
    ),
    "legal": (
        4,
        "legal privacy privacy-policy terms terms-of-use terms-and-conditions datenschutz agb"
        " confidentialite politique-de-confidentialite privacidad privacidade informativa-privacy"
        " privacybeleid integritetspolicy polityka-prywatnosci regulamin",
    ),
}
_FOLD = str.maketrans(
    "äöüàâáãåçéèêëíìîïñóòôõøúùûýłśćźżńęąß",
    "aouaaaaaceeeeiiiinooooouuuylsczzneas",
)
SLUG_WORDS_MAX = 4  # "all-about-leaky-faucets-and-drains" is an article
_UNREADABLE = re.compile(
    r"\.(?:pdf|jpe?g|png|gif|svg|webp|zip|docx?|xlsx?|pptx?|mp[34]|avi|ics|vcf|xml|rss|feed|css|js|exe"
    r"|dmg)\Z",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"/(?:blog|news|tag|category|product|shop|cart|basket|checkout|login|signin|register|wp-admin"
    r"|search|author|feed|press|events?|careers?|jobs?|forum)(?:/|\Z)",
    re.IGNORECASE,
)


def next_pages(document: Document, *, limit: int) -> tuple[str, ...]:
    """At most `limit` addresses of the same registrable domain, best first: one page of each
    sort (contact, imprint, team, about, locations, legal), then the second best of each."""
    site = site_of(document.url)
    own = _page_key(document.url)
    scored: dict[str, dict[str, tuple[float, str]]] = {}
    for order, link in enumerate(document.links):
        if not link.href.startswith(("http://", "https://")) or site_of(link.href) != site:
            continue
        key = _page_key(link.href)
        parts = urlsplit(link.href)
        if key == own or _UNREADABLE.search(parts.path):
            continue
        sort, score = _wanted(link.text, parts.path)
        if not sort:
            continue
        score -= 0.3 * parts.path.strip("/").count("/") + (1.0 if parts.query else 0.0)
        score -= 6.0 if _ELSEWHERE.search(parts.path) else 0.0
        score -= order / 10_000  # of equals the first on the page
        pages = scored.setdefault(sort, {})
        address = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))
        if key not in pages or pages[key][0] < score:
            pages[key] = (score, address)
    ranked = [sorted(pages.values(), reverse=True) for pages in scored.values()]
    rounds = [
        (number, -score, address)
        for pages in ranked
        for number, (score, address) in enumerate(pages)
        if score > 0
    ]
    return tuple(dict.fromkeys(address for _, _, address in sorted(rounds)))[: max(limit, 0)]


def _page_key(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.netloc.casefold()).removeprefix("www.")
    return f"{host}{parts.path.rstrip('/').casefold()}?{parts.query}"


def page_sort(text: str, path: str) -> str:
    """contact, imprint, team, about, locations, legal, or an empty string: what a page is that is
    called `text` or stands at `path`."""
    return _wanted(text, path)[0]


@lru_cache(maxsize=2048)  # the pages of a site share their menu
def _wanted(text: str, path: str) -> tuple[str, float]:
    """The sort of page a link leads to, and how sure: all of its text, then its path, then a
    word of its text."""
    name = _slug(text)
    last = _slug(re.sub(r"\.\w{2,5}\Z", "", unquote(path).strip("/").split("/")[-1]))
    best = ("", 0.0)
    for sort, (weight, words) in _WANTED.items():
        for word in words.split():
            if word in (name, last):
                score = weight
            elif last.count("-") < SLUG_WORDS_MAX and _holds(last, word):
                score = weight - 0.5 - 0.5 * last.count("-")
            elif name.count("-") < SLUG_WORDS_MAX and _holds(name, word):
                score = weight - 1 - 0.5 * name.count("-")
            else:
                continue
            if score > best[1]:
                best = (sort, score)
    return best


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold().translate(_FOLD)).strip("-")


def _holds(slug: str, word: str) -> bool:
    return f"-{word}-" in f"-{slug}-"
