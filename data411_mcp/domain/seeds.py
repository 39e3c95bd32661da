"""Warm seeds: under which keys an earlier session is found, and whether it fits."""

from __future__ import annotations

from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.hosts import SHARED_HOSTS
from data411_mcp.domain.lead import Lead, LeadKey
from data411_mcp.domain.places import same_state
from data411_mcp.domain.ties import fold


def seed_keys(lead: Lead, key: LeadKey) -> tuple[str, ...]:
    """Phone, company and person keys, strongest first; never the CRM's contact id."""
    place = "|".join(fold(x) for x in (lead.city or "", lead.state or ""))
    keys = [f"phone:{p}" for p in key.phones]
    if key.domain and key.domain not in SHARED_HOSTS:
        keys.append(f"domain:{key.domain}")
    if key.company and place.strip("|"):
        keys.append(f"company:{key.company}|{place}")
    if key.person and place.strip("|"):
        keys.append(f"person:{key.person}|{place}")
    return tuple(dict.fromkeys(keys))


def seed_fits(lead: Lead, key: LeadKey, earlier: Backfill) -> bool:
    """An earlier graph may be used only where it is about the same company: its identity is
    clear, and nothing that the lead says contradicts it."""
    if earlier.identity.decision != "clear":
        return False
    domains = {a.value for a in earlier.identity.anchors if a.kind == "domain"}
    if key.domain and domains and key.domain not in domains:
        return False
    before = earlier.lead
    if lead.company and before.company and fold(lead.company) != fold(before.company):
        return bool(key.domain and key.domain in domains)
    return same_state(lead.state, before.state)
