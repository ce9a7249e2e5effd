"""All figures of ``cardiotwin evaluate forecast`` as one dictionary."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin.core.events import LOW_MEAN_PRESSURE_MMHG, LOW_SATURATION_PERCENT
from twin.core.haemodynamics import Quantity
from twin.core.wanderings import SHIPPED
from twin.evaluation import baselines
from twin.evaluation.cohort import CHANNELS_OF, cohort_of
from twin.evaluation.crossfit import FEWEST_PATIENTS, FOLDS, cross_fitted, folds_of, shipped
from twin.evaluation.fitting import fitted
from twin.evaluation.hidden import HIDDEN, asked_of, count_asked, hidden_figures
from twin.evaluation.horizons import curves_of, foreseen, horizon_figures
from twin.evaluation.own_forecast import count_pairs, own_figures, own_forecasts
from twin.evaluation.scores import (
    FIFTH,
    MEDIAN,
    NINETY_FIFTH,
    auprc,
    auroc,
    crps,
    mean_of,
    probability_below,
    ratio_less_one,
    with_interval,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jaxtyping import Bool, Float, Int

    from twin.evaluation.chart import Patient, Stay
    from twin.evaluation.cohort import Cohort
    from twin.evaluation.crossfit import Forecasts
    from twin.ports import Estimator

    Pairs = Float[np.ndarray, " pair"]
    Scored = Callable[[Stay, Float[np.ndarray, " moment"]], Float[np.ndarray, " moment"]]
    Told = Callable[[str, int, int], None]

NAMES: Final[Mapping[Quantity, str]] = {
    Quantity.MEAN_PRESSURE: "map",
    Quantity.HEART_RATE: "heart_rate",
    Quantity.OXYGEN_SATURATION: "oxygen_saturation",
}
LIMITS: Final[Mapping[Quantity, tuple[str, float]]] = {
    Quantity.MEAN_PRESSURE: ("hypotension", LOW_MEAN_PRESSURE_MMHG),
    Quantity.OXYGEN_SATURATION: ("desaturation", LOW_SATURATION_PERCENT),
}

NO_SHOCK: Final = (
    "Shock needs cardiac output and systolic pressure together; too few patients have both "
    "charted to judge its probability."
)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One quantity's forecasts with the simple ones beside them."""

    forecasts: Forecasts
    untreated: Forecasts | None
    """The same forecasts without recorded treatment."""
    autoregression: Pairs

    @property
    def cohort(self) -> Cohort:
        """Return what was forecast."""
        return self.forecasts.cohort


def report(
    patients: Sequence[Patient], estimator: Estimator, news2: Scored, told: Told
) -> dict[str, Any]:
    """Return every figure.

    Parameters
    ----------
    news2
        The early warning score of a stay at given minutes; NaN where nothing is known.
    told
        Hears what is being done, how much of it is done, and of how much.
    """
    judged = {quantity: _judged(patients, quantity, told) for quantity in CHANNELS_OF}
    pressure = judged[Quantity.MEAN_PRESSURE]
    asked = pressure.cohort.asked_of
    found: dict[str, Any] = {
        "patients": len(np.unique(asked)),
        "pairs": len(asked),
        **{NAMES[quantity]: _figures(each) for quantity, each in judged.items()},
        **{name: _events(judged[q], limit) for q, (name, limit) in LIMITS.items()},
        "after_intervention": _after_intervention(pressure),
        "models": _models(pressure),
        "within_minutes": {
            name: _within(judged[q], limit, news2, told) for q, (name, limit) in LIMITS.items()
        }
        | {"shock": None},
        "notes": [NO_SHOCK],
        "constants": {
            "fitted_to": "the other patients, in folds"
            if pressure.forecasts.fitted_here
            else "the patients of the release (MIMIC-III demo)",
            "folds": FOLDS if pressure.forecasts.fitted_here else 0,
            "effect_share": [k.wandering.effect_share for k, _ in pressure.forecasts.taught_by],
        },
    }
    found["own_forecast"] = _own(patients, pressure.cohort, estimator, told)
    for quantity, channel in HIDDEN.items():
        label = f"estimating hidden {quantity.clinical_name}"
        step = _counting(told, label, count_asked(patients, quantity))
        found[channel] = hidden_figures(asked_of(patients, quantity, estimator, step))
    return found


