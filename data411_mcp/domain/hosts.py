"""Host names: which part of one belongs to one company, and which hosts many companies share.

The registrable domain follows the public suffix list that ships with tldextract, its private
section included, and the site builders that the list leaves out: two tenants of one platform are
two companies.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

import idna
import tldextract

# Builders and blog platforms that give each customer a host below their own, yet are not on the
# public suffix list.
_BUILDERS = frozenset(
    {
        "business.site", "godaddysites.com", "hostingersite.com", "jimdo.com", "jimdofree.com",
        "jimdosite.com", "mystrikingly.com", "sites.google.com", "squarespace.com", "substack.com",
        "tumblr.com", "typepad.com", "ueniweb.com", "webador.com", "webnode.com", "weebly.com",
        "wordpress.com",
    }
)  # fmt: skip

# Hosts that carry many companies' pages or mailboxes: the host says nothing about whose they are.
SHARED_HOSTS = _BUILDERS | {
    "facebook.com", "fb.com", "instagram.com", "linkedin.com", "x.com", "twitter.com",
    "youtube.com", "tiktok.com", "pinterest.com", "threads.net", "yelp.com", "tripadvisor.com",
    "linktr.ee", "medium.com", "google.com", "goo.gl", "g.page", "bit.ly", "wix.com",
    "wixsite.com", "blogspot.com", "carrd.co", "github.io", "myshopify.com", "etsy.com",
    "ebay.com", "amazon.com",
    "gmail.com", "googlemail.com", "yahoo.com", "outlook.com", "hotmail.com", "live.com",
    "icloud.com", "aol.com", "msn.com", "proton.me", "protonmail.com", "gmx.de", "gmx.net",
    "web.de", "mail.ru", "yandex.ru", "qq.com", "163.com",
}  # fmt: skip

_icann = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
_suffixes = tldextract.TLDExtract(
    suffix_list_urls=(),
    cache_dir=None,
    include_psl_private_domains=True,
    extra_suffixes=tuple(sorted(_BUILDERS)),
)


@lru_cache(maxsize=8192)
def registrable_domain(host_or_url: str) -> str:
    """`https://www.a.co.uk/x` → `a.co.uk`, `www.acme.github.io` → `acme.github.io`; lower case,
    IDNA A-labels. A platform's own host as it stands (`github.io`). Under a suffix that nobody
    knows (`.example`) the last two labels; an address, a single label or a bare suffix as it
    stands; empty where there is no host."""
    host = _host(host_or_url)
    if found := public_domain(host):
        return found
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or ":" in host or suffix_alone(host):
        return host
    return ".".join(labels[-2:])


@lru_cache(maxsize=8192)
def public_domain(host: str) -> str:
    """The registrable domain of a host name under a known suffix; empty where there is none: an
    unknown suffix, a suffix alone (`co.uk`), an IP address, a single label."""
    host = ascii_host(host)
    parts = _suffixes(host)
    if not parts.suffix:
        return ""
    platform = bool(_icann(parts.suffix).domain)
    if not parts.domain or (platform and host == f"www.{parts.suffix}"):
        return parts.suffix if platform else ""
    return f"{parts.domain}.{parts.suffix}"


def suffix_alone(host: str) -> bool:
    """Whether the name is a public suffix of the registries (`co.uk`), so nobody's own."""
    return not public_domain(host) and bool(_icann(ascii_host(host)).suffix)


def ascii_host(host: str) -> str:
    """Lower case, without the root's dot, in IDNA A-labels where it has such a form."""
    host = host.rstrip(".。").lower()
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return host


def _host(host_or_url: str) -> str:
    if "//" not in host_or_url:
        return ascii_host(host_or_url)
    try:
        return ascii_host(urlsplit(host_or_url).hostname or "")
    except ValueError:  # brackets that hold no IPv6 address
        return ""
