"""The served OpenAPI document is true: Schemathesis finds no answer that it does not describe."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from data411_mcp.services.payloads import JOB_ONLY, PAYLOADS, SLOTS_RERUN
from tests.web.openapi_fuzz import failures_of
from tests.web.web_world import Site, site

PAGE = Path(__file__).resolve().parents[2] / "docs" / "http-api.md"
PUBLIC_PATHS = {"/api/v1/account", "/api/v1/leads/{chat_session_id}"}


async def document(at: Site) -> dict[str, Any]:
    async with at.client() as anybody:
        answer = await anybody.get("/openapi.json")
    body: dict[str, Any] = answer.json()
    return body


async def test_the_document_has_every_route_and_every_way_to_fail(shared: Site) -> None:
    told = await document(shared)
    assert told["openapi"].startswith("3.1")
    synchronous = {f"/api/v1/{route}" for route in PAYLOADS if route not in JOB_ONLY}
    assert synchronous | PUBLIC_PATHS <= set(told["paths"])
    assert f"/api/v1/{SLOTS_RERUN}" not in told["paths"]
    job = told["components"]["schemas"]["JobBody"]
    assert job["properties"]["route"]["enum"] == sorted(PAYLOADS)
    assert job["additionalProperties"] is False
    operations = [op for path in told["paths"].values() for op in path.values()]
    assert len({op["operationId"] for op in operations}) == len(operations)
    for operation in operations:
        assert operation["security"] == [{"bearer": []}]
        assert operation["summary"]
        for status in ("401", "403", "422", "429", "500", "503"):
            assert set(operation["responses"][status]["content"]) == {"application/problem+json"}
    assert told["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


@pytest.mark.parametrize(
    ("examples", "stateful"),
    [
        pytest.param(4, False, marks=pytest.mark.lengthy),
        pytest.param(150, True, marks=pytest.mark.long),
    ],
    ids=["few", "many"],
)
async def test_schemathesis_finds_no_failure(tmp_path: Path, examples: int, stateful: bool) -> None:
    pace = {"http_answer_within_s": 0.05, "http_requests_per_minute": 10**9}
    async with site(tmp_path, **pace) as target:
        key = await target.key("fuzz", "enrich")
        run = functools.partial(failures_of, target.url, key, examples=examples, stateful=stateful)
        found, requests = await anyio.to_thread.run_sync(run)
    assert found == []
    assert requests > 100


async def test_the_page_about_the_api_names_every_operation_and_no_other(shared: Site) -> None:
    told = await document(shared)
    page = PAGE.read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([A-Z]+) (/[^`]+)` \| `(\w+)` \| (\w+) \|$", page, re.M)
    served = {
        (method.upper(), path, operation["operationId"])
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    }
    assert {row[:3] for row in documented} == served
