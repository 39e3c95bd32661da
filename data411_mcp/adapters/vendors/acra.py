"""Singapore's register of entities, as open data: https://data.gov.sg, collection 2.

The row search is fuzzy (it returns "FINTECH SOLUTIONS" for "PERCEPT SOLUTIONS"), so a row counts
only when its normalised name equals what was asked for. The whole register comes as CSV files,
one for each first letter. Never called while somebody waits in a chat.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2

from data411_mcp.adapters import guard
from data411_mcp.adapters.http import HttpClient, VendorResponse, failure_of, within
from data411_mcp.adapters.politeness import Allowance
from data411_mcp.adapters.vendors.errors import parse_object, status_error
from data411_mcp.domain.icp.acra import entity_fields, name_key
from data411_mcp.domain.legal_forms import legal_form, strip_legal_form
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import Clock
from data411_mcp.services.ports.icp import AcraEntity
from data411_mcp.settings import Settings

SEARCH_URL = "https://data.gov.sg/api/action/datastore_search"
DOWNLOAD_URL = "https://api-open.data.gov.sg/v1/public/api/datasets"
METADATA_URL = "https://api-production.data.gov.sg/v2/public/api/datasets"
ROWS_MAX = 100
PORTION_ROWS = 500
WINDOW_SECONDS = 10.0
SEARCHES, SEARCHES_WITH_KEY = 4, 8
DOWNLOADS, DOWNLOADS_WITH_KEY = 2, 4
WAIT_SECONDS_MAX = 60.0  # what a 429 may ask for
POLL_SECONDS = 3.0
FILE_BYTES_MAX = 2_000_000_000
LINE_CHARS_MAX = 50_000

# The datasets by first letter of the name; "#" is every other beginning.
DATASETS: Mapping[str, str] = {
    "A": "d_8575e84912df3c28995b8e6e0e05205a",
    "B": "d_3a3807c023c61ddfba947dc069eb53f2",
    "C": "d_c0650f23e94c42e7a20921f4c5b75c24",
    "D": "d_acbc938ec77af18f94cecc4a7c9ec720",
    "E": "d_124a9bd407c7a25f8335b93b86e50fdd",
    "F": "d_4526d47d6714d3b052eed4a30b8b1ed6",
    "G": "d_b58303c68e9cf0d2ae93b73ffdbfbfa1",
    "H": "d_fa2ed456cf2b8597bb7e064b08fc3c7c",
    "I": "d_85518d970b8178975850457f60f1e738",
    "J": "d_478f45a9c541cbe679ca55d1cd2b970b",
    "K": "d_5573b0db0575db32190a2ad27919a7aa",
    "L": "d_a2141adf93ec2a3c2ec2837b78d6d46e",
    "M": "d_9af9317c646a1c881bb5591c91817cc6",
    "N": "d_67e99e6eabc4aad9b5d48663b579746a",
    "O": "d_5c4ef48b025fdfbc80056401f06e3df9",
    "P": "d_181005ca270b45408b4cdfc954980ca2",
    "Q": "d_4130f1d9d365d9f1633536e959f62bb7",
    "R": "d_2b8c54b2a490d2fa36b925289e5d9572",
    "S": "d_df7d2d661c0c11a7c367c9ee4bf896c1",
    "T": "d_72f37e5c5d192951ddc5513c2b134482",
    "U": "d_0cc5f52a1f298b916f317800251057f3",
    "V": "d_e97e8e7fc55b85a38babf66b0fa46b73",
    "W": "d_af2042c77ffaf0db5d75561ce9ef5688",
    "X": "d_1cd970d8351b42be4a308d628a6dd9d3",
    "Y": "d_31af23fdb79119ed185c256f03cb5773",
    "Z": "d_4e3db8955fdcda6f9944097bef3d2724",
    "#": "d_300ddc8da4e8f7bdc1bfc62d0d99e2e7",
}
_AND = re.compile(r"[&+]|\band\b", re.IGNORECASE)
_WAIT = re.compile(r"(\d{1,4})\s*second")


def letter_of(name: str) -> str:
    """Which dataset holds the name: its first letter, or "#". The register writes no accents."""
    first = unicodedata.normalize("NFKD", name.strip())[:1].upper()
    return first if first in DATASETS else "#"


def _asked(name: str) -> str:
    """The name as the register's own words: it cuts "O'Brien's" where we would, if we let it, and
    knows no "and" for "&"."""
    plain = unicodedata.normalize("NFKD", strip_legal_form(name) or name)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(_AND.sub(" ", plain).split())


def _usual_spellings(name: str) -> tuple[str, ...]:
    """How the register writes such a name. Without a legal form it may be any of the usual."""
    form, base = legal_form(name), strip_legal_form(name).upper()
    if form is None:
        return (f"{base} PTE. LTD.", f"{base} LLP", base)
    if form[0] in ("Pte. Ltd.", "Pvt. Ltd."):
        return (f"{base} PTE. LTD.", f"{base} PTE LTD")
    return (" ".join(name.upper().split()),)


@dataclass
class Acra:
    """Implements `ports.icp.AcraRegister` and `AcraDownload`. One for the process: the register
    counts its callers' calls together."""

    http: HttpClient
    clock: Clock
    settings: Settings
    poll_seconds: float = POLL_SECONDS
    _searches: _Pace = field(init=False, repr=False)
    _downloads: _Pace = field(init=False, repr=False)

    def __post_init__(self) -> None:
        keyed = self.settings.datagov_api_key is not None
        self._searches = _Pace(SEARCHES_WITH_KEY if keyed else SEARCHES)
        self._downloads = _Pace(DOWNLOADS_WITH_KEY if keyed else DOWNLOADS)

    # -- one name -----------------------------------------------------------------------

    async def by_name(self, name: str, *, deadline_seconds: float) -> tuple[AcraEntity, ...]:
        wanted = name_key(name)
        if not wanted:
            return ()
        with within(deadline_seconds):
            found, total = await self._search(name, wanted, {"q": _asked(name)})
            if total > ROWS_MAX and (not found or legal_form(name) is None):
                # The ranking may have lost it, or its namesakes, among its likes.
                for spelling in _usual_spellings(name):
                    exact = json.dumps({"entity_name": spelling})
                    found += (await self._search(name, wanted, {"filters": exact}))[0]
        return tuple({row.uen: row for row in found}.values())

    async def _search(
        self, name: str, wanted: str, by: Mapping[str, str]
    ) -> tuple[tuple[AcraEntity, ...], int]:
        """The rows of exactly that name, and how many rows of any name there are."""
        params = {"resource_id": DATASETS[letter_of(name)], "limit": str(ROWS_MAX), **by}
        reply = await self._ask(SEARCH_URL, self._searches, params)
        result = reply.get("result")
        records = result.get("records") if isinstance(result, dict) else None
        if reply.get("success") is not True or not isinstance(records, list):
            raise LookupFailed("bad_reply")
        rows = (entity_fields(row) for row in records if isinstance(row, dict))
        found = (AcraEntity(**fields) for fields in rows if fields is not None)
        total = result.get("total") if isinstance(result, dict) else None
        exact = tuple(row for row in found if name_key(row.name) == wanted)
        return exact, total if isinstance(total, int) else len(records)

    # -- whole files --------------------------------------------------------------------

    async def file(self, letter: str, *, deadline_seconds: float) -> DownloadedFile:
        dataset = DATASETS.get(letter)
        if dataset is None:
            raise LookupFailed("bad_request", "No such file of the register.")
        with within(deadline_seconds):
            mark = await self._mark(dataset)
            url = await self._file_url(dataset)
        return DownloadedFile(self.http, url, mark, deadline_seconds)

    async def _mark(self, dataset: str) -> str:
        """The dataset and when it was last changed; where that is not told, the month."""
        try:
            reply = await self._ask(f"{METADATA_URL}/{dataset}/metadata", self._searches, {})
        except LookupFailed as error:
            if error.reason != "not_found":
                raise
            reply = {}
        data = reply.get("data")
        told = data.get("lastUpdatedAt") if isinstance(data, dict) else None
        when = told if isinstance(told, str) and told else self.clock.now().strftime("%Y-%m")
        return f"{dataset}:{re.sub(r'[^0-9A-Za-z:+-]', '', when)[:40]}"

    async def _file_url(self, dataset: str) -> str:
        """Where the file lies once it is made; the address is signed and soon expires."""
        base = f"{DOWNLOAD_URL}/{dataset}"
        await self._ask(f"{base}/initiate-download", self._downloads, {})
        while True:
            reply = await self._ask(f"{base}/poll-download", self._downloads, {})
            data = reply.get("data")
            data = data if isinstance(data, dict) else {}
            if data.get("status") == "DOWNLOAD_SUCCESS" and isinstance(data.get("url"), str):
                return str(data["url"])
            if "FAIL" in str(data.get("status")):
                raise LookupFailed("vendor_error", "The register could not make its file.")
            await anyio.sleep(self.poll_seconds)

    # -- manners ------------------------------------------------------------------------

    async def _ask(self, url: str, pace: _Pace, params: Mapping[str, str]) -> dict[str, Any]:
        """One call, kept to the rate; asked once more after as long as a refusal says."""
        key = self.settings.datagov_api_key
        headers = {"x-api-key": key.get_secret_value()} if key is not None else {}
        for last in (False, True):
            await pace.turn()
            left = anyio.current_effective_deadline() - anyio.current_time()
            reply = await self.http.call(
                "GET", url, headers=headers, params=params, deadline_seconds=left, attempts_max=1
            )
            if reply.status != 429:
                break
            wait = wait_of(reply)
            left = anyio.current_effective_deadline() - anyio.current_time()
            if last or wait >= left:
                raise LookupFailed("rate_limited", retry_after_seconds=wait)
            await anyio.sleep(wait)
        if reply.status >= 400:
            raise status_error(reply.status)
        answer = parse_object(reply.body)
        if answer.get("code", 0) != 0:
            raise LookupFailed("vendor_error", "The register refused.")
        return answer


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    """Implements `ports.icp.AcraFile`. It may be many times what memory should hold: it is read
    as it comes in."""

    http: HttpClient
    url: str
    mark: str
    deadline_seconds: float

    async def portions(self, *, skip: int) -> AsyncIterator[list[dict[str, str]]]:
        portion: list[dict[str, str]] = []
        async with aclosing(self._lines()) as lines:
            number = 0
            async for row in _rows(lines):
                number += 1
                if number <= skip:
                    continue
                portion.append(row)
                if len(portion) == PORTION_ROWS:
                    yield portion
                    portion = []
        if portion:
            yield portion

    async def _lines(self) -> AsyncGenerator[str, None]:
        """The time is looked at between lines, since a generator must not hold a cancel scope;
        within a line the client's own timeout holds."""
        guard.check_hop(self.url, self.http.network.allow)
        until = anyio.current_time() + self.deadline_seconds
        read = 0
        try:
            async with self.http.raw.stream("GET", self.url, follow_redirects=False) as response:
                if response.status_code != 200:
                    raise LookupFailed(f"http_{response.status_code}")
                async for line in response.aiter_lines():
                    read += len(line)
                    if read > FILE_BYTES_MAX or len(line) > LINE_CHARS_MAX:
                        raise LookupFailed("too_large")
                    if anyio.current_time() > until:
                        raise LookupFailed("timeout")
                    yield line
        except httpx2.HTTPError as error:
            raise failure_of(error) from error


