"""How often the likeliest cause is the true one, and whether probabilities mean what they say.

May live here: what ``cardiotwin validate causes`` prints. The patients are ``virtual_patients``;
the shares they are drawn in are told to the weigher as base rates, and the rates that ship are
tried on the same patients beside that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin.core.causes import Causes
from twin.core.events import LOW_MEAN_PRESSURE_MMHG, LOW_SYSTOLIC_MMHG
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.hypotheses import OBSTRUCTION, OBSTRUCTIONS, Cause
from twin.core.telling import EXAMINATIONS
from twin.validation import cause_classifier, course_report
from twin.validation.cause_judging import Answer, group_of, groups, judged
from twin.validation.virtual_courses import virtual_courses
from twin.validation.virtual_patients import (
    INSULTS,
    NOW,
    OUTPUT,
    VENOUS_PRESSURE,
    VirtualPatients,
    virtual_patients,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twin.core.causes import CauseWeigher, NotWeighed
    from twin.core.measurements import Device
    from twin.validation.charted_courses import Shown
    from twin.validation.virtual_courses import VirtualCourses

    Extra = Sequence[tuple[Quantity, Device]]
    Progress = Callable[[str], None]

GROUPS: Final = (Cause.BLOOD_LOSS, Cause.VASOPLEGIA, Cause.PUMP_FAILURE, OBSTRUCTION)
"""An equal share of the patients each; obstructions are shared among those the model holds."""

OTHERS: Final = 1000
"""Added to the seed of those whom a classifier is taught on."""

GOALS: Final = {"vital_signs": 0.80, "with_venous_pressure_or_output": 0.95}

SHOWN: Final[Mapping[str, tuple[Extra, bool]]] = {
    "vital_signs": ((), False),
    "with_central_venous_pressure": (VENOUS_PRESSURE, False),
    "with_cardiac_output": (OUTPUT, False),
    "with_both": ((*VENOUS_PRESSURE, *OUTPUT), False),
    "vital_signs_and_an_earlier_set": ((), True),
    "with_central_venous_pressure_and_an_earlier_set": (VENOUS_PRESSURE, True),
    "with_cardiac_output_and_an_earlier_set": (OUTPUT, True),
    "with_both_and_an_earlier_set": ((*VENOUS_PRESSURE, *OUTPUT), True),
}
"""What the weigher is shown beside vital signs; an earlier set is two hours old, untroubled."""


def drawn(patients: int, weigher: CauseWeigher) -> dict[Cause, int]:
    """Return how many of each cause are drawn: equal groups, of what can be simulated."""
    per_group = patients // len(GROUPS)
    held = [h.cause for h in weigher.known if h.cause in INSULTS]
    counts = {cause: per_group for cause in held if cause not in OBSTRUCTIONS}
    obstructions = [cause for cause in held if cause in OBSTRUCTIONS]
    for place, cause in enumerate(obstructions):
        rest = per_group % len(obstructions)
        counts[cause] = per_group // len(obstructions) + (place < rest)
    return counts


def report(
    weigher: CauseWeigher,
    patients: int,
    seed: int,
    progress: Progress = lambda _: None,
    shown: Mapping[str, tuple[Extra, bool]] = SHOWN,
    courses_shown: Mapping[str, Shown] = course_report.SHOWN,
    classifier: int = 0,
) -> dict[str, Any]:
    """Return accuracies, confusions and calibrations, each with its 95 % interval.

    ``classifier`` is how many other patients a classifier is taught on, beside; 0 leaves it out.
    """
    counts = drawn(patients, weigher)
    progress("simulating patients")
    people = virtual_patients(counts, seed)
    rates = {cause: float(count) for cause, count in counts.items()}
    cases = {}
    for name, (extra, earlier) in shown.items():
        progress(name)
        cases[name] = judged(answers(people, weigher, extra, earlier, rates))
    progress("with the measurement that was proposed")
    cases["with_the_proposed_measurement"] = judged(_after_proposed(people, weigher, rates))
    progress("at the base rates that ship")
    shipped = judged(answers(people, weigher, (), False, None))
    progress("simulating courses")
    lived = virtual_courses(counts, seed)
    courses = course_report.examined(lived, weigher, rates, courses_shown, progress)
    taught = _taught(lived, weigher, classifier, seed, courses_shown, progress)
    return {
        "patients": len(people.causes),
        "drawn": {cause.name: count for cause, count in counts.items()},
        "seed": seed,
        "not_simulated": [c.value for c in OBSTRUCTIONS if c not in counts],
        "goals": GOALS,
        "cases": cases,
        "vital_signs_at_shipped_base_rates": shipped,
        "courses": courses,
        "classifier": taught,
    }


def _taught(
    lived: VirtualCourses,
    weigher: CauseWeigher,
    count: int,
    seed: int,
    shown: Mapping[str, Shown],
    progress: Progress,
) -> dict[str, Any] | None:
    """Return what a classifier reaches that was taught on so many other patients."""
    if not count:
        return None
    progress("simulating patients for a classifier")
    others = virtual_courses(drawn(count, weigher), seed + OTHERS)
    return cause_classifier.examined(others, lived, shown, progress)


def answers(
    people: VirtualPatients,
    weigher: CauseWeigher,
    extra: Extra,
    earlier: bool,
    rates: Mapping[Cause, float] | None,
) -> list[Answer]:
    """Return what is said of each patient when shown vital signs and what else is named."""
    return [
        _answer(people, person, _weighed(people, person, weigher, extra, earlier, rates))
        for person in range(len(people.causes))
    ]


def _weighed(
    people: VirtualPatients,
    person: int,
    weigher: CauseWeigher,
    extra: Extra,
    earlier: bool,
    rates: Mapping[Cause, float] | None,
) -> Causes | NotWeighed:
    return weigher.weigh(
        people.measurements(person, extra, earlier=earlier),
        people.bodies[person],
        NOW,
        float(people.respiratory_rates[person]),
        rates,
    )


def _answer(people: VirtualPatients, person: int, found: Causes | NotWeighed) -> Answer:
    return Answer(people.causes[person], groups(found), _in_shock(people, person))


def _in_shock(people: VirtualPatients, person: int) -> bool:
    mean = people.now[QUANTITY_INDEX[Quantity.MEAN_PRESSURE], person]
    systolic = people.now[QUANTITY_INDEX[Quantity.SYSTOLIC_PRESSURE], person]
    return bool(mean < LOW_MEAN_PRESSURE_MMHG or systolic < LOW_SYSTOLIC_MMHG)


def _after_proposed(
    people: VirtualPatients, weigher: CauseWeigher, rates: Mapping[Cause, float]
) -> list[Answer]:
    """Return what is said once the measurement that each answer asks for has been made."""
    random = np.random.default_rng(people.seed + 1)
    found = []
    for person, truth in enumerate(people.causes):
        first = _weighed(people, person, weigher, (), False, rates)
        if not isinstance(first, Causes) or not first.telling:
            found.append(_answer(people, person, first))
            continue
        asked = first.telling[0]
        if asked.quantity is not None:
            extra = ((asked.quantity, asked.device),)
            second = _weighed(people, person, weigher, extra, False, rates)
            found.append(_answer(people, person, second))
        else:
            said = _examined(truth, first, asked.name, random)
            found.append(replace(said, in_shock=_in_shock(people, person)))
    return found


def _examined(truth: Cause, first: Causes, name: str, random: np.random.Generator) -> Answer:
    (test,) = (each for each in EXAMINATIONS if each.name == name)
    positive = random.random() < test.positive.get(truth, test.positive_otherwise)
    by_group: defaultdict[str, float] = defaultdict(float)
    for each in first.candidates:
        likelihood = test.positive.get(each.cause, test.positive_otherwise)
        by_group[group_of(each.cause)] += each.probability * (
            likelihood if positive else 1.0 - likelihood
        )
    total = sum(by_group.values())
    return Answer(truth, {group: value / total for group, value in by_group.items()})
