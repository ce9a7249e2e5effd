"""Entry point of the command ``cardiotwin``: the list of its commands, and nothing else.

A command is a module of this package with a function ``register(application)`` that adds it; a
module joins by adding its name to `COMMANDS` (to `BENCHES` for ``cardiotwin bench NAME``, to
`TRAININGS` for ``cardiotwin train NAME``).
Registering imports typer only: whatever is heavy is imported inside the command's function.
"""

from __future__ import annotations

import os
from importlib import import_module

import typer

COMMANDS: tuple[str, ...] = (
    "serve",
    "smart_check",
    "smart_keys",
    "prepare",
    "conformance",
    "evaluate",
    "export",
    "release",
    "demo",
    "try_server",
    "validate",
    "twin",
    "read",
)
BENCHES: tuple[str, ...] = ("bench_hook", "bench_inference", "bench_page", "bench_twin")
TRAININGS: tuple[str, ...] = (
    "train_causes",
    "train_ecg",
    "train_emulator",
    "train_radiographs",
    "train_trajectories",
)

application = typer.Typer(
    name="cardiotwin",
    help="Cards that simulate the order being written on the patient's cardiovascular twin.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
bench = typer.Typer(
    name="bench",
    help="Measure speed, side by side with a peer or the floor in one run.",
    no_args_is_help=True,
)
train = typer.Typer(
    name="train", help="Train what a release or the twin rests on; seeded.", no_args_is_help=True
)


@application.callback()
def cardiotwin() -> None:
    """Cards that simulate the order being written. Research software, not a medical device."""


def main() -> None:
    """Register every command and run the one that was asked for."""
    # The twin's matrices are small: OpenBLAS on two threads takes five times as long as on one,
    # and more beside other work. It reads this once, when numpy is first imported by a command.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in COMMANDS:
        import_module(f"cds_hooks.cli.{name}").register(application)
    for name in BENCHES:
        import_module(f"cds_hooks.cli.{name}").register(bench)
    for name in TRAININGS:
        import_module(f"cds_hooks.cli.{name}").register(train)
    application.add_typer(bench)
    application.add_typer(train)
    application()
