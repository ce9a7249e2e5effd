"""Servers that commands start end with them, and their failures are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from cds_hooks.cli.child_processes import HOST, ServerFailed, Servers, free_port


def serve_folder(servers: Servers, port: int) -> subprocess.Popen[bytes]:
    arguments = ["http.server", str(port), "--bind", HOST]
    return servers.start("folder", arguments, f"http://{HOST}:{port}/", {}).process


def test_a_server_answers_inside_the_block_and_is_gone_after_it(tmp_path: Path) -> None:
    port = free_port()
    with Servers(tmp_path) as servers:
        process = serve_folder(servers, port)
        servers.wait_until_ready(20)
        assert httpx2.get(f"http://{HOST}:{port}/").status_code == 200
    assert process.poll() is not None


def test_a_server_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    with Servers(tmp_path) as servers:
        servers.start("missing", ["no_such_module_here"], f"http://{HOST}:1/", {})
        with pytest.raises(ServerFailed, match="No module named"):
            servers.wait_until_ready(20)


def test_settings_from_outside_do_not_reach_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARDIOTWIN_TRUST", "open")
    (tmp_path / "shown.py").write_text(
        "import os; print(sorted(k for k in os.environ if k[:5] == 'CARDI'))"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Servers(tmp_path) as servers:
        server = servers.start("shown", ["shown"], "", {"CARDIOTWIN_SANDBOX": "true"})
        server.process.wait(20)
        assert server.said() == "['CARDIOTWIN_SANDBOX']"


def test_a_busy_port_is_replaced(tmp_path: Path) -> None:
    with Servers(tmp_path) as servers:
        port = free_port()
        serve_folder(servers, port)
        servers.wait_until_ready(20)
        assert free_port(port) != port


def test_a_terminated_command_takes_its_servers_with_it(tmp_path: Path) -> None:
    port = free_port()
    program = f"""
import pathlib, time
from cds_hooks.cli.child_processes import Servers
try:
    with Servers(pathlib.Path({str(tmp_path)!r})) as servers:
        module = ["http.server", "{port}", "--bind", "{HOST}"]
        servers.start("folder", module, "http://{HOST}:{port}/", {{}})
        servers.wait_until_ready(20)
        print("ready", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    pass
"""
    command = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert command.stdout is not None
    assert command.stdout.readline() == b"ready\n"
    os.kill(command.pid, signal.SIGTERM)
    assert command.wait(20) == 0
    command.stdout.close()
    for _ in range(100):
        try:
            httpx2.get(f"http://{HOST}:{port}/")
        except httpx2.ConnectError:
            return
        time.sleep(0.05)
    raise AssertionError("the server outlived its command")
