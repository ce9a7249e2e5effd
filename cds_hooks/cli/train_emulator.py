"""``cardiotwin train emulator``: teach the emulator where the pulsatile model comes to rest.

Seeded: the same model, counts and seed give the same network. Run it after every change of the
model's equations or parameters, and commit the file it writes; a test compares the two and fails
until then.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import track

from cds_hooks.cli.report import console, machine, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from twin.core.emulator import Emulator
    from twin.core.emulator_training import Study

    Choice = Callable[[int, int], Study]
    """How many circulations and which seed in, the circulations to learn from out."""

CHUNK = 2048
"""Circulations simulated at a time: bounds the memory of their beats."""


def register(train: typer.Typer) -> None:
    """Add ``cardiotwin train emulator``."""

    @train.command("emulator")
    def emulator(
        circulations: Annotated[
            int, typer.Option(min=1000, help="How many to simulate at rest.")
        ] = 120_000,
        epochs: Annotated[int, typer.Option(help="How often each is shown.")] = 150,
        seed: Annotated[int, typer.Option(help="Of the circulations and of the network.")] = 1,
        output: Annotated[
            Path, typer.Option(help="File to write; the one that ships by default.")
        ] = Path("twin/store/emulator.npz"),
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Simulate circulations, train the emulator on them, and write its weights."""
        from twin.core.emulator_training import study

        figures = trained(study, circulations, epochs, seed, output)
        if as_json:
            print_json(figures)
        else:
            console.print_json(data=figures)


def trained(
    choose: Choice, circulations: int, epochs: int, seed: int, output: Path
) -> dict[str, object]:
    """Train on what ``choose`` draws, write, and return what was spent and the errors."""
    from twin.core.emulator_training import train
    from twin.core.rest import model_version
    from twin.store.emulator_file import write_emulator

    began = time.perf_counter()
    studied = choose(circulations, seed)
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


def at_rest(parameters: np.ndarray) -> np.ndarray:
    """Return each circulation at rest, under a progress bar."""
    import numpy as np

    from twin.core.rest import resting_state

    starts = range(0, parameters.shape[1], CHUNK)
    return np.concatenate(
        [
            resting_state(parameters[:, start : start + CHUNK])
            for start in track(starts, "simulating", console=console)
        ],
        axis=1,
    )


def errors(emulator: Emulator) -> dict[str, float]:
    """Return the error on circulations that were not shown, by quantity."""
    return {
        quantity.value: round(float(error), 3)
        for quantity, error in zip(emulator.outputs, emulator.error_sd, strict=True)
    }
