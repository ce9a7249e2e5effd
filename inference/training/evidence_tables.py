"""Writes the tables of a run that its release carries: parts of the recipe, candidates to join.

A table is a title, a note, columns and rows of text, as the card prints it. Training only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.fusion import log_odds
from inference.training import fusion_parts, recipe_parts
from inference.training.examples import Examples
from inference.training.fusion_parts import Side
from inference.training.release_words import interval_text, signed_text
from inference.training.trajectory_loop import averaged_net, net_says
from inference.training.trajectory_run import TWINS, Report, TrajectoryRun

Array = NDArray[np.float64]
RECIPE: Final = "ablation"
JOINS: Final = "fusion"
FOR_COMPONENTS: Final = 1500
"""Training stays that the components of the embedding are taken from: enough for tens of them."""


def write_tables(run: TrajectoryRun, seeds: int, report: Report) -> None:
    """Write ``ablation.json`` and, once a net is trained, ``fusion.json`` into a run's folder."""
    examples, teacher = run.known_examples(), run.known_teacher()
    recipe_parts.run_variants(examples, teacher, run.folder / "parts", seeds, report)
    logits = recipe_parts.kept_logits(run.folder / "parts")
    _keep(run.folder / f"{RECIPE}.json", recipe_table(recipe_parts.table(examples, logits)))
    if (run.folder / "net" / "checkpoint.pt").exists():
        _keep(run.folder / f"{JOINS}.json", _joins(run, examples, teacher, report))


def _keep(file: Path, table: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def recipe_table(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the table of what each part of the recipe brings."""
    return {
        "title": "What each part of the recipe brings, at one reduced budget",
        "note": (
            f"EfficientNet-B0, {recipe_parts.STEPS} steps of {recipe_parts.BATCH} stays each, "
            "judged on the calibration stays, which teach no net; means over the seeds of each "
            "row. Differences are to the whole recipe with the same seeds, with 95 % intervals by "
            "bootstrap over stays, the same stays on both sides: how much another seed would "
            f"change them is not in them.{_between_seeds(lines)} Runaways: share of log-odds "
            "beyond 6."
        ),
        "columns": [
            "recipe",
            "seeds",
            "AUROC",
            "difference",
            "AUPRC",
            "AUROC on poorer versions",
            "difference",
            "runaways",
        ],
        "rows": [
            [
                line["recipe"],
                str(line["seeds"]),
                f"{line['auroc']:.3f}",
                _apart(line, "auroc_difference"),
                f"{line['auprc']:.3f}",
                f"{line['auroc_poorer']:.3f}",
                _apart(line, "auroc_poorer_difference"),
                f"{line['runaways']:.1%}",
            ]
            for line in lines
        ],
    }


def _between_seeds(lines: Sequence[Mapping[str, Any]]) -> str:
    single = next(line["auroc_by_seed"] for line in lines if line["recipe"] == recipe_parts.WHOLE)
    if len(single) < 2:
        return ""
    return f" The whole recipe's own seeds gave {', '.join(f'{one:.3f}' for one in single)}."


def _apart(line: Mapping[str, Any], key: str) -> str:
    return "" if line["recipe"] == recipe_parts.WHOLE else signed_text(line[key])


def _joins(
    run: TrajectoryRun, examples: Examples, teacher: Array, report: Report
) -> dict[str, Any]:
    report("reading the whole stays")
    parts = {
        name: np.flatnonzero(examples.part(name) & (examples.version == 0))
        for name in ("train", "calibrate", "test")
    }
    parts["train"] = parts["train"][:FOR_COMPONENTS]
    net = averaged_net(run.folder / "net")
    said = {name: net_says(net, examples, rows) for name, rows in parts.items()}
    calibrate, test = parts["calibrate"], parts["test"]
    embedding = fusion_parts.components(
        said["train"].embedding, [said["calibrate"].embedding, said["test"].embedding]
    )
    shipped = [
        np.stack([said[name].death, log_odds(teacher[parts[name]])], axis=1)
        for name in ("calibrate", "test")
    ]
    died = [examples.died[rows].astype(np.float64) for rows in (calibrate, test)]
    beside = {"embedding": embedding}
    found: dict[str, Any] = {}
    if (run.folder / TWINS).exists():
        report("joining the twins")
        twins = fusion_parts.load_twins(run.folder / TWINS)
        pair = [twins.of(examples.record[rows]).astype(np.float64) for rows in (calibrate, test)]
        beside["twin"] = pair
        beside["embedding and twin"] = [
            np.concatenate(both, axis=1) for both in zip(embedding, pair, strict=True)
        ]
        found = _boosting(run, examples, twins)
    joins = {
        name: fusion_parts.join_beside(
            Side(shipped[0], both[0], died[0]), Side(shipped[1], both[1], died[1])
        )
        for name, both in beside.items()
    }
    return joins_table(joins, found)


def _boosting(
    run: TrajectoryRun, examples: Examples, twins: fusion_parts.TwinFeatures
) -> dict[str, Any]:
    """Return what boosting makes of the twins; fitted once and kept, for it takes long."""
    kept = run.folder / "boosting_with_twins.json"
    if not kept.exists():
        _keep(kept, fusion_parts.boosting_with_twins(examples, twins, run.settings.boosting))
    found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def joins_table(joins: Mapping[str, Any], boosting: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of what was tried beside net and boosting."""
    rows = [
        _row(f"net and boosting, and {name} by logistic regression", one)
        for name, one in joins.items()
    ]
    without = ""
    if boosting:
        rows += [
            _row("boosting on the aggregates", boosting["aggregates"]),
            _row("boosting on the twin alone", boosting["twin"]),
            _row(
                "boosting on aggregates and twin",
                boosting["aggregates and twin"]
                | {key: boosting[key] for key in ("auroc_difference", "auprc_difference")},
            ),
        ]
        without = f" Fits by {boosting['fitted']}; {boosting['stays_without_fit']} stays had none."
    return {
        "title": "What could join beside net and boosting",
        "note": (
            "Whole held-out stays. Joins are logistic regressions fitted on the calibration "
            f"stays, the strength of their ridge cross-validated there; embedding: the first "
            f"{fusion_parts.COMPONENTS} principal components of what EfficientNet-B3 makes of a "
            "stay; twin: parameters, pressures, flows and rates of change of the fitted "
            "circulation at the end of the stay and 24 h before. Boosting here learns from whole "
            f"stays only, {fusion_parts.SEEDS} seeds.{without} Differences: to the same without "
            "it, with 95 % intervals by bootstrap over stays. A part is read by the release only "
            "where its interval lies above 0."
        ),
        "columns": ["what is joined", "AUROC", "difference", "AUPRC", "difference"],
        "rows": rows,
    }


def _row(name: str, one: Mapping[str, Any]) -> list[str]:
    return [
        name,
        interval_text(one["auroc"]),
        signed_text(one["auroc_difference"]) if "auroc_difference" in one else "",
        interval_text(one["auprc"]),
        signed_text(one["auprc_difference"]) if "auprc_difference" in one else "",
    ]
