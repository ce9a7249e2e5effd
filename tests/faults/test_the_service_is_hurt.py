"""The service is killed, called at once, or out of disk: no twin is lost, no call unanswered.

Each test starts the command ``cardiotwin serve`` as an operator does and calls it over HTTP.
"""

from __future__ import annotations

import resource
import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from cds_hooks.cli.child_processes import HOST, Server, Servers, free_port
from cds_hooks.cli.order_sign_payload import order_sign_request


@contextmanager
def service(folder: Path, most_bytes_a_file: int | None = None) -> Iterator[tuple[str, Server]]:
    """Run the service on a data directory, perhaps where no file may grow beyond some bytes."""
    port = free_port()
    settings = {"CARDIOTWIN_TRUST": "open", "CARDIOTWIN_DATA_DIRECTORY": str(folder / "data")}
    with Servers(folder) as servers:
        server = servers.start(
            "service",
            ["cds_hooks.cli", "serve", "--port", str(port)],
            f"http://{HOST}:{port}/health",
            settings,
        )
        servers.wait_until_ready(180)
        if most_bytes_a_file is not None:
            limits = (most_bytes_a_file, most_bytes_a_file)
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)
        yield f"http://{HOST}:{port}/cds-services/order-effects", server


def called(url: str, number: int) -> list[dict[str, Any]]:
    """Call for patient 1, every Observation a new version, and return the cards."""
    request = order_sign_request(number, 1, datetime.now(UTC))  # noqa: TID251 - the real clock
    answer = httpx2.post(url, json=request, timeout=60)
    assert answer.status_code == 200, answer.text
    cards: list[dict[str, Any]] = answer.json()["cards"]
    assert cards[0]["summary"].startswith("Simulated:")
    return cards


def revisions(folder: Path) -> list[int]:
    """Read the stored revisions as an operator would, with SQLite's own library."""
    with closing(sqlite3.connect(folder / "data" / "twins.sqlite")) as connection:
        return [row[0] for row in connection.execute("SELECT revision FROM twin")]


def test_a_kill_between_two_calls_loses_no_twin(tmp_path: Path) -> None:
    with service(tmp_path) as (url, server):
        called(url, 1)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    assert revisions(tmp_path) == [1]
    with service(tmp_path) as (url, _):
        called(url, 2)
    assert revisions(tmp_path) == [2]


def test_two_calls_at_once_for_one_patient_are_both_answered_and_both_kept(
    tmp_path: Path,
) -> None:
    with service(tmp_path) as (url, _), ThreadPoolExecutor(4) as callers:
        answers = list(callers.map(lambda number: called(url, number), range(1, 5)))
    assert len(answers) == 4
    assert revisions(tmp_path) == [4]


def test_a_full_disk_costs_no_answer_and_is_said(tmp_path: Path) -> None:
    with service(tmp_path) as (url, _):
        called(url, 1)
    with service(tmp_path, most_bytes_a_file=1024) as (url, _):
        cards = called(url, 2)
    assert "could not be kept" in cards[0]["detail"]
    assert revisions(tmp_path) == [1]
