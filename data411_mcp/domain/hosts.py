"""Host names: the registrable domain, by the public suffix list that ships with tldextract."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

import tldextract

_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=8192)
def registrable_domain(host_or_url: str) -> str:
    """`https://www.a.co.uk/x` → `a.co.uk`. Under a suffix that is not public (`.example`) the last
    two labels; an address or a single label as it stands."""
    host = (urlsplit(host_or_url).hostname or "") if "//" in host_or_url else host_or_url
    host = host.rstrip(".").lower()
    parts = _suffixes(host)
    if parts.domain and parts.suffix:
        return f"{parts.domain}.{parts.suffix}"
    labels = host.split(".")
    if parts.suffix or len(labels) < 2 or labels[-1].isdigit() or ":" in host:
        return host
    return ".".join(labels[-2:])
