"""From the folder of a run to release folders: the order of steps. Training only."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from inference.core.fusion import fused_log_odds, probability, weights_from
from inference.core.release import ReleasedModel
from inference.core.trajectory_reading import standards_of
from inference.errors import TrainingDataUnusable
from inference.releases.library import DESCRIPTION, ReleaseLibrary
from inference.training import release_build
from inference.training.compress import stored_in_8_bits
from inference.training.examples import Examples, load_examples
from inference.training.export import net_graph, side_by_side
from inference.training.metrics import auprc, auroc, paired_difference
from inference.training.release_words import TABLES, retraining_table
from inference.training.trajectory_loop import averaged_net

Array = NDArray[np.float64]
READ_VERSIONS: Final = 4
"""Of each stay, to fit the join and to judge: as it was, and its first three poorer versions."""
COMPARED_VERSIONS: Final = 2
"""Of each held-out stay by the release before: as it was, and its first poorer version."""


def make_releases(
    run: Path,
    to: Path,
    version: str,
    built: date,
    compute: str,
    report: Callable[[str], None],
    previous: Path | None = None,
) -> None:
    """Fit on the calibration part, judge on the test part, and write both releases.

    ``previous`` is a folder of releases whose ``deterioration`` is judged on the same stays.
    """
    examples = load_examples(run / "examples")
    teacher = np.load(run / "teacher.npy")
    boosting = onnx.load(str(run / "boosting.onnx"))
    net = net_graph(averaged_net(run / "net"))
    exact = side_by_side(_copy(net), _copy(boosting)).SerializeToString()
    small = side_by_side(stored_in_8_bits(_copy(net)), _copy(boosting)).SerializeToString()
    read = examples.version < READ_VERSIONS
    calibrate, test = (
        np.flatnonzero(examples.part(name) & read) for name in ("calibrate", "test")
    )
    report("reading the calibration part")
    outputs = release_build.run_graphs(small, examples, teacher, calibrate)
    fitted = release_build.fit(examples, outputs, calibrate)
    report("reading the test part")
    judged = release_build.run_graphs(small, examples, teacher, test)
    evidence, thresholds = release_build.judge(examples, judged, test, fitted)
    whole = test[examples.version[test] == 0]
    pairs = (
        release_build.run_graphs(exact, examples, teacher, whole),
        judged.of(examples.version[test] == 0),
    )
    evidence["storage"] = _storage(examples.died[whole], pairs, fitted, (len(exact), len(small)))
    evidence["compute"] = compute
    if previous is not None:
        report("reading the test part by the release before")
        chosen = examples.version[test] < COMPARED_VERSIONS
        said = fused_log_odds(fitted.fusion, judged.net, judged.members)[chosen]
        evidence["previous"] = _beside(previous, examples, teacher, test[chosen], said)
    evidence |= _tables(run)
    graphs = {
        release_build.NAME: small,
        release_build.BASELINE: boosting.SerializeToString(),
    }
    release_build.write_releases(
        to, version, built, graphs, examples, fitted, evidence, thresholds
    )
    report(f"wrote {', '.join(graphs)}")


def add_evidence(
    run: Path,
    to: Path,
    version: str,
    report: Callable[[str], None],
    candidate: Path | None = None,
) -> None:
    """Write the release in ``to`` anew with what a run has measured since; its weights stay.

    Joins the run's tables to its evidence and measures the range of its net's output on the
    held-out stays and their first poorer version. ``candidate`` is a folder of releases made from
    the run and not put in its place.
    """
    library = ReleaseLibrary(to)
    release = library.load(release_build.NAME)
    weights = library.weights(release)
    place = to / release_build.NAME
    document = json.loads((place / DESCRIPTION).read_text(encoding="utf-8"))
    examples = load_examples(run / "examples")
    _check_standards(release, examples)
    rows = np.flatnonzero(examples.part("test") & (examples.version < COMPARED_VERSIONS))
    report("reading the test part")
    outputs = release_build.run_graphs(weights, examples, np.load(run / "teacher.npy"), rows)
    document["version"] = version
    if candidate is not None:
        other = json.loads((candidate / release_build.NAME / DESCRIPTION).read_text("utf-8"))
        document["evidence"]["retraining"] = retraining_table(other)
    document["evidence"] |= {"net_range": release_build.net_range(outputs), **_tables(run)}
    release_build.write_release(place, weights, document)
    report(f"wrote {release_build.NAME} {version}")


def _tables(run: Path) -> dict[str, Any]:
    files = {name: run / f"{name}.json" for name in TABLES}
    return {
        name: json.loads(file.read_text(encoding="utf-8"))
        for name, file in files.items()
        if file.exists()
    }


def _check_standards(release: ReleasedModel, examples: Examples) -> None:
    before, now = standards_of(release), examples.standards
    for field in fields(now):
        if not np.array_equal(getattr(before, field.name), getattr(now, field.name)):
            raise TrainingDataUnusable(release.identity, 0, "the standards of this run's images")


def _beside(
    folder: Path,
    examples: Examples,
    teacher: Array,
    rows: NDArray[np.int64],
    said: Array,
) -> dict[str, Any]:
    """Judge the release before on the same examples; it must standardise images alike."""
    library = ReleaseLibrary(folder)
    release = library.load(release_build.NAME)
    _check_standards(release, examples)
    outputs = release_build.run_graphs(library.weights(release), examples, teacher, rows)
    joined = fused_log_odds(weights_from(release.calibration), outputs.net, outputs.members)
    return beside_previous(examples, rows, (said, joined), release.identity)


def beside_previous(
    examples: Examples,
    rows: NDArray[np.int64],
    said: tuple[Array, Array],
    identity: str,
) -> dict[str, Any]:
    """Return how a release differs from the one before it, on the same stays.

    ``said`` are the joined log-odds of both on ``rows``, this release first.
    """
    died = examples.died[rows].astype(np.float64)
    whole = examples.version[rows] == 0
    this, before = said

    def apart(measure: Any, chosen: NDArray[np.bool_]) -> dict[str, float]:  # noqa: ANN401
        return paired_difference(measure, died[chosen], [(this[chosen], before[chosen])])

    return {
        "identity": identity,
        "auroc_difference": apart(auroc, whole),
        "auprc_difference": apart(auprc, whole),
        "auroc_poorer_difference": apart(auroc, ~whole),
    }


def _copy(model: Any) -> Any:  # noqa: ANN401 - onnx is untyped
    return onnx.load_from_string(model.SerializeToString())


def _storage(
    died: NDArray[np.float32],
    pairs: Sequence[release_build.Outputs],
    fitted: release_build.Fitted,
    sizes: tuple[int, int],
) -> str:
    """Say what storing the weights in 8 bits cost; pairs and sizes are (in float32, in 8 bits)."""
    risks = [probability(fused_log_odds(fitted.fusion, one.net, one.members)) for one in pairs]
    alone = [(auroc(died, one.net), auprc(died, one.net)) for one in pairs]
    exact, stored = (size / 1e6 for size in sizes)
    return (
        f"Weights in 8 bits with one scale per output channel, computed with in float32: "
        f"{stored:.1f} MB instead of {exact:.1f} MB. EfficientNet-B3 alone on the held-out stays: "
        f"AUROC {alone[0][0]:.4f} in float32, {alone[1][0]:.4f} in 8 bits; AUPRC "
        f"{alone[0][1]:.4f} and {alone[1][1]:.4f}; largest change of the joined risk "
        f"{np.abs(risks[0] - risks[1]).max():.4f}."
    )
