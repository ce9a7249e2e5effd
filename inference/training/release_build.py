"""Makes the two trajectory releases from a run: graphs, fusion, thresholds, limits and evidence.

The calibration part fits what joins and limits; the test part only judges. Training only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.fusion import FusionWeights, bounded, fused_log_odds, log_odds, probability
from inference.core.release import release_from
from inference.core.trajectory_image import CLIP, FEATURE_NAMES, IMAGE_SHAPE
from inference.core.trajectory_reading import BOOSTING, FEATURES, IMAGE, NET
from inference.releases.library import CARD, DESCRIPTION, WEIGHTS
from inference.runtimes.onnx import open_session
from inference.training.evaluation import of_probability
from inference.training.examples import Examples
from inference.training.fusion_fit import (
    calibration_line,
    fit_fusion,
    fit_thresholds,
    logistic,
    threshold,
)
from inference.training.gradient_boosting import POORER_WEIGHT
from inference.training.metrics import auprc, auroc, with_interval
from inference.training.release_words import (
    SHARED_ATTRIBUTES,
    card_text,
    interval_text,
    range_text,
)

Array = NDArray[np.float64]
YOUNGEST_YEARS: Final = 16.0
"""PhysioNet/CinC 2012 admits patients from 16 years on."""
FEWEST_SERIES: Final = 4.0
"""Pulse, pressure, breathing and one more: less is no set of vital signs; ours."""
NAME: Final = "deterioration"
BASELINE: Final = "deterioration-boosting"
POPULATION: Final = (
    "first 48 h of adult intensive care stays of one hospital (PhysioNet/CinC 2012, sets a and b)"
)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the graphs say of the examples: net log-odds and boosting log-odds by member.

    ``raw`` is the net's log-odds before they are bounded; ``honest`` the boosting's cross-fitted
    ones, of a model that did not see the stay.
    """

    raw: Array
    net: Array
    members: Array
    honest: Array

    def of(self, chosen: NDArray[np.bool_]) -> Outputs:
        """Return the outputs of some of the examples."""
        return Outputs(
            self.raw[chosen], self.net[chosen], self.members[chosen], self.honest[chosen]
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted on the calibration part."""

    fusion: FusionWeights
    net_line: Array
    boosting_line: Array
    thresholds: dict[str, Any]
    limits: dict[str, float]


def run_graphs(
    weights: bytes, examples: Examples, teacher: Array, rows: NDArray[np.int64]
) -> Outputs:
    """Return the outputs of the joined graph for some examples."""
    session = open_session(weights, 2)
    net, members = [], []
    for start in range(0, len(rows), 64):
        some = rows[start : start + 64]
        feed = {
            IMAGE: np.asarray(examples.image[some], dtype=np.float32),
            FEATURES: examples.feature[some],
        }
        found = session.run([NET, BOOSTING], feed)
        net.append(found[0])
        members.append(found[1])
    raw = np.concatenate(net).astype(np.float64)
    return Outputs(
        raw,
        bounded(raw),
        log_odds(np.concatenate(members).astype(np.float64)),
        log_odds(teacher[rows]),
    )


def fit(examples: Examples, outputs: Outputs, rows: NDArray[np.int64]) -> Fitted:
    """Fit fusion, part calibrations, thresholds and limits on the calibration part."""
    died = examples.died[rows].astype(np.float64)
    whole = examples.version[rows] == 0
    weight = np.where(whole, 1.0, POORER_WEIGHT)
    fusion = fit_fusion(outputs.net, outputs.honest, died, examples.record[rows], weight, seed=0)
    risk = probability(fused_log_odds(fusion, outputs.net, outputs.honest[:, None]))
    return Fitted(
        fusion=fusion,
        net_line=_line(outputs.net, died, weight),
        boosting_line=_line(outputs.honest, died, weight),
        thresholds=fit_thresholds(died[whole], risk[whole]),
        limits=_limits(examples, outputs, rows),
    )


def _line(value: Array, died: Array, weight: Array) -> Array:
    return np.round(logistic(np.stack([np.ones_like(value), value], axis=1), died, weight), 5)


def _limits(examples: Examples, outputs: Outputs, rows: NDArray[np.int64]) -> dict[str, float]:
    apart = np.abs(outputs.net - outputs.members.mean(axis=1))
    return {
        "youngest_years": YOUNGEST_YEARS,
        "fewest_series": FEWEST_SERIES,
        "largest_extreme_share": round(float(np.quantile(_extreme(examples, rows), 0.995)), 4),
        "largest_disagreement": round(float(np.quantile(apart, 0.995)), 4),
        "first_record": float(examples.record.min()),
        "last_record": float(examples.record.max()),
    }


def _extreme(examples: Examples, rows: NDArray[np.int64]) -> Array:
    shares = []
    for start in range(0, len(rows), 256):
        painted = np.asarray(examples.image[rows[start : start + 256]], dtype=np.float32)
        filled = painted[:, 3] > 0
        extreme = (np.abs(painted[:, 0]) >= CLIP - 1e-3) & filled
        shares.append(extreme.sum(axis=(1, 2)) / np.maximum(1, filled.sum(axis=(1, 2))))
    return np.concatenate(shares).astype(np.float64)


def judge(
    examples: Examples, outputs: Outputs, rows: NDArray[np.int64], fitted: Fitted
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the evidence on the test part, and the thresholds with what they buy there."""
    died = examples.died[rows].astype(np.float64)
    whole = examples.version[rows] == 0
    risk = probability(fused_log_odds(fitted.fusion, outputs.net, outputs.members))
    boosting = outputs.members.mean(axis=1)
    parts = {
        "efficientnet_b3": probability(fitted.net_line[0] + fitted.net_line[1] * outputs.net),
        "gradient_boosting": probability(
            fitted.boosting_line[0] + fitted.boosting_line[1] * boosting
        ),
    }
    high = fitted.thresholds["high"].value
    thresholds = {
        name: threshold(died[whole], risk[whole], one.value)
        for name, one in fitted.thresholds.items()
    }
    return {
        "held_out_records": int(whole.sum()),
        "held_out_deaths": int(died[whole].sum()),
        "held_out": of_probability(died[whole], risk[whole], high),
        "parts": {
            name: of_probability(died[whole], value[whole], high) for name, value in parts.items()
        },
        "poorer_versions": {
            "records": int((~whole).sum()),
            **_discrimination(died[~whole], risk[~whole]),
            "calibration_slope_and_intercept": [
                round(one, 4) for one in calibration_line(died[~whole], log_odds(risk[~whole]))
            ],
        },
        "net_range": net_range(outputs),
        "subgroups": _subgroups(examples, rows[whole], died[whole], risk[whole]),
    }, thresholds


def net_range(outputs: Outputs) -> dict[str, float]:
    """Return how far the net's own log-odds go, and how many of them have to be bounded."""
    return {
        "lowest": round(float(outputs.raw.min()), 2),
        "highest": round(float(outputs.raw.max()), 2),
        "share_bounded": round(float((outputs.raw != outputs.net).mean()), 5),
    }


def _discrimination(died: Array, risk: Array) -> dict[str, Any]:
    return {"auroc": with_interval(auroc, died, risk), "auprc": with_interval(auprc, died, risk)}


def _subgroups(
    examples: Examples, rows: NDArray[np.int64], died: Array, risk: Array
) -> dict[str, Any]:
    facts = examples.feature[rows][:, -9:]
    groups = {
        "female": facts[:, 1] == 0,
        "male": facts[:, 1] == 1,
        "under 65 years": facts[:, 0] < 65,
        "65 years and older": facts[:, 0] >= 65,
        "coronary care": facts[:, 5] == 1,
        "cardiac surgery": facts[:, 6] == 1,
        "medical": facts[:, 7] == 1,
        "surgical": facts[:, 8] == 1,
    }
    return {
        name: {
            "records": int(within.sum()),
            "deaths": int(died[within].sum()),
            "auroc": with_interval(auroc, died[within], risk[within]),
            "mean_risk": round(float(risk[within].mean()), 4),
            "observed": round(float(died[within].mean()), 4),
        }
        for name, within in groups.items()
        if within.any()
    }


def write_releases(
    folder: Path,
    version: str,
    built: date,
    graphs: Mapping[str, bytes],
    examples: Examples,
    fitted: Fitted,
    evidence: Mapping[str, Any],
    thresholds: Mapping[str, Any],
) -> None:
    """Write both release folders; every document is read back as serving will read it."""
    standards = examples.standards
    taught = examples.part("train") & (examples.version == 0)
    shared = {
        "version": version,
        "task": "trajectory",
        "built": built.isoformat(),
        "labels": ["death in hospital"],
        "thresholds": {
            name: {
                "value": one.value,
                "sensitivity": one.sensitivity,
                "specificity": one.specificity,
            }
            for name, one in thresholds.items()
        },
        "limits": fitted.limits,
        "population": {
            "description": POPULATION,
            "rate": round(float(examples.died[taught].mean()), 4),
            "records": int(taught.sum()),
        },
    }
    preparation = {
        "timed_centre": standards.timed_centre.tolist(),
        "timed_scale": standards.timed_scale.tolist(),
        "fact_centre": standards.fact_centre.tolist(),
        "fact_scale": standards.fact_scale.tolist(),
    }
    lines = {
        "efficientnet_b3": fitted.net_line.tolist(),
        "gradient_boosting": fitted.boosting_line.tolist(),
    }
    central, draws = fitted.fusion.central.tolist(), fitted.fusion.draws.tolist()
    write_release(
        folder / NAME,
        graphs[NAME],
        {
            "name": NAME,
            **shared,
            "inputs": [_IMAGE_SPEC, _FEATURES_SPEC],
            "outputs": [_NET_SPEC, _BOOSTING_SPEC],
            "preparation": preparation,
            "calibration": {"central": central, "draws": draws, **lines},
            "evidence": dict(evidence),
        },
    )
    boosting = evidence["parts"]["gradient_boosting"]
    write_release(
        folder / BASELINE,
        graphs[BASELINE],
        {
            "name": BASELINE,
            **shared,
            "inputs": [_FEATURES_SPEC],
            "outputs": [_BOOSTING_SPEC],
            "preparation": {},
            "calibration": {"gradient_boosting": lines["gradient_boosting"]},
            "evidence": {
                "held_out_records": evidence["held_out_records"],
                "held_out_deaths": evidence["held_out_deaths"],
                "held_out": boosting,
                "compute": evidence["compute"],
            },
        },
    )


def write_release(folder: Path, weights: bytes, document: Mapping[str, Any]) -> None:
    """Write weights, description and card of one release; the description is read back first."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(weights).hexdigest()
    whole = {
        **document,
        "digest": f"sha256:{digest}",
        "source_attributes": SHARED_ATTRIBUTES | _own_attributes(document),
    }
    release_from(whole)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / DESCRIPTION).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card_text(whole), encoding="utf-8")


def _own_attributes(document: Mapping[str, Any]) -> dict[str, str]:
    evidence = document["evidence"]
    held = evidence["held_out"]
    groups = evidence.get("subgroups", {})
    return {
        "validity_same_source": (
            f"On {evidence['held_out_records']} held-out stays with "
            f"{evidence['held_out_deaths']} deaths, with 95 % intervals: AUROC "
            f"{interval_text(held['auroc'])}, AUPRC {interval_text(held['auprc'])}."
        ),
        **_known_risks(evidence),
        "fairness_same_source": "; ".join(
            f"{name}: AUROC {interval_text(one['auroc'])}, mean risk {one['mean_risk']:.3f}, "
            f"observed {one['observed']:.3f}"
            for name, one in groups.items()
        )
        or "Not measured apart; see the release deterioration.",
    }


def _known_risks(evidence: Mapping[str, Any]) -> dict[str, str]:
    found = evidence.get("net_range")
    if found is None:
        return {}
    said = SHARED_ATTRIBUTES[RISKS]
    return {RISKS: f"{said} {range_text(found)}"}


RISKS: Final = "known_risks_and_limitations"
_STAY: Final = "stay"
_IMAGE_SPEC: Final = {
    "name": IMAGE,
    "axes": [_STAY, "channel", "row", "column"],
    "shape": [None, *IMAGE_SHAPE],
    "meaning": "trajectory image of inference.core.trajectory_image",
}
_FEATURES_SPEC: Final = {
    "name": FEATURES,
    "axes": [_STAY, "feature"],
    "shape": [None, len(FEATURE_NAMES)],
    "meaning": "aggregates of every row and facts, in clinical units, NaN where missing",
}
_NET_SPEC: Final = {
    "name": NET,
    "axes": [_STAY],
    "shape": [None],
    "meaning": "uncalibrated log-odds of death in hospital by EfficientNet-B3",
}
_BOOSTING_SPEC: Final = {
    "name": BOOSTING,
    "axes": [_STAY, "member"],
    "shape": [None, None],
    "meaning": "probability of death in hospital by each member of gradient boosting",
}
