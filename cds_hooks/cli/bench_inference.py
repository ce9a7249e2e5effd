"""``cardiotwin bench inference``: how long a shipped net takes, beside its arithmetic floor."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cds_hooks.cli.report import console, machine, print_json


def register(bench: typer.Typer) -> None:
    """Add ``cardiotwin bench inference``."""

    @bench.command("inference")
    def inference(
        runs: Annotated[int, typer.Option(help="Runs of each case.")] = 30,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Time each release at 1 and 2 threads, in turn with torch and with its arithmetic alone.

        A release that does not ship is left out; without torch its peer is null.
        """
        from inference.bench import ecg, radiograph, trajectory

        parts = [part.measured(runs) for part in (trajectory, ecg, radiograph)]
        found = {
            "machine": machine(),
            "cases": {name: case for part in parts for name, case in part["cases"].items()},
            "peers": {name: case for part in parts for name, case in part["peers"].items()},
        }
        if as_json:
            print_json(found)
        else:
            console.print_json(json.dumps(found))
