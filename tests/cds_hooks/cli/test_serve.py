"""``cardiotwin serve`` says what is wrong with a setting before anything heavy is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if "CARDIOTWIN" not in name}
    chosen = {f"CARDIOTWIN_{name}": value for name, value in settings.items()}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=kept | chosen, capture_output=True, text=True, check=False, timeout=120
    )


def serve(**settings: str) -> subprocess.CompletedProcess[str]:
    return run("-m", "cds_hooks.cli", "serve", "--port", "1", **settings)


@pytest.mark.requirement("CH-059")
def test_without_trusted_ehrs_the_service_does_not_start_and_says_what_to_do() -> None:
    ended = serve(TRUST="required")
    assert ended.returncode == 2
    assert "trust=open on a sandbox" in ended.stderr
    assert "deploy/configuration.md" in ended.stderr


def test_a_wrong_setting_is_named_as_its_variable() -> None:
    ended = serve(TRUST="maybe", PUBLIC_BASE_URL="twin")
    assert ended.returncode == 2
    assert "CARDIOTWIN_TRUST" in ended.stderr
    assert "CARDIOTWIN_PUBLIC_BASE_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_public_url_the_address_listened_on_is_it() -> None:
    program = "from cds_hooks.cli.serve import configured as c; print(c('::1', 8123))"
    ended = run("-c", program, TRUST="open")
    assert "public_base_url='http://[::1]:8123'" in ended.stdout
