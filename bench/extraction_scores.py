"""Scoring of page labels: micro precision, recall and F1 for lists, accuracy for single values."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rapidfuzz import fuzz

from data411_mcp.domain.extract.document import Fact
from data411_mcp.domain.graph import FieldName

Labels = dict[str, Any]
LIKE_ENOUGH = 90.0  # rapidfuzz, 0..100

_HONORIFICS = re.compile(
    r"(?:mr|mrs|ms|miss|dr|prof|sir|dame|rev|hon|herr|frau|mag|dipl|ing|esq|jr|sr|phd|md|mba|cpa"
    r"|dds|dmd)\Z"
)
_LEGAL_FORMS = re.compile(
    r"\b(?:inc(?:orporated)?|llc|l\.l\.c|llp|lp|ltd|limited|plc|corp(?:oration)?|co|company|gmbh"
    r"|mbh|ag|kg|ohg|se|sa|s\.a|sas|sarl|sl|s\.l|srl|s\.r\.l|spa|s\.p\.a|bv|b\.v|nv|n\.v|ab|a/s"
    r"|aps|asa|oy|oyj|sp\. ?z ?o\. ?o|s\.r\.o|sro|kft|pty|pte|sdn|bhd|pvt|ltda|lda|pllc|pc|p\.c"
    r"|p\.a|ooo)\b\.?",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Counts:
    """`right` of `said` predictions; `right` of `true` labels."""

    right: int = 0
    said: int = 0
    true: int = 0


@dataclass(slots=True)
class Score:
    lists: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    singles: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    legal_false: Counts = field(default_factory=Counts)


def read_cases(path: Path) -> Iterator[dict[str, Any]]:
    body = path.read_bytes()
    text = (gzip.decompress(body) if path.suffix == ".gz" else body).decode("utf-8")
    for line in text.split("\n"):
        if line.strip():
            yield json.loads(line)


def add_page(score: Score, said: Mapping[str, Any], truth: Labels) -> None:
    """One page's labels into the sums; a field that `said` does not hold is not scored."""
    if "emails" in said:
        _add_sets(score.lists["email"], _lowered(said["emails"]), _lowered(truth["emails"]))
    if "phones" in said:
        phones, faxes = set(said["phones"]), set(said.get("faxes", ()))
        true_phones, true_faxes = set(truth["phones"]), set(truth["faxes"])
        _add_sets(score.lists["phone_or_fax"], phones | faxes, true_phones | true_faxes)
        _add_sets(score.lists["phone"], phones, true_phones)
        _add_sets(score.lists["fax"], faxes, true_faxes)
    if "linkedin_company" in said:
        _add_sets(
            score.lists["linkedin"],
            {_host_and_path(url) for url in said["linkedin_company"]},
            {_host_and_path(url) for url in truth.get("linkedin_company", ())},
        )
    if "people" in said:
        _add_people(score, said["people"], truth)
    if "company" in said and truth.get("company"):
        _add_single(score.singles["company"], like_company(said["company"], truth["company"]))
    for name in ("city", "country"):
        if name in said and truth.get(name):
            same = (said[name] or "").casefold() == truth[name].casefold()
            _add_single(score.singles[name], same)
    if "legal_name" in said:
        found = score.singles["legal_name"]
        if truth.get("legal_name"):
            same = same_letters(said["legal_name"], truth["legal_name"])
            _add_single(found, same)
        else:
            score.legal_false.true += 1
            score.legal_false.said += bool(said["legal_name"])


def _add_sets(counts: Counts, said: set[str], true: set[str]) -> None:
    counts.right += len(said & true)
    counts.said += len(said)
    counts.true += len(true)


def _add_single(counts: Counts, right: bool) -> None:
    counts.right += right
    counts.true += 1


