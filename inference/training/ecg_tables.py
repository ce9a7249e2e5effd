"""Tables of compared variants as an ECG release carries them: from files to its card.

Rule of the file: words and places. Figures are taken as `ecg_variants` measured them; a table of
the same title is replaced, everything else of the release stays, its weights among it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from inference.errors import TrainingDataUnusable
from inference.releases.library import DESCRIPTION, ReleaseLibrary
from inference.training.ecg_release import write
from inference.training.release_words import interval_text

MEASURES: Final = {"auroc": "AUROC", "precision": "precision", "recall": "recall", "f1": "F1"}
WORDS: Final = {
    "full": "image and signal together, image read",
    "image": "image alone",
    "signal": "signal alone",
    "signal_shorter": "signal alone, as many records as together",
    "signal_longer": "signal alone, for longer",
    "no_attention": "together without attention",
    "no_distillation": "together without distillation",
}


def compared_tables(found: Mapping[str, Any], note: str) -> list[dict[str, Any]]:
    """Return both tables of what `evaluate ecg-variants --json` wrote: figures, then changes.

    ``note`` says how the runs were made. Intervals are those of the file.
    """
    first = next(key for key in found if key.endswith("_exceeds"))
    name = first.removesuffix("_exceeds")
    judged = f"{', '.join(found['labels'])} of {found['set']} ({found['records']} recordings)"
    return [
        {
            "title": f"A comparison of equals, {found['set']}",
            "note": (
                f"Nets of a smaller kind, not the weights of this release. {note} Means over "
                f"{judged} and over seeds; 95 % intervals by bootstrap over recordings, in "
                "brackets after them the AUROC of each seed."
            ),
            "columns": [
                "variant",
                "seeds",
                "records",
                "of them pages",
                "core-minutes",
                "validation AUROC",
                *MEASURES.values(),
            ],
            "rows": [_row(variant, one) for variant, one in found["variants"].items()],
        },
        {
            "title": f"By how much {WORDS.get(name, name)} exceeds the others, {found['set']}",
            "note": "Relative, paired on the same recordings, from the table above.",
            "columns": ["over", *MEASURES.values()],
            "rows": [
                [WORDS.get(variant, variant), *(_change(one[key]) for key in MEASURES)]
                for variant, one in found[first].items()
            ],
        },
    ]


def _row(variant: str, one: Mapping[str, Any]) -> list[str]:
    seeds = ", ".join(f"{area:.3f}" for area in one["auroc"]["of_seeds"])
    areas, *calls = (interval_text(one[key]) for key in MEASURES)
    return [
        WORDS.get(variant, variant),
        str(one["seeds"]),
        f"{one['records']:,.0f}",
        f"{one['pages']:,.0f}",
        f"{one['core_minutes']:.1f}",
        f"{one['validation_auroc']:.3f}",
        f"{areas} [{seeds}]",
        *calls,
    ]


def _change(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "unknown"
    value, low, high = (f"{figure[key]:+.1%}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def join_tables(
    folder: Path,
    name: str,
    files: Sequence[Path],
    note: str,
    report: Callable[[str], None],
    without: Sequence[str] = (),
) -> None:
    """Write the release ``name`` in ``folder`` anew with the tables of files; its weights stay.

    Tables whose titles are among ``without`` are taken away.
    """
    library = ReleaseLibrary(folder)
    weights = library.weights(library.load(name))
    document = json.loads((folder / name / DESCRIPTION).read_text(encoding="utf-8"))
    tables = [table for file in files for table in compared_tables(_read(file), note)]
    titles = {*without, *(one["title"] for one in tables)}
    kept = [one for one in document["evidence"].get("tables", ()) if one["title"] not in titles]
    document["evidence"]["tables"] = [*kept, *tables]
    write(folder / name, document, weights)
    report(f"wrote {len(tables)} tables into {name} {document['version']}")


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        found["variants"], found["labels"]
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        needed = f"what `evaluate ecg-variants --json` writes ({error})"
        raise TrainingDataUnusable(file.name, 0, needed) from error
    return found
