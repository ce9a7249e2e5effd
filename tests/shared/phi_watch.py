"""Fails every test during which a planted name, identifier, birth date or token got out.

``CANARIES`` stand in the patients, sessions and tokens of the tests. What an operator, a stranger
or a server on the way could read is watched all the time: what was written to standard output,
standard error and logs, labels of metrics, bodies of refusals, addresses asked of us and by us.
Our service has no traces; what would send some would have to be watched here too. A reply of
success holds the patient's data by right and is not looked at.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cds_hooks.clock import SystemClock
from sandbox_ehr.patients.load import bundle_at

if TYPE_CHECKING:
    from collections.abc import Callable

PLANTED_FAMILY = "Kanarienvogel"
PLANTED_IDENTIFIER = "MRN-KANARI-4711"
PLANTED_BIRTH_DATE = "1961-02-03"
PLANTED_TOKEN = "ACCESS-CANARY"
PLANTED_SECRET = "SECRET-CANARY"
PLANTED_PHONE = "+49-30-KANARI"
PLANTED_NOTE = "Bemerkung-Kanarienvogel"

NOW_OF_THE_PAGE = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""Where the clock of the page's tests stands."""

TOKENS = (
    re.escape(PLANTED_TOKEN),
    re.escape(PLANTED_SECRET),
    "REFRESH-CANARY",
    r"(?:ACCESS|REFRESH)-[0-9a-f]{16}",  # of the scripted EHR
    r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.",  # any signed JWT
)
SAMPLE_PATIENTS = Path(__file__).parents[2] / "deploy" / "sandbox_ehr" / "patients"
MOST_QUOTED = 40


@cache
def canaries() -> re.Pattern[str]:
    """Return what finds any canary in a text: the planted ones, and all of the sample patients."""
    words = [PLANTED_FAMILY, PLANTED_IDENTIFIER, PLANTED_BIRTH_DATE, PLANTED_PHONE, PLANTED_NOTE]
    today = SystemClock().now()
    for path in sorted(SAMPLE_PATIENTS.glob("*.json")):
        bundle = json.loads(path.read_text("utf-8"))
        # The sandbox moves every date of a sample patient to the day on which it is asked.
        for at in (None, NOW_OF_THE_PAGE, today - timedelta(days=1), today):
            moved = bundle if at is None else bundle_at(bundle, at)
            words += _identities(moved["entry"])
    return re.compile("|".join([*map(re.escape, dict.fromkeys(words)), *TOKENS]))


def _identities(entries: list[dict[str, Any]]) -> Iterator[str]:
    for patient in (each["resource"] for each in entries):
        if patient["resourceType"] == "Patient":
            (name,) = patient["name"]
            yield name["text"]
            yield f"{name['family']}, {name['given'][0]}"
            yield patient["birthDate"]
            yield from (each["value"] for each in patient["identifier"])


def leaks_in(text: str) -> list[str]:
    """Return each canary that a text holds, once."""
    return list(dict.fromkeys(each[:MOST_QUOTED] for each in canaries().findall(text)))


class Watch:
    """What got out since it was last asked; threads of served applications add to it, too."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._lock = threading.Lock()

    def look(self, where: str, text: str) -> None:
        """Look for canaries in something that others can read."""
        if found := leaks_in(text):
            with self._lock:
                self._found.append(f"{where}: {', '.join(found)}")

    def taken(self) -> list[str]:
        """Return what was found, and forget it."""
        with self._lock:
            found, self._found = self._found, []
        return found


WATCH = Watch()


def _watched(cls: Any, name: str, look: Callable[..., None]) -> None:
    original = getattr(cls, name)

    def looked_at(self: Any, *args: Any, **kwargs: Any) -> Any:
        look(*args, **kwargs)
        return original(self, *args, **kwargs)

    setattr(cls, name, looked_at)


def pytest_configure(config: pytest.Config) -> None:
    """Put the watch where labels, addresses and refusals pass."""
    from prometheus_client.metrics import MetricWrapperBase

    from cds_hooks.http.observation import Observed
    from cds_hooks.security.egress_transport import EgressTransport

    _watched(
        MetricWrapperBase,
        "labels",
        lambda *values, **named: WATCH.look("a metric's label", f"{values} {named}"),
    )
    _watched(
        EgressTransport,
        "handle_async_request",
        lambda request: WATCH.look("an address asked by us", str(request.url)),
    )
    served = Observed.__call__

    async def looked_at(self: Any, scope: Any, receive: Any, send: Any) -> None:
        refused = False

        async def sent(message: Any) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = message["status"] >= 400
                head = b"\n".join(name + b": " + value for name, value in message["headers"])
                if not head.lower().count(b"set-cookie"):
                    WATCH.look("a head of a reply", head.decode("latin-1"))
            elif refused:
                WATCH.look(
                    "a body of a refusal", message.get("body", b"").decode("utf-8", "replace")
                )
            await send(message)

        await served(self, scope, receive, sent)

    Observed.__call__ = looked_at  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail the phase of a test in which something got out."""
    report = yield
    for title, text in report.sections:
        if report.when in title:
            WATCH.look(title, text)
    found = list(dict.fromkeys(WATCH.taken()))
    if found and report.outcome != "failed":
        report.outcome = "failed"
        report.longrepr = "What identifies a patient or opens a session got out.\n" + "\n".join(
            found
        )
    return report


@pytest.fixture(scope="session")
def look_into() -> Callable[[Path], None]:
    """Return what looks into a file that a process of its own has written."""
    return lambda path: WATCH.look(path.name, path.read_text("utf-8", "replace"))
