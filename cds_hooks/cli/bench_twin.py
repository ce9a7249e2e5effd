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
        """Time 256 members x 60 s of every beat, and half an hour of the beat-averaged model.

        Goal on one thread: 256 x 60 s in 60 ms, at least 10,000 times real time. Beside them, in
        the same run: scipy LSODA, a scalar double-precision kernel, and torch where installed.
        """
        from twin.bench.speed import measured

        with console.status("timing") as status:
            figures = {"machine": machine(), **measured(turns, status.update)}
        if as_json:
            print_json(figures)
        else:
            console.print_json(json.dumps(figures))
