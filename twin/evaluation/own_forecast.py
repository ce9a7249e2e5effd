"""The forecast that a card shows, judged on charts: fit to the past, paths drawn, next value seen.

``crossfit`` judges the belief about a charted quantity by itself; here it passes through the twin
as it does in the service: measurements of two days are fitted, and the paths of
``twin.core.forecast`` are held to what was charted next. The constants are those that ship.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin.core.events import LOW_MEAN_PRESSURE_MMHG, Event
from twin.core.forecast import charted_paths, forecast_within
from twin.core.haemodynamics import QUANTITY_INDEX
from twin.core.interventions import INFUSION_RATE, Drug, Fluid, Infusion
from twin.core.measurements import Measurement
from twin.core.treatment import Administration, screened, underway_at
from twin.core.wandering import CENTILES
from twin.evaluation.hidden import DAY_ZERO, SHOWN, UNKNOWN_BODY
from twin.evaluation.horizons import FEWEST_EVENTS, happened
from twin.evaluation.scores import (
    FIFTH,
    MEDIAN,
    NINETY_FIFTH,
    auroc,
    crps,
    mean_of,
    ratio_less_one,
    with_interval,
)
from twin.evaluation.treatment import GIVEN_IN_S, Course, treatment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float, Int

    from twin.evaluation.chart import Patient, Stay
    from twin.evaluation.cohort import Cohort
    from twin.evaluation.crossfit import Forecasts
    from twin.ports import Estimator

REMEMBERED_MINUTES: Final = 48.0 * 60.0
"""As long as the service keeps measurements (``twin.usecases.KEPT_FOR``)."""
MOST_A_PATIENT: Final = 48
"""Pairs of a patient that are asked for, evenly spread: neighbours say the same."""
HORIZONS_S: Final = (3600.0, 21_600.0)
"""Those that hourly charts can judge."""


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """What the twin's own forecast said of some pairs before the answers were shown."""

    pairs: Int[np.ndarray, " pair"]
    """Of the cohort; only those at which the fit gave advice."""
    asked: int
    rows: Float[np.ndarray, "pair centile"]
    within: Float[np.ndarray, "pair horizon"]
    """Probability of hypotension within each of ``HORIZONS_S``."""


def own_forecasts(
    patients: Sequence[Patient],
    cohort: Cohort,
    estimator: Estimator,
    with_treatment: bool,
    told: Callable[[], None] = lambda: None,
) -> Own:
    """Return the twin's own forecasts of mean pressure; ``told`` is called after every pair."""
    pairs, rows, within, asked = [], [], [], 0
    for pair in _asked(cohort):
        stay = cohort.charts[int(np.searchsorted(cohort.first, cohort.now[pair], "right")) - 1]
        patient = patients[cohort.subject[cohort.now[pair]]]
        found = _forecast(stay, patient if with_treatment else None, cohort, pair, estimator)
        asked += 1
        if found is not None:
            pairs.append(pair)
            rows.append(found[0])
            within.append(found[1])
        told()
    return Own(
        np.array(pairs, np.int64),
        asked,
        np.array(rows).reshape(-1, len(CENTILES)),
        np.array(within).reshape(-1, len(HORIZONS_S)),
    )


def count_pairs(cohort: Cohort) -> int:
    """Return how many pairs will be asked for."""
    return len(_asked(cohort))


def _asked(cohort: Cohort) -> list[int]:
    found: list[int] = []
    for patient in np.unique(cohort.asked_of):
        mine = np.flatnonzero(cohort.asked_of == patient)
        spread = np.linspace(0, len(mine) - 1, min(MOST_A_PATIENT, len(mine)))
        found += [int(mine[place]) for place in spread.round().astype(int)]
    return found


def _forecast(
    stay: Stay, patient: Patient | None, cohort: Cohort, pair: int, estimator: Estimator
) -> tuple[np.ndarray, list[float]] | None:
    minute = float(cohort.minute[cohort.now[pair]])
    ahead_s = 60.0 * (float(cohort.minute[cohort.next[pair]]) - minute)
    now = DAY_ZERO + timedelta(minutes=minute)
    known = _known(stay, minute)
    given = () if patient is None else given_until(patient, minute)
    kept, _ = screened(given, UNKNOWN_BODY, now)
    fit = estimator.fit(known, UNKNOWN_BODY, now, kept)
    converged = fit.converged()
    if converged is None:
        return None
    underway = underway_at(kept, fit.taken_at, now)
    paths = charted_paths(converged, (ahead_s,), pair, known, underway)
    row = np.quantile(paths[QUANTITY_INDEX[cohort.quantity], 0], CENTILES)
    within = forecast_within(converged, HORIZONS_S, pair, known, underway)
    return row, [found[Event.HYPOTENSION] for found in within.values()]


