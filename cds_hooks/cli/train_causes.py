"""``cardiotwin train causes``: teach the emulator by which causes are weighed.

Seeded, as ``cardiotwin train emulator``, and to be run after it: after every change of the model's
equations or parameters, or of the hypotheses.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.cli.report import console, machine, print_json
from cds_hooks.cli.train_emulator import at_rest, errors


def register(train: typer.Typer) -> None:
    """Add ``cardiotwin train causes``."""

    @train.command("causes")
    def causes(
        circulations: Annotated[int, typer.Option(help="How many to simulate at rest.")] = 50_000,
        epochs: Annotated[int, typer.Option(help="How often each is shown.")] = 110,
        seed: Annotated[int, typer.Option(help="Of the circulations and of the network.")] = 1,
        output: Annotated[
            Path, typer.Option(help="File to write; the one that ships by default.")
        ] = Path("twin/store/causes.npz"),
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Simulate people with each cause of trouble and train the emulator that weighs them."""
        figures = trained(circulations, epochs, seed, output)
        if as_json:
            print_json(figures)
        else:
            console.print_json(data=figures)


def trained(circulations: int, epochs: int, seed: int, output: Path) -> dict[str, object]:
    """Train, write, and return what was spent and how large the errors on unseen ones are."""
    from twin.core.cause_study import study_causes
    from twin.core.emulator_training import train
    from twin.core.rest import model_version
    from twin.store.emulator_file import write_emulator

    began = time.perf_counter()
    studied = study_causes(circulations, seed)
    states = at_rest(studied.parameters)
    simulated = time.perf_counter()
    with console.status("training") as status:
        emulator = train(
            studied,
            states,
            model_version(),
            seed,
            epochs,
            lambda epoch, error: status.update(f"epoch {epoch + 1}/{epochs}: {error:.5f}"),
        )
    write_emulator(emulator, output)
    return {
        "machine": machine(),
        "circulations": circulations,
        "epochs": epochs,
        "seed": seed,
        "model_version": emulator.model_version,
        "simulation_s": round(simulated - began, 1),
        "training_s": round(time.perf_counter() - simulated, 1),
        "error_sd": errors(emulator),
    }
