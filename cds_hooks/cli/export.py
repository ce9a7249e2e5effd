"""``cardiotwin export``: write a trained net as ONNX; needs the extra ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.cli.report import console, print_json


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin export``."""
    group = typer.Typer(name="export", help="Write a trained net as ONNX.", no_args_is_help=True)

    @group.callback()
    def export() -> None:
        """Write a trained net as ONNX; needs the extra ``train``."""

    @group.command("trajectories")
    def trajectories(
        run: Annotated[Path, typer.Argument(help="Folder of a run of `train trajectories`.")],
        to: Annotated[Path, typer.Argument(help="ONNX file to write.")],
        eight_bits: Annotated[
            bool, typer.Option(help="Store the weights in 8 bits, computed with in 32.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Write the averaged net of a run: image in, log-odds of death out."""
        from inference.training.compress import stored_in_8_bits
        from inference.training.export import net_graph
        from inference.training.trajectory_loop import averaged_net

        graph = net_graph(averaged_net(run / "net"))
        weights = (stored_in_8_bits(graph) if eight_bits else graph).SerializeToString()
        to.write_bytes(weights)
        console.print(f"{to.name}: {len(weights) / 1e6:.1f} MB")
        if as_json:
            print_json({"file": to.name, "megabytes": round(len(weights) / 1e6, 2)})

    group.command("ecg")(ecg)
    application.add_typer(group)


def ecg(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `train ecg`.")],
    to: Annotated[Path, typer.Argument(help="ONNX file to write.")],
    sixteen_bits: Annotated[
        bool, typer.Option(help="Store the weights in 16 bits, computed with in 32.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Write the averaged net of an ECG run: page or signal in, log-odds of findings out."""
    from inference.errors import InferenceError
    from inference.training.ecg_export import served_graph, stored_in_16_bits

    try:
        graph = served_graph(run)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
    weights = (stored_in_16_bits(graph) if sixteen_bits else graph).SerializeToString()
    to.write_bytes(weights)
    console.print(f"{to.name}: {len(weights) / 1e6:.2f} MB")
    if as_json:
        print_json({"file": to.name, "megabytes": round(len(weights) / 1e6, 2)})
