"""Examples for training: each stay as it was and in poorer versions, kept on disk."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.trajectory import TrajectoryColumns
from inference.core.trajectory_image import (
    IMAGE_SHAPE,
    Standards,
    features,
    image,
    levels,
    summary_of,
)
from inference.core.trajectory_rows import TIMED_ROWS
from inference.training.augmentation import poorer
from inference.training.physionet2012 import Stay
from inference.training.split import part_of
from inference.training.standards import fit_standards

NEXT_HOURS: Final = 12.0
"""How far ahead the self-supervised target looks."""
AUXILIARY: Final = ("log length of stay", "SAPS-I", "SOFA")


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples in rows; the versions of one stay follow each other, the whole stay first.

    ``image`` float16 ``[example, channel, row, column]`` may lie on disk; ``following`` holds the
    mean of each timed row over the `NEXT_HOURS` after the cut, standardised, NaN where unknown.
    """

    image: NDArray[np.float16]
    feature: NDArray[np.float32]
    record: NDArray[np.int64]
    version: NDArray[np.int64]
    died: NDArray[np.float32]
    auxiliary: NDArray[np.float32]
    following: NDArray[np.float32]
    standards: Standards

    def part(self, name: str) -> NDArray[np.bool_]:
        """Return which examples belong to a part of the split."""
        return np.array([part_of(int(record)) == name for record in self.record])


def build_examples(stays: list[Stay], versions: int, seed: int, folder: Path) -> Examples:
    """Build and keep ``versions`` examples of every stay (the first is the stay as it was)."""
    folder.mkdir(parents=True, exist_ok=True)
    teaching = [stay for stay in stays if part_of(stay.record) == "train"]
    standards = fit_standards([summary_of(stay.columns) for stay in teaching])
    count = len(stays) * versions
    images = np.lib.format.open_memmap(
        folder / "image.npy", mode="w+", dtype=np.float16, shape=(count, *IMAGE_SHAPE)
    )
    work = partial(_versions, versions=versions, seed=seed, standards=standards)
    columns: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    with ProcessPoolExecutor(2) as pool:
        for index, built in enumerate(pool.map(work, stays, chunksize=50)):
            images[index * versions : (index + 1) * versions] = built[0]
            columns.append(built[1:])
    images.flush()
    np.savez(
        folder / "columns.npz",
        feature=np.concatenate([feature for feature, _ in columns]),
        following=np.concatenate([following for _, following in columns]),
        record=np.repeat([stay.record for stay in stays], versions),
        version=np.tile(np.arange(versions), len(stays)),
        died=np.repeat([np.float32(stay.outcome.died) for stay in stays], versions),
        auxiliary=np.repeat([_auxiliary(stay) for stay in stays], versions, axis=0),
        timed_centre=standards.timed_centre,
        timed_scale=standards.timed_scale,
        fact_centre=standards.fact_centre,
        fact_scale=standards.fact_scale,
    )
    return load_examples(folder)


def load_examples(folder: Path) -> Examples:
    """Return the examples kept in a folder; images stay on disk until they are read."""
    with np.load(folder / "columns.npz") as kept:
        return Examples(
            image=np.load(folder / "image.npy", mmap_mode="r"),
            feature=kept["feature"],
            record=kept["record"],
            version=kept["version"],
            died=kept["died"],
            auxiliary=kept["auxiliary"],
            following=kept["following"],
            standards=Standards(
                kept["timed_centre"], kept["timed_scale"], kept["fact_centre"], kept["fact_scale"]
            ),
        )


def _versions(
    stay: Stay, versions: int, seed: int, standards: Standards
) -> tuple[NDArray[np.float16], NDArray[np.float32], NDArray[np.float32]]:
    random = np.random.default_rng([seed, stay.record])
    images, vectors, following = [], [], []
    for version in range(versions):
        columns, cut = (stay.columns, 0.0) if version == 0 else poorer(stay.columns, random)
        summary = summary_of(columns)
        images.append(image(summary, standards).astype(np.float16))
        vectors.append(features(summary))
        following.append(_following(stay.columns, cut, standards))
    return np.stack(images), np.stack(vectors), np.stack(following)


def _following(
    columns: TrajectoryColumns, cut: float, standards: Standards
) -> NDArray[np.float32]:
    """Standardised mean of each timed row between the cut and `NEXT_HOURS` later."""
    if cut > -1.0:
        return np.full(len(TIMED_ROWS), np.nan, dtype=np.float32)
    later = (columns.hour > cut) & (columns.hour <= cut + NEXT_HOURS)
    ahead = TrajectoryColumns(
        columns.parameter[later],
        columns.hour[later] - min(0.0, cut + NEXT_HOURS),
        columns.value[later],
        columns.facts,
        NEXT_HOURS,
    )
    mean = levels(summary_of(ahead).aggregates[:, 4:5])
    centre, scale = standards.timed_centre[:, :1], standards.timed_scale[:, :1]
    return np.clip((mean - centre) / scale, -4, 4)[:, 0].astype(np.float32)


def _auxiliary(stay: Stay) -> NDArray[np.float32]:
    outcome = stay.outcome
    scaled = (
        (np.log1p(outcome.length_of_stay_days) - 2.4) / 0.7,
        (outcome.saps - 14.0) / 6.0,
        (outcome.sofa - 6.0) / 4.0,
    )
    return np.array(scaled, dtype=np.float32)
