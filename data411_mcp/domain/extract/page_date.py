"""The date a page gives itself. A copyright year is not one: it says when a template was made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from data411_mcp.domain.extract.document import StructuredValue

_MODIFIED_PATHS = re.compile(
    r"(?:^|\.)(?:(?:\w*Page|\w*Article|BlogPosting|WebSite)\.dateModified|article:modified_time|og:updated_time|last-modified|dc(?:terms)?"
    r"\.modified)\Z",
    re.IGNORECASE,
)
_PUBLISHED_PATHS = re.compile(
    r"article:published_time\Z|^(?:\w*Page|\w*Article|BlogPosting)\.datePublished\Z", re.IGNORECASE
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier enero gennaio januari janeiro styczeń stycznia",
            "february feb februar février fevrier febrero febbraio februari fevereiro lutego",
            "march mar märz maerz mars marzo maart março marca",
            "april apr avril abril aprile kwietnia",
            "may mai mayo maggio mei maj maio maja",
            "june jun juni juin junio giugno junho czerwca",
            "july jul juli juillet julio luglio julho lipca",
            "august aug août aout agosto augustus augusti sierpnia",
            "september sep sept septembre septiembre settembre setembro września",
            "october oct oktober okt octobre octubre ottobre outubro października",
            "november nov novembre noviembre novembro listopada",
            "december dec dezember dez décembre diciembre dicembre dezembro grudnia",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_CUE = (
    r"(?:last\s+(?:updated?|modified|reviewed|revised|changed)|(?:page|site|content|list)\s+"
    r"(?:was\s+)?(?:last\s+)?(?:updated|modified|revised)|updated\s+on|as\s+(?:of|at)"
    r"|current\s+as\s+of|zuletzt\s+(?:aktualisiert|geändert)|letzte\s+(?:aktualisierung|änderung)"
    r"|stand|dernière\s+(?:mise\s+à\s+jour|modification)|mise?\s+à\s+jour\s+le"
    r"|última\s+(?:actualización|modificación|atualização)|ultimo\s+aggiornamento"
    r"|laatst\s+(?:bijgewerkt|gewijzigd)|senast\s+(?:uppdaterad|ändrad)|ostatnia\s+aktualizacja)"
    r"(?:\s+(?:on|am|vom|le|el|il|op|den|em|the))?\s*[:\-–]?\s*"
)
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_WRITTEN = re.compile(
    rf"\b{_CUE}(?:"
    rf"(?P<iso>(?:19|20)\d\d-\d\d-\d\d)"
    rf"|(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.|º)?\s+(?:of\s+|de\s+)?)?(?P<month>{_MONTH})\.?,?\s+"
    rf"(?:de\s+)?(?:(?P<day_us>\d{{1,2}})(?:st|nd|rd|th)?,?\s+)?{_YEAR}"
    rf"|(?P<a>\d{{1,2}})(?P<mark>[./-])(?P<b>\d{{1,2}})(?P=mark)(?P<year_n>(?:19|20)\d\d)"
    r")\b",
    re.IGNORECASE,
)
_ISO = re.compile(r"((?:19|20)\d\d)-(\d\d)(?:-(\d\d))?")


def page_date(visible: str, structured: Iterable[StructuredValue]) -> str | None:
    """ISO date (`2019-05-03`; the first of the month where no day is given) or None.

    What the visible text says comes before what the head says: templates stamp the head anew.
    """
    dates = [found for match in _WRITTEN.finditer(visible) if (found := _written(match))]
    if dates:
        return max(dates)
    values = list(structured)
    for paths in (_MODIFIED_PATHS, _PUBLISHED_PATHS):
        stamped = [
            found
            for value in values
            if paths.search(value.path)
            and (match := _ISO.match(value.value))
            and (found := _iso(int(match[1]), int(match[2]), int(match[3] or 1)))
        ]
        if stamped:
            return max(stamped)
    return None


def _written(match: re.Match[str]) -> str | None:
    if iso := match["iso"]:
        return _iso(*(int(part) for part in iso.split("-")))
    if match["month"]:
        day = match["day"] or match["day_us"] or "1"
        return _iso(int(match["year"]), _MONTHS[match["month"].casefold()], int(day))
    first, second, year = int(match["a"]), int(match["b"]), int(match["year_n"])
    # 3/5/2019 is in May here and in March there: the earlier of the two never flatters a page.
    as_written = [_iso(year, second, first)]
    if match["mark"] == "/":
        as_written.append(_iso(year, first, second))
    return min(filter(None, as_written), default=None)


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