def _add_people(score: Score, said: Iterable[Mapping[str, Any]], truth: Labels) -> None:
    counts, titles = score.lists["people"], score.singles["title"]
    left = list(truth["people"])
    optional = [_name_of(person) for person in truth.get("people_optional", ())]
    counts.true += len(left)
    for person in said:
        match = next((true for true in left if same_person(person["name"], true["name"])), None)
        if match is not None:
            left.remove(match)
            counts.right += 1
            counts.said += 1
            if match.get("title"):
                found = person.get("title") or ""
                like = fuzz.token_set_ratio(found.casefold(), match["title"].casefold())
                _add_single(titles, bool(found) and like >= LIKE_ENOUGH)
        elif not any(same_person(person["name"], name) for name in optional):
            counts.said += 1


def _name_of(person: Any) -> str:
    return str(person["name"] if isinstance(person, dict) else person)


def _tokens(name: str) -> list[str]:
    words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", name.casefold())
    return [word for word in words if len(word) > 1 and not _HONORIFICS.match(word)]


def same_person(a: str, b: str) -> bool:
    """Equal token sets without honorifics and initials, or equal first and last token."""
    first, second = _tokens(a), _tokens(b)
    if not first or not second:
        return False
    return set(first) == set(second) or (first[0], first[-1]) == (second[0], second[-1])


def like_company(said: str | None, true: str) -> bool:
    if not said:
        return False
    a, b = (" ".join(_LEGAL_FORMS.sub(" ", name.casefold()).split()) for name in (said, true))
    return fuzz.token_sort_ratio(a or said.casefold(), b or true.casefold()) >= LIKE_ENOUGH


def same_letters(said: str | None, true: str) -> bool:
    return bool(said) and _letters(said or "") == _letters(true)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def _lowered(values: Iterable[str]) -> set[str]:
    return {value.casefold() for value in values}


def _host_and_path(url: str) -> str:
    parts = urlsplit(url.casefold())
    return parts.netloc + parts.path.rstrip("/")


def summary(score: Score) -> dict[str, dict[str, float | int | None]]:
    """`{field: {p, r, f1, …}}` for lists, `{field: {accuracy, …}}` for single values."""
    report: dict[str, dict[str, float | int | None]] = {}
    for name, counts in score.lists.items():
        precision = counts.right / counts.said if counts.said else None
        recall = counts.right / counts.true if counts.true else None
        total = counts.said + counts.true
        report[name] = {
            "p": _rounded(precision),
            "r": _rounded(recall),
            "f1": _rounded(2 * counts.right / total if total else None),
            "right": counts.right,
            "said": counts.said,
            "true": counts.true,
        }
    for name, counts in score.singles.items():
        key = "found" if name == "legal_name" else "accuracy"
        report[name] = {
            key: _rounded(counts.right / counts.true if counts.true else None),
            "right": counts.right,
            "true": counts.true,
        }
    if "legal_name" in report:
        false = score.legal_false
        report["legal_name"]["false"] = _rounded(false.said / false.true if false.true else None)
        report["legal_name"]["said_without_one"] = false.said
        report["legal_name"]["pages_without_one"] = false.true
    return report


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def rule_is_right(fact: Fact, truth: Labels) -> bool | None:
    """Whether one fact agrees with the page's labels; None for fields without labels."""
    name, value = fact.field, fact.value
    if name is FieldName.EMAIL:
        return value in _lowered(truth["emails"])
    if name is FieldName.PHONE:
        return value in (truth["faxes"] if fact.kind == "fax" else truth["phones"])
    if name is FieldName.LINKEDIN_URL:
        return _host_and_path(fact.raw) in map(_host_and_path, truth.get("linkedin_company", ()))
    if name is FieldName.PERSON:
        return any(same_person(value, person["name"]) for person in truth["people"])
    if name is FieldName.LEGAL_NAME:
        return bool(truth.get("legal_name")) and same_letters(value, truth["legal_name"])
    if name is FieldName.NAME and truth.get("company"):
        return like_company(value, truth["company"])
    for field_name, label in ((FieldName.HQ_CITY, "city"), (FieldName.HQ_COUNTRY, "country")):
        if name is field_name and truth.get(label):
            return value.casefold() == str(truth[label]).casefold()
    return None
