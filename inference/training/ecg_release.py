"""Makes the release of an ECG net from a run: graph, calibration, thresholds, limits, evidence.

Rule of the file: the order of steps. What is fitted is `ecg_calibration`'s, words are
`ecg_release_words`'. The validation part fits and is judged within its own source; sets that teach
nothing judge from outside.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_together import TOGETHER
from inference.core.release import ReleasedModel, release_from
from inference.core.viz_ecg import (
    ACTIVATION,
    EMBEDDING,
    LOG_ODDS,
    PAGE,
    PAGE_SHAPE,
    STRIP_LEADS,
    STRIP_SAMPLES,
    STRIP_SIGNALS,
    TIMES,
    probabilities,
    strangeness,
)
from inference.releases.library import CARD, DESCRIPTION, WEIGHTS
from inference.runtimes.onnx import open_session
from inference.training import ecg_evaluation
from inference.training.compress import stored_in_8_bits
from inference.training.ecg_calibration import (
    Calibration,
    Outputs,
    fit_calibration,
    fit_thresholds,
    played,
    read_plain,
    usual,
    views_of,
)
from inference.training.ecg_export import served_graph, stored_in_16_bits
from inference.training.ecg_judges import judged, judged_pages, release_beside, signal_beside
from inference.training.ecg_labels import CODES
from inference.training.ecg_pair import (
    INFARCTION,
    infarction_threshold,
    pair_figures,
    read_by_set,
)
from inference.training.ecg_release_words import attributes_of, card_text
from inference.training.ecg_run import EcgRun
from inference.training.ecg_sets import EcgRecords, EcgSet

Array = NDArray[np.float64]
_COMPARED: Final = 64
_USUAL_SHARE: Final = 0.995
_TASKS: Final = {"signal": ecg_evaluation.SIGNAL_TASK}


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted, and on what: outputs, targets and probabilities by view of each record.

    The first ``len(rows)`` views are the records as recorded. ``usual`` is centre and precision of
    the embeddings of what taught.
    """

    rows: NDArray[np.int64]
    outputs: Outputs
    targets: NDArray[np.float32]
    calibration: Calibration
    probability: Array
    thresholds: dict[str, dict[str, float]]
    usual: tuple[Array, Array]
    strangest: float


@dataclass(frozen=True, slots=True)
class Making:
    """What is made: its name, version and day, what was spent, and which sets judge it."""

    name: str
    version: str
    built: date
    compute: str
    judges: tuple[Path, ...] = ()
    pages: Path | None = None
    """A folder of pictures with labels.csv that judges a page net."""
    beside: Path | None = None
    """A folder of releases with the signal release that a page net is held against."""
    baseline: bool = False
    """Whether it is made to be compared with; the card says so, and the service reads by name."""
    findings: tuple[str, ...] = ()
    """What it may call; without any, all that it was taught."""
    paired: str = ""
    """The release of ``beside`` that it is heard with."""


def make_release(
    run: EcgRun,
    folder: Path,
    data: Path,
    to: Path,
    making: Making,
    report: Callable[[str], None],
) -> None:
    """Make the release of a run's averaged net in ``to``."""
    records = run.records(data)
    graph = served_graph(folder)
    whole = graph.SerializeToString()
    bits = 8 if run.loop.kind == "page" else 16
    stored = stored_in_8_bits if bits == 8 else stored_in_16_bits
    weights = stored(graph).SerializeToString()
    session = open_session(weights, 2)
    report("reading the validation part")
    fitted = asked_for(fit(session, run.loop.kind, records), making.findings)
    if run.loop.injury > 0:
        fitted.thresholds[INFARCTION] = infarction_threshold(
            session, run.loop.kind, records, fitted.calibration
        )
    evidence: dict[str, Any] = {
        "validation": validation(fitted),
        "storage": storage(whole, weights, bits, run.loop.kind, records, fitted),
        "exported": against_torch(folder, whole, run.loop.kind, records, fitted),
        "compute": making.compute,
        "played": asdict(run.loop.mixture.rhythms),
        "calibration": reliability(fitted.probability, fitted.targets),
    }
    if making.paired and making.beside is not None:
        report(f"hearing it with {making.paired}")
        evidence |= second_reader(run, making, records, fitted)
    document = description(run, making, records, fitted)
    drafted = released(document, weights, evidence)
    beside = None if making.paired else signal_beside(making.beside)
    first = None
    if making.paired and making.beside is not None:
        first = release_beside(making.beside, making.paired)
    for stem in making.judges:
        report(f"judging on {stem.name}")
        found = judged(drafted, stem, session, beside, first)
        ahead = found.pop("ahead_of_signal", None)
        for via, one in found.pop("normal", {}).items():
            evidence.setdefault("normal", {})[f"{stem.name}, {via}"] = one
        evidence.setdefault("judges", {})[stem.name] = found
        if ahead is not None and ahead["labels"]:
            evidence.setdefault("ahead_of_signal", {})[stem.name] = ahead
    if run.judges:
        evidence["by_reader"] = read_by_set(run.judges, data, session, drafted)
    if making.pages is not None:
        report(f"judging on {making.pages.name}")
        evidence["pages"] = judged_pages(drafted, making.pages, session, first)
        if first is not None:
            evidence.setdefault("normal", {})[making.pages.name] = evidence["pages"].pop("normal")
    write(to / making.name, document | {"evidence": evidence}, weights)
    report(f"wrote {making.name} {making.version}")


