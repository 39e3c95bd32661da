"""How well pages are read: precision and recall per field on labelled pages, beside plain
baselines on the same pages in the same run.

    python -m bench.extraction CASES.jsonl[.gz] [--predictions FILE]

A case is `{id, url, html, text, labels}`; JSON goes to stdout. `--predictions` also writes each
page's labels as we read them, one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.extraction_baselines import BASELINES
from bench.extraction_scores import Labels, Score, add_page, read_cases, rule_is_right, summary
from data411_mcp.domain.extract.decode import decode, document_from_text
from data411_mcp.domain.extract.document import Document, Hints, PageFacts
from data411_mcp.domain.extract.read import read_document
from data411_mcp.domain.graph import FieldName


def document_of(case: Mapping[str, Any]) -> Document:
    """The page, or the visible text where the source is missing."""
    url = case.get("url") or ""
    if case.get("html"):
        return decode(
            case["html"].encode("utf-8", "replace"),
            content_type="text/html; charset=utf-8",
            url=url,
        )
    return document_from_text(case.get("text") or "", url=url)


def labels(page: PageFacts) -> Labels:
    """What we say of a page, in the shape of the labels."""
    facts = page.facts

    def all_of(name: FieldName, kinds: Callable[[str | None], bool] = lambda _: True) -> list[str]:
        found = (f for f in facts if f.field is name and kinds(f.kind))
        return list(dict.fromkeys(fact.value for fact in found))

    def best(name: FieldName) -> str | None:
        found = [fact for fact in facts if fact.field is name]
        return max(found, key=lambda fact: (fact.score, -fact.start)).value if found else None

    def others(name: FieldName, fax: bool) -> list[str]:
        found = (f for f in page.not_ours if f.field is name and (f.kind == "fax") is fax)
        return list(dict.fromkeys(fact.value for fact in found))

    titles = {f.person: f.value for f in reversed(facts) if f.field is FieldName.TITLE and f.person}
    return {
        "kind": page.kind,
        "company": best(FieldName.NAME),
        "legal_name": best(FieldName.LEGAL_NAME),
        "address": best(FieldName.ADDRESS),
        "city": best(FieldName.HQ_CITY),
        "country": best(FieldName.HQ_COUNTRY),
        "emails": all_of(FieldName.EMAIL),
        "phones": all_of(FieldName.PHONE, lambda kind: kind != "fax"),
        "faxes": all_of(FieldName.PHONE, lambda kind: kind == "fax"),
        "people": [{"name": name, "title": titles.get(name)} for name in all_of(FieldName.PERSON)],
        "not_staff": [],
        "linkedin_company": list(
            dict.fromkeys(f.raw for f in facts if f.field is FieldName.LINKEDIN_URL)
        ),
        "other_phones": others(FieldName.PHONE, fax=False),
        "other_faxes": others(FieldName.PHONE, fax=True),
        "other_emails": others(FieldName.EMAIL, fax=False),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cases", type=Path)
    parser.add_argument("--predictions", type=Path)
    arguments = parser.parse_args()
    json.dump(run(arguments.cases, arguments.predictions), sys.stdout, indent=1, sort_keys=True)
    print()


def run(cases: Path, predictions: Path | None = None) -> dict[str, Any]:
    """The report: `ours` and every baseline by field, seconds a page, right and wrong by rule."""
    scores: dict[str, Score] = defaultdict(Score)
    rules: dict[str, dict[str, int]] = defaultdict(lambda: {"right": 0, "wrong": 0})
    lines: list[str] = []
    pages, seconds = 0, 0.0
    for case in read_cases(cases):
        started = time.perf_counter()
        document = document_of(case)
        page = read_document(document, Hints())
        seconds += time.perf_counter() - started
        pages += 1
        said = labels(page)
        lines.append(json.dumps({"id": case["id"], "labels": said}, ensure_ascii=False))
        add_page(scores["ours"], said, case["labels"])
        for name, baseline in BASELINES.items():
            add_page(scores[name], baseline(case, document), case["labels"])
        for fact in page.facts:
            right = rule_is_right(fact, case["labels"])
            if right is not None:
                rules[fact.rule]["right" if right else "wrong"] += 1
    if predictions is not None:
        predictions.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return {
        "pages": pages,
        "ours": summary(scores["ours"]),
        "baselines": {name: summary(scores[name]) for name in BASELINES},
        "notes": {"names_bigram": "stands in for a named-entity model, which is no dependency"},
        "seconds_per_page": round(seconds / max(pages, 1), 4),
        "per_rule": dict(rules),
    }


if __name__ == "__main__":
    main()