def _own(
    patients: Sequence[Patient], cohort: Cohort, estimator: Estimator, told: Told
) -> dict[str, Any]:
    """Return how the forecast that a card shows does, with and without recorded treatment."""
    belief = shipped(cohort, SHIPPED[cohort.quantity])
    found = {}
    for name, treated in (("as_charted", False), ("with_recorded_treatment", True)):
        step = _counting(told, f"the twin's own forecast, {name}", count_pairs(cohort))
        own = own_forecasts(patients, cohort, estimator, treated, step)
        found[name] = own_figures(cohort, own, belief)
    return found


def _counting(told: Told, label: str, total: int) -> Callable[[], None]:
    """Return what to call after every step of a piece of work."""
    count = itertools.count(1)
    return lambda: told(label, next(count), total)


def _judged(patients: Sequence[Patient], quantity: Quantity, told: Told) -> Judged:
    cohort = cohort_of(patients, quantity)
    folds = folds_of(cohort)[cohort.now]
    if len(np.unique(cohort.asked_of)) < FEWEST_PATIENTS:
        simple = baselines.autoregression(cohort, cohort.asked_of)
        return Judged(shipped(cohort, SHIPPED[quantity]), None, simple)
    treated = (True, False) if quantity is Quantity.MEAN_PRESSURE else (True,)
    label = f"fitting {quantity.clinical_name} to the other patients"
    step = _counting(told, label, len(treated) * FOLDS)
    versions = [cross_fitted(cohort, each, step) for each in treated]
    untreated = versions[1] if len(versions) > 1 else None
    return Judged(versions[0], untreated, baselines.autoregression(cohort, folds))


def _figures(judged: Judged, picked: Bool[np.ndarray, " pair"] | None = None) -> dict[str, Any]:
    cohort, rows = judged.cohort, judged.forecasts.rows
    here = np.flatnonzero(np.ones(len(rows), bool) if picked is None else picked)
    truth, now, patients = (
        each[here] for each in (cohort.value_next, cohort.value_now, cohort.asked_of)
    )
    rows = rows[here]
    error, still = np.abs(truth - rows[:, MEDIAN]), np.abs(truth - now)
    low, high = rows[:, FIFTH], rows[:, NINETY_FIFTH]
    held = ((truth >= low) & (truth <= high)).astype(float)
    figures: dict[str, Any] = {
        "pairs": len(here),
        "mae": with_interval(mean_of(error), patients),
        "crps": with_interval(mean_of(crps(rows, truth)), patients),
        "coverage90": with_interval(mean_of(held), patients),
        "width90": with_interval(mean_of(high - low), patients),
        "persistence_mae": _mean(still),
        "ar_mae": _mean(np.abs(truth - judged.autoregression[here])),
        "mae_against_persistence": with_interval(ratio_less_one(error, still), patients),
    }
    if judged.untreated is not None:
        untreated = np.abs(truth - judged.untreated.rows[here, MEDIAN])
        figures["mae_without_treatment"] = _mean(untreated)
    return figures


