"""What the organisation of a page is called: its display name and its legal name.

Every place that may hold the name votes (site name, structured data, title parts, logo, copyright
line, legal names, headings); the host name is the arbiter. A legal name is claimed only when it
is tied to that name, to the host or to a phrase by which the page speaks of its own company.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from rapidfuzz import fuzz

from data411_mcp.domain.extract.document import Document, Fact, Hints
from data411_mcp.domain.extract.person_names import fold, read_name
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.legal_forms import find_legal_names, legal_form, strip_legal_form

NAME_SCORE_MIN = 0.4  # raw votes an elected name needs
TIE_SCORE_MIN = 0.7  # votes from which an elected name can tie a legal name
SURE_SCORE_MIN = 1.2  # the same when only legal names and addresses voted
LEGAL_SCORE_MIN = 0.5
NAME_WORDS_MAX = 9
_COPYRIGHT_BONUS = 0.01  # between equals the copyright line decides
_PHRASE_BONUS = 0.2
_TIED = 80  # rapidfuzz ratio from which two names are one company's


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TITLE_BREAK = re.compile(r"\s+[|–—\-:»«·•~/>]+\s+|\s*[|»«·•]\s*|:{2,}|:\s+|\s-(?=\w)|\s{2,}|,\s+")
_LEAD = re.compile(
    r"^(?:welcome to|contact(?: us)?(?: at| for)?|about(?: us)?|home ?page(?: of)?"
    r"|home(?=\s*[-–|:])"
    r"|kontakt|willkommen bei|bienvenue (?:chez|à|sur)|bienvenidos a|benvenuti (?:in|da|su)"
    r"|(?:factory )?contacts? for|get in touch with|connect with|contacting"
    r"|the official (?:web)?site of|official site of"
    r"|impressum|copyright|©|\(c\)|all contents?|visit|follow|meet)\b[\s:–—-]*",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[\s:–—-]*\b(?:home ?page|official (?:web)?site|web ?site|logo\b.*|support|help cent(?:er"
    r"|re)|support cent(?:er|re)|blog|online shop|team"
    r"|contact us|all rights reserved.*|homepage)$",
    re.IGNORECASE,
)
_GENERIC = _words(
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
_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|&copy;|\bcopyright\b)[\s©:|-]*(?:\(c\)|©)?[\s,.]*(?:copyright)?[\s,]*"
    r"(?:(?:19|20)\d\d(?:\s*[-–/,]\s*(?:(?:19|20)?\d\d|present|today))*)?[\s,.:|–-]*(?:by\s+)?"
    r"(?P<name>[^|©\n•·]{2,90})",
    re.IGNORECASE,
)
_COPYRIGHT_AFTER = re.compile(
    r"(?P<name>[^|©\n•·.]{2,70}?)[\s,.]*(?:©|\(c\)|\bcopyright\b)\s*(?:19|20)\d\d", re.IGNORECASE
)
_COPYRIGHT_END = re.compile(
    r"\.?\s*(?:[.,;]?\s*\ball rights|\balle rechte|\btous droits|\btodos los|\btutti i diritti"
    r"|\bdesigned\b|\bdesign (?:by|and)|\bpowered by|\bsite by|\bweb ?site\b|\bprivacy\b|\bterms\b"
    r"|\breserved\b|[-–|]\s|\s{2,}|(?:19|20)\d\d|\bsitemap\b|(?<=[a-z)]{2})[.;]\s|\bis a\b"
    r"|https?:|www\.|\s-\s"
    r"|\b(?:tel|tfno|phone|fax|t[ée]l[ée]?fono?|e-?mail)\b|\bp\.? ?iva\b|,? \d)",
    re.IGNORECASE,
)
_AGENCY = re.compile(
    r"(?:design|develop|power|build|built|host|creat|maintain|made|website|web site|site"
    r"|copywrit\w*"
    r"|realis\w*|realizz\w*|realiz\w*|umsetzung|programm\w*)\w*(?: and \w+)?\s*(?:by|:|von|par"
    r"|por|da)"
    r"\s[^.|]*$",
    re.IGNORECASE,
)
_OWN_PHRASE = re.compile(
    r"(?:trading (?:name|as|style) (?:of|for)?|t/a|d/?b/?a|owned and operated by|operated by"
    r"|registered (?:name|office)|company name|legal name|(?:company )?registered in .{0,30}"
    r"|ragione sociale|raz[oó]n social|denominaci[oó]n social|raison sociale|firma|anbieter"
    r"|dienstanbieter|responsible for content|statutory name|bedrijfsnaam)\s*[:,]?\s*$",
    re.IGNORECASE,
)
_FREE_MAIL = _words(
    "gmail hotmail yahoo outlook aol icloud live msn gmx web mail googlemail t-online comcast "
    "btinternet verizon sbcglobal bellsouth att earthlink bigpond orange wanadoo libero example "
    "facebook twitter google youtube linkedin instagram wordpress blogspot adobe macromedia w3 "
    "addthis pinterest vimeo flickr apple microsoft"
)
_SECOND_LEVEL = _words("co com org net ac gov edu or ne gob gen ltd plc me")
_PLATFORM_ITEM = re.compile(r"Person|Product|Article|WebPage|Breadcrumb|Review|Event|Offer|Image")


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


class Candidate(NamedTuple):
    """One place's proposal. `start`/`end` cover the quote."""

    text: str
    start: int
    end: int
    source: str
    weight: float


