"""Counters of this process in the text format of Prometheus. Labels come from the route table,
never from the request, so their number is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_SECONDS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
NO_ROUTE = "none"

Labels = tuple[str, str]  # method, route


class Metrics:
    def __init__(self) -> None:
        self.open_requests = 0
        self.open_streams = 0
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: dict[Labels, float] = {}
        self._within: Counter[tuple[str, str, float]] = Counter()

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        method = method if method in METHODS else "other"
        self._requests[method, route, status] += 1
        self._seconds[method, route] = self._seconds.get((method, route), 0.0) + seconds
        for bound in BUCKETS_SECONDS:
            if seconds <= bound:
                self._within[method, route, bound] += 1

    def text(self) -> str:
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield "# HELP data411_http_requests_total Requests answered."
        yield "# TYPE data411_http_requests_total counter"
        totals: Counter[Labels] = Counter()
        for (method, route, status), count in sorted(self._requests.items()):
            totals[method, route] += count
            labels = f'method="{method}",route="{route}",status="{status}"'
            yield f"data411_http_requests_total{{{labels}}} {count}"
        yield "# HELP data411_http_request_seconds Time to the end of the answer."
        yield "# TYPE data411_http_request_seconds histogram"
        for (method, route), count in sorted(totals.items()):
            labels = f'method="{method}",route="{route}"'
            for bound in BUCKETS_SECONDS:
                within = self._within[method, route, bound]
                yield f'data411_http_request_seconds_bucket{{{labels},le="{bound}"}} {within}'
            yield f'data411_http_request_seconds_bucket{{{labels},le="+Inf"}} {count}'
            yield f"data411_http_request_seconds_count{{{labels}}} {count}"
            seconds = self._seconds[method, route]
            yield f"data411_http_request_seconds_sum{{{labels}}} {seconds:.6f}"
        yield "# HELP data411_http_open_requests Requests being answered."
        yield "# TYPE data411_http_open_requests gauge"
        yield f"data411_http_open_requests {self.open_requests}"
        yield "# HELP data411_http_open_streams Event streams being read."
        yield "# TYPE data411_http_open_streams gauge"
        yield f"data411_http_open_streams {self.open_streams}"
