"""Servers that a command starts beside itself, on the loopback, and ends with itself."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self, final

import httpx2

HOST = "127.0.0.1"
END_S = 12.0
"""A server that has not ended this long after it was asked to is killed."""


class ServerFailed(Exception):
    """A server ended, or never answered; the message holds the last lines that it wrote."""


@dataclass(frozen=True, slots=True)
class Server:
    """A started server: where it answers when it is ready."""

    name: str
    process: subprocess.Popen[bytes]
    ready_url: str
    log: Path

    def said(self) -> str:
        """Return the last lines that the server wrote."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return "\n".join(lines[-12:]) or "It wrote nothing."


@final
class Servers:
    """The servers of one command; leaving the ``with`` block ends every one of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Server] = []
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        """Let SIGTERM end the command the way Ctrl-C does, so that no server outlives it."""
        former = signal.signal(signal.SIGTERM, _interrupt)
        self._closing.callback(signal.signal, signal.SIGTERM, former)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every server."""
        for server in self._started:
            server.process.terminate()
        until = time.monotonic() + END_S
        for server in self._started:
            try:
                server.process.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                server.process.kill()
                server.process.wait()
        self._closing.close()

    def start(
        self, name: str, module: Sequence[str], ready_url: str, settings: Mapping[str, str]
    ) -> Server:
        """Start a Python module as a server of its own.

        Parameters
        ----------
        name
            What it is called when it fails.
        module
            The module's name and its arguments.
        ready_url
            Answers 200 once the server is ready.
        settings
            The only ``CARDIOTWIN_`` variables that it sees: what is set outside belongs to an
            installation, not to this run.
        """
        outside = {
            key: value for key, value in os.environ.items() if not key.startswith("CARDIOTWIN_")
        }
        log = self._folder / f"{name.replace(' ', '-')}.log"
        with log.open("wb") as written:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, "-m", *module],
                env={**outside, **settings},
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the whole terminal; the servers are ended by us, in order.
                start_new_session=True,
            )
        server = Server(name, process, ready_url, log)
        self._started.append(server)
        return server

    def wait_until_ready(self, deadline_s: float) -> None:
        """Wait until every server answers.

        Raises
        ------
        ServerFailed
            One ended, or did not answer in time.
        """
        until = time.monotonic() + deadline_s
        with httpx2.Client(timeout=2.0, trust_env=False) as client:
            for server in self._started:
                while not _answers(client, server.ready_url):
                    self.check()
                    if time.monotonic() > until:
                        raise ServerFailed(
                            f"The {server.name} did not answer within {deadline_s:.0f} s.\n"
                            f"{server.said()}"
                        )
                    time.sleep(0.1)

    def check(self) -> None:
        """Raise where a server has ended.

        Raises
        ------
        ServerFailed
            With what the server wrote last.
        """
        for server in self._started:
            if server.process.poll() is not None:
                raise ServerFailed(
                    f"The {server.name} ended with status {server.process.returncode}.\n"
                    f"{server.said()}"
                )


def free_port(wanted: int = 0) -> int:
    """Return the wanted port of the loopback if it is free, else another that is.

    Below 32768, from where Linux lends ports to outgoing connections: one of those could take the
    port again before the server that it was found for has started.
    """
    others = [20_000 + secrets.randbelow(12_000) for _ in range(20)]
    for port in (wanted or others[0], *others):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerFailed("The loopback has no free port.")


def _answers(client: httpx2.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
