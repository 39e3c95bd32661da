"""Best and lost customers in a user's words: a list, a table or prose, in any order. What cannot
be read as a company is left out rather than guessed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data411_mcp.domain.icp.churn import OTHER, theme_of
from data411_mcp.domain.icp.intents import Intent, is_question, read_intent
from data411_mcp.domain.icp.values import Customer, LostCustomer
from data411_mcp.domain.icp.websites import (
    Address,
    addresses,
    is_lone_address,
    repaired,
    unreadable,
)

NAME_CHARS_MAX = 120
REASON_CHARS_MAX = 300
NAME_WORDS_MAX = 8
ENTRIES_MAX = 500

_BULLET = re.compile(r"^\s*(?:[-*•·‣–—>+]|\(?\d{1,3}[.)]|[a-z][.)])\s+|^\s*(?:[•·‣])\s*")
_LOST_WORD = (
    r"lost|churned|churn|former|ex|cancell?ed|verloren\w*|perdid[oa]s?|perdus?|persi|"
    r"abgewandert\w*|流失|失った|解約"
)
_CLIENT = r"(?:customers?|clients?|accounts?|kunden|clientes?|clienti|客户|顧客)"
_BEST_WORD = (
    rf"(?:(?:best|top|besten?|wichtigsten?|mejores|meilleurs|migliori|最佳)\s*)?{_CLIENT}|winners?"
)
_LOST_HEAD = re.compile(
    rf"^\W*(?:(?:our|the|unsere|nos|nuestros)\s+)?(?:{_LOST_WORD})"
    rf"(?:\s*(?:/|or|and|und|ou|o)\s*(?:{_LOST_WORD}))?"
    rf"(?:\s+{_CLIENT})?\s*(?:\([^)]*\))?\s*(?:[:：]|(?=$)|\s[-–—]\s)\s*",
    re.IGNORECASE,
)
_BEST_HEAD = re.compile(
    rf"^\W*(?:(?:our|my|the|unsere|meine|nos|mes|nuestros|mis|i|nostri|miei|some)\s+)*(?:{_BEST_WORD})\s*(?:\([^)]*\))?"
    r"\s*(?:are|is|include|sind|son|sont|sono)?\s*(?:[:：]|(?=$))\s*",
    re.IGNORECASE,
)
_PROSE_LIST = re.compile(
    rf"\b(?:{_CLIENT}|the\s+best|the\s+top)\b[^:.!?]{{0,40}}?"
    r"\b(?:are|is|include|including|like|such as|sind|son|sont|sono)\b\s*:?\s*(?P<list>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_LOST_IN_PROSE = re.compile(
    r"\b(?:lost|churned|left us|dropped us|cancell?ed|no longer (?:a |our )?customers?|verloren|"
    r"perdimos|perdido|perdu|perso)\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\s*(?:\bbecause(?: of)?\b|\bdue to\b|\breason\b\s*[:：]?|\bsince\b|\bover\b|\bweil\b|"
    r"\bwegen\b|\bporque\b|\bpor\b|\bparce qu['’e]|[:：;]|\s[-–—]+\s|\()\s*",
    re.IGNORECASE,
)
_WHY = re.compile(
    r"^(?:we lost (?:them|it|him|her)\s+)?(?:because(?: of)?|due to|reason\s*[:：]?|weil|wegen)\s+",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+(?=[^\W\d_a-z]|[“\"(])|\n+")
_COMMA = re.compile(r"\s*[,;、，；|]\s*(?![^(]*\))")  # not inside brackets
_AND = re.compile(r"\s+(?:and|und|y|et|e)\s+(?![^(]*\))", re.IGNORECASE)
_LEGAL_FORM = re.compile(
    r"^(?:inc|llc|ltd|limited|co|corp|gmbh|ag|plc|lp|llp|s\.?a|pte\.?(?:\s+ltd)?)\.?$",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_THEIRS = re.compile(  # how a sentence about customers begins in other languages
    r"^(?:(?:unsere|meine)\s+(?:besten\s+)?kunden(?:\s+sind)?|(?:nos|mes)\s+(?:meilleurs\s+)?clients"
    r"(?:\s+sont)?|(?:mis|nuestros)\s+(?:mejores\s+)?clientes(?:\s+son)?|(?:i\s+)?(?:nostri|miei)\s+"
    r"(?:migliori\s+)?clienti(?:\s+sono)?|nous\s+avons\s+perdu|hemos\s+perdido(?:\s+a)?|perdimos"
    r"(?:\s+a)?|wir\s+haben|abbiamo\s+perso)\b\s*:?\s*",
    re.IGNORECASE,
)
_REMOVE = re.compile(
    r"^(?:(?:please|and|also|actually|sorry|no|ok|can you)[\s,]+)*"
    r"(?:remove|delete|drop|take\s+out|leave\s+out)\s+(?P<whom>.{2,200}?)"
    r"(?:\s+from\s+.*)?[.!]*$",
    re.IGNORECASE,
)
_REPLACE = re.compile(
    r"^(?:please\s+)?replace\s+(?P<whom>.{2,120}?)\s+(?:with|by)\s+", re.IGNORECASE
)
_IS_NONE = re.compile(
    r"^(?:(?:sorry|no|actually)[\s,]+)*(?P<whom>.{2,120}?)\s+(?:is|are|was|were)(?:\s+not|n['’]t|\s+no"
    r"\s+longer)\s+(?:an?\s+|our\s+)?(?:best\s+|good\s+)?(?:customer|client)s?\b",
    re.IGNORECASE,
)
_ABBREVIATED = ("inc.", "ltd.", "co.", "corp.", "llc.", "bros.", "s.a.", "st.")
_EDGE = " \t-–—:：,;|()[]<>\"“”„«»'‘’*•·.→=/"
_LEAD_WORDS = re.compile(
    r"^(?:(?:our|my|the|best|top|are|is|and|also|with|at|like|customers?|clients?|include|including|"
    r"we|have|lost|churned|former|then|plus|und|y|et|such|as|of|on|in|a|an|website|site|from|was|"
    r"were|left|us)\b\s*)+",
    re.IGNORECASE,
)
_PROSE = re.compile(  # in lower case: "Our best customer is …", not "Our Daily Bread"
    r"\s(?:are|is|and|also|with|customers?|clients?|have|lost|churned|left|was|were|best|top)\b"
)
_HEADERS = {
    "name": {"name", "company", "customer", "client", "account", "seed_name", "firma", "empresa",
             "company name", "customer name", "kunde", "unternehmen", "société"},
    "website": {"website", "domain", "url", "site", "web", "homepage", "webseite", "sitio",
                "seed_domain", "website url", "company website", "domaine"},
    "reason": {"reason", "why", "note", "notes", "grund", "motivo", "raison", "comment"},
    "status": {"status", "type", "state", "kind"},
}  # fmt: skip
_LOST_COLUMN = re.compile(r"\b(?:lost|churn\w*)\b")
_NOT_LOST = frozenset({"", "no", "n", "false", "0", "-", "–", "n/a", "na", "none", "active", "won"})
_JUST_LOST = frozenset({"yes", "y", "true", "x", "1", "lost", "churned"})
_LOST_STATUS = re.compile(rf"^(?:{_LOST_WORD})\b|^(?:closed lost|inactive)$", re.IGNORECASE)


@dataclass
class Read:
    """What a text says, in its order. `unread` are names whose website could not be read,
    `profiles` those that came with a page on a social network, `removed` whom the user takes back.
    `plain`: each line was one entry with name and website, so that nothing had to be guessed."""

    best: list[Customer] = field(default_factory=list)
    lost: list[LostCustomer] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    profiles: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    plain: bool = True

    def add(self, name: str, domain: str | None, lost: bool, reason: str = "") -> None:
        name = " ".join(name.split())[:NAME_CHARS_MAX]
        if not (name or domain) or len(self.best) + len(self.lost) >= ENTRIES_MAX:
            return
        if lost:
            reason = " ".join(reason.split())[:REASON_CHARS_MAX]
            self.lost.append(LostCustomer(name=name, domain=domain, reason=reason))
        else:
            self.best.append(Customer(name=name, domain=domain))

    def __len__(self) -> int:
        return len(self.best) + len(self.lost)


def read_customers(text: str, *, lost: bool = False) -> Read:
    """Customers of a message. `lost`: the text is an answer about lost ones only."""
    read, text = Read(), repaired(text)
    if (rows := _table(text)) is not None:
        for row in rows:
            read_row(read, row, lost=lost)
        return read
    section = lost
    lines = _paired([line for line in text.splitlines() if line.strip()])
    for line in lines:
        section, rest = _head(line, section, lost)
        rest = _taken_back(read, rest)
        if rest:
            count = len(read)
            _line(read, rest, section, listed=len(lines) > 1 or bool(_BULLET.match(line)))
            named = [c for c in (*read.best[-1:], *read.lost[-1:]) if not (c.name and c.domain)]
            read.plain &= len(read) == count + 1 and not named
    return read


def _paired(lines: Sequence[str]) -> list[str]:
    """A name with its address on the next line is one entry; a column of names over a column of
    addresses stays as it is."""
    lone = [is_lone_address(_BULLET.sub("", line, count=1)) for line in lines] + [False, False]
    bare = [not addresses(line) and is_name(_clean(line)) for line in lines]
    out: list[str] = []
    at, after_name = 0, False
    while at < len(lines):
        if bare[at] and not after_name and lone[at + 1] and not lone[at + 2]:
            out.append(f"{_clean(lines[at])} — {lines[at + 1].strip()}")
            at, after_name = at + 2, False
        else:
            out.append(lines[at])
            at, after_name = at + 1, bare[at]
    return out


def takes_back(text: str) -> bool:
    """ "Remove Acme", "Acme is not a customer", "replace Acme with …"."""
    line = text.strip()
    return bool(_REMOVE.match(line) or _IS_NONE.match(line) or _REPLACE.match(line))


def is_entry(text: str) -> bool:
    """`Company — website`, and nothing else."""
    read = read_customers(text)
    entry = read.best[0] if len(read) == 1 and read.best else None
    found = addresses(repaired(text))
    ends = bool(found) and not repaired(text)[found[-1].end :].strip(_EDGE)
    return bool(entry and ends and read.plain and is_name(entry.name) and entry.name[0].isupper())


def _taken_back(read: Read, line: str) -> str:
    """What of the line is left once it was noted whom the user does not mean."""
    if replaced := _REPLACE.match(line):
        read.removed.append(_clean(replaced["whom"]))
        return line[replaced.end() :]
    found = _REMOVE.match(line) or _IS_NONE.match(line)
    if found is None:
        return line
    read.removed += [_clean(part) for part in _parts(found["whom"], whole=False)]
    return ""


def read_row(read: Read, row: Mapping[str, Any], *, lost: bool = False) -> None:
    """One entry with named fields, as a client or a table gives it."""
    folded = {" ".join(str(k).split()).casefold().replace("-", " "): v for k, v in row.items()}
    name, website, reason, status = (
        next((str(folded[k]) for k in _HEADERS[part] if folded.get(k) not in (None, "")), "")
        for part in ("name", "website", "reason", "status")
    )
    is_lost = lost or bool(_LOST_STATUS.match(status.strip()))
    for column, value in folded.items():
        said = str(value or "").strip()
        if _LOST_COLUMN.search(column) and said.casefold() not in _NOT_LOST:
            is_lost, reason = True, reason or ("" if said.casefold() in _JUST_LOST else said)
    name, website = repaired(name), repaired(website)
    found = addresses(website) or addresses(name)
    if not found:
        if website.strip() and name.strip():
            read.unread.append(_clean(name))
        read.add(_clean(name), None, is_lost, reason)
        return
    if addresses(name) and not website:
        name = _without(name, found)
    _add(read, _clean(name), found[0], is_lost, reason)


def _head(line: str, section: bool, default: bool) -> tuple[bool, str]:
    """Which list the line belongs to, and what of it is an entry."""
    bare = _BULLET.sub("", line, count=1).strip()
    if head := _LOST_HEAD.match(bare):
        return True, bare[head.end() :].strip()
    if head := _BEST_HEAD.match(bare):
        return default, bare[head.end() :].strip()
    return section, bare


def _line(read: Read, line: str, lost: bool, *, listed: bool) -> None:
    found = addresses(line)
    if len(found) > 1:
        _several(read, line, lost)
    elif found and (lost or not _tells_of_loss(line, found[0])):
        _one(read, line, found[0], lost)
    elif found:
        _several(read, line, lost)
    else:
        _names(read, line, lost, listed=listed)


def _tells_of_loss(line: str, address: Address) -> bool:
    """ "We lost Acme (acme.example)", not the company Lost & Found Ltd."""
    before = line[: address.start]
    if _LOST_IN_PROSE.search(before.replace("Lost", "").replace("Churned", "")):
        return True
    return bool(_LOST_IN_PROSE.search(line)) and not _entry_like(line, address)


def _entry_like(line: str, address: Address) -> bool:
    """`Company — website` and the like, not a sentence that mentions an address."""
    return len(line[: address.start].split()) <= NAME_WORDS_MAX


def _one(read: Read, line: str, address: Address, lost: bool) -> None:
    before, after = line[: address.start], line[address.end :]
    reason = ""
    name = _whole(before) or _name_before(before)
    if lost:
        reason = after.strip(_EDGE)
        if not reason and (cut := _REASON.search(name)):
            name, reason = name[: cut.start()], name[cut.end() :]
        reason = _WHY.sub("", reason)
    elif not name:
        name = _name_after(after)
    _add(read, _clean(name), address, lost, reason)


def _several(read: Read, line: str, lost: bool) -> None:
    """Prose, or entries one after the other on one line."""
    read.plain = False
    for sentence in _SENTENCE.split(line):
        found = addresses(sentence)
        gone = lost or bool(_LOST_IN_PROSE.search(sentence))
        position = 0
        for index, address in enumerate(found):
            name = _name_before(sentence[position : address.start])
            position = address.end
            reason = ""
            if gone:
                last = index + 1 == len(found)
                after = (
                    sentence[address.end :]
                    if last
                    else sentence[address.end : found[index + 1].start]
                )
                reason = _reason_in(after if last else re.split(r"[,;、]\s*(?![^(]*\))", after)[0])
            _add(read, _clean(name), address, gone, reason)
        if not found and sentence.strip():
            _names(read, sentence, lost, listed=False)


def _reason_in(text: str) -> str:
    if bracket := re.match(r"\W*?\(([^)]*)\)", text):
        return bracket[1].strip(_EDGE)
    cut = _REASON.search(text)
    return text[cut.end() :].strip(_EDGE) if cut else ""


def _names(read: Read, line: str, lost: bool, *, listed: bool) -> None:
    """Entries without an address. A sentence is no company, whatever it says."""
    sentences = _SENTENCE.split(line) if len(line.split()) > NAME_WORDS_MAX else [line]
    if len(sentences) > 1:
        for sentence in sentences:
            _names(read, sentence, lost, listed=False)
        return
    gone, whole = lost, listed
    bad = (*unreadable(line), *_EMAIL.findall(line))
    prose = None if lost else _PROSE_LIST.search(line)
    if prose:
        line, listed, whole = prose["list"], True, False
    elif not listed and _LOST_IN_PROSE.search(line):
        after = line[next(_LOST_IN_PROSE.finditer(line)).end() :]
        line, gone, listed, whole = after, True, True, False
    if gone:
        _lost_names(read, line)
        return
    parts = _parts(line, whole=whole)
    if not listed and len(parts) < 2 and not bad:
        return
    if not listed and not bad and not all(is_name(_clean(part)) for part in parts):
        return
    if bad:  # the name stays, the address does not
        parts = [_without_words(line, bad)] if len(parts) < 3 else parts
    for part in parts:
        name = _clean(_without_words(part, bad))
        if is_name(name) and not (prose and name[0].islower()):  # "our customers are great"
            if bad and any(word in part or len(parts) == 1 for word in bad):
                read.unread.append(name)
            read.add(name, None, lost=False)


def _parts(line: str, *, whole: bool) -> list[str]:
    """The entries of a line: parted by commas, and by the "and" before the last. `whole`: the line
    is an entry of a list, in which an "and" is part of the name."""
    parts: list[str] = []
    for part in _COMMA.split(line):
        if parts and _LEGAL_FORM.match(part.strip()):
            parts[-1] = f"{parts[-1]}, {part.strip()}"
        elif part.strip(_EDGE):
            parts.append(part)
    if parts and not (whole and len(parts) == 1):
        parts[-1:] = [part for part in _AND.split(parts[-1]) if part.strip(_EDGE)]
    return parts


def _lost_names(read: Read, line: str) -> None:
    """`Quill (too small), Globex: no budget, Initech`: each with its own reason."""
    before, shared = len(read.lost), not _COMMA.search(line)
    for part in _parts(line, whole=False):
        cut = _REASON.search(part)
        name = _clean(_LEAD_WORDS.sub("", part[: cut.start()] if cut else part))
        reason = _WHY.sub("", part[cut.end() :].strip(_EDGE)) if cut else ""
        known = read.lost[-1] if len(read.lost) > before else None
        if known and part.strip()[:1].islower() and (known.reason or _why(part)):
            joined = ", ".join(filter(None, (known.reason, part.strip(_EDGE))))
            read.lost[-1] = known.model_copy(update={"reason": joined[:REASON_CHARS_MAX]})
        elif is_name(name):
            if known and shared and reason:  # of both: "Quill and Globex because of price"
                read.lost[-1] = known.model_copy(update={"reason": known.reason or reason})
            read.add(name, None, True, reason)


def _why(text: str) -> bool:
    return theme_of(text) not in ("", OTHER)


def is_name(text: str) -> bool:
    """Whether the words can be a company's name: few, and no wish or question."""
    words = text.split()
    if not words or len(words) > NAME_WORDS_MAX or len(text) > NAME_CHARS_MAX or is_question(text):
        return False
    if read_intent(text).intent is not Intent.TEXT or "@" in text or text.isdigit():
        return False
    first = text.lstrip("\"“'(")[:1]
    if len(words) > 3 and sum(w[:1].islower() for w in words) > len(words) / 2:
        return False
    return first.isupper() or first.isdigit() or not first.isascii() or len(words) <= 2