def _mean(values: Pairs) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _events(judged: Judged, limit: float) -> dict[str, Any]:
    """Return how well a next value below the limit was foreseen in patients above it now."""
    cohort = judged.cohort
    here = np.flatnonzero(cohort.value_now >= limit)
    event = cohort.value_next[here] < limit
    current, patients = -cohort.value_now[here], cohort.asked_of[here]
    score = probability_below(judged.forecasts.rows[here], limit)

    def gain(picked: Int[np.ndarray, " picked"]) -> float:
        return auroc(event[picked], score[picked]) - auroc(event[picked], current[picked])

    def area(of: Pairs) -> Callable[[Int[np.ndarray, " picked"]], float]:
        return lambda picked: auroc(event[picked], of[picked])

    name = "current_map" if limit == LOW_MEAN_PRESSURE_MMHG else "current"
    return {
        "pairs": len(here),
        "events": int(event.sum()),
        "auroc": with_interval(area(score), patients),
        "auprc": with_interval(lambda p: auprc(event[p], score[p]), patients),
        f"{name}_auroc": with_interval(area(current), patients),
        f"{name}_auprc": _known(auprc(event, current)),
        "auroc_gain": with_interval(gain, patients),
        "brier": _mean((score - event) ** 2),
        "expected_events": float(score.sum()),
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _after_intervention(judged: Judged) -> dict[str, Any]:
    """Return the figures where treatment was changed in the hour up to the forecast."""
    cohort = judged.cohort
    changed = cohort.changed[cohort.now]
    return {
        "patients": len(np.unique(cohort.asked_of[changed])),
        **_figures(judged, changed),
    }


def _models(judged: Judged) -> dict[str, Any]:
    """Return what each step adds, on the same pairs of mean pressure."""
    cohort = judged.cohort
    folds = folds_of(cohort)[cohort.now]
    simple = {
        "current_value": cohort.value_now,
        "half_current_half_mean_of_six": baselines.half_and_half(cohort),
        "autoregression": judged.autoregression,
        "gradient_boosting": baselines.boosting(cohort, folds),
    }
    rows = {
        "wandering_learnt_along": judged.untreated,
        "with_recorded_treatment": judged.forecasts,
    }
    found = {
        name: None if each is None else _row(cohort, each, -each) for name, each in simple.items()
    }
    for name, each in rows.items():
        if each is not None:
            score = probability_below(each.rows, LOW_MEAN_PRESSURE_MMHG)
            found[name] = _row(cohort, each.rows[:, MEDIAN], score) | {
                "crps": _mean(crps(each.rows, cohort.value_next))
            }
    return found


def _row(cohort: Cohort, expected: Pairs, risk: Pairs) -> dict[str, Any]:
    truth, still = cohort.value_next, float(np.mean(np.abs(cohort.value_next - cohort.value_now)))
    above = cohort.value_now >= LOW_MEAN_PRESSURE_MMHG
    event = truth[above] < LOW_MEAN_PRESSURE_MMHG
    mae = float(np.mean(np.abs(truth - expected)))
    own, current = auroc(event, risk[above]), auroc(event, -cohort.value_now[above])
    return {
        "mae": mae,
        "mae_against_persistence": mae / still - 1.0,
        "hypotension_auroc": _known(own),
        "hypotension_auroc_gain": _known(own - current),
    }


def _within(judged: Judged, limit: float, news2: Scored, told: Told) -> dict[str, Any]:
    cohort = judged.cohort
    score = np.concatenate(
        [np.empty(0)]
        + [
            news2(chart, 60.0 * stay.hours)
            for chart, stay in zip(cohort.charts, cohort.stays, strict=True)
        ]
    )
    label = f"drawing paths of {cohort.quantity.clinical_name}"
    step = _counting(told, label, int(np.sum(cohort.value_now >= limit)))
    seen = foreseen(cohort, judged.forecasts, limit, step)
    others = {"current_value": -cohort.value_now, "news2": np.nan_to_num(score[cohort.now])}
    return horizon_figures(cohort, seen, others)


def constants_of(patients: Sequence[Patient], told: Told) -> dict[str, Any]:
    """Return the constants that all these patients teach, and the curves of their events.

    The curves are taught by forecasts in folds, as they are judged.
    """
    found: dict[str, Any] = {}
    for number, (quantity, name) in enumerate(NAMES.items()):
        told("fitting", number, len(NAMES))
        cohort = cohort_of(patients, quantity)
        known = fitted(cohort, np.ones(len(cohort.stays), bool), with_treatment=True)
        found[name] = {"wandering": asdict(known.wandering), "errors": known.errors}
        if quantity in LIMITS:
            event, limit = LIMITS[quantity]
            forecasts = cross_fitted(cohort, with_treatment=True)
            curves = curves_of(cohort, foreseen(cohort, forecasts, limit))
            found[name]["curves"] = {event: curves}
    told("fitting", len(NAMES), len(NAMES))
    return found
