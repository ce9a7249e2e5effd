"""The draft orders and their alternatives, simulated on the patient's twin. No input or output.

One comparison simulates the drafts, alone and together; a second one their alternatives, and only
where a draft leaves something to wish for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cds_hooks.cards.order_card import OrderEffect
from cds_hooks.cards.wording import percent
from cds_hooks.fhir.from_twin import draft_order
from cds_hooks.fhir.halved_order import halved_order
from cds_hooks.fhir.kinds import Kind
from cds_hooks.services.alternatives import Alternative, alternatives, proposals
from twin.usecases import USUAL_GOAL, Plan, Ranked, compare_interventions, rank

if TYPE_CHECKING:
    import msgspec

    from cds_hooks.cards.frame import Proposal
    from cds_hooks.fhir.to_interventions import OrderedIntervention
    from cds_hooks.services.patient_twin import PatientTwin
    from twin.core.fit import ConvergedFit
    from twin.core.interventions import Intervention

HORIZON_S: Final = 1800.0
"""Half an hour: a bolus has run in, and a drug given into a vein has acted."""

TOGETHER: Final = "together"

GOOD_ENOUGH: Final = 0.90
"""A draft with which the goal is met this probably, and without harm, needs no alternative."""

CLEARLY_BETTER: Final = 0.10
"""How much more probable goal without harm must be for an alternative to be shown.

Both, and the number of suggestions, are ours and not validated.
"""

MOST_SUGGESTIONS: Final = 3
MOST_HARM: Final = 0.25


@dataclass(frozen=True, slots=True)
class SimulatedOrders:
    """What is simulated: the understood orders of one call, and for whom."""

    orders: tuple[OrderedIntervention, ...]
    drafts: Mapping[str, msgspec.Raw]
    """The drafts by reference, as far as they may still be changed."""
    patient: PatientTwin
    encounter_id: str | None


def simulated(
    fit: ConvergedFit, work: SimulatedOrders
) -> list[tuple[OrderEffect, tuple[Proposal, ...]]]:
    """Return the effect of each order, with the better alternatives to it."""
    plans = [Plan(order.reference, (order.intervention,)) for order in work.orders]
    if len(work.orders) > 1:
        plans.append(Plan(TOGETHER, tuple(order.intervention for order in work.orders)))
    comparison = compare_interventions(fit, plans, HORIZON_S)
    ranked = {each.effect.plan.name: each for each in rank(comparison, USUAL_GOAL)}
    wanting = [order for order in work.orders if _wanting(ranked[order.reference])]
    better = _better(fit, wanting, work, ranked)
    together = ranked.get(TOGETHER)
    return [
        (
            OrderEffect(
                order.reference,
                order.label,
                order.assumption,
                ranked[order.reference].effect,
                comparison.baseline,
                together.effect if together else None,
            ),
            better.get(order.reference, ()),
        )
        for order in work.orders
    ]


def _score(ranked: Ranked) -> float:
    return ranked.probability_goal - ranked.effect.probability_worse


def _wanting(ranked: Ranked) -> bool:
    return _score(ranked) < GOOD_ENOUGH


def _better(
    fit: ConvergedFit,
    orders: list[OrderedIntervention],
    work: SimulatedOrders,
    drafts: Mapping[str, Ranked],
) -> dict[str, tuple[Proposal, ...]]:
    options = {order.reference: _alternatives(order, work) for order in orders}
    # Alternatives to different orders are often the same thing to do: each is simulated once.
    to_do = dict.fromkeys(each.interventions for found in options.values() for each in found)
    if not to_do:
        return {}
    plans = [Plan(str(number), interventions) for number, interventions in enumerate(to_do)]
    comparison = compare_interventions(fit, plans, HORIZON_S)
    ranked = {each.effect.plan.interventions: each for each in rank(comparison, USUAL_GOAL)}
    return {
        reference: _shown(found, ranked, drafts[reference]) for reference, found in options.items()
    }


def _alternatives(order: OrderedIntervention, work: SimulatedOrders) -> tuple[Alternative, ...]:
    draft = work.drafts.get(order.reference)
    if draft is None:
        return ()
    patient = work.patient

    def draft_of(intervention: Intervention) -> dict[str, object]:
        return draft_order(intervention, patient.facts, encounter_id=work.encounter_id)

    return alternatives(order, halved_order(draft), patient.latest(Kind.HAEMOGLOBIN), draft_of)


def _shown(
    found: tuple[Alternative, ...],
    ranked: Mapping[tuple[Intervention, ...], Ranked],
    draft: Ranked,
) -> tuple[Proposal, ...]:
    better = [
        (each, ranked[each.interventions])
        for each in found
        if ranked[each.interventions].effect.probability_worse <= MOST_HARM
        and _score(ranked[each.interventions]) >= _score(draft) + CLEARLY_BETTER
    ]
    better.sort(key=lambda pair: _score(pair[1]), reverse=True)
    return proposals(
        [
            (each, f"simulated goal met {percent(place.probability_goal)}")
            for each, place in better[:MOST_SUGGESTIONS]
        ]
    )
