"""What a company's own text is searched for: products it works with, buyers, rules it keeps. Whole
words only; a name that is also an everyday word counts in its own spelling."""

from __future__ import annotations

import re

# Products by the spelling shown; other spellings after a slash.
_PRODUCTS = """
Xero, QuickBooks, MYOB, SAP, Oracle NetSuite/NetSuite, Microsoft Dynamics/Dynamics 365, Odoo,
Salesforce, HubSpot, Zoho, Pipedrive, Freshdesk, Freshsales, Zendesk, Intercom, Mailchimp, Klaviyo,
Marketo, Pardot, ActiveCampaign, Shopify, WooCommerce, Magento, BigCommerce, PrestaShop, WordPress,
Squarespace, Webflow, Shopee, Lazada, TikTok Shop, Amazon Seller Central, PayPal, Adyen, PayNow,
GrabPay, Braintree, Microsoft 365/Office 365, Google Workspace/G Suite, Microsoft Teams, SharePoint,
Google Analytics, Google Ads, Power BI, Snowflake, Databricks, BigQuery, MongoDB, PostgreSQL, MySQL,
AWS/Amazon Web Services, Microsoft Azure/Azure, Google Cloud/GCP, Kubernetes, Docker, Terraform,
GitHub, GitLab, Bitbucket, Jira, Confluence, Asana, Trello, monday.com, ClickUp, Airtable, Zapier,
Make.com, Workato, MuleSoft, UiPath, ServiceNow, Workday, BambooHR, Talenox, Gusto, Rippling, Deel,
DocuSign, Dropbox, Box.com, Calendly, Okta, Auth0, CrowdStrike, Fortinet, Sophos, Datadog, Splunk,
New Relic, PagerDuty, Twilio, SendGrid, WhatsApp Business, Procore, AutoCAD, Revit, SolidWorks,
Autodesk, Yardi, Coupa, SAP Ariba/Ariba, CargoWise, Descartes, ShipStation, FedEx, Easyship,
Mews, Opera PMS, Lightspeed, Mindbody, Epic Systems, Cerner, Athenahealth, Moodle, Blackboard
"""
# In this very spelling, and followed by nothing that makes a sentence of it.
_PRODUCTS_AS_SPELT = "Stripe, Slack, Sage, Notion, Square, Canvas LMS, Toast POS, Zoom, Front"

_FUNCTIONS = (
    "operations|supply chain|logistics|warehouse|procurement|purchasing|sourcing|finance|accounting"
    "|sales|marketing|growth|revenue|product|engineering|technology|information technology|it"
    "|information security|security|data|analytics|people|human resources|hr|talent|recruitment"
    "|customer success|customer experience|customer service|facilities|maintenance|production"
    "|manufacturing|plant|quality|compliance|risk|legal|project|projects|r&d|research|innovation"
    "|business development|e-?commerce|retail|store|merchandising|fleet|transport|construction|site"
    "|safety|hse|clinical|nursing|practice|property|food and beverage|f&b"
)
_CHIEFS = (
    "executive|financial|operating|technology|information|information security|marketing|revenue"
    "|people|human resources|product|data|commercial|compliance|risk|medical|procurement"
    "|supply chain|digital|strategy|sustainability"
)
BUYER_TITLE = re.compile(
    rf"\b(?:chief (?:{_CHIEFS}) officers?"
    rf"|(?:heads?|directors?|vp|vice presidents?) of (?:{_FUNCTIONS})"
    rf"|(?:{_FUNCTIONS}) (?:directors?|managers?|leads?|leaders?|vp)"
    r"|managing directors?|general managers?|business owners?|co-?founders?|founders?|controllers?"
    r"|practice managers?|office managers?|plant managers?)\b",
    re.IGNORECASE,
)
_INITIALS = {
    "CEO": "chief executive officer", "CFO": "chief financial officer",
    "COO": "chief operating officer", "CTO": "chief technology officer",
    "CIO": "chief information officer", "CISO": "chief information security officer",
    "CMO": "chief marketing officer", "CRO": "chief revenue officer",
    "CHRO": "chief human resources officer", "CPO": "chief product officer",
}  # fmt: skip
BUYER_INITIALS = re.compile(rf"\b({'|'.join(_INITIALS)})s?\b")

# Rules and certificates: short ones in capitals only, for `mom` and `claims` are words.
COMPLIANCE = re.compile(
    r"\b(?:MOM|TAFEP|TADM|WICA|WSH|CPF|PDPA|MAS TRM|BCA|HSA|SFA|ACRA|GDPR|HIPAA|HACCP|GMP|GDP"
    r"|ISO ?\d{4,5}(?:[:-]\d{4})?|SOC ?[12]|PCI[ -]?DSS|bizSAFE(?: (?:STAR|Level ?\d))?"
    r"|[Hh]alal[- ]certified|FDA[- ]approved|CE[- ]marked)\b"
)

