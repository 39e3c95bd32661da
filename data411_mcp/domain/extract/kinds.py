"""What sort of page this is: judged by its address, title, headings and length."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from data411_mcp.domain.extract.document import Document
from data411_mcp.domain.extract.links import page_sort, site_of
from data411_mcp.domain.extract.structured import tag_set

SHORT_PAGE_CHARS = 1500  # bot walls, error and parking pages say little
DIRECTORY_LISTINGS_MIN = 4

_WALL = re.compile(
    r"\A\W*(?:just a moment|attention required|access denied|security check|verify(?:ing)? you are"
    r" (?:a )?human|are you (?:a )?(?:human|robot)|robot check|bot verification|ddos-guard"
    r"|checking your browser|pardon our interruption|one moment,? please|request blocked"
    r"|human verification|please wait\W*\Z)"
    r"|enable javascript and cookies to continue|checking (?:if the site connection is secure"
    r"|your browser before)|unusual traffic from your|complete the (?:captcha|security check)"
    r"|performance (?:&|and) security by cloudflare|incapsula incident id|ray id:"
    r"|why have i been blocked|press (?:&|and) hold to confirm",
    re.IGNORECASE,
)
_ERROR = re.compile(
    r"\A\W*(?:(?:error\W*)?(?:40[0134]|410|429|500|502|503|504)\b|page (?:was )?not found"
    r"|not found\b|forbidden\b|bad gateway|service (?:temporarily )?unavailable|gateway time-?out"
    r"|internal server error|file not found|seite nicht gefunden|page (?:non trouvée|introuvable)"
    r"|página no encontrada|pagina non trovata|página não encontrada|pagina niet gevonden"
    r"|sidan (?:kunde inte hittas|hittades inte)|nie znaleziono strony|oops\b.{0,40}not found"
    r"|unauthorized\b|database error|account suspended|this site can.t be reached)"
    r"|(?:the )?page you (?:are|were) looking for|requested url .{0,200}was not found"
    r"|this account has been suspended|error establishing a database connection",
    re.IGNORECASE,
)
_PARKED = re.compile(
    r"domain(?: name)?\s+(?:\S+\s+)?(?:is|may be|might be)\s+(?:available )?(?:for sale|parked"
    r"|available|registered)|buy this domain|domain (?:is )?for sale"
    r"|make an offer on this domain|inquire about this domain|parked (?:free|domain|page)"
    r"|this (?:domain|web ?page|site|page) is parked|sedo domain parking|related searches:?\s*\Z"
    r"|future home of|website (?:is )?coming soon|under construction|site (?:is )?under maintenance"
    r"|diese domain (?:steht|ist) .{0,20}(?:verkauf|kaufen|geparkt)|domain (?:zu )?verkaufen"
    r"|ce (?:nom de )?domaine est (?:à vendre|en vente)|dominio (?:en|in) vend?(?:ta|ita)"
    r"|este dominio está|default web ?(?:site )?page|apache2? .{0,20}default page|welcome to nginx"
    r"|it works!\s*\Z|index of /\s*\Z|site is not published|website has expired|domain has expired",
    re.IGNORECASE,
)
_DIRECTORY_SITES = tag_set(
    "yelp.com yellowpages.com yellowpages.ca yellowpages.com.au yell.com 192.com gelbeseiten.de"
    " pagesjaunes.fr paginegialle.it paginasamarillas.es goldenpages.ie manta.com bbb.org"
    " bizapedia.com opencorporates.com dnb.com zoominfo.com crunchbase.com kompass.com"
    " europages.com europages.co.uk thomasnet.com hotfrog.com brownbook.net cylex.de"
    " cylex-uk.co.uk foursquare.com tripadvisor.com mapquest.com superpages.com"
    " chamberofcommerce.com merchantcircle.com citysearch.com angi.com angieslist.com"
    " homeadvisor.com houzz.com thumbtack.com avvo.com justia.com lawyers.com findlaw.com"
    " healthgrades.com zocdoc.com vitals.com rocketreach.co apollo.io lusha.com signalhire.com"
    " contactout.com theorg.com leadiq.com adapt.io northdata.com northdata.de firmenwissen.de"
    " wlw.de dastelefonbuch.de 11880.com societe.com infogreffe.fr pappers.fr endole.co.uk"
    " companycheck.co.uk corporationwiki.com buzzfile.com owler.com glassdoor.com indeed.com"
    " glassdoor.co.uk linkedin.com facebook.com trustpilot.com checkatrade.com trustatrader.com"
    " truelocal.com.au startlocal.com.au localsearch.com.au whitepages.com spokeo.com"
    " loopnet.com bloomberg.com pitchbook.com craft.co growjo.com recordowl.com sgpbusiness.com"
    " streetdirectory.com companiesintheuk.co.uk allbiz.com alibaba.com tradeindia.com"
    " indiamart.com justdial.com sulekha.com zaubacorp.com tofler.in clutch.co goodfirms.co"
    " g2.com capterra.com sortlist.com wikipedia.org"
)
_DIRECTORY_WORDS = re.compile(
    r"\b(?:business (?:directory|listings?)|company (?:directory|database|listings?)"
    r"|directory of|claim (?:this|your) (?:business|listing|profile|company)"
    r"|find (?:local )?businesses|add your (?:business|company|listing)"
    r"|browse by (?:category|state|city)|(?:similar|nearby) (?:companies|businesses)"
    r"|is this your business|member directory|exhibitor list"
    r"|branchenbuch|branchenverzeichnis|firmenverzeichnis|annuaire|directorio de empresas"
    r"|elenco aziende|bedrijvengids)\b",
    re.IGNORECASE,
)
_HOME_PATH = re.compile(
    r"/?(?:index|default|home|main)?(?:\.\w{2,5})?/?\Z|/[a-z]{2}(?:-[a-z]{2})?/?\Z", re.I
)
_ORGANISATION_TYPES = re.compile(
    r"(?:Organization|LocalBusiness|Corporation|Store|Restaurant|Company)\.name\Z"
)


def page_kind(document: Document) -> str:
    """One of home, contact, about, team, imprint, directory, parked, error, other."""
    visible = document.text[: document.visible_end]
    if wall := _dead_end(document, visible):
        return wall
    if _is_directory(document, visible):
        return "directory"
    path = unquote(urlsplit(document.url).path) if site_of(document.url) else ""
    by_path = _named(page_sort("", path))
    if by_path:
        return by_path
    for text in (document.title, *_headings(document)):
        first = re.split(r"\s[|–—:»-]+\s|[|»]", text)
        for part in (first[0], first[-1]):
            if by_title := _named(page_sort(part, "")):
                return by_title
    if _HOME_PATH.match(path) and site_of(document.url):
        return "home"
    return "other"


def _named(sort: str) -> str:
    """A sort of wanted page (links.py) as a kind of page."""
    return sort if sort in {"contact", "imprint", "team", "about"} else ""


def _headings(document: Document) -> list[str]:
    return [
        document.text[block.start : block.end]
        for block in document.blocks
        if block.tag in {"h1", "h2"}
    ][:2]


def _dead_end(document: Document, visible: str) -> str:
    """`error` or `parked` where a page only says that there is none."""
    words = f"{document.title}\n{visible}"
    if document.decoder == "json/1":
        return ""
    if _WALL.search(document.title) or (len(visible) < SHORT_PAGE_CHARS and _WALL.search(words)):
        return "error"
    heads = [document.title, *_headings(document), visible[:200]]
    if len(visible) < 2 * SHORT_PAGE_CHARS and any(_ERROR.match(head.strip()) for head in heads):
        return "error"
    if len(visible) >= SHORT_PAGE_CHARS:
        return ""
    if _ERROR.search(words):
        return "error"
    if _PARKED.search(words) and not re.search(r"\d{3}[\s.-]?\d{4}|@\w", visible):
        return "parked"
    return ""


def _is_directory(document: Document, visible: str) -> bool:
    if site_of(document.url) in _DIRECTORY_SITES:
        return True
    organisations = {
        value.value.casefold()
        for value in document.structured
        if _ORGANISATION_TYPES.search(value.path) and value.path.count(".") == 1
    }
    if len(organisations) >= DIRECTORY_LISTINGS_MIN:
        return True
    marks = {match.group().casefold() for match in _DIRECTORY_WORDS.finditer(visible)}
    in_title = _DIRECTORY_WORDS.search(document.title) is not None
    return len(marks) + 2 * in_title >= 2