def read_company_names(document: Document, hints: Hints) -> tuple[Fact, ...]:
    """At most one NAME (without legal form) and one LEGAL_NAME (with it) of the page's own
    organisation; `rule` names the place the quote stands in."""
    host = _host_label(document, hints)
    candidates = [c for c in _candidates(document) if _plausible(c.text)]
    best = _elect(candidates, host, hints)
    facts: list[Fact] = []
    if best:
        chosen, score, _ = best
        name = display_name(chosen.text)
        facts.append(
            Fact(
                FieldName.NAME, name, chosen.text, chosen.start, chosen.end,
                f"company.{chosen.source}", score,
            )
        )  # fmt: skip
    known = [n for n in (hints.company, best[0].text if best and best[2] else None) if n]
    legal = _legal_name(document, known, host)
    if legal:
        facts.append(legal)
    return tuple(facts)


def display_name(text: str) -> str:
    """`text` without its legal form; a closing `Company` is part of what people say."""
    bare = strip_legal_form(text)
    said = re.match(rf"{re.escape(bare)}\s+(?:Company|Co\.?)(?=\W|$)", text)
    return said.group() if said else bare


def own_tokens(document: Document, hints: Hints) -> frozenset[str]:
    """Folded words by which the page's company is known: of its name and its host."""
    words: set[str] = set()
    for fact in read_company_names(document, hints):
        words.update(re.findall(r"[^\W_]{2,}", fold(fact.value)))
    if hints.company:
        words.update(re.findall(r"[^\W_]{2,}", fold(hints.company)))
    host = _host_label(document, hints)
    return frozenset(words - _GENERIC | ({host} if host else set()))


# --- candidates -----------------------------------------------------------------------------------


def _candidates(document: Document) -> Iterator[Candidate]:
    yield from _from_structured(document)
    yield from _from_title(document)
    yield from _from_visible(document)


def _clean(text: str) -> str:
    text = " ".join(text.split()).strip(' \t-–—|:,;»«*•·"“”')
    for _ in range(2):
        text = _TAIL.sub("", _LEAD.sub("", text)).strip(' -–—|:,;»«*•·"“”')
    return text


def _from_structured(document: Document) -> Iterator[Candidate]:
    for value in document.structured:
        text = _clean(value.value)
        leaf = value.path.rpartition(".")[2]
        weight = 0.0
        if value.path == "meta.og:site_name":
            weight = 0.9
        elif value.path == "meta.application-name":
            weight = 0.5
        elif leaf == "legalName":
            weight = 0.8
        elif leaf == "name" and value.path.count(".") == 1:
            weight = 0.0 if _PLATFORM_ITEM.search(value.path) else 0.8
        elif value.path == "img.logo":
            weight = 0.35
        elif value.path in {"meta.author", "meta.copyright", "meta.company", "meta.publisher"}:
            weight = 0.3
            if found := _COPYRIGHT.search(value.value):
                text = _clean(_COPYRIGHT_END.split(found["name"])[0])
        if not weight:
            continue
        for part in re.split(r"\s+[|–—·»]\s+", text):
            yield Candidate(_clean(part), value.start, value.end, value.path, weight)


def _from_title(document: Document) -> Iterator[Candidate]:
    at = document.text.find(document.title) if document.title else -1
    start, end = (at, at + len(document.title)) if at >= 0 else (0, 0)
    for value in document.structured:
        if value.path == "meta.title":
            start, end = value.start, value.end
    if end <= start:
        return
    parts = [_clean(p) for p in _TITLE_BREAK.split(document.title)]
    parts = [p for p in parts if p]
    for i, part in enumerate(parts):
        edge = i in (0, len(parts) - 1)
        yield Candidate(part, start, end, "title", 0.45 if edge else 0.25)
    for form_start, form_end in find_legal_names(document.title):
        yield Candidate(_clean(document.title[form_start:form_end]), start, end, "title", 0.45)
    pieces = re.split(r"\s+[|–—»·-]+\s+|\s*\|\s*", document.title)
    for piece in pieces:
        if "," in piece:
            yield Candidate(_clean(piece), start, end, "title", 0.3)