def _add(read: Read, name: str, address: Address, lost: bool, reason: str = "") -> None:
    if address.shared:
        name = name or address.slug.replace("-", " ").strip().title()
        if name:
            read.profiles.append(name)
            read.add(name, None, lost, reason)
        return
    read.add(name, address.domain, lost, reason)


def _whole(text: str) -> str:
    """`Ernst and Young — `: all that stands before an entry's address, unless it is prose."""
    name = _clean(text)
    words = name.split()
    if _THEIRS.match(name):
        return ""
    if not words or len(words) > NAME_WORDS_MAX or (words[0][:1].islower() and len(words) > 2):
        return ""
    return "" if _LEAD_WORDS.match(name + " ") and _PROSE.search(name) else name


def _name_before(text: str) -> str:
    """`…, and Globex at (` → `Globex`: the last entry before an address."""
    text = text.rstrip(_EDGE + "\n")
    text = re.sub(
        r"\s+(?:at|on|is|their site|website|site|url|domain|web)\s*$", "", text, flags=re.I
    )
    last = re.split(r"[;,、\n]|\.\s+|\band\b(?=\s+[^\W\d_])", text)[-1] if text else ""
    if not last.strip(_EDGE):
        last = text
    last = _LEAD_WORDS.sub("", _THEIRS.sub("", last.strip(_EDGE))) or ""
    words = last.split()
    if len(words) > NAME_WORDS_MAX:
        words = words[-_capitals_at_end(words) :] if _capitals_at_end(words) else []
    return " ".join(words)


