"""The visible lines of a page with what stands around them: section headings, testimonials."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from data411_mcp.domain.extract.document import Block, Document

_HEADING_TAGS = {f"h{n}": n for n in range(1, 7)}
_OTHERS_PATH = re.compile(
    r"testi|tstm|(?<!p)review|quote|client|customer|comment|feedback|rating|endors|kudos|author"
    r"|byline"
    r"|tweet|twitter|(?<![a-z])cast\b|product|portfolio|speaker|recent-?posts|praise|guestbook"
)
_OTHERS_HEADING = re.compile(
    r"testimonial|what (?:our|people|others|\w+ clients?) |\breviews?\b|\bclients?\b|\b(?:our"
    r"|featured|new|top) products|\bcustomers?\b"
    r"|\bcomments?\b|recent posts|kudos|\bcast\b|starring|in memoriam|affiliate|guestbook|praise"
    r"|feedback|case stud|success stor|kundenstimmen|referenzen|temoignages|témoignages|opiniones"
    r"|dicono di noi|recensioni|\bsay(?:s|ing)? about\b|quotes?$|past presidents|alumni|speakers"
    r"|special thanks|thanks to|credits|acknowledg|contributors|hall of fame|obituar|winners",
    re.IGNORECASE,
)
_TEAM_HEADING = re.compile(
    r"\bteam\b|\bstaff\b|\bpeople\b|attorneys?\b|lawyers?\b|solicitors?\b|professionals\b"
    r"|management"
    r"|leadership|\bboard\b|directors\b|doctors\b|dentists\b|physicians\b|providers\b|\bexperts\b"
    r"|\bmeet\b|who we are|about|\bagents\b|faculty|\bcrew\b|council|officers|partners\b"
    r"|associates\b"
    r"|personnel|contact|ansprechpartner|mitarbeiter|über uns|équipe|equipe|equipo|quienes|quiénes"
    r"|chi siamo|contatti|impressum|imprint|medewerkers|\bwie zijn\b|personal\b|om oss|kontakt"
    r"|tým|zespół|команда|контакты|therapists|consultants|executives|founders|principals|advisors",
    re.IGNORECASE,
)
_STAFF_PATH = re.compile(r"team|staff|people|member|bio|vcard|employee|person|attorney|profile")
_NAVIGATION_PATH = re.compile(r"\bnav|\bmenu|navigation|breadcrumb|dropdown|\bmnu")
_LINK_TAGS = frozenset({"li", "a", "div", "span", "nav"})
_NEAR_PATH_WORDS = 6
_SIGNED = re.compile(r"\s*[-–—~]\s?\S")
_QUOTED = re.compile(r"^[\s*]*[\"“«„‟'‘].{25,}[\"”»“'’][\s.]*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """One visible block. `headings` joins the section headings above it, nearest last."""

    text: str
    start: int
    end: int
    tag: str
    path: str
    heading: str
    heading_start: int
    headings: str
    of_others: bool  # a testimonial, a review, a client list: names here are not the staff's
    navigation: bool

    @property
    def team(self) -> bool:
        """Under a heading or in a block of people."""
        return bool(_TEAM_HEADING.search(self.headings) or _STAFF_PATH.search(self.path))

    @property
    def kin(self) -> tuple[str, str]:
        """What repeated cards of a page share."""
        return self.tag, " ".join(self.path.split()[-2:])


def page_lines(document: Document) -> tuple[Line, ...]:
    """All visible lines of `document`, in order."""
    lines: list[Line] = []
    stack: list[tuple[int, str, int]] = []
    for block in document.blocks:
        text = document.text[block.start : block.end]
        if level := _HEADING_TAGS.get(block.tag):
            stack = [h for h in stack if h[0] < level]
        lines.append(_line(block, text, stack, document.title))
        if level and len(text) <= 120:
            stack = [*stack, (level, text, block.start)]
    return _spread_quotes(lines)


def _line(block: Block, text: str, stack: list[tuple[int, str, int]], title: str) -> Line:
    path = block.path.casefold()
    headings = " / ".join([title, *(text for _, text, _ in stack)])
    near = title + " / " + " / ".join(text for _, text, _ in stack[-2:])
    others = block.tag == "blockquote" or "blockquote" in path.split()
    return Line(
        text=text,
        start=block.start,
        end=block.end,
        tag=block.tag,
        path=path,
        heading=stack[-1][1] if stack else "",
        heading_start=stack[-1][2] if stack else 0,
        headings=headings,
        of_others=others or _is_others_path(path) or _heads_others(near),
        navigation=block.tag in _LINK_TAGS and _is_navigation(path),
    )


# The lines of a page share paths and headings.


@lru_cache(maxsize=1024)
def _is_others_path(path: str) -> bool:
    return bool(_OTHERS_PATH.search(path))


@lru_cache(maxsize=1024)
def _heads_others(headings: str) -> bool:
    return bool(_OTHERS_HEADING.search(headings))


@lru_cache(maxsize=1024)
def _is_navigation(path: str) -> bool:
    return bool(_NAVIGATION_PATH.search(" ".join(path.split()[-_NEAR_PATH_WORDS:])))


def _spread_quotes(lines: list[Line]) -> tuple[Line, ...]:
    """The line after a quotation, or one that starts with a dash, signs it."""
    out: list[Line] = []
    for i, line in enumerate(lines):
        signs = len(line.text) < 90 and bool(_SIGNED.match(line.text))
        quoted = i > 0 and len(line.text) < 90 and bool(_QUOTED.match(lines[i - 1].text))
        if (signs or quoted) and not line.of_others:
            line = Line(
                line.text, line.start, line.end, line.tag, line.path, line.heading,
                line.heading_start, line.headings, True, line.navigation,
            )  # fmt: skip
        out.append(line)
    return tuple(out)