def _known(stay: Stay, minute: float) -> list[Measurement]:
    """Return what was charted in the two days until a minute, as the service would have it."""
    known = []
    for channel, quantity, device in SHOWN:
        column = stay.column(channel)
        first, last = np.searchsorted(column.minutes, (minute - REMEMBERED_MINUTES, minute + 1e-6))
        for row in range(int(first), int(last)):
            at = DAY_ZERO + timedelta(minutes=float(column.minutes[row]))
            value = float(column.values[row])
            known.append(Measurement(quantity, value, at, f"{channel}/{at}", device))
    return known


def given_until(patient: Patient, minute: float) -> tuple[Administration, ...]:
    """Return what was given until a minute, as it was known then: what ran is still running."""
    treatment = treatment_of(patient.given)
    found = [each for course in treatment.courses for each in _administrations(course, minute)]
    found += [
        Administration(Fluid(bolus.kind, bolus.volume_ml, GIVEN_IN_S), _at(bolus.minute), None)
        for bolus in treatment.boluses
        if bolus.minute <= minute
    ]
    return tuple(found)


def _administrations(course: Course, minute: float) -> list[Administration]:
    drugs = {each.value: each for each in Drug}
    drug = drugs.get(course.drug)
    if drug is None or drug not in INFUSION_RATE or INFUSION_RATE[drug].unit != course.unit:
        return []
    begun = int(np.searchsorted(course.minutes, minute, side="right"))
    ends = [*course.minutes[1:begun], None] if begun else []
    return [
        Administration(Infusion(drug, float(rate)), _at(start), None if end is None else _at(end))
        for start, rate, end in zip(course.minutes, course.rates, ends, strict=False)
        if rate > 0.0
    ]


def _at(minute: float) -> Any:  # noqa: ANN401
    return DAY_ZERO + timedelta(minutes=float(minute))


def own_figures(cohort: Cohort, own: Own, belief: Forecasts) -> dict[str, Any]:
    """Return the figures of the twin's own forecast beside those of the belief by itself.

    ``belief`` has the same constants, so that the difference is what the twin makes of it.
    """
    truth, now = cohort.value_next[own.pairs], cohort.value_now[own.pairs]
    patients = cohort.asked_of[own.pairs]
    low, high = own.rows[:, FIFTH], own.rows[:, NINETY_FIFTH]
    error, still = np.abs(truth - own.rows[:, MEDIAN]), np.abs(truth - now)
    held = ((truth >= low) & (truth <= high)).astype(float)
    alone = np.abs(truth - belief.rows[own.pairs, MEDIAN])
    return {
        "pairs": len(own.pairs),
        "asked": own.asked,
        "patients": len(np.unique(patients)),
        "mae": with_interval(mean_of(error), patients),
        "crps": with_interval(mean_of(crps(own.rows, truth)), patients),
        "bias": with_interval(mean_of(own.rows[:, MEDIAN] - truth), patients),
        "coverage90": with_interval(mean_of(held), patients),
        "width90": with_interval(mean_of(high - low), patients),
        "mae_against_persistence": with_interval(ratio_less_one(error, still), patients),
        "belief_alone_against_persistence": with_interval(ratio_less_one(alone, still), patients),
        "hypotension_within_minutes": _events(cohort, own),
    }


def _events(cohort: Cohort, own: Own) -> dict[str, Any]:
    found: dict[str, Any] = {}
    above = cohort.value_now[own.pairs] >= LOW_MEAN_PRESSURE_MMHG
    pairs, within = own.pairs[above], own.within[above]
    for place, horizon_s in enumerate(HORIZONS_S):
        minutes = horizon_s / 60.0
        event, known = happened(cohort, pairs, LOW_MEAN_PRESSURE_MMHG, minutes)
        probability, came = within[known, place], event[known]
        counted: dict[str, Any] = {"pairs": int(known.sum()), "events": int(came.sum())}
        if came.sum() >= FEWEST_EVENTS:
            patients = cohort.asked_of[pairs[known]]
            current = -cohort.value_now[pairs[known]]
            counted |= {
                "auroc": with_interval(_area(came, probability), patients),
                "current_value_auroc": with_interval(_area(came, current), patients),
                "brier": float(np.mean((probability - came) ** 2)),
                "expected_events": float(probability.sum()),
            }
        found[f"{minutes:.0f}"] = counted
    return found


def _area(event: np.ndarray, score: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda picked: auroc(event[picked], score[picked])