def second_reader(
    run: EcgRun, making: Making, records: EcgRecords, fitted: Fitted
) -> dict[str, Any]:
    """Return what is said of a net that is heard with another: its pair, teacher, injuries."""
    assert making.beside is not None  # noqa: S101 - a pair lies in a folder
    return {
        TOGETHER: pair_figures(
            making.beside, making.paired, records, fitted.probability, fitted.targets
        ),
        "asked": list(making.findings),
        "teacher": asdict(run.loop.teacher),
        "injury": run.loop.injury,
    }


def asked_for(fitted: Fitted, findings: Sequence[str]) -> Fitted:
    """Return what was fitted with other findings than those asked for never called."""
    never = {"value": 1.0, "sensitivity": 0.0, "specificity": 1.0}
    thresholds = {
        code: one if not findings or code in findings else never
        for code, one in fitted.thresholds.items()
    }
    return replace(fitted, thresholds=thresholds)


def fit(session: Any, kind: str, records: EcgRecords) -> Fitted:  # noqa: ANN401
    """Fit calibration, thresholds and the limit of doubt on the validation part."""
    rows = np.flatnonzero(~records.teaches)
    outputs, targets = views_of(session, kind, records, rows)
    calibration = fit_calibration(outputs.log_odds, targets)
    probability = probabilities(outputs.log_odds, calibration.slope, calibration.offset)
    again = played(records, rows)
    played_probability = probabilities(
        read_plain(session, kind, again, np.arange(len(rows))).log_odds,
        calibration.slope,
        calibration.offset,
    )
    centre, precision = usual(session, kind, records, np.flatnonzero(records.teaches))
    distance = strangeness(outputs.embedding, centre, precision)
    return Fitted(
        rows,
        outputs,
        targets,
        calibration,
        probability,
        fit_thresholds(
            probability, targets, len(targets) // len(rows), (played_probability, again.targets)
        ),
        (centre, precision),
        round(float(np.quantile(distance, _USUAL_SHARE)), 4),
    )


def description(
    run: EcgRun, making: Making, records: EcgRecords, fitted: Fitted
) -> dict[str, Any]:
    """Return everything that the release says but its evidence."""
    normal = records.targets[records.teaches, CODES.index("NORM")]
    return {
        "name": making.name,
        "version": making.version,
        "task": _TASKS.get(run.loop.kind, ecg_evaluation.PAGE_TASK),
        "baseline": making.baseline,
        "built": making.built.isoformat(),
        "labels": list(CODES),
        "thresholds": fitted.thresholds,
        "limits": {"strangest": fitted.strangest},
        "population": {
            "description": "12-lead ECGs of adults from public sets, and generated ones",
            "rate": round(float(np.nanmean(1 - normal)), 4),
            "records": int(records.teaches.sum()),
        },
        "training_sets": training_sets(run.sets, records, run.loop.mixture.generated),
        **arrays(run.loop.kind),
        "preparation": {},
        "calibration": {
            "slope": round(fitted.calibration.slope, 5),
            "offset": np.round(fitted.calibration.offset, 5).tolist(),
            "centre": np.round(fitted.usual[0], 5).tolist(),
            "precision": np.round(fitted.usual[1], 5).tolist(),
        },
    }


def storage(
    whole: bytes, weights: bytes, bits: int, kind: str, records: EcgRecords, fitted: Fitted
) -> str:
    """Say what storing the weights in few bits cost, on real recordings."""
    some = fitted.rows[:_COMPARED]
    exact = read_plain(open_session(whole, 2), kind, records, some).log_odds
    apart = float(np.abs(exact - fitted.outputs.log_odds[: len(some)]).max())
    return (
        f"Weights in {bits} bits, computed with in 32: {len(weights) / 1e6:.2f} MB instead of "
        f"{len(whole) / 1e6:.2f} MB; largest change of a log-odds on {len(some)} real "
        f"recordings {apart:.4f}."
    )


