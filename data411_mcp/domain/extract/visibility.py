"""Which elements a reader of the page cannot see, from attributes, inline style and the page's
own `<style>` sheets (plain `.class`, `#id` and `tag.class` rules only; no external sheet is read).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

Sheet = dict[str, bool]  # selector → whether it takes the element off the page

SHEET_CHARS_MAX = 200_000
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SIMPLE_SELECTOR = re.compile(r"[a-z0-9]*[.#][\w-]+\Z")
_ZERO = re.compile(r"[+-]?0*\.?0*(?:px|em|rem|pt|%|ex|ch|vw|vh)?\Z")
_FAR_OFF = re.compile(r"-\d{3,}(?:\.\d+)?(?:px|em|rem|pt|%|vw)?\Z")
_COLOURS = {"white": "#fff", "#ffffff": "#fff", "black": "#000", "#000000": "#000"}
_UNSET: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Hiding:
    """`gone`: nothing inside can be seen. `tiny`, `invisible`: unseen unless a child undoes it."""

    gone: bool = False
    tiny: bool = False
    invisible: bool = False

    @property
    def unseen(self) -> bool:
        return self.gone or self.tiny or self.invisible

    def inside(self, attributes: dict[str, str | None], sheet: Sheet, tag: str) -> Hiding:
        """The hiding that holds inside an element with these attributes."""
        if not attributes:
            return self
        style = _declarations(attributes["style"] or "") if "style" in attributes else _UNSET
        gone = (
            self.gone
            or ("hidden" in attributes and attributes["hidden"] != "until-found")
            or _takes_away(style)
            or ("display" not in style and bool(sheet) and _sheet_hides(attributes, sheet, tag))
        )
        tiny, invisible = self.tiny, self.invisible
        if size := style.get("font-size"):
            tiny = _is_zero(size) or size == "1px" or (tiny and size.endswith(("em", "%")))
        if seen := style.get("visibility"):
            invisible = seen in {"hidden", "collapse"}
        if (gone, tiny, invisible) == (self.gone, self.tiny, self.invisible):
            return self
        return Hiding(gone, tiny, invisible)


def read_sheet(tree: LexborHTMLParser) -> Sheet:
    """The rules of the page's `<style>` elements that show or hide; a later rule wins. Rules for
    one medium (`@media print`) are left out."""
    source = "\n".join(
        node.text()
        for node in tree.css("style")
        if (node.attributes.get("media") or "all").casefold() in {"all", "screen", ""}
    )
    sheet: Sheet = {}
    for rule in _top_level(_COMMENT.sub("", source[:SHEET_CHARS_MAX])).split("}"):
        selectors, _, body = rule.partition("{")
        style = _declarations(body)
        if not style.keys() & {"display", "visibility", "opacity", "text-indent", "left"}:
            continue
        hides = _takes_away(style) or style.get("visibility") == "hidden"
        for selector in selectors.split(","):
            name = selector.strip()
            if _SIMPLE_SELECTOR.match(name) and (hides or "display" in style):
                sheet[name] = hides
    return {name: hides for name, hides in sheet.items() if hides}


def _top_level(source: str) -> str:
    """`source` without `@… { … }` groups."""
    kept: list[str] = []
    at = 0
    while (start := source.find("@", at)) >= 0:
        kept.append(source[at:start])
        opening = source.find("{", start)
        semicolon = source.find(";", start)
        if semicolon >= 0 and (opening < 0 or semicolon < opening):
            at = semicolon + 1
            continue
        if opening < 0:
            return "".join(kept)
        depth, at = 1, opening + 1
        for brace in re.finditer(r"[{}]", source[at:]):
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                at += brace.end()
                break
        else:
            return "".join(kept)
    kept.append(source[at:])
    return "".join(kept)


def _declarations(style: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for declaration in style.casefold().split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            found[name.strip()] = value.replace("!important", "").strip()
    return found


def _is_zero(value: str) -> bool:
    return bool(value) and value[-1:] != "-" and _ZERO.match(value) is not None


def _takes_away(style: dict[str, str]) -> bool:
    if not style:
        return False
    if style.get("display") == "none" or _is_zero(style.get("opacity", "1")):
        return True
    if _FAR_OFF.match(style.get("text-indent", "")):
        return True
    if style.get("position") in {"absolute", "fixed"} and (
        any(_FAR_OFF.match(style.get(side, "")) for side in ("left", "top", "right"))
        or style.get("clip", "").replace(" ", "").startswith(("rect(0,0,0,0", "rect(0000"))
    ):
        return True
    clipped = style.get("overflow") == "hidden" and (
        _is_zero(style.get("height", "1")) or _is_zero(style.get("width", "1"))
    )
    colour = style.get("color", "")
    background = style.get("background-color", style.get("background", ""))
    same_colour = bool(colour) and _colour(colour) == _colour(background)
    return clipped or same_colour or colour == "transparent"


def _colour(value: str) -> str:
    return _COLOURS.get(value, value)


def _sheet_hides(attributes: dict[str, str | None], sheet: Sheet, tag: str) -> bool:
    names = ["." + word for word in (attributes.get("class") or "").split()]
    if identifier := attributes.get("id"):
        names.append("#" + identifier.strip())
    return any(name in sheet or tag + name in sheet for name in names)
