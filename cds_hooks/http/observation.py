"""What an operator sees: a JSON log line a request, metrics for Prometheus. No patient data.

A line holds the route, the status, the time, the service, the hook, the ``hookInstance`` (an
opaque id that the EHR made for this call) and the kind of a problem. Never a URL's query, a
header, a body, or a message of an exception.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Final, final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG: Final = structlog.get_logger("cds_hooks")

# Around the goals: 20 ms median and 80 ms p99 of our own, CDS Hooks' 500 ms, CRD's 5 s.
BUCKETS_S: Final = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 1.0, 2.5, 5.0, 10.0)


def log_as_json(level: str) -> None:
    """Write structlog's lines as JSON to standard error; call once, at the start of a process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        # Looked up at each line: whoever replaces standard error afterwards gets the lines.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


@final
class Meters:
    """The metrics of one application, in a registry of its own."""

    def __init__(self, present: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        labels = ("route", "service", "status")
        self.requests = Counter(
            "cardiotwin_requests", "Requests answered.", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "cardiotwin_request_seconds",
            "Time from the request's head to the end of the answer.",
            ("route", "service"),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        Gauge("cardiotwin_calls_present", "Calls under way.", registry=self.registry).set_function(
            present
        )


@final
class Observed:
    """ASGI middleware: counts, times and logs each request."""

    def __init__(self, app: ASGIApp, meters: Meters, is_service: Callable[[str], bool]) -> None:
        self._app = app
        self._meters = meters
        self._is_service = is_service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        structlog.contextvars.clear_contextvars()
        start = time.perf_counter()
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._note(scope, status, time.perf_counter() - start)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        named = scope.get("path_params", {}).get("service_id", "")
        # A name that is no service's is the caller's own text; it becomes no label and no log.
        service = named if self._is_service(named) else "none"
        self._meters.requests.labels(route, service, str(status)).inc()
        self._meters.seconds.labels(route, service).observe(seconds)
        _LOG.info(
            "request",
            method=scope["method"] if scope["method"] in _METHODS else "other",
            route=route,
            service=service,
            status=status,
            ms=round(1000 * seconds, 2),
        )


_METHODS: Final = frozenset({"GET", "POST", "OPTIONS", "HEAD", "PUT", "PATCH", "DELETE"})