def _from_visible(document: Document) -> Iterator[Candidate]:
    for i, block in enumerate(document.blocks):
        text = document.text[block.start : block.end]
        for pattern in (_COPYRIGHT, _COPYRIGHT_AFTER):
            if (found := pattern.search(text)) and not _AGENCY.search(text[: found.start()]):
                name = _clean(_COPYRIGHT_END.split(found["name"])[0])
                yield Candidate(name, block.start, block.end, "copyright", 0.75)
                break
        for start, end in find_legal_names(text) if len(text) < 2000 else ():
            if not _AGENCY.search(text[:start]):
                yield Candidate(
                    text[start:end], block.start + start, block.start + end, "legal", 0.35
                )
        if len(text) > 90:
            continue
        if block.tag == "h1":
            yield Candidate(_clean(text), block.start, block.end, "heading", 0.3)
        elif block.tag in {"h2", "h3"}:
            yield Candidate(_clean(text), block.start, block.end, "heading", 0.12)
        elif i < 4 or "logo" in block.path or "vcard" in block.path:
            yield Candidate(_clean(text), block.start, block.end, "banner", 0.2)
        elif _address_follows(document, i):
            yield Candidate(_clean(text), block.start, block.end, "address", 0.35)


_STREET = re.compile(
    r"^(?:p\.? ?o\.? box|\d{1,5}[\w/-]*,? [A-Z]|(?:unit|suite|calle|c/|rue|via|av\.)\s"
    r"|[A-ZÄÖÜ][\w.'’ -]{2,30} \d{1,4}\b|\d{1,4},? (?:rue|avenue|bd))",
)


def _address_follows(document: Document, i: int) -> bool:
    if i + 1 >= len(document.blocks):
        return False
    after = document.blocks[i + 1]
    return bool(_STREET.match(document.text[after.start : after.end]))


def _plausible(text: str) -> bool:
    words = re.findall(r"[^\W_]+", text.casefold())
    if not words or len(words) > NAME_WORDS_MAX or len(text) < 2 or len(text) > 80:
        return False
    if all(w in _GENERIC or w.isdigit() for w in words):
        return False
    if text[0] in "()[]" or re.search(
        r"@|https?:|[!?]|\d{3}[\s.-]\d{3,4}|\.(?:jpg|png|gif)\b", text, re.IGNORECASE
    ):
        return False
    return not re.fullmatch(r"[\d\W]+", text)


# --- election -------------------------------------------------------------------------------------


def _host_label(document: Document, hints: Hints) -> str:
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
    host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
    labels = host.casefold().split(".")
    if len(labels) < 2 or host.replace(".", "").isdigit():
        return ""
    if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL:
        return labels[-3]
    if len(labels) > 2 and len(labels[-2]) <= 2:
        return labels[-3]  # `oakfield.ca.us`
    return labels[-2]


def host_match(name: str, host: str) -> float:
    """0..1: how well the host label spells `name` (whole, in part, by its initials)."""
    if not host:
        return 0.0
    host = re.sub(r"[\W_]", "", fold(host))
    name = fold(name).translate(_LATIN) if re.search(r"[а-яё]", name.casefold()) else name
    words = re.findall(r"[^\W_]+", fold(strip_legal_form(name)).replace("'", ""))
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


def _key(text: str) -> str:
    words = re.findall(r"[^\W_]+", fold(strip_legal_form(text)).replace("'", ""))
    words = [w for w in words if w not in {"and", "the", "und", "et", "y"}]
    return "".join(words)


def _elect(
    candidates: list[Candidate], host: str, hints: Hints
) -> tuple[Candidate, float, bool] | None:
    """The spelling that most places and the host agree on, its score 0..1, and whether it is sure
    enough to tie a legal name to it."""
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if key := _key(candidate.text):
            groups.setdefault(key, []).append(candidate)
    best: tuple[float, Candidate] | None = None
    for key, group in groups.items():
        score = _group_score(key, group, candidates, host, hints)
        spelled = _best_spelling(group)
        if best is None or score > best[0]:
            best = (score, spelled)
    if best is None or best[0] < NAME_SCORE_MIN:
        return None
    spoken = {c.source for c in groups[_key(best[1].text)]} - {"legal", "address", "banner"}
    sure = best[0] >= (TIE_SCORE_MIN if spoken else SURE_SCORE_MIN)
    return best[1], min(1.0, best[0] / 2.5), sure