def against_torch(
    folder: Path, whole: bytes, kind: str, records: EcgRecords, fitted: Fitted
) -> float:
    """Return by how much a log-odds of the graph is apart from torch's, on real recordings."""
    from inference.training.ecg_loop import log_odds_of, trained_net

    some = fitted.rows[:_COMPARED]
    net, _ = trained_net(folder)
    exact = read_plain(open_session(whole, 2), kind, records, some).log_odds
    return float(np.abs(exact - log_odds_of(net, kind, records, some)).max())


def validation(fitted: Fitted) -> dict[str, Any]:
    """Return the figures of each finding on the validation records as recorded."""
    count = len(fitted.rows)
    targets, probability = fitted.targets[:count], fitted.probability[:count]
    found = {}
    for place, code in enumerate(CODES):
        known = ~np.isnan(targets[:, place])
        truth = targets[known, place].astype(np.float64)
        if truth.any() and not truth.all():
            found[code] = ecg_evaluation.label_figures(
                truth, probability[known, place], fitted.thresholds[code]["value"]
            )
    return {"records": count, "labels": found, "macro": ecg_evaluation.macro(found)}


def reliability(probability: Array, targets: NDArray[np.float32]) -> dict[str, float]:
    """Return mean probability and observed share of everything annotated, and Brier score."""
    known = ~np.isnan(targets)
    wanted, said = targets[known].astype(np.float64), probability[known]
    return {
        "mean_probability": round(float(said.mean()), 4),
        "observed": round(float(wanted.mean()), 4),
        "brier": round(float(np.mean((said - wanted) ** 2)), 4),
    }


def training_sets(
    sets: Sequence[EcgSet], records: EcgRecords, generated: float
) -> list[dict[str, Any]]:
    """Return what taught: every set with its licence and how many records, and the generator."""
    names = np.array(records.sets)
    listed: list[dict[str, Any]] = [
        {**asdict(one), "records": int((names == Path(one.stem).name)[records.teaches].sum())}
        for one in sets
    ]
    if generated > 0:
        listed.append(
            {
                "stem": "generated",
                "reader": "generated",
                "licence": "generated",
                "source": "inference.training.ecg_generator",
                "share_of_batches": generated,
            }
        )
    return listed


def arrays(kind: str) -> dict[str, Any]:
    """Return the descriptions of inputs and outputs of a kind of net."""
    if kind == "signal":
        return {"inputs": [_STRIPS, _LEADS], "outputs": [_LOG_ODDS, _EMBEDDING]}
    return {"inputs": [_PAGE], "outputs": [_LOG_ODDS, _EMBEDDING, _ACTIVATION]}


def released(
    document: Mapping[str, Any], weights: bytes, evidence: Mapping[str, Any]
) -> ReleasedModel:
    """Return the release that a document would be, to judge with before it is written."""
    whole = {**document, "evidence": evidence, "digest": hashlib.sha256(weights).hexdigest()}
    return release_from(whole | {"source_attributes": attributes_of(whole)})


def write(folder: Path, document: Mapping[str, Any], weights: bytes) -> None:
    """Write weights, description and card; the description is read back first."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {**document, "digest": f"sha256:{hashlib.sha256(weights).hexdigest()}"}
    whole |= {"source_attributes": attributes_of(whole)}
    release_from(whole)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / DESCRIPTION).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card_text(whole), encoding="utf-8")


_LOG_ODDS: Final = {
    "name": LOG_ODDS,
    "axes": ["ecg", "finding"],
    "shape": [None, len(CODES)],
    "meaning": "uncalibrated log-odds of each finding",
}
_EMBEDDING: Final = {
    "name": EMBEDDING,
    "axes": ["ecg", "direction"],
    "shape": [None, None],
    "meaning": "what the net makes of the whole recording, to tell the unusual",
}
_ACTIVATION: Final = {
    "name": ACTIVATION,
    "axes": ["ecg", "finding", "row", "column"],
    "shape": [None, len(CODES), None, None],
    "meaning": "what each place of the page adds to the log-odds",
}
_STRIPS: Final = {
    "name": STRIP_SIGNALS,
    "axes": ["ecg", "strip", "sample"],
    "shape": [None, None, STRIP_SAMPLES],
    "meaning": "mV at 250 Hz, placed as on a canonical page (viz_ecg.all_lead_strips)",
}
_LEADS: Final = {
    "name": STRIP_LEADS,
    "axes": ["ecg", "strip", "time"],
    "shape": [None, None, TIMES],
    "meaning": "lead of each token, 12 where there is none",
}
_PAGE: Final = {
    "name": PAGE,
    "axes": ["ecg", "channel", "row", "column"],
    "shape": [None, *PAGE_SHAPE],
    "meaning": "ink of a canonical page, 0 to 1 (viz_ecg.net_pages)",
}
