"""A released model: a model never travels without what it reads, says, and was shown to be worth.

Values and their parsing from the parsed ``release.json``. Pure; files are read by
`inference.releases`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.source_attributes import SOURCE_ATTRIBUTES
from inference.errors import InputUnusable, ReleaseMalformed

DIGEST_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """One input or output: its axes in words, its size (None is any number), and its meaning."""

    name: str
    axes: tuple[str, ...]
    shape: tuple[int | None, ...]
    meaning: str

    def fits(self, array: NDArray[Any]) -> bool:
        """Return whether an array has this shape."""
        return len(array.shape) == len(self.shape) and all(
            wanted is None or wanted == found
            for wanted, found in zip(self.shape, array.shape, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Threshold:
    """A probability from which a finding is called so, and what it buys on the held-out stays."""

    value: float
    sensitivity: float
    specificity: float


@dataclass(frozen=True, slots=True)
class ReleasedModel:
    """One release; frozen, and named by name, version and the digest of its weights.

    Attributes
    ----------
    task
        What it reads: "trajectory", and later kinds of recording or image.
    digest
        SHA-256 of ``model.onnx`` in hexadecimal.
    preparation, calibration
        Arrays by name that the core of its task needs before and after the net.
    limits
        Numbers beyond which an input is unlike what the model learnt from.
    population_rate
        Share of the training population with the outcome.
    evidence
        Figures on the held-out part and how they were made, as in the card.
    source_attributes
        All of `SOURCE_ATTRIBUTES`.
    """

    name: str
    version: str
    task: str
    digest: str
    inputs: tuple[ArraySpec, ...]
    outputs: tuple[ArraySpec, ...]
    labels: tuple[str, ...]
    thresholds: Mapping[str, Threshold]
    preparation: Mapping[str, NDArray[np.float64]]
    calibration: Mapping[str, NDArray[np.float64]]
    limits: Mapping[str, float]
    population: str
    population_rate: float
    evidence: Mapping[str, object]
    source_attributes: Mapping[str, str]

    @property
    def identity(self) -> str:
        """Return e.g. ``deterioration 1.0.0 sha256:0123456789ab``."""
        return f"{self.name} {self.version} sha256:{self.digest[:DIGEST_SHOWN]}"

    def check(self, batch: Mapping[str, NDArray[Any]]) -> None:
        """Raise InputUnusable unless every input is there in the shape that the release reads."""
        for spec in self.inputs:
            if spec.name not in batch:
                raise InputUnusable(self.name, f"the array {spec.name!r} is missing")
            if not spec.fits(batch[spec.name]):
                found, axes = batch[spec.name].shape, ", ".join(spec.axes)
                raise InputUnusable(
                    self.name, f"{spec.name!r} has shape {found}, not {spec.shape} ({axes})"
                )


def joint_digest(releases: Sequence[ReleasedModel]) -> str:
    """Return what names releases that speak together: of one its digest, of more one of all."""
    if len(releases) == 1:
        return releases[0].digest
    joined = " ".join(each.digest for each in releases)
    return hashlib.sha256(joined.encode("ascii")).hexdigest()


def release_from(document: Mapping[str, object]) -> ReleasedModel:
    """Return the release that a parsed ``release.json`` describes.

    Raises
    ------
    ReleaseMalformed
        When something that every release must say is missing or of the wrong kind.
    """
    name = str(document.get("name", "without a name"))
    try:
        release = _release(document)
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseMalformed(name, f"{type(error).__name__}: {error}") from error
    silent = [
        key for key in SOURCE_ATTRIBUTES if not release.source_attributes.get(key, "").strip()
    ]
    if silent:
        raise ReleaseMalformed(name, f"no word on {', '.join(silent)}")
    return release


def _release(document: Mapping[str, object]) -> ReleasedModel:
    population = _mapping(document["population"])
    return ReleasedModel(
        name=_text(document["name"]),
        version=_text(document["version"]),
        task=_text(document["task"]),
        digest=_text(document["digest"]).removeprefix("sha256:"),
        inputs=_specs(document["inputs"]),
        outputs=_specs(document["outputs"]),
        labels=tuple(_text(label) for label in _sequence(document["labels"])),
        thresholds={
            name: Threshold(**{key: _number(part) for key, part in _mapping(value).items()})
            for name, value in _mapping(document["thresholds"]).items()
        },
        preparation=_arrays(document["preparation"]),
        calibration=_arrays(document["calibration"]),
        limits={name: _number(value) for name, value in _mapping(document["limits"]).items()},
        population=_text(population["description"]),
        population_rate=_number(population["rate"]),
        evidence=_mapping(document["evidence"]),
        source_attributes={
            key: _text(value) for key, value in _mapping(document["source_attributes"]).items()
        },
    )


def _specs(value: object) -> tuple[ArraySpec, ...]:
    return tuple(
        ArraySpec(
            name=_text(spec["name"]),
            axes=tuple(_text(axis) for axis in _sequence(spec["axes"])),
            shape=tuple(
                None if size is None else int(_number(size)) for size in _sequence(spec["shape"])
            ),
            meaning=_text(spec["meaning"]),
        )
        for spec in map(_mapping, _sequence(value))
    )


def _arrays(value: object) -> dict[str, NDArray[np.float64]]:
    return {name: np.asarray(part, dtype=np.float64) for name, part in _mapping(value).items()}


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError("expected an object")
    return value


def _sequence(value: object) -> Sequence[object]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError("expected a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("expected a number")
    return float(value)
