"""Time of one merge against the size of the graph, beside a plain dictionary union of the same
statements. `python -m bench.merge`."""

from __future__ import annotations

import time

from bench.report import emit, median
from data411_mcp.domain.evidence import Finding, Proof, SourceClass
from data411_mcp.domain.graph import Backfill, Evidence, FieldName, Status
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.merge import merge, statements_of

SIZES = (50, 200, 800)
ROUNDS = 5


def proofs(count: int) -> list[Proof]:
    found = []
    for i in range(count):
        url = f"https://site.example/page-{i % 20}"
        person = f"Person{chr(97 + i % 26)}{chr(97 + i // 26 % 26)} Family{i}"
        value = person if i % 3 == 0 else f"mail{i}@site.example"
        finding = Finding(
            field=FieldName.PERSON if i % 3 == 0 else FieldName.EMAIL, value=value, slot="site",
            url=url, person=person if i % 3 == 0 else None,
        )  # fmt: skip
        evidence = Evidence(url=url, page_sha256="0" * 64, start=i, end=i + 9, quote=value,
                            slot="site", fetched_at="2026-01-01", source="own_site")  # fmt: skip
        found.append(Proof(finding, Status.PROVEN, "", value, evidence, SourceClass.OWN_SITE))
    return found


def main() -> None:
    rows = {}
    for size in SIZES:
        given = proofs(size)
        graph = merge(
            Backfill(chat_session_id="x", lead=Lead(contact_id=1)), given, lead_key="k"
        ).backfill
        more = proofs(size + 10)[size:]
        ours, union = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            merge(graph, more, lead_key="k")
            ours.append(time.perf_counter() - began)
            began = time.perf_counter()
            {s.id: s for s in statements_of(graph)}
            union.append(time.perf_counter() - began)
        rows[size] = {"merge_ms": round(median(ours) * 1000, 2),
                      "union_ms": round(median(union) * 1000, 2)}  # fmt: skip
    union_times = {s: r["union_ms"] for s, r in rows.items()}
    emit(
        {
            "ours": {s: r["merge_ms"] for s, r in rows.items()},
            "baselines": {"dictionary_union": union_times},
        }
    )


if __name__ == "__main__":
    main()
