"""One search index for all search twins: scripted answers first, else a term match over pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from data411_mcp.twins.markdown import render
from data411_mcp.twins.pages import Sites
from data411_mcp.twins.rows import SearchResult, SearchRow

PAGES_PER_HOST_MAX = 2
SNIPPET_CHARACTERS = 400
MATCH_SHARE_MIN = 0.5
_WORD = re.compile(r"\w+")
_STOP = frozenset(("a", "an", "and", "at", "by", "for", "in", "is", "of", "on", "or", "the", "to"))


@dataclass(frozen=True)
class Found:
    results: tuple[SearchResult, ...]
    answer: str | None = None


@dataclass(frozen=True)
class _IndexedPage:
    url: str
    host: str
    title: str
    text: str
    words: frozenset[str]


class SearchIndex:
    """Pages are read at the first unscripted query and kept."""

    def __init__(self, rows: Sequence[SearchRow], sites: Sites) -> None:
        self._rows = rows
        self._sites = sites
        self._pages: list[_IndexedPage] | None = None

    def search(
        self,
        query: str,
        *,
        engine: str,
        limit: int,
        only: Sequence[str] = (),
        without: Sequence[str] = (),
    ) -> Found:
        """The scripted row with the most terms in the query, else matching pages, best first.
        `only` and `without` are host names; subdomains are included."""
        words = _words(query)
        row = max(
            (r for r in self._rows if _fits(r, words, engine)),
            key=lambda r: len(r.terms),
            default=None,
        )
        results = row.results if row is not None else self._match(words)
        kept = [
            hit
            for hit in results
            if (not only or _on(hit.url, only)) and not (without and _on(hit.url, without))
        ]
        return Found(tuple(kept[:limit]), row.answer if row is not None else None)

    def _match(self, words: frozenset[str]) -> tuple[SearchResult, ...]:
        terms = words - _STOP
        if not terms:
            return ()
        scored = []
        for page in self._indexed():
            share = len(terms & page.words) / len(terms)
            if share >= MATCH_SHARE_MIN:
                scored.append((share, page))
        scored.sort(key=lambda pair: (-pair[0], len(urlsplit(pair[1].url).path), pair[1].url))
        per_host: Counter[str] = Counter()
        hits = []
        for share, page in scored:
            per_host[page.host] += 1
            if per_host[page.host] <= PAGES_PER_HOST_MAX:
                hits.append(
                    SearchResult(
                        url=page.url,
                        title=page.title,
                        content=_snippet(page.text, terms),
                        score=round(share * 0.99, 4),
                        raw_content=page.text,
                    )
                )
        return tuple(hits)

    def _indexed(self) -> list[_IndexedPage]:
        if self._pages is None:
            self._pages = []
            for url, page in self._sites.html_pages():
                shown = render(page.text, url)
                text = f"{shown.title}\n{shown.text}"
                host = urlsplit(url).hostname or ""
                self._pages.append(_IndexedPage(url, host, shown.title, shown.text, _words(text)))
        return self._pages


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _fits(row: SearchRow, words: frozenset[str], engine: str) -> bool:
    wanted = frozenset(word for term in row.terms for word in _words(term))
    return (row.engine is None or row.engine == engine) and wanted <= words


def _on(url: str, hosts: Sequence[str]) -> bool:
    host = urlsplit(url).hostname or ""
    return any(host == other or host.endswith("." + other) for other in hosts)


def _snippet(text: str, terms: frozenset[str]) -> str:
    """The stretch around the first term, cut at whole words."""
    folded = text.casefold()
    places = [at for at in (folded.find(term) for term in terms) if at >= 0]
    start = max(0, min(places, default=0) - 60)
    return " ".join(text[start : start + SNIPPET_CHARACTERS].split())
