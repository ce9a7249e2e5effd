"""The emulator's weights on disk: one ``.npz`` of plain arrays, read once at start-up."""

from __future__ import annotations

import zipfile
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from twin.core.emulator import Emulator
from twin.core.haemodynamics import Quantity
from twin.errors import EmulatorUnreadable

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

_ARRAYS = (
    "logarithmic",
    "low",
    "high",
    "centre",
    "spread",
    "output_logarithmic",
    "output_centre",
    "output_spread",
    "error_sd",
)


def shipped_emulator_path() -> Traversable:
    """Return where the emulator that ships with the twin lies."""
    return resources.files("twin.store") / "emulator.npz"


def read_emulator(path: Traversable | Path | None = None) -> Emulator:
    """Return a stored emulator; without a path, the one that ships.

    Raises
    ------
    twin.errors.EmulatorUnreadable
        The file is missing, damaged, or of another layout: train it anew.
    """
    try:
        with (path or shipped_emulator_path()).open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            return _from_arrays({name: stored[name] for name in stored.files})
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise EmulatorUnreadable(
            "The emulator's weights cannot be read: run `cardiotwin train emulator`, "
            "or install the package anew."
        ) from error


def shipped_cause_emulator_path() -> Traversable:
    """Return where the emulator that weighs causes lies."""
    return resources.files("twin.store") / "causes.npz"


def read_cause_emulator() -> Emulator:
    """Return the emulator by which causes are weighed, the one that ships.

    Raises
    ------
    twin.errors.EmulatorUnreadable
        As :func:`read_emulator`; `cardiotwin train causes` writes it anew.
    """
    return read_emulator(shipped_cause_emulator_path())


def write_emulator(emulator: Emulator, path: Path) -> None:
    """Write an emulator, weights as 32-bit floats."""
    arrays = {name: getattr(emulator, name) for name in _ARRAYS}
    for level, (weight, bias) in enumerate(emulator.layers):
        arrays[f"weight_{level}"] = weight
        arrays[f"bias_{level}"] = bias
    np.savez_compressed(
        path,
        inputs=np.array(emulator.inputs),
        outputs=np.array([quantity.value for quantity in emulator.outputs]),
        model_version=np.array(emulator.model_version),
        **arrays,
    )


def _from_arrays(stored: dict[str, np.ndarray]) -> Emulator:
    depth = sum(name.startswith("weight_") for name in stored)
    layers = tuple((stored[f"weight_{level}"], stored[f"bias_{level}"]) for level in range(depth))
    arrays = {name: stored[name] for name in _ARRAYS}
    return Emulator(
        inputs=tuple(str(name) for name in stored["inputs"]),
        outputs=tuple(Quantity(str(name)) for name in stored["outputs"]),
        layers=layers,
        model_version=str(stored["model_version"]),
        **arrays,
    )
