"""What each part of the recipe brings: one small net a variant and seed, all at one equal budget.

Each variant leaves out or changes one part of the recipe; all take the same number of steps of the
same size. They are judged on the calibration part, which teaches no net, so that choosing by them
costs the held-out stays nothing. A run that is there already is not run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.fusion import LARGEST_LOG_ODDS
from inference.training.examples import Examples
from inference.training.metrics import auprc, auroc, paired_difference
from inference.training.trajectory_loop import LoopSettings, TrajectoryTrainer, death_logits
from inference.training.trajectory_losses import LossWeights

Array = NDArray[np.float64]
Logits = Mapping[str, Mapping[int, Array]]
"""By variant and seed, ``[judged example]``."""
WHOLE: Final = "whole recipe"
SAID: Final = "logits.npy"
MOST_SEEDS: Final = 10
STEPS: Final = 180
BATCH: Final = 48
JUDGED_VERSIONS: Final = 2
"""The stay as it was, and its first poorer version."""
_BASE: Final = LoopSettings(
    net="efficientnet_b0",
    steps=STEPS,
    pretraining=0.0,
    batch=BATCH,
    warm_up_steps=30,
    average=0.996,
    threads=1,
)


def variants() -> dict[str, LoopSettings]:
    """Return the settings of each variant; the whole recipe comes first."""
    losses = LossWeights()
    return {
        WHOLE: _BASE,
        "first quarter without labels": replace(_BASE, pretraining=0.25),
        "without the teacher": replace(_BASE, losses=replace(losses, teacher=0.0)),
        "without length of stay, SAPS-I and SOFA": replace(
            _BASE, losses=replace(losses, auxiliary=0.0)
        ),
        "without reconstruction": replace(
            _BASE, losses=replace(losses, hidden=0.0, following=0.0)
        ),
        "without hiding rows": replace(_BASE, hide=0.0),
        "without poorer versions": replace(_BASE, poorer=False),
        "without levelling and settling": replace(_BASE, levelled=False, settled=0.0),
    }


def judged_rows(examples: Examples) -> NDArray[np.int64]:
    """Return the examples of the calibration part that every variant is judged on."""
    return np.flatnonzero(examples.part("calibrate") & (examples.version < JUDGED_VERSIONS))


def run_variants(
    examples: Examples, teacher: Array, folder: Path, seeds: int, report: Callable[[str], None]
) -> None:
    """Train what is not there yet, seed by seed, and keep what each net says."""
    rows = judged_rows(examples)
    for seed in range(seeds):
        for name, settings in variants().items():
            kept = _place(folder, name, seed)
            if (kept / SAID).exists():
                continue
            trainer = TrajectoryTrainer(replace(settings, seed=seed), examples, teacher, kept)
            trainer.resume()
            np.save(kept / SAID, death_logits(trainer.run(), examples, rows))
            (kept / "checkpoint.pt").unlink()
            report(f"{name}, seed {seed}")


def kept_logits(folder: Path) -> Logits:
    """Return what every net that was trained says, by variant and seed."""
    found: dict[str, dict[int, Array]] = {}
    for name in variants():
        for seed in range(MOST_SEEDS):
            file = _place(folder, name, seed) / SAID
            if file.exists():
                found.setdefault(name, {})[seed] = np.load(file)
    return found


def _place(folder: Path, name: str, seed: int) -> Path:
    return folder / f"{name.replace(' ', '-').replace(',', '')}-{seed}"


def table(examples: Examples, logits: Logits) -> list[dict[str, Any]]:
    """Return one row a variant: means over seeds, differences to the whole recipe, runaways.

    Intervals are of 95 %, by bootstrap over stays, the same stays for both sides of a difference.
    """
    rows = judged_rows(examples)
    whole = examples.version[rows] == 0
    died = examples.died[rows].astype(np.float64)
    lines = []
    for name, runs in logits.items():
        seeds = sorted(runs)
        lines.append(
            {
                "recipe": name,
                "seeds": len(seeds),
                "auroc": _mean(auroc, died[whole], [runs[seed][whole] for seed in seeds]),
                "auroc_by_seed": [auroc(died[whole], runs[seed][whole]) for seed in seeds],
                "auprc": _mean(auprc, died[whole], [runs[seed][whole] for seed in seeds]),
                "auroc_poorer": _mean(auroc, died[~whole], [runs[seed][~whole] for seed in seeds]),
                "auroc_difference": _difference(logits, name, died, whole),
                "auroc_poorer_difference": _difference(logits, name, died, ~whole),
                "runaways": float(
                    np.mean([np.abs(runs[seed]) > LARGEST_LOG_ODDS for seed in seeds])
                ),
            }
        )
    several = len(logits[WHOLE]) > 1
    return [*lines, *([_ensemble(logits[WHOLE], died, whole)] if several else [])]


def _mean(metric: Callable[[Array, Array], float], died: Array, runs: list[Array]) -> float:
    return float(np.mean([metric(died, one) for one in runs]))


def _difference(
    logits: Logits, name: str, died: Array, chosen: NDArray[np.bool_]
) -> dict[str, float]:
    """AUROC of a variant minus that of the whole recipe, over the seeds that both have."""
    seeds = sorted(set(logits[name]) & set(logits[WHOLE]))
    pairs = [(logits[name][seed][chosen], logits[WHOLE][seed][chosen]) for seed in seeds]
    return paired_difference(auroc, died[chosen], pairs)


def _ensemble(runs: Mapping[int, Array], died: Array, whole: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the row of the mean of the log-odds of all seeds of the whole recipe."""
    seeds = sorted(runs)
    mean = np.mean([runs[seed] for seed in seeds], axis=0)
    return {
        "recipe": f"mean of {len(seeds)} nets of the whole recipe",
        "seeds": len(seeds),
        "auroc": auroc(died[whole], mean[whole]),
        "auprc": auprc(died[whole], mean[whole]),
        "auroc_poorer": auroc(died[~whole], mean[~whole]),
        "auroc_difference": paired_difference(
            auroc, died[whole], [(mean[whole], runs[seed][whole]) for seed in seeds]
        ),
        "auroc_poorer_difference": paired_difference(
            auroc, died[~whole], [(mean[~whole], runs[seed][~whole]) for seed in seeds]
        ),
        "runaways": float(np.mean(np.abs(mean) > LARGEST_LOG_ODDS)),
    }
