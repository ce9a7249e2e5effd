"""The real service, the sandbox EHR and its archive, as ``cardiotwin demo`` starts them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cds_hooks.cli.child_processes import Servers
from cds_hooks.cli.demo import Addresses, start


@dataclass(frozen=True)
class Demonstration:
    """Three running servers and a client of them."""

    addresses: Addresses
    folder: Path
    http: httpx2.Client

    def services(self) -> list[dict[str, Any]]:
        """Ask for the services as the page does."""
        url = f"{self.addresses.service}/cds-services"
        token = self.http.post(f"{self.addresses.ehr}/order-entry/token", json={"url": url})
        headers = {"Authorization": token.json()["authorization"]}
        return list(self.http.get(url, headers=headers).json()["services"])

    def ask(self, hook: str, context: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        """Call every service of a hook as the page does and return the cards."""
        cards: list[dict[str, Any]] = []
        for service in self.services():
            if service["hook"] != hook:
                continue
            wanted = {
                "hook": hook,
                "service": service["id"],
                "prefetch": service["prefetch"],
                "context": context,
                **more,
            }
            ready = self.http.post(
                f"{self.addresses.ehr}/order-entry/hook-request", json=wanted
            ).json()
            headers = {"Authorization": ready["authorization"]}
            answer = self.http.post(ready["url"], json=ready["body"], headers=headers)
            assert answer.status_code == 200, answer.text
            cards += answer.json()["cards"]
        return cards

    def feedback(self) -> list[tuple[str, str, str]]:
        """Return the outcome, reason and comment of each answer that the service has stored."""
        with closing(sqlite3.connect(self.folder / "data" / "feedback.sqlite")) as stored:
            return stored.execute("select outcome, reason_code, comment from verdict").fetchall()


@pytest.fixture(scope="session")
def demonstration(
    tmp_path_factory: pytest.TempPathFactory, look_into: Callable[[Path], None]
) -> Iterator[Demonstration]:
    folder = tmp_path_factory.mktemp("demonstration")
    with (
        Servers(folder) as servers,
        httpx2.Client(trust_env=False, timeout=120) as http,
    ):
        yield Demonstration(start(servers, folder, 0), folder, http)
        # What the service itself wrote; the sandbox EHR shows its patients to developers.
        look_into(folder / "service.log")
