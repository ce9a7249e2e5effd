"""How often the likeliest cause is the true one, and whether probabilities mean what they say.

May live here: what ``cardiotwin validate causes`` prints. The patients are ``virtual_patients``;
the shares they are drawn in are told to the weigher as base rates, and the rates that ship are
tried on the same patients beside that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin.core.causes import Causes
from twin.core.events import LOW_MEAN_PRESSURE_MMHG, LOW_SYSTOLIC_MMHG
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.hypotheses import OBSTRUCTION, OBSTRUCTIONS, Cause
from twin.core.telling import EXAMINATIONS
from twin.validation.figures import share
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

    Extra = Sequence[tuple[Quantity, Device]]
    Progress = Callable[[str], None]

GROUPS: Final = (Cause.BLOOD_LOSS, Cause.VASOPLEGIA, Cause.PUMP_FAILURE, OBSTRUCTION)
"""An equal share of the patients each; obstructions are shared among those the model holds."""

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

BINS: Final = (0.0, 0.4, 0.6, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one patient."""

    truth: str
    probabilities: Mapping[str, float]
    """By group; empty where no cause was weighed."""
    in_shock: bool = True
    """Whether the true pressure is low; else the trouble is compensated, or of the lungs."""

    @property
    def said(self) -> str:
        """Return the likeliest group."""
        if not self.probabilities:
            return "not weighed"
        return max(self.probabilities, key=lambda group: self.probabilities[group])


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
) -> dict[str, Any]:
    """Return accuracies, confusions and calibrations, each with its 95 % interval."""
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
    return {
        "patients": len(people.causes),
        "drawn": {cause.name: count for cause, count in counts.items()},
        "seed": seed,
        "not_simulated": [c.value for c in OBSTRUCTIONS if c not in counts],
        "goals": GOALS,
        "cases": cases,
        "vital_signs_at_shipped_base_rates": shipped,
    }


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
    groups: defaultdict[str, float] = defaultdict(float)
    if isinstance(found, Causes):
        for each in found.candidates:
            groups[_name(each.cause)] += each.probability
    return Answer(_name(people.causes[person]), dict(groups), _in_shock(people, person))


def _in_shock(people: VirtualPatients, person: int) -> bool:
    mean = people.now[QUANTITY_INDEX[Quantity.MEAN_PRESSURE], person]
    systolic = people.now[QUANTITY_INDEX[Quantity.SYSTOLIC_PRESSURE], person]
    return bool(mean < LOW_MEAN_PRESSURE_MMHG or systolic < LOW_SYSTOLIC_MMHG)


def _name(cause: Cause) -> str:
    return OBSTRUCTION if cause in OBSTRUCTIONS else cause.name.lower()


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
    groups: defaultdict[str, float] = defaultdict(float)
    for each in first.candidates:
        likelihood = test.positive.get(each.cause, test.positive_otherwise)
        groups[_name(each.cause)] += each.probability * (
            likelihood if positive else 1.0 - likelihood
        )
    total = sum(groups.values())
    return Answer(_name(truth), {group: value / total for group, value in groups.items()})


def judged(found: Sequence[Answer]) -> dict[str, Any]:
    """Return accuracy, confusion, and how honest the probabilities are."""
    confusion: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in found:
        confusion[each.truth][each.said] += 1
    weighed = [each for each in found if each.probabilities]
    truths = np.array([max(each.probabilities.get(each.truth, 0.0), 1e-6) for each in weighed])
    shocked = [each for each in found if each.in_shock]
    return {
        "accuracy": share(sum(each.said == each.truth for each in found), len(found)),
        "accuracy_in_shock": share(sum(e.said == e.truth for e in shocked), len(shocked)),
        "confusion": {truth: dict(said.most_common()) for truth, said in confusion.items()},
        "log_loss": round(float(-np.log(truths).mean()), 4) if len(truths) else None,
        "calibration": calibration(weighed),
    }


def calibration(found: Sequence[Answer]) -> dict[str, Any]:
    """Return how often the likeliest cause is right where its probability is about so high."""
    top = np.array([each.probabilities[each.said] for each in found])
    right = np.array([each.said == each.truth for each in found], bool)
    bins, gap = [], 0.0
    for low, high in pairwise(BINS):
        here = (top >= low) & ((top < high) | (high == 1.0))
        if not here.any():
            continue
        gap += abs(float(right[here].mean() - top[here].mean())) * here.mean()
        bins.append(
            {
                "from": low,
                "to": high,
                "patients": int(here.sum()),
                "mean_probability": round(float(top[here].mean()), 4),
                "right": share(int(right[here].sum()), int(here.sum())),
            }
        )
    return {
        "mean_probability": round(float(top.mean()), 4) if len(top) else None,
        "expected_calibration_error": round(float(gap), 4),
        "bins": bins,
    }
