"""``cardiotwin bench page``: the workbench of the clinician's page, six candidates a question.

The service runs as a process of its own, as ``cardiotwin serve`` starts it. One order-sign call
fits a patient's twin; a session for that patient is written where a launch would have written it;
then plans whose doses differ from question to question are compared over the loopback interface.
The floor is a request that computes nothing, on the same connection in the same run.
"""

from __future__ import annotations

import http.client
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from cds_hooks.cli.bench_hook import call_once, case_of, order_sign_body, running_service
from cds_hooks.cli.bench_page_browser import in_a_browser
from cds_hooks.cli.child_processes import HOST
from cds_hooks.cli.report import console, machine, print_json

WARMING: int = 20
FLOOR_EVERY: int = 5


def register(bench: typer.Typer) -> None:
    """Add ``cardiotwin bench page``."""

    @bench.command("page")
    def page(
        questions: Annotated[int, typer.Option(help="Comparisons of six plans each.")] = 300,
        loads: Annotated[int, typer.Option(help="Loads of the page in Chromium; 0: none.")] = 20,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Time the workbench: six plans compared over 30 minutes against doing nothing.

        Goal on two cores: p99 <= 100 ms. Beside it: a request that computes nothing. Then the
        page itself in Chromium: goals 1 s until the patient's state stands there, 500 KB in all.
        """
        figures = with_loads(measured(questions), loads)
        if as_json:
            print_json(figures)
        else:
            console.print_json(json.dumps(figures))


def measured(questions: int) -> dict[str, Any]:
    """Start the service, fit a patient, ask, and return the figures in the shape of every bench.

    Raises
    ------
    typer.Exit
        The service did not start, or an answer simulated less than was asked.
    """
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as (port, _, _):
        body = order_sign_body(0, patient=0)
        call_once(port, body)
        handle, secret = _launched(Path(folder) / "data", json.loads(body)["context"]["patientId"])
        connection = http.client.HTTPConnection(HOST, port, timeout=30)
        headers = {
            "Content-Type": "application/json",
            "Origin": f"http://{HOST}:{port}",
            "Cookie": f"__Host-cardiotwin-{handle}={secret}",
        }
        path = f"/app/api/simulations?session={handle}"
        taken: list[float] = []
        floor: list[float] = []
        for number in track(range(questions + WARMING), "six plans a question", console=console):
            asked = _asked(connection, path, _question(number), headers)
            if number < WARMING:
                continue
            taken.append(asked)
            if number % FLOOR_EVERY == 0:
                floor.append(_floor(connection))
        return {
            "machine": machine(),
            "cases": {"workbench_6_plans": case_of(taken, 1)},
            "peers": {"request_that_computes_nothing": case_of(floor, 1)},
        }


def with_loads(figures: dict[str, Any], loads: int) -> dict[str, Any]:
    """Return the figures with those of the page in a browser; null where it was not loaded."""
    found = in_a_browser(loads) if loads else "No load was asked for."
    if isinstance(found, str):
        console.print(found)
        return figures | {"page_kb": None, "page_files_kb": None}
    return {
        **figures,
        **found,
        "cases": {**figures["cases"], **found["cases"]},
        "peers": {**figures["peers"], **found["peers"]},
    }


def _launched(data: Path, patient_id: str) -> tuple[str, str]:
    """Keep a session as a launch for the patient would, and return its handle and secret."""
    import asyncio

    from cds_hooks.clock import SystemClock
    from cds_hooks.ports import Grant
    from cds_hooks.security.installation_key import installation_key
    from cds_hooks.security.session import SmartSession, fresh_handle, fresh_secret
    from cds_hooks.security.sessions import SqliteSessions

    now = datetime.now(UTC)  # noqa: TID251
    session = SmartSession(
        handle=fresh_handle(),
        secret=fresh_secret(),
        # A call without a FHIR server is its issuer's, which is called open where trust is.
        grant=Grant("open", None, frozenset(), patient_id, None),
        started_at=now,
        expires_at=now + timedelta(hours=1),
        patient_id=patient_id,
    )
    sessions = SqliteSessions(data / "sessions.sqlite", installation_key(data), SystemClock())
    asyncio.run(sessions.keep(session))
    sessions.close()
    return session.handle, session.secret


def _question(number: int) -> bytes:
    """Return six plans of different kinds whose doses change with the number."""
    share = number % 50 / 50
    items = (
        {"kind": "fluid", "fluid": "crystalloid", "volume_ml": 250 + 500 * share, "over_min": 15},
        {"kind": "fluid", "fluid": "red cells", "volume_ml": 300, "over_min": 30 + 10 * share},
        {"kind": "infusion", "drug": "norepinephrine", "rate": 0.02 + 0.2 * share},
        {"kind": "infusion", "drug": "dobutamine", "rate": 2 + 8 * share, "for_min": 20},
        {"kind": "oxygen", "percent": 30 + 60 * share},
        {
            "kind": "dose",
            "drug": "metoprolol",
            "route": "intravenous",
            "dose_mg": 2 + 8 * share,
            "start_min": 5,
        },
    )
    plans = [{"name": f"Plan {place}", "items": [item]} for place, item in enumerate(items)]
    return json.dumps({"plans": plans, "horizon_min": 30}).encode()


def _asked(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
) -> float:
    start = time.perf_counter()
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    answer = response.read()
    taken = 1000 * (time.perf_counter() - start)
    # A fast answer that simulated less would be a false figure.
    if response.status != 200 or len(json.loads(answer)["plans"]) != 6:
        console.print(f"The service answered {response.status} without six simulated plans.")
        raise typer.Exit(1)
    return taken


def _floor(connection: http.client.HTTPConnection) -> float:
    start = time.perf_counter()
    connection.request("GET", "/health")
    connection.getresponse().read()
    return 1000 * (time.perf_counter() - start)
