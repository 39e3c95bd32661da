"""The panel: one page for people who sell, on the server's own port. Everything it needs is inside
it; it holds nothing of anybody, and reads what it shows with the key that its user types in."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

PANEL_PATH = "/panel"
STYLE, SCRIPT = "/* panel.css */", "/* scripts */"  # where index.html wants them
# In the order in which they are read: a later one uses what an earlier one declares.
SCRIPTS = ("words", "dom", "server", "facts", "lead", "plan", "chat", "panel")


@dataclass(frozen=True)
class Page:
    """The document, and the policy under which it runs: these scripts and styles, by their hashes,
    this server and nothing else. Trusted types make the browser refuse text as markup."""

    html: str
    policy: str


@cache
def page() -> Page:
    style = _read("panel.css")
    script = "".join(_read(f"{name}.js") for name in SCRIPTS)
    html = _read("index.html").replace(STYLE, style).replace(SCRIPT, script)
    policy = (
        "default-src 'none'",
        f"script-src {_hash(script)}",
        f"style-src {_hash(style)}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return Page(html, "; ".join(policy))


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Of all that stands between the tags."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


async def panel(_request: Request) -> Response:
    """The page needs no key: it asks for one."""
    found = page()
    headers = {
        "Content-Security-Policy": found.policy,
        "Cache-Control": "no-cache",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return HTMLResponse(found.html, headers=headers)