def _capitals_at_end(words: Sequence[str]) -> int:
    count = 0
    for word in reversed(words):
        if not (word[:1].isupper() or word[:1].isdigit()):
            break
        count += 1
    return count


def _name_after(text: str) -> str:
    """`acme.example (Acme Ltd)`, `acme.example - Acme`."""
    name = re.split(r"[;,\n(]", text.lstrip(_EDGE))[0].strip(_EDGE)
    return name if len(name.split()) <= NAME_WORDS_MAX and name[:1].isupper() else ""


def _clean(text: str) -> str:
    """Without bullets, brackets around it, and control characters."""
    text = "".join(c if c.isprintable() else " " for c in text)
    text = _BULLET.sub("", text, count=1)
    text = re.sub(r"\[\s*\]|\(\s*\)|<\s*>", " ", text)
    text = " ".join(text.split()).strip(' \t-–—:：,;|<>[]"“”„«»*•·→=/').removesuffix("(").strip()
    if text.endswith(".") and not text.casefold().endswith(_ABBREVIATED):
        text = text.rstrip(". ")
    return text


def _without(text: str, found: Sequence[Address]) -> str:
    for address in reversed(found):
        text = text[: address.start] + " " + text[address.end :]
    return text


def _without_words(text: str, words: Sequence[str]) -> str:
    for word in words:
        text = re.sub(rf"(?:\S*//)?{re.escape(word)}\S*", " ", text, flags=re.I)
    return text


