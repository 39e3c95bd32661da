"""The host of a page as a judge of names: its label, and how well it spells a name."""

from __future__ import annotations

import re
from collections import Counter

from data411_mcp.domain.extract.document import Document, Hints
from data411_mcp.domain.extract.person_names import fold
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.legal_forms import strip_legal_form

NAME_WORDS_MAX = 9


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GENERIC = _words(
    "home homepage contact contacts us about welcome index page untitled document news blog "
    "services "
    "service products product gallery team staff our people who we are imprint impressum kontakt "
    "faq help support login search site map sitemap careers jobs privacy policy terms of use and "
    "conditions the a menu main default logo image header banner testimonials reviews attorneys "
    "locations location directions management contacto contatti accueil startseite info "
    "information "
    "get in touch enquiry form online shop store official website web portfolio clients events "
    "resources links press media your account my cart checkout hours facebook twitter linkedin "
    "joomla wordpress drupal top back next read more all rights reserved copyright legal notice "
    "footer email mail phone unfilled find wrapped general photo photos video videos new free "
    "offices office customer department departments feedback overview company profile mission"
)
_FREE_MAIL = _words(
    "gmail hotmail yahoo outlook aol icloud live msn gmx web mail googlemail t-online comcast "
    "btinternet verizon sbcglobal bellsouth att earthlink bigpond orange wanadoo libero example "
    "facebook twitter google youtube linkedin instagram wordpress blogspot adobe macromedia w3 "
    "addthis pinterest vimeo flickr apple microsoft"
)
_LATIN = str.maketrans(
    dict(
        zip(
            "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
            """
    a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya
    """.split(),
            strict=True,
        )
    )
    | {"ъ": "", "ь": ""}
)


def host_label(document: Document, hints: Hints) -> str:
    """The registrable label of the page's own host: `better-builders`; "" when unknown."""
    addresses = [hints.domain or "", document.url]
    addresses += [
        v.value for v in document.structured if v.path in {"link.canonical", "meta.og:url"}
    ]
    for address in addresses:
        if label := _label(address):
            return label
    mail = Counter(_label(m) for m in re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", document.text))
    hosts = Counter(_label(link.href) for link in document.links if link.href.startswith("http"))
    for counts in (mail, hosts):
        for label, _ in counts.most_common(3):
            if label and label not in _FREE_MAIL:
                return label
    return ""


def _label(address: str) -> str:
    domain = registrable_domain(address if "//" in address else f"//{address}")
    return domain.partition(".")[0] if "." in domain and not domain[-1].isdigit() else ""


_WORDS = re.compile(r"[^\W_]+")
_NO_LETTER = re.compile(r"[\W_]")
_NO_WORD = re.compile(r"[\d\W]+")
_CYRILLIC = re.compile(r"[а-яё]")
_NOT_A_NAME = re.compile(r"@|https?:|[!?]|\d{3}[\s.-]\d{3,4}|\.(?:jpg|png|gif)\b", re.IGNORECASE)


def host_match(name: str, host: str) -> float:
    """0..1: how well the host label spells `name` (whole, in part, by its initials)."""
    if not host:
        return 0.0
    host = _NO_LETTER.sub("", fold(host))
    name = fold(name).translate(_LATIN) if _CYRILLIC.search(name.casefold()) else name
    words = _WORDS.findall(fold(strip_legal_form(name)).replace("'", ""))
    words = words[1:] if len(words) > 1 and words[0] == "the" else words
    if not words:
        return 0.0
    squashed = "".join(words)
    joined = "".join("and" if w == "&" else w for w in words)
    if host in {squashed, joined} or squashed == f"the{host}":
        return 1.0
    if len(squashed) > 3 and host.startswith(squashed):
        return 0.5 + 0.4 * len(squashed) / len(host)
    if len(host) > 3 and squashed.startswith(host):
        return 0.6 + 0.3 * len(host) / len(squashed)
    content = [w for w in words if w not in {"and", "of", "the", "de", "for", "y", "e"}]
    initials = "".join(w[0] for w in content)
    covered = sum(len(w) for w in content if len(w) > 2 and w in host)
    share = min(1.0, covered / len(host))
    if len(initials) > 1 and host.startswith(initials):
        share = max(share, 0.45 + 0.4 * min(1.0, len(initials) / len(host)))
    return 0.8 * share if covered or share > 0.4 else 0.0


def name_key(text: str) -> str:
    words = _WORDS.findall(fold(strip_legal_form(text)).replace("'", ""))
    words = [w for w in words if w not in {"and", "the", "und", "et", "y"}]
    return "".join(words)


def plausible(text: str) -> bool:
    """Whether `text` can be an organisation's name at all: not a page name, number or address."""
    words = _WORDS.findall(text.casefold())
    if not words or len(words) > NAME_WORDS_MAX or len(text) < 2 or len(text) > 80:
        return False
    if all(w in GENERIC or w.isdigit() for w in words):
        return False
    if text[0] in "()[]" or _NOT_A_NAME.search(text):
        return False
    return not _NO_WORD.fullmatch(text)
