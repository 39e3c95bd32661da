"""The web itself: files under sites/<host>/ as pages, with headers beside them."""

from __future__ import annotations

import gzip
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from data411_mcp.twins.wire import Reply, Request

INDEX = "index.html"
HEADERS_SUFFIX = ".headers"
GZIP_FROM_BYTES = 1_400
ROBOTS_ALLOW_ALL = "User-agent: *\nAllow: /\n"
NOT_FOUND = (
    "<!doctype html><html lang='en'><head><title>404 Not Found</title></head>"
    "<body><h1>Not Found</h1><p>The page you asked for is not here.</p></body></html>"
)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".htm": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True)
class SitePage:
    """One answer of a site: status, headers (lower-case names), body before compression."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_html(self) -> bool:
        return "html" in self.headers.get("content-type", "")

    @property
    def text(self) -> str:
        charset = re.search(r"charset=([\w-]+)", self.headers.get("content-type", ""))
        return self.body.decode(charset.group(1) if charset else "utf-8", errors="replace")


@dataclass
class Sites:
    """Pages of a world by host. Files are read when asked for, so that a test may change them."""

    folders: Mapping[str, Path]
    _missing: SitePage = field(
        default_factory=lambda: SitePage(
            404, {"content-type": "text/html; charset=utf-8"}, NOT_FOUND.encode()
        )
    )

    def knows(self, host: str) -> bool:
        return host in self.folders or self._other_form(host) is not None

    def page(self, host: str, path: str, *, secure: bool = True) -> SitePage:
        """The page at an address. Raises KeyError for a host that does not exist."""
        other = self._other_form(host)
        if host not in self.folders and other is not None:
            scheme = "https" if secure else "http"
            return SitePage(301, {"location": f"{scheme}://{other}{path}"}, b"")
        folder = self.folders[host]
        file = _file_for(folder, path)
        if file is not None:
            return _read(file)
        if path == "/robots.txt":
            headers = {"content-type": "text/plain; charset=utf-8"}
            return SitePage(200, headers, ROBOTS_ALLOW_ALL.encode())
        own = folder / "404.html"
        if own.is_file():
            page = _read(own)
            return SitePage(404, page.headers, page.body)
        return self._missing

    def html_pages(self) -> list[tuple[str, SitePage]]:
        """Every HTML page that answers 200, as (URL, page), in a stable order."""
        found = []
        for host, folder in self.folders.items():
            for file in sorted(folder.rglob("*.html")):
                page = _read(file)
                if page.status == 200 and file.name != "404.html":
                    found.append((f"https://{host}{_url_path(folder, file)}", page))
        return found

    @cached_property
    def hosts(self) -> frozenset[str]:
        return frozenset(self.folders)

    def _other_form(self, host: str) -> str | None:
        """`example.com` for `www.example.com` and the other way round, if that one exists."""
        other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
        return other if other in self.folders else None


def site_reply(sites: Sites, request: Request) -> Reply:
    """Answer as a web server does; KeyError for a host that does not exist."""
    if request.method not in ("GET", "HEAD"):
        return Reply(405, {"content-type": "text/plain", "allow": "GET, HEAD"}, b"not allowed")
    page = sites.page(request.host, request.path, secure=request.secure)
    headers = dict(page.headers)
    body = page.body
    wants_gzip = "gzip" in request.headers.get("accept-encoding", "")
    if wants_gzip and len(body) >= GZIP_FROM_BYTES and "content-encoding" not in headers:
        body = gzip.compress(body, 6, mtime=0)
        headers |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    return Reply(page.status, headers, body)


def _file_for(folder: Path, path: str) -> Path | None:
    """The file behind a URL path, or the one its `.headers` would stand beside."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or any("\\" in part or "\0" in part for part in parts):
        return None
    base = folder.joinpath(*parts)
    candidates = [base / INDEX]
    if parts:
        if not path.endswith("/"):
            candidates.insert(0, base)
        candidates.append(base.with_name(base.name + ".html"))
    for file in candidates:
        if file.name.endswith(HEADERS_SUFFIX):
            continue
        if file.is_file() or file.with_name(file.name + HEADERS_SUFFIX).is_file():
            return file
    return None


def _read(file: Path) -> SitePage:
    kind = _TYPES.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0]
    headers = {"content-type": kind or "application/octet-stream"}
    status = 200
    beside = file.with_name(file.name + HEADERS_SUFFIX)
    if beside.is_file():
        for line in beside.read_text(encoding="utf-8").splitlines():
            name, colon, value = line.partition(":")
            if not colon:
                continue
            if name.strip().lower() == "status":
                status = int(value)
            else:
                headers[name.strip().lower()] = value.strip()
    return SitePage(status, headers, file.read_bytes() if file.is_file() else b"")


def _url_path(folder: Path, file: Path) -> str:
    """The address under which links would name this file: a folder for its index.html."""
    path = "/" + file.relative_to(folder).as_posix()
    if path.endswith("/" + INDEX):
        return path[: -len(INDEX)]
    return path