PRICING = re.compile(
    r"\bper (?:user|seat|employee|month)\b|(?:[$€£]|S\$|USD|SGD) ?\d[\d,.]* ?(?:/|per) ?(?:mo|month"
    r"|year|yr|user|seat)\b|\b(?:see|view|our|simple|transparent) pricing\b|\bpricing plans?\b",
    re.IGNORECASE,
)
PRICING_LINK = re.compile(r"\A(?:pricing|prices|plans?(?: (?:and|&) pricing)?|rates)\Z", re.I)
CASES = re.compile(
    r"\b(?:case stud(?:y|ies)|customer stor(?:y|ies)|success stor(?:y|ies)|client stor(?:y|ies))\b",
    re.IGNORECASE,
)
OPEN_ROLES = re.compile(
    r"\b(?P<count>\d{1,4})\+? (?:current )?(?:(?:open|vacant|available)\s+)(?:\w+\s+)?"
    r"(?:positions?|roles?|jobs?|vacanc(?:y|ies))\b"
    r"|\b(?:open (?:positions?|roles?|jobs?)|vacancies) ?[:(] ?(?P<after>\d{1,4})\b"
    r"|\b(?P<none>no (?:open|current) (?:positions?|roles?|vacancies|openings))\b",
    re.IGNORECASE,
)
OPEN_ROLES_HEADING = re.compile(
    r"\b(?:open (?:positions|roles|jobs)|vacancies|(?:current|job) openings|now hiring)\b",
    re.IGNORECASE,
)
_STAFF = (
    r"(?:full[- ]time )?(?:employees|staff(?: members)?|team members|people strong|professionals"
    r"|colleagues|crew members)"
)
_NUMBER = r"\d{1,3}(?:,\d{3})+|\d{1,6}"
HEADCOUNT = re.compile(
    rf"(?P<open>\b(?:over|more than|above)\s+)?(?<![\d.,$€£-])(?P<low>{_NUMBER})"
    rf"(?:\s*(?:-|–|to)\s*(?P<high>{_NUMBER}))?(?P<plus>\s*\+)?\s+(?:strong\s+)?{_STAFF}\b",
    re.IGNORECASE,
)
# "companies with 50 employees": of somebody else.
HEADCOUNT_OF_OTHERS = re.compile(
    r"\b(?:for|with|than|to|of|if|up to|under|fewer|less|at least)\s+(?:\w+\s+){0,3}\Z"
    r"|\b(?:companies|businesses|employers|clients|firms|customers|teams)\b",
    re.IGNORECASE,
)

HEADCOUNT_OF_OURS = re.compile(
    r"\b(?:team|workforce|staff|crew|family|total|force)\s+of\s+"
    r"(?:(?:over|about|some|around|more than|nearly|almost)\s+)?\Z",
    re.IGNORECASE,
)


def _listed(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := " ".join(part.split()))]


def _spellings() -> tuple[dict[str, str], re.Pattern[str], re.Pattern[str]]:
    shown: dict[str, str] = {}
    for entry in _listed(_PRODUCTS):
        first, *others = entry.split("/")
        shown.update({spelling.casefold(): first for spelling in (first, *others)})
    loose = "|".join(re.escape(s) for s in sorted(shown, key=len, reverse=True) if len(s) > 3)
    exact = [s for s in shown if len(s) <= 3]  # SAP, AWS, GCP: in capitals
    strict = "|".join(re.escape(s) for s in [*map(str.upper, exact), *_listed(_PRODUCTS_AS_SPELT)])
    shown.update({s.casefold(): s for s in _listed(_PRODUCTS_AS_SPELT)})
    return (
        shown,
        re.compile(rf"(?<![\w.-])(?:{loose})(?![\w-]|\.\w)", re.IGNORECASE),
        # An everyday word begins a sentence with a capital too: it must not begin one here.
        re.compile(rf"(?<=[a-z,&/(] )(?:{strict})(?![\w-]|\.\w)"),
    )


PRODUCTS, PRODUCT, PRODUCT_AS_SPELT = _spellings()


def buyer_title(raw: str) -> str:
    """One spelling: singular, lower case, `VP` and initials written out."""
    if (upper := raw.upper()) in _INITIALS or upper.removesuffix("S") in _INITIALS:
        return _INITIALS.get(upper) or _INITIALS[upper.removesuffix("S")]
    text = " ".join(raw.casefold().split()).replace("cofounder", "co-founder")
    text = re.sub(r"\b(officer|head|director|manager|lead|leader|owner|founder|controller)s\b",
                  r"\1", text)  # fmt: skip
    text = re.sub(r"\bvice presidents?\b", "vp", text)
    text = re.sub(r"\b(?:human resources)\b", "hr", text)
    return re.sub(r"\binformation technology\b", "it", text)
