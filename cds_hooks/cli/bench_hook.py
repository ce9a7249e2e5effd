"""``cardiotwin bench hook``: order-sign calls that assimilate and simulate, over HTTP.

The service runs as a process of its own, as ``cardiotwin serve`` starts it; the calls go over the
loopback interface, so a figure is what an EHR beside it would see. Every call brings 200
Observations with new resource versions and two draft orders.
"""

from __future__ import annotations

import http.client
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from cds_hooks.cli.child_processes import HOST, Server, ServerFailed, Servers, free_port
from cds_hooks.cli.order_sign_payload import order_sign_request
from cds_hooks.cli.report import console, machine, print_json

PATH = "/cds-services/order-effects"
CONCURRENT_CALLERS = 8
READY_S = 180.0
"""The first start after an installation compiles the twin's kernels; later ones take seconds."""

PEER_EVERY = 10
"""One parse by fhir.resources per so many calls, so that both meet the same machine."""


def register(bench: typer.Typer) -> None:
    """Add ``cardiotwin bench hook``."""

    @bench.command("hook")
    def hook(
        calls: Annotated[int, typer.Option(help="Calls by one caller, then by eight.")] = 300,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Time order-sign calls with 200 Observations and two draft orders each.

        Goal on two cores: p50 <= 20 ms and p99 <= 80 ms at one caller, resident memory <= 600 MB,
        ready within 5 s of the start. Beside it: the same payload parsed by fhir.resources R4B.
        """
        figures = measured(calls)
        if as_json:
            print_json(figures)
        else:
            console.print_json(json.dumps(figures))


def measured(calls: int) -> dict[str, object]:
    """Start the service, call it, and return the figures in the shape of every bench."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder)) as (port, server, ready_s),
    ):
        bodies = [order_sign_body(number, patient=0) for number in range(calls + 20)]
        for body in bodies[:20]:
            call_once(port, body)
        alone, peer = _one_caller(port, bodies[20:])
        together, seconds = _many_callers(port, calls)
        figures: dict[str, object] = {
            "machine": machine(),
            "p50_ms": _quantile(alone, 0.50),
            "p99_ms": _quantile(alone, 0.99),
            "concurrency": CONCURRENT_CALLERS,
            "calls_per_s": round(len(together) / seconds, 1),
            "rss_mb": _resident_mb(server.process.pid),
            "ready_s": round(ready_s, 2),
            "cases": {
                "order_sign_1_caller": case_of(alone, 1),
                "order_sign_8_callers": case_of(together, CONCURRENT_CALLERS),
            },
            "peers": {"fhir_resources_r4b_parse_only": case_of(peer, 1)},
        }
    return figures


def order_sign_body(number: int, patient: int) -> bytes:
    """Return the ``number``-th order-sign request for an invented patient."""
    return json.dumps(order_sign_request(number, patient, datetime.now(UTC))).encode()  # noqa: TID251


def _one_caller(port: int, bodies: list[bytes]) -> tuple[list[float], list[float]]:
    from fhir.resources.R4B.bundle import Bundle

    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    alone: list[float] = []
    peer: list[float] = []
    for index, body in enumerate(track(bodies, "one caller", console=console)):
        alone.append(_call_on(connection, body))
        if index % PEER_EVERY == 0:
            observations = json.dumps(json.loads(body)["prefetch"]["vitalSigns"])
            start = time.perf_counter()
            Bundle.model_validate_json(observations)
            peer.append(1000 * (time.perf_counter() - start))
    return alone, peer


def _many_callers(port: int, calls: int) -> tuple[list[float], float]:
    taken: list[float] = []
    share = max(calls // CONCURRENT_CALLERS, 1)
    bodies = [
        [order_sign_body(10_000 + number, patient) for number in range(share)]
        for patient in range(1, CONCURRENT_CALLERS + 1)
    ]

    def caller(own: list[bytes]) -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        for body in own:
            taken.append(_call_on(connection, body))

    threads = [threading.Thread(target=caller, args=(own,)) for own in bodies]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, time.perf_counter() - start


def call_once(port: int, body: bytes) -> float:
    """Call the service on a connection of its own; return the milliseconds it took."""
    return _call_on(http.client.HTTPConnection(HOST, port, timeout=60), body)


def _call_on(connection: http.client.HTTPConnection, body: bytes) -> float:
    start = time.perf_counter()
    connection.request("POST", PATH, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    taken = 1000 * (time.perf_counter() - start)
    cards = json.loads(answer).get("cards") if response.status == 200 else None
    if not cards or "imulated" not in cards[0]["summary"]:
        # A fast answer that simulated nothing would be a false figure.
        console.print(f"The service answered {response.status} without a simulated effect.")
        raise typer.Exit(1)
    return taken


def case_of(taken_ms: list[float], concurrency: int) -> dict[str, object]:
    """Return the figures of one case in the shape of every bench."""
    return {
        "p50_ms": _quantile(taken_ms, 0.50),
        "p99_ms": _quantile(taken_ms, 0.99),
        "concurrency": concurrency,
        "calls": len(taken_ms),
        "threads": os.cpu_count(),
    }


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 2)


def _resident_mb(pid: int) -> float | None:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("VmRSS:"):
                    return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        return None
    return None


@contextmanager
def running_service(folder: Path) -> Iterator[tuple[int, Server, float]]:
    """Start the service, open and with an empty data directory; yield its port and start time."""
    port = free_port()
    settings = {
        "CARDIOTWIN_TRUST": "open",
        "CARDIOTWIN_DATA_DIRECTORY": str(folder / "data"),
    }
    with Servers(folder) as servers:
        start = time.perf_counter()
        server = servers.start(
            "service",
            ["cds_hooks.cli", "serve", "--port", str(port)],
            f"http://{HOST}:{port}/health",
            settings,
        )
        try:
            servers.wait_until_ready(READY_S)
        except ServerFailed as error:
            console.print(str(error))
            raise typer.Exit(1) from None
        yield port, server, time.perf_counter() - start
