"""data.gov.sg: the register's open data as row search and as files to download."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from data411_mcp.twins.rows import AcraRow
from data411_mcp.twins.wire import Reply, Request, json_reply

FILES_HOST = "s3.ap-southeast-1.amazonaws.com"
HOSTS = ("data.gov.sg", "api-production.data.gov.sg", "api-open.data.gov.sg")
# Column order of the full slices; a value that is missing is the word "na".
COLUMNS = (
    *("uen", "issuance_agency_id", "entity_name", "entity_type_description"),
    *("business_constitution_description", "company_type_description"),
    *("paf_constitution_description", "entity_status_description"),
    *("registration_incorporation_date", "uen_issue_date", "address_type", "block"),
    *("street_name", "level_no", "unit_no", "building_name", "postal_code"),
    *("other_address_line1", "other_address_line2", "account_due_date", "annual_return_date"),
    *("primary_ssic_code", "primary_ssic_description", "primary_user_described_activity"),
    *("secondary_ssic_code", "secondary_ssic_description", "secondary_user_described_activity"),
    "no_of_officers",
    *(f"former_entity_name{n}" for n in range(1, 16)),
)
SLICES = {
    "d_8575e84912df3c28995b8e6e0e05205a": "A",
    "d_3a3807c023c61ddfba947dc069eb53f2": "B",
    "d_c0650f23e94c42e7a20921f4c5b75c24": "C",
    "d_acbc938ec77af18f94cecc4a7c9ec720": "D",
    "d_124a9bd407c7a25f8335b93b86e50fdd": "E",
    "d_4526d47d6714d3b052eed4a30b8b1ed6": "F",
    "d_b58303c68e9cf0d2ae93b73ffdbfbfa1": "G",
    "d_fa2ed456cf2b8597bb7e064b08fc3c7c": "H",
    "d_85518d970b8178975850457f60f1e738": "I",
    "d_478f45a9c541cbe679ca55d1cd2b970b": "J",
    "d_5573b0db0575db32190a2ad27919a7aa": "K",
    "d_a2141adf93ec2a3c2ec2837b78d6d46e": "L",
    "d_9af9317c646a1c881bb5591c91817cc6": "M",
    "d_67e99e6eabc4aad9b5d48663b579746a": "N",
    "d_5c4ef48b025fdfbc80056401f06e3df9": "O",
    "d_181005ca270b45408b4cdfc954980ca2": "P",
    "d_4130f1d9d365d9f1633536e959f62bb7": "Q",
    "d_2b8c54b2a490d2fa36b925289e5d9572": "R",
    "d_df7d2d661c0c11a7c367c9ee4bf896c1": "S",
    "d_72f37e5c5d192951ddc5513c2b134482": "T",
    "d_0cc5f52a1f298b916f317800251057f3": "U",
    "d_e97e8e7fc55b85a38babf66b0fa46b73": "V",
    "d_af2042c77ffaf0db5d75561ce9ef5688": "W",
    "d_1cd970d8351b42be4a308d628a6dd9d3": "X",
    "d_31af23fdb79119ed185c256f03cb5773": "Y",
    "d_4e3db8955fdcda6f9944097bef3d2724": "Z",
    "d_300ddc8da4e8f7bdc1bfc62d0d99e2e7": "#",
}


def error_body(code: int) -> dict[str, Any]:
    if code == 429:
        return {"code": 24, "errorMsg": "Rate limit exceeded, please try again in 7 seconds"}
    return {"code": 4 if code == 404 else 2, "errorMsg": "try again later"}


@dataclass
class DataGovSg:
    """A file is ready at the second poll."""

    rows: Sequence[AcraRow]
    polls: Counter[str] = field(default_factory=Counter)

    def answer(self, request: Request) -> Reply:
        if request.host == FILES_HOST:
            return self._file(request)
        parts = request.path.strip("/").split("/")
        if request.path == "/api/action/datastore_search":
            return self._search(request)
        match parts:
            case ["v2", "public", "api", "collections", "2", "metadata"]:
                found = {"childDatasets": list(SLICES), "name": "ACRA Information on Entities"}
                return json_reply({"code": 0, "data": {"collectionMetadata": found}})
            case ["v2", "public", "api", "datasets", name, "metadata"] if name in SLICES:
                when = "2026-11-01T08:00:00+08:00"
                return json_reply({"code": 0, "data": {"name": name, "lastUpdatedAt": when}})
            case ["v1", "public", "api", "datasets", name, "initiate-download"] if name in SLICES:
                return json_reply({"code": 0, "data": {"message": "started"}, "errorMsg": ""}, 201)
            case ["v1", "public", "api", "datasets", name, "poll-download"] if name in SLICES:
                self.polls[name] += 1
                if self.polls[name] < 2:
                    return json_reply({"code": 0, "data": {"status": "DOWNLOAD_PENDING"}})
                url = f"https://{FILES_HOST}/exports/{name}.csv?X-Amz-Signature=0"
                data = {"status": "DOWNLOAD_SUCCESS", "url": url}
                return json_reply({"code": 0, "data": data, "errorMsg": ""})
        return json_reply({"code": 4, "errorMsg": "not found"}, 404)

    def _of_slice(self, letter: str | None) -> list[dict[str, Any]]:
        rows = [row.wire or row.model_dump(exclude={"wire"}) for row in self.rows]
        full = [dict.fromkeys(COLUMNS, "na") | row for row in rows]
        return [r for r in full if letter is None or _slice(str(r["entity_name"])) == letter]

    def _search(self, request: Request) -> Reply:
        """`filters` is exact, `q` a loose match."""
        try:
            filters = json.loads(request.arg("filters", default="{}"))
        except ValueError:
            return json_reply({"code": 2, "errorMsg": "filters is not valid JSON"}, 400)
        wanted = _words(request.arg("q"))
        found = [
            row
            for row in self._of_slice(SLICES.get(request.arg("resource_id")))
            if all(str(row.get(key, "na")) == str(value) for key, value in filters.items())
            and (not wanted or wanted & _words(str(row["entity_name"])))
        ]
        size = int(request.arg("limit", default="100") or 100)
        start = int(request.arg("offset", default="0") or 0)
        records = [{"_id": n, **row} for n, row in enumerate(found, start=1)]
        result = {
            "resource_id": request.arg("resource_id"),
            "fields": [{"type": "text", "id": name} for name in COLUMNS],
            "records": records[start : start + size],
            "total": len(found),
            "limit": size,
        }
        return json_reply({"success": True, "result": result})

    def _file(self, request: Request) -> Reply:
        name = request.path.rpartition("/")[2].removesuffix(".csv")
        if name not in SLICES:
            return json_reply({"code": 4, "errorMsg": "not found"}, 404)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._of_slice(SLICES[name]))
        return Reply(200, {"content-type": "text/csv"}, text.getvalue().encode())


def _slice(name: str) -> str:
    first = name.strip()[:1].upper()
    return first if first.isascii() and first.isalpha() else "#"


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
