"""What ``cardiotwin twin`` says with ``--json``: fits, forecasts, plans and causes as figures.

May live here: the shape of the objects. Intervals are 90 % ones and say so once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cds_hooks.fhir.given_dose import described
from twin.core.haemodynamics import Quantity
from twin.core.interventions import DrugDose, Fluid, Infusion, Intervention

if TYPE_CHECKING:
    from cds_hooks.cli.fitted_record import FittedRecord
    from cds_hooks.cli.twin_record import PatientRecord
    from twin.core.causes import Causes, NotWeighed
    from twin.core.comparison import Comparison, SimulatedEffect
    from twin.core.fit import Interval
    from twin.core.forecast import Forecast
    from twin.core.ranking import Ranked
    from twin.core.treatment import Administration

SIMULATED: Final = (
    "Simulated on a twin of the circulation; research only, not validated on patients."
)


def figure(interval: Interval, quantity: Quantity) -> dict[str, object]:
    """Return an estimate with the ends of its 90 % interval."""
    return {
        "value": round(interval.median, 3),
        "low": round(interval.low, 3),
        "high": round(interval.high, 3),
        "unit": quantity.unit,
    }


def figures(estimates: Mapping[Quantity, Interval]) -> dict[str, object]:
    """Return every estimate by its quantity."""
    return {quantity.value: figure(each, quantity) for quantity, each in estimates.items()}


def of_fit(found: FittedRecord, record: PatientRecord) -> dict[str, Any]:
    """Return how the fit ended, and its estimates; without advice they are left out."""
    fit = found.fit
    return {
        "outcome": fit.outcome.name,
        "sentence": fit.outcome.value,
        "advice": fit.outcome.advisable,
        "at": record.now.isoformat(),
        "body": {
            "age_years": fit.body.age_years,
            "sex": fit.body.sex,
            "weight_kg": fit.body.weight_kg,
            "height_cm": fit.body.height_cm,
        },
        "interval": 0.9,
        "estimates": figures(fit.estimates) if fit.outcome.advisable else {},
        "residuals_sd": {q.value: round(r, 2) for q, r in fit.residuals.items()},
        "effective_sample_size": round(fit.effective_sample_size, 1),
        "recorded_treatment": [_given(each) for each in found.given],
        "sentences": [*record.sentences, *found.sentences, *fit.sentences, SIMULATED],
    }


def _given(each: Administration) -> dict[str, object]:
    """Return recorded treatment that the twin knows: what, from when, until when."""
    return {
        "what": _named(each.intervention),
        "from": each.starts_at.isoformat(),
        "until": None if each.ends_at is None else each.ends_at.isoformat(),
        "reference": each.reference,
    }


def _named(intervention: Intervention) -> str:
    match intervention:
        case Infusion(drug) | DrugDose(drug):
            what = drug.value
        case Fluid(kind):
            what = kind.value
        case _:
            what = type(intervention).__name__.lower()
    return f"{what} {described(intervention)}".strip()


def of_causes(causes: Causes | NotWeighed) -> dict[str, Any]:
    """Return the causes with their probabilities, and what would tell them apart."""
    from twin.core.causes import NotWeighed

    if isinstance(causes, NotWeighed):
        return {"weighed": False, "sentence": causes.sentence}
    return {
        "weighed": True,
        "in_trouble": bool(causes.troubles),
        "troubles": list(causes.troubles),
        "probabilities": {
            each.cause.value: {
                "probability": round(each.probability, 4),
                "at_equal_base_rates": round(each.probability_at_equal_rates, 4),
            }
            for each in causes.candidates
        },
        "most_telling": [
            {
                "measurement": each.name,
                "expected_entropy_fall_bits": round(each.entropy_fall_bits, 3),
                "entropy_now_bits": round(each.entropy_now_bits, 3),
            }
            for each in causes.telling
        ],
        "course": {
            "sets": causes.course.sets,
            "hours": round(causes.course.hours, 2),
            "onset_hours_before_newest": None
            if causes.course.onset_h is None
            else round(causes.course.onset_h, 2),
        },
        "sentences": list(causes.sentences),
    }


def of_forecast(found: Forecast) -> dict[str, Any]:
    """Return the forecast's probabilities and the state at its horizon."""
    return {
        "horizon_s": found.horizon_s,
        "probabilities": {
            event.name: {"probability": round(p, 4), "event": event.clinical_name}
            for event, p in found.probabilities.items()
        },
        "at_horizon": figures(found.at_horizon),
        "sentences": list(found.sentences),
    }


def of_plans(
    compared: Comparison, ranked: Sequence[Ranked], best: Ranked | None, verdict: str
) -> dict[str, Any]:
    """Return what every plan would do, in the order of the ranking."""
    return {
        "baseline": _effect(compared.baseline),
        "plans": [
            {
                **_effect(each.effect),
                "probability_goal": round(each.probability_goal, 4),
                "gain": round(each.gain, 4),
                "good": each.good,
                "reason": each.reason,
            }
            for each in ranked
        ],
        "best": best.effect.plan.name if best is not None else None,
        "verdict": verdict,
    }


def _effect(effect: SimulatedEffect) -> dict[str, Any]:
    return {
        "plan": effect.plan.name,
        "at_s": effect.at_s,
        "after": figures(effect.after),
        "change": figures(effect.change),
        "probability_map_below_65": round(effect.probability_map_below_65, 4),
        "probability_worse": round(effect.probability_worse, 4),
        "sentences": list(effect.sentences),
    }
