"""``cardiotwin train causes``: teach the emulator by which causes are weighed.

Seeded, as ``cardiotwin train emulator``, and to be run after it: after every change of the model's
equations or parameters, or of the hypotheses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.cli.report import console, print_json
from cds_hooks.cli.train_emulator import trained


def register(train: typer.Typer) -> None:
    """Add ``cardiotwin train causes``."""

    @train.command("causes")
    def causes(
        circulations: Annotated[
            int, typer.Option(min=1000, help="How many to simulate at rest.")
        ] = 120_000,
        epochs: Annotated[int, typer.Option(help="How often each is shown.")] = 150,
        seed: Annotated[int, typer.Option(help="Of the circulations and of the network.")] = 1,
        output: Annotated[
            Path, typer.Option(help="File to write; the one that ships by default.")
        ] = Path("twin/store/causes.npz"),
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Simulate people with each cause of trouble and train the emulator that weighs them."""
        from twin.core.cause_study import study_causes

        figures = trained(study_causes, circulations, epochs, seed, output)
        if as_json:
            print_json(figures)
        else:
            console.print_json(data=figures)
