"""``cardiotwin bench twin``: the ensemble kernels beside peers that solve the same equations."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cds_hooks.cli.report import console, machine, print_json


def register(bench: typer.Typer) -> None:
    """Add ``cardiotwin bench twin``."""

    @bench.command("twin")
    def twin(
        turns: Annotated[int, typer.Option(help="How often each case is timed.")] = 40,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Time the ensemble kernels, the fit, a whole update, and the start of a fresh process.

        Goals: 256 members x 60 s of every beat within 45 ms on one thread, at least 10,000 times
        real time; an update (fit, and 64 members x 6 scenarios x 30 minutes) within 50 ms of
        processor time in 99 of 100; a cold start within 1 s. Beside them, in the same run: scipy
        LSODA, a scalar double-precision kernel, the fit's matrix products alone, and torch where
        installed.
        """
        from twin.bench.speed import measured

        with console.status("timing") as status:
            figures = {"machine": machine(), **measured(turns, status.update)}
        if as_json:
            print_json(figures)
        else:
            console.print_json(json.dumps(figures))
