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
        runs: Annotated[int, typer.Option(help="Runs of each case.")] = 100,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Time the trajectory release at 1 and 2 threads, and the same arithmetic as a product."""
        from inference.bench.trajectory import cases, peers

        found = {"machine": machine(), "cases": cases(runs), "peers": peers(runs)}
        if as_json:
            print_json(found)
        else:
            console.print_json(json.dumps(found))