class _Pace:
    """At most `limit` calls in any window; whoever comes too early waits, in order."""

    def __init__(self, limit: int) -> None:
        self._allowance = Allowance(limit, WINDOW_SECONDS, anyio.current_time)
        self._line = anyio.Lock()

    async def turn(self) -> None:
        async with self._line:
            while not self._allowance.take():  # noqa: ASYNC110 - it waits for a time
                await anyio.sleep(self._allowance.seconds_left())


def wait_of(reply: VendorResponse) -> float:
    """How long a 429 asks to wait: its header, else the number in its text, else the window."""
    if reply.retry_after_seconds is not None:
        return min(reply.retry_after_seconds, WAIT_SECONDS_MAX)
    found = _WAIT.search(reply.body[:2000].decode("utf-8", "replace"))
    return min(float(found[1]), WAIT_SECONDS_MAX) if found else WINDOW_SECONDS


async def _rows(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """Rows of a CSV file whose first line names the columns; a line that is none is left out."""
    columns: list[str] = []
    pending = ""
    async for line in lines:
        pending = f"{pending}\n{line}" if pending else line
        if pending.count('"') % 2 and len(pending) < LINE_CHARS_MAX:
            continue  # a quoted value goes on in the next line
        row, pending = _csv_row(pending), ""
        if not columns:
            columns = [c.strip().lstrip("\ufeff").casefold() for c in row]
            if "uen" not in columns or "entity_name" not in columns:
                raise LookupFailed("bad_reply", "The file is none of the register's.")
        elif row:
            yield dict(zip(columns, row, strict=False))


def _csv_row(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []
