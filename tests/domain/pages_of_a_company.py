"""Pages for tests of the proof: a small fictional company and its neighbours."""

from __future__ import annotations

import hashlib
from datetime import date

from data411_mcp.domain.evidence import Page, ReadPage
from data411_mcp.domain.extract.decode import decode
from data411_mcp.domain.extract.document import Hints
from data411_mcp.domain.extract.read import read_document
from data411_mcp.domain.graph import Anchor, IdentityCard
from data411_mcp.domain.proof import Circumstances

HOME = "https://millbrook-pumps.example/"
CONTACT = """<html><head><title>Contact | Millbrook Pumps</title></head><body>
<h1>Contact Millbrook Pumps</h1>
<p>Phone: (614) 555-0142</p>
<p>Email: <a href="mailto:office@millbrook-pumps.example">office@millbrook-pumps.example</a></p>
<p>12 Canal Street, Columbus, OH 43215</p>
<h2>Our team</h2>
<div><h3>Nora Fields</h3><p>Managing Director</p><p>(614) 555-0143</p></div>
<div><h3>Peter Lund</h3><p>Service Manager</p></div>
</body></html>"""


def read(html: str, url: str = HOME + "contact", **more: object) -> ReadPage:
    body = html.encode()
    document = decode(body, content_type="text/html; charset=utf-8", url=url)
    facts = read_document(document, Hints(country="US", domain="millbrook-pumps.example"))
    page = Page(
        url=url,
        final_url=url,
        sha256=hashlib.sha256(body).hexdigest(),
        text=document.text,
        decoder=document.decoder,
        reader=str(more.get("reader", "direct")),
        fetched_at="2026-11-01T10:00:00+00:00",
        headers=dict(more.get("headers", {})),  # type: ignore[call-overload]
        body=body,
    )
    return ReadPage(page, document, facts)


IDENTITY = IdentityCard(
    decision="clear",
    name="Millbrook Pumps",
    anchors=(
        Anchor(kind="domain", value="millbrook-pumps.example", source="lead"),
        Anchor(kind="name", value="Millbrook Pumps", source="lead"),
        Anchor(kind="city", value="Columbus|OH", source="lead"),
        Anchor(kind="phone", value="+16145550142", source="lead"),
    ),
)
AROUND = Circumstances(identity=IDENTITY, country="US", stale_before=date(2024, 11, 1))