def _table(text: str) -> list[dict[str, str]] | None:
    """The rows of a table with a head, separated by commas, semicolons or tabs; None: it is
    none."""
    lines = text.strip().splitlines()
    if len(lines) < 2:
        return None
    separator = max(",;\t|", key=lines[0].count)
    if separator not in lines[0]:
        return None
    head = [_cell(cell) for cell in lines[0].strip("| ").split(separator)]
    named = set().union(*_HEADERS.values())
    if not {"name", "website"} <= {p for p in _HEADERS for h in head if h in _HEADERS[p]}:
        return None
    if not set(head) & named:
        return None
    return list(_rows("\n".join(lines), separator, head))


def _rows(text: str, separator: str, head: Sequence[str]) -> Iterator[dict[str, str]]:
    try:
        cells = list(csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True))
    except csv.Error:
        cells = [line.split(separator) for line in text.splitlines()]
    for row in cells[1 : ENTRIES_MAX + 1]:
        row = row[1:-1] if separator == "|" and row and not row[0].strip() else row
        if not any(c.strip(" -:") for c in row):
            continue
        yield {key: " ".join(cell.split()) for key, cell in zip(head, row, strict=False)}


def _cell(text: str) -> str:
    return " ".join(text.strip(" \"'\ufeff").split()).casefold()
