"""Views drawn and printed once, from which several runs learn: a comparison of equals.

Rule of the file: keeping and handing out what `ecg_batches` draws. Every run of the same folder
sees the same pages, strips and answers; only their order is the seed's. Without whole leads: a
signal stream that is compared reads what is printed, no more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from inference.core.viz_ecg import net_pages
from inference.errors import TrainingDataUnusable
from inference.training.ecg_batches import EcgBatch, EcgDraw

_FILES: Final = ("page", "strips", "leads", "targets")
_SETTINGS: Final = "settings.json"
_AT_ONCE: Final = 50


def keep(draw: EcgDraw, count: int, folder: Path) -> None:
    """Draw ``count`` pages into ``folder`` unless they lie there; whole or not at all.

    The settings are written last: a folder without them is drawn again from the beginning.
    """
    settings = {"count": count, "mixture": asdict(draw.mixture)}
    if (folder / _SETTINGS).exists():
        if json.loads((folder / _SETTINGS).read_text(encoding="utf-8")) != settings:
            raise TrainingDataUnusable(folder.name, 0, "views drawn with these settings")
        return
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, NDArray[Any]] = {}
    for start in range(0, count, _AT_ONCE):
        views: tuple[NDArray[Any], ...] = draw.drawn(min(_AT_ONCE, count - start))
        for name, part in zip(_FILES, views, strict=True):
            if name not in files:
                shape = (count, *part.shape[1:])
                files[name] = open_memmap(folder / f"{name}.npy", "w+", part.dtype, shape)
            files[name][start : start + len(part)] = part
    (folder / _SETTINGS).write_text(json.dumps(settings), encoding="utf-8")


@dataclass(slots=True)
class KeptViews:
    """Hands out kept views in an order of its own, each once before any comes again."""

    folder: Path
    random: np.random.Generator
    views: dict[str, NDArray[Any]] = field(init=False)
    order: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.views = {name: np.load(self.folder / f"{name}.npy", "r") for name in _FILES}

    def _next(self, size: int) -> NDArray[np.int64]:
        count = len(self.views["targets"])
        while len(self.order) < size:
            self.order += self.random.permutation(count).tolist()
        chosen, self.order = self.order[:size], self.order[size:]
        return np.sort(np.array(chosen, dtype=np.int64))

    def pages(self, size: int) -> EcgBatch:
        """Return printed pages with the strips on them."""
        page, strips, leads, targets = self._taken(size, _FILES)
        return EcgBatch(net_pages(page), strips, leads, targets)

    def signals(self, size: int, whole: bool) -> EcgBatch:
        """Return the strips alone."""
        if whole:
            raise ValueError("kept views hold printed strips, not whole leads")
        strips, leads, targets = self._taken(size, _FILES[1:])
        return EcgBatch(None, strips, leads, targets)

    def _taken(self, size: int, names: Sequence[str]) -> list[NDArray[Any]]:
        rows = self._next(size)
        return [np.array(self.views[name][rows]) for name in names]
