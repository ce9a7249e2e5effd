"""What a classifier reaches that is taught on such patients: how much their charts hold at all.

May live here: features of a chart and gradient boosting over them (scikit-learn, an extra). It is
taught the very distributions that the virtual patients are drawn from, which no weigher knows: on
other patients it would be worth little. It says what is left for the weigher to gain here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin.core.haemodynamics import Quantity
from twin.core.intervention_kinds import Fluid
from twin.core.measurements import Condition
from twin.validation.cause_judging import Answer, group_of, judged
from twin.validation.charted_courses import chart
from twin.validation.virtual_patients import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jaxtyping import Float

    from twin.validation.charted_courses import Chart, Shown
    from twin.validation.virtual_courses import VirtualCourses

VITAL: Final = (
    Quantity.HEART_RATE,
    Quantity.SYSTOLIC_PRESSURE,
    Quantity.DIASTOLIC_PRESSURE,
    Quantity.OXYGEN_SATURATION,
    Condition.TEMPERATURE,
    Condition.INSPIRED_OXYGEN_FRACTION,
    Quantity.CENTRAL_VENOUS_PRESSURE,
    Quantity.CARDIAC_OUTPUT,
)
MOST_SETS: Final = 6
BOOSTING: Final = {
    "max_iter": 110,
    "learning_rate": 0.08,
    "max_leaf_nodes": 10,
    "min_samples_leaf": 20,
    "l2_regularization": 2.0,
    "random_state": 0,
}


def features(seen: Chart) -> Float[np.ndarray, " feature"]:
    """Return a chart as one row: the newest set, the oldest, what is between, and the changes."""
    by_age: dict[float, dict[object, float]] = {}
    counts: list[tuple[float, float]] = []
    for each in seen.measurements:
        age_h = (NOW - each.taken_at).total_seconds() / 3600.0
        if each.quantity is Condition.HAEMOGLOBIN:
            counts.append((age_h, each.value))
        else:
            by_age.setdefault(round(age_h, 3), {})[each.quantity] = each.value
    ages_h = sorted(by_age)
    sets = [_row(by_age[age_h], age_h) for age_h in ages_h]
    nothing = np.full_like(sets[0], np.nan)
    now, oldest = sets[0], sets[-1] if len(sets) > 1 else nothing
    between = (sets[1:-1] + [nothing] * MOST_SETS)[: MOST_SETS - 2]
    rose = np.where(np.abs(now - oldest) >= 1.0, now - oldest, np.nan)
    changes = [now - oldest, *(each - now for each in between), (between[0] - oldest) / rose]
    return np.concatenate((now, oldest, *between, *changes, _rest(seen, counts), [len(sets)]))


def _row(values: Mapping[object, float], age_h: float) -> Float[np.ndarray, " value"]:
    charted = [values.get(quantity, np.nan) for quantity in VITAL]
    rate, systolic, diastolic = charted[:3]
    return np.array([*charted, systolic - diastolic, rate / systolic, age_h])


def _rest(seen: Chart, counts: list[tuple[float, float]]) -> list[float]:
    body = seen.body
    fluids = [each.intervention for each in seen.given]
    volume = sum(each.volume_ml for each in fluids if isinstance(each, Fluid))
    begun = [(NOW - each.starts_at).total_seconds() / 3600.0 for each in seen.given]
    newest = [value for _, value in sorted(counts)]
    known = (body.age_years, body.weight_kg, body.height_cm, float(body.sex == "male"))
    return [
        seen.respiratory_rate_per_min,
        *(np.nan if each is None else each for each in known),
        volume,
        begun[0] if begun else np.nan,
        newest[0] if newest else np.nan,
        max(newest) - newest[0] if newest else np.nan,
    ]


def examined(
    taught: VirtualCourses,
    asked: VirtualCourses,
    shown: Mapping[str, Shown],
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Return what a classifier that was ``taught`` says of those who are ``asked`` about."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    truths = np.array([group_of(cause) for cause in taught.causes])
    order = np.random.default_rng(0).permutation(len(truths))
    low = asked.in_shock()
    cases = {}
    for name, much in shown.items():
        progress(f"classifier: {name}")
        learnt = _table(taught, much)
        told = [len(np.unique(column[~np.isnan(column)])) > 1 for column in learnt.T]
        model = HistGradientBoostingClassifier(**BOOSTING)
        model.fit(learnt[order][:, told], truths[order])
        probabilities = model.predict_proba(_table(asked, much)[:, told])
        cases[name] = judged(
            [
                Answer(cause, dict(zip(model.classes_.tolist(), row.tolist(), strict=True)), each)
                for cause, row, each in zip(asked.causes, probabilities, low, strict=True)
            ]
        )
    return {"taught_on": len(truths), "cases": cases}


def _table(people: VirtualCourses, much: Shown) -> Float[np.ndarray, "person feature"]:
    return np.array([features(chart(people, each, much)) for each in range(len(people.causes))])
