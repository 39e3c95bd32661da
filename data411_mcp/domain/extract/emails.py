"""E-mail addresses in text, links and structured data; plain, encoded or spelled out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from email_validator import EmailNotValidError, validate_email

from data411_mcp.domain.hosts import public_domain

EMAIL_CHARS_MAX = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets

_ADDRESS = re.compile(
    r"(?<![\w.+\-/=@%])[\w!#$%&'*+/=?^`{|}~\-]+(?:\.[\w!#$%&'*+/=?^`{|}~\-]+)*"
    r"@(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}(?![\w@])"
)
_AT = (
    r"(?:[(\[{<]\s*(?:at|ät|a|@|arroba|chez)\s*[)\]}>]"
    r"|[(\[{][^()\[\]{}]{0,16}\bat\b[^()\[\]{}]{0,16}[)\]}]"  # (put the at sign here)
    r"|\s+@\s*|\s*@\s+|\s+(?-i:AT)\s+|_at_|-at-"
    r"|\s+at\s+(?=\S+\s*[(\[{]?\s*(?:dot|punkt|point)\b))"
)
_DOT = (
    r"(?:\s*[(\[{]\s*(?:dot|punkt|point|punto|\.)\s*[)\]}]\s*"
    r"|\s+(?:dot|(?-i:DOT))\s+|\s?\.\s?)"
)
_LABEL = r"[A-Z0-9][A-Z0-9\-]*"
_SPELLED = re.compile(
    rf"(?<![\w.+\-@])(?P<local>[A-Z0-9](?:[\w+\-]|{_DOT}(?=\w))*?)\s*{_AT}\s*"
    rf"(?P<host>{_LABEL}(?:{_DOT}{_LABEL})*?{_DOT}(?P<tld>[A-Z]{{2,10}}))"
    r"(?![\w@]|\s*[(\[{]\s*dot|\s+dot\s)",
    re.IGNORECASE,
)
_RESERVED_SUFFIXES = frozenset({"example", "test"})  # RFC 2606: samples use them
_IMAGE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|css|js|ico|bmp|pdf|html?|php|woff2?)$", re.I)
_PLACEHOLDER_HOSTS = frozenset(
    """
    yourdomain.com yourdomain.co.uk domain.com domain.tld mydomain.com yoursite.com email.com
    yourcompany.com company.com sentry.io wixpress.com sentry.wixpress.com mysite.com test.com
    somewhere.com somedomain.com address.com adresse.de beispiel.de exemple.fr youremail.com
    sentry-next.wixpress.com provider.com
    """.split()
)
_PLACEHOLDER_LOCALS = frozenset(
    """
    you your yourname your.name youremail your.email name username user someone somebody example
    email.address firstname.lastname first.last vorname.nachname xxx abc
    """.split()
)
_ROLES = frozenset(
    """
    info contact contactus contacto contato kontakt kontakty office mail email e-mail enquiries
    enquiry inquiries inquiry sales support service services help helpdesk hello hi hallo bonjour
    hola admin administration webmaster postmaster hostmaster abuse privacy legal compliance hr
    jobs job career careers recruiting recruitment bewerbung press media marketing pr news
    newsletter events event booking bookings reservations reservation reception team crew billing
    accounts accounting accountspayable invoice invoices finance orders order shop store
    customerservice customercare customer clients client feedback general studio company noreply
    no-reply donotreply post sekretariat secretary secretariat zentrale verkauf vertrieb einkauf
    presse buchhaltung datenschutz dpo gdpr security tech technical technik it web website
    mailorder order orders quote quotes estimates estimating dispatch parts warranty returns
    export import purchasing procurement partners partner affiliates advertise advertising ads
    editor editorial redaktion redaction subscribe unsubscribe membership members board council
    citycouncil cityclerk recorder clerk planning permits police fire library school
    administracion ventas comercial informacion info-uk info.uk infos accueil commercial direction
    rh compta vendite amministrazione segreteria ufficio biuro sekretariaat marknad teknik
    kundtjanst kundombud salg firma firmapost asiakaspalvelu myynti toimisto administrator owner
    manager director principal principaloffice headoffice main mainoffice trade wholesale retail
    training education research projects project design webdesign frontdesk concierge restaurant
    hotel spa gallery museum tickets boxoffice volunteer donate donations investors investor ir
    investorrelations corporate ethics whistleblower roads chief commissioner inspector courtclerk
    """.split()
)
FREE_MAIL = frozenset(
    """
    gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.fr yahoo.de ymail.com hotmail.com
    hotmail.co.uk hotmail.fr outlook.com live.com live.co.uk msn.com aol.com icloud.com me.com
    mac.com gmx.de gmx.net gmx.at gmx.com web.de t-online.de freenet.de orange.fr wanadoo.fr
    free.fr laposte.net sfr.fr libero.it virgilio.it alice.it tin.it btinternet.com btconnect.com
    sky.com talktalk.net ntlworld.com virginmedia.com comcast.net verizon.net att.net
    sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com cogeco.ca rogers.com
    shaw.ca telus.net sympatico.ca videotron.ca bigpond.com bigpond.net.au optusnet.com.au
    iinet.net.au xtra.co.nz mail.ru yandex.ru bk.ru list.ru inbox.ru rambler.ru tut.by ukr.net
    i.ua wp.pl onet.pl o2.pl interia.pl seznam.cz centrum.cz telenet.be skynet.be planet.nl
    xs4all.nl ziggo.nl kpnmail.nl home.nl hetnet.nl bluewin.ch sunrise.ch telia.com bredband.net
    protonmail.com proton.me zoho.com fastmail.com qq.com 163.com 126.com sina.com naver.com
    daum.net rediffmail.com uol.com.br bol.com.br terra.com.br telefonica.net eircom.net
    """.split()
)


@dataclass(frozen=True, slots=True)
class SpottedEmail:
    """One address in a stretch of text. `spelled` is whether "at" or "dot" were words."""

    value: str
    start: int
    end: int
    spelled: bool


def normalize_email(raw: str) -> str | None:
    """Lower-case address, None when it is none (RFC 5321/5322 syntax; no DNS is asked).

    `mailto:` and its query, angle brackets and a trailing full stop are taken off.
    """
    text = raw.strip()
    if text[:7].casefold() == "mailto:":
        text = text[7:].partition("?")[0]
    if "%" in text:
        text = unquote(text)
    text = text.strip(" \t\n<>[](){}\"',;:").rstrip(".").removeprefix("mailto:")
    if text.count("@") != 1 or len(text) > EMAIL_CHARS_MAX or _IMAGE.search(text):
        return None
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return found.normalized.casefold()


def is_placeholder(address: str) -> bool:
    """Sample addresses of forms and templates, and ids that only look like addresses."""
    local, _, host = address.partition("@")
    if host in _PLACEHOLDER_HOSTS or registrable(host) in _PLACEHOLDER_HOSTS:
        return True
    if local in _PLACEHOLDER_LOCALS and (host.startswith(("example.", "email.", "mail.", "your"))):
        return True
    if re.fullmatch(r"[0-9a-f]{24,}", local):
        return True
    return host.startswith(("yourdomain", "your-domain", "yourcompany"))


def email_kind(address: str) -> str:
    """`role` for a mailbox of a function, `person` for somebody's own."""
    local = address.partition("@")[0]
    if local in _ROLES:
        return "role"
    words = [word for word in re.split(r"[.\-_+\d]+", local) if word]
    if any(word in _ROLES for word in words):
        return "role"
    own_name = address.partition("@")[2].split(".")[0]
    if local == own_name and len(local) > 3:
        return "role"  # the company's own name as the mailbox
    return "person"


