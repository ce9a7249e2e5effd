"""What a trouble's course adds to its present: the same patients, more and more of their charts.

May live here: the part of ``cardiotwin validate causes`` that examines courses. The patients are
``virtual_courses``, their charts ``charted_courses``; whoever is asked about is in trouble at the
arm when the newest set is charted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin.core.causes import Causes
from twin.validation.cause_judging import Answer, groups, judged
from twin.validation.charted_courses import Chart, Shown, chart
from twin.validation.figures import share
from twin.validation.virtual_patients import NOW, OUTPUT, VENOUS_PRESSURE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twin.core.causes import CauseWeigher, NotWeighed
    from twin.core.hypotheses import Cause
    from twin.validation.virtual_courses import VirtualCourses

BOTH: Final = (*VENOUS_PRESSURE, *OUTPUT)

SHOWN: Final[Mapping[str, Shown]] = {
    "newest_set": Shown(sets=1, before=False),
    "newest_set_and_one_before_the_trouble": Shown(sets=1),
    "two_sets_and_one_before": Shown(sets=2),
    "whole_course": Shown(),
    "whole_course_with_haemoglobin": Shown(haemoglobin=True),
    "newest_set_with_central_venous_pressure": Shown(1, False, VENOUS_PRESSURE),
    "whole_course_with_central_venous_pressure": Shown(extra=VENOUS_PRESSURE),
    "newest_set_with_cardiac_output": Shown(1, False, OUTPUT),
    "whole_course_with_cardiac_output": Shown(extra=OUTPUT),
    "newest_set_with_both": Shown(1, False, BOTH),
    "whole_course_with_both": Shown(extra=BOTH),
}
"""How much of each chart is shown; a whole course is up to five sets over one to four hours,
irregular and with gaps, and one from before."""

ONSET_FACTOR: Final = 2.0
"""An onset is found if its age is right within this factor."""


def examined(
    people: VirtualCourses,
    weigher: CauseWeigher,
    rates: Mapping[Cause, float],
    shown: Mapping[str, Shown] = SHOWN,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Return one case for each amount of chart."""
    cases = {}
    for name, much in shown.items():
        progress(f"courses: {name}")
        charts = [chart(people, person, much) for person in range(len(people.causes))]
        found = [_weighed(weigher, each, rates) for each in charts]
        answers = [
            Answer(cause, groups(causes), low)
            for cause, causes, low in zip(people.causes, found, people.in_shock(), strict=True)
        ]
        case = judged(answers)
        if much.sets > 1:
            case["onset_within_a_factor_of_two"] = _onsets(people, found)
            case["accuracy_by_sets"] = _by_sets(charts, answers)
        cases[name] = case
    return cases


def _weighed(
    weigher: CauseWeigher, each: Chart, rates: Mapping[Cause, float]
) -> Causes | NotWeighed:
    return weigher.weigh(
        each.measurements,
        each.body,
        NOW,
        each.respiratory_rate_per_min,
        rates,
        each.given,
    )


def _onsets(
    people: VirtualCourses, found: Sequence[Causes | NotWeighed]
) -> dict[str, float] | None:
    right = [
        1.0 / ONSET_FACTOR <= causes.course.onset_h / age_h <= ONSET_FACTOR
        for causes, age_h in zip(found, people.age_h, strict=True)
        if isinstance(causes, Causes) and causes.course.onset_h is not None
    ]
    return share(sum(right), len(right))


def _by_sets(charts: Sequence[Chart], answers: Sequence[Answer]) -> dict[str, Any]:
    """Return the accuracy of those with so many sets within the trouble."""
    counts = np.array([each.sets for each in charts])
    right = np.array([each.said == each.truth for each in answers])
    return {
        str(count): share(int(right[counts == count].sum()), int(np.sum(counts == count)))
        for count in np.unique(counts)
    }
