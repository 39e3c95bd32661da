"""Technologies a page shows: its generator, and the scripts, styles and frames it loads."""

from __future__ import annotations

import re

from data411_mcp.domain.extract.document import Document, Fact
from data411_mcp.domain.graph import FieldName

# Part of an address → technology. The part is unlikely anywhere but in that vendor's addresses.
_BY_ADDRESS: dict[str, str] = {
    "/wp-content/": "WordPress",
    "/wp-includes/": "WordPress",
    "/plugins/woocommerce/": "WooCommerce",
    "/plugins/elementor/": "Elementor",
    "/plugins/wordpress-seo/": "Yoast SEO",
    "/plugins/contact-form-7/": "Contact Form 7",
    "/sites/default/files/": "Drupal",
    "/sites/all/modules/": "Drupal",
    "/sites/all/themes/": "Drupal",
    "/core/misc/drupal": "Drupal",
    "/media/system/js/": "Joomla",
    "/media/jui/": "Joomla",
    "/typo3temp/": "TYPO3",
    "/typo3conf/": "TYPO3",
    "/skin/frontend/": "Magento",
    "/static/version": "Magento",
    "/_next/static/": "Next.js",
    "/_nuxt/": "Nuxt",
    "cdn.shopify.com": "Shopify",
    "static.parastorage.com": "Wix",
    "static.wixstatic.com": "Wix",
    "static1.squarespace.com": "Squarespace",
    "assets.squarespace.com": "Squarespace",
    "cdn2.editmysite.com": "Weebly",
    "img1.wsimg.com": "GoDaddy Website Builder",
    "website-files.com": "Webflow",
    "assets.jimstatic.com": "Jimdo",
    "cdn-website.com": "Duda",
    "bigcommerce.com": "BigCommerce",
    "/etc.clientlibs/": "Adobe Experience Manager",
    "/umbraco/": "Umbraco",
    "google-analytics.com": "Google Analytics",
    "googletagmanager.com": "Google Tag Manager",
    "googleadservices.com": "Google Ads",
    "doubleclick.net": "Google Ads",
    "googlesyndication.com": "Google AdSense",
    "maps.google.": "Google Maps",
    "maps.googleapis.com": "Google Maps",
    "google.com/maps": "Google Maps",
    "fonts.googleapis.com": "Google Fonts",
    "google.com/recaptcha": "reCAPTCHA",
    "recaptcha.net": "reCAPTCHA",
    "connect.facebook.net": "Meta Pixel or plugins",
    "snap.licdn.com": "LinkedIn Insight Tag",
    "bat.bing.com": "Microsoft Advertising",
    "clarity.ms": "Microsoft Clarity",
    "static.hotjar.com": "Hotjar",
    "js.hs-scripts.com": "HubSpot",
    "js.hsforms.net": "HubSpot",
    "js.hs-analytics.net": "HubSpot",
    "munchkin.marketo.net": "Marketo",
    "pi.pardot.com": "Pardot",
    "chimpstatic.com": "Mailchimp",
    "list-manage.com": "Mailchimp",
    "static.klaviyo.com": "Klaviyo",
    "widget.intercom.io": "Intercom",
    "js.driftt.com": "Drift",
    "code.tidio.co": "Tidio",
    "embed.tawk.to": "tawk.to",
    "static.zdassets.com": "Zendesk",
    "livechatinc.com": "LiveChat",
    "client.crisp.chat": "Crisp",
    "assets.calendly.com": "Calendly",
    "js.stripe.com": "Stripe",
    "paypal.com/sdk": "PayPal",
    "paypalobjects.com": "PayPal",
    "js.squareup.com": "Square",
    "cdn.segment.com": "Segment",
    "cdn.optimizely.com": "Optimizely",
    "cdn.mxpnl.com": "Mixpanel",
    "cdn.amplitude.com": "Amplitude",
    "browser.sentry-cdn.com": "Sentry",
    "js-agent.newrelic.com": "New Relic",
    "cdn.cookielaw.org": "OneTrust",
    "consent.cookiebot.com": "Cookiebot",
    "usercentrics.eu": "Usercentrics",
    "matomo.js": "Matomo",
    "piwik.js": "Matomo",
    "plausible.io": "Plausible",
    "statcounter.com": "StatCounter",
    "mc.yandex.ru": "Yandex Metrica",
    "use.typekit.net": "Adobe Fonts",
    "use.fontawesome.com": "Font Awesome",
    "kit.fontawesome.com": "Font Awesome",
    "youtube.com/embed": "YouTube",
    "player.vimeo.com": "Vimeo",
    "addthis.com": "AddThis",
    "sharethis.com": "ShareThis",
    "code.jquery.com": "jQuery",
    "jquery.min.js": "jQuery",
    "jquery.js": "jQuery",
    "bootstrap.min.js": "Bootstrap",
    "bootstrap.min.css": "Bootstrap",
    "cdnjs.cloudflare.com": "cdnjs",
    "challenges.cloudflare.com": "Cloudflare Turnstile",
    "widget.trustpilot.com": "Trustpilot",
}
_JQUERY = re.compile(r"/jquery[-.]\d[\w.-]*\.js", re.IGNORECASE)
_VERSION = re.compile(r"[\s,;(-]+v?\d.*|\s+-\s.*|\s+(?:by|powered)\b.*", re.IGNORECASE)
_EDITORS = re.compile(  # what a page was typed with says nothing about what the company runs
    r"frontpage|dreamweaver|golive|word\b|notepad|html tidy|mshtml|namo|claris|netobjects|hotmetal"
    r"|microsoft visual|publisher|rapidweaver|iweb|pagemill|composer",
    re.IGNORECASE,
)


def technology_of(address: str) -> str | None:
    """Technology that a script, style or frame address belongs to, if it is a known one."""
    lowered = address.casefold()
    for part, technology in _BY_ADDRESS.items():
        if part in lowered:
            return technology
    return "jQuery" if _JQUERY.search(lowered) else None


def technology_rows(scripts: tuple[str, ...]) -> list[tuple[int, str, str]]:
    """Rows for the structured part of the canonical text, one a technology, so that the claim
    can be quoted: `technology: Google Maps (https://maps.google.com/…)`."""
    found: dict[str, str] = {}
    for address in scripts:
        if technology := technology_of(address):
            found.setdefault(technology, address)
    return [(0, "technology", f"{name} ({address[:200]})") for name, address in found.items()]


def read_technologies(document: Document) -> tuple[Fact, ...]:
    """TECH_STACK facts, each technology once."""
    found: dict[str, Fact] = {}
    for value in document.structured:
        if value.path == "technology":
            name, rule, score = value.value.partition(" (")[0], "tech.address", 0.9
        elif value.path == "meta.generator":
            name, rule, score = _generator(value.value), "tech.generator", 0.85
        else:
            continue
        if name and name not in found:
            found[name] = Fact(
                FieldName.TECH_STACK, name, value.value, value.start, value.end, rule, score
            )
    return tuple(found.values())


def _generator(content: str) -> str:
    """`WordPress 3.5.1` → `WordPress`; editors and empty names give an empty string."""
    name = _VERSION.sub("", content.strip())
    name = name.removesuffix("!").strip()
    return name if 2 <= len(name) <= 40 and not _EDITORS.search(content) else ""