def _group_score(
    key: str, group: list[Candidate], everything: Iterable[Candidate], host: str, hints: Hints
) -> float:
    by_source: dict[str, float] = {}
    for candidate in group:
        by_source[candidate.source] = max(by_source.get(candidate.source, 0), candidate.weight)
    text = group[0].text
    score = sum(by_source.values()) + 0.9 * host_match(text, host)
    score += (
        0.1 * min(3, sum(c.source == "legal" for c in group) - 1) if "legal" in by_source else 0
    )
    if re.search(r"\w\.[a-z]{2,4}$", text):
        score -= 0.6  # a web address, not a name
    elif _key(text) == _key(host) and "-" in text:
        score -= 0.5
    if " " not in text:
        score -= 0.1
    if host and host_match(text, host) < 0.3 and set(by_source) <= {"title", "heading", "banner"}:
        score -= 0.3  # the page's subject, more likely than its owner
    person = read_name(text)
    if person and person.known and person.last:
        score -= 0.25
    if hints.company:
        score += fuzz.token_set_ratio(fold(hints.company), fold(text)) / 100
    words = re.findall(r"[^\W_]+", strip_legal_form(text).casefold())
    generic = sum(w in _GENERIC for w in words)
    if generic and generic * 2 >= len(words):
        score -= 0.4
    if len(words) > 6:
        score -= 0.3
    if text == text.lower() and not host_match(text, host):
        score -= 0.3
    # Part of a longer proposal elsewhere: a small sign that it is the name inside a phrase.
    phrase = f" {' '.join(words)} "
    score += min(0.3, 0.1 * sum(phrase in f" {c.text.casefold()} " for c in everything))
    return score


def _best_spelling(group: list[Candidate]) -> Candidate:
    def rank(candidate: Candidate) -> tuple[bool, bool, float]:
        text = strip_legal_form(candidate.text)
        shouting = len(text) > 5 and text.isupper()
        return (not shouting and text != text.lower(), " " in text, candidate.weight)

    return max(group, key=rank)


# --- legal name -----------------------------------------------------------------------------------


def _legal_name(document: Document, known: list[str], host: str) -> Fact | None:
    best: tuple[float, Fact] | None = None
    for start, end, rule in _legal_spans(document):
        text = " ".join(document.text[start:end].split())
        if not legal_form(text) or not _plausible(strip_legal_form(text)):
            continue
        score = _legal_tie(document, start, text, known, host)
        if score >= LEGAL_SCORE_MIN and (best is None or score > best[0]):
            fact = Fact(
                FieldName.LEGAL_NAME, text, text, start, end, f"company.{rule}", min(1.0, score)
            )
            best = (score, fact)
    return best[1] if best else None


def _legal_spans(document: Document) -> Iterator[tuple[int, int, str]]:
    for value in document.structured:
        if value.path.endswith("legalName"):
            at = document.text.find(value.value, value.start, value.end + 1)
            yield (at, at + len(value.value), "legalName") if at >= 0 else (
                value.start, value.end, "legalName")  # fmt: skip
    for start, end in find_legal_names(document.text[: document.visible_end]):
        yield _over_line_break(document.text, start), end, "legal"
    for value in document.structured:
        if value.path in {"meta.title", "meta.copyright", "meta.description", "meta.og:site_name"}:
            inside = document.text[value.start : value.end]
            for start, end in find_legal_names(inside):
                yield value.start + start, value.start + end, value.path


def _over_line_break(text: str, start: int) -> int:
    """A name set on two lines (`Blue Door Cabs &` / `Garden Members Limited`) starts on the
    first."""
    above = re.search(
        r"(?:^|\n)([A-Z][^\n]{1,60}?(?:&| and))[ \t]*\n$", text[max(0, start - 80) : start]
    )
    return max(0, start - 80) + above.start(1) if above else start


def _legal_tie(document: Document, start: int, text: str, known: list[str], host: str) -> float:
    """How surely the legal name is the page's own company's: 0 when nothing ties it."""
    line_start = document.text.rfind("\n", 0, start) + 1
    before = document.text[max(line_start, start - 120) : start]
    if _AGENCY.search(before):
        return 0.0
    bare = fold(strip_legal_form(text))
    tie = 0.0
    for name in known:
        plain = fold(strip_legal_form(name))
        ratio = max(fuzz.token_sort_ratio(bare, plain), fuzz.ratio(_key(bare), _key(plain)))
        if ratio < _TIED and len(plain) > 3 and len(bare.split()) >= min(2, len(plain.split())):
            ratio = 0.95 * fuzz.token_set_ratio(bare, plain)
        if ratio >= _TIED:
            tie = max(tie, ratio / 100)
    if host_match(text, host) >= 0.5:
        tie = max(tie, 0.6 + 0.3 * host_match(text, host))
    if start < document.visible_end and re.search(
        r"(?:©|\(c\)|copyright)[\s\d,.©–-]*(?:by )?$", before, re.IGNORECASE
    ):
        tie = tie + _COPYRIGHT_BONUS if tie else 0.6
    if _OWN_PHRASE.search(before):
        tie = tie + _PHRASE_BONUS if tie else 0.6
    if text.isupper():
        tie -= 0.02  # the same name in ordinary case reads better
    return tie