@cache
def registrable(host: str) -> str:
    """`www.shop.example.co.uk` → `example.co.uk`, by the bundled public suffix list; empty if
    there is none."""
    labels = host.casefold().split(".")
    if labels[-1] in _RESERVED_SUFFIXES and len(labels) > 1:
        return ".".join(labels[-2:])
    return public_domain(host)


def find_emails(text: str) -> Iterator[SpottedEmail]:
    """Addresses of one line, plain ones first."""
    taken: list[tuple[int, int]] = []
    for match in _ADDRESS.finditer(text):
        value = _trimmed(match.group())
        if value and (address := normalize_email(value)):
            start = match.start() + match.group().find(value)
            taken.append((start, start + len(value)))
            yield SpottedEmail(address, start, start + len(value), spelled=False)
    for match in _SPELLED.finditer(text):
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        joined = re.sub(_DOT, ".", match["local"], flags=re.I) + "@"
        joined += re.sub(_DOT, ".", match["host"], flags=re.I)
        address = normalize_email(re.sub(r"\s", "", joined))
        if address and registrable(address.partition("@")[2]):
            yield SpottedEmail(address, match.start(), match.end(), spelled=True)


def _trimmed(address: str) -> str:
    """Drops what runs into an address: a label before it, a word glued to its suffix."""
    local, _, host = address.partition("@")
    local = re.sub(r"^(?:e-?mail|mail|mailto)[:=]", "", local, flags=re.IGNORECASE)
    if not registrable(host):
        labels = host.split(".")
        glued = re.match(r"(com|net|org|info|biz|co\.uk|de|eu)(?=[A-Z])", labels[-1])
        if not glued:
            return ""
        host = ".".join([*labels[:-1], glued.group(1)])
    return f"{local.lstrip(chr(39) + '`{|}~/=?^!#$%&*')}@{host}"
