"""The draft orders and their alternatives, simulated on the patient's twin. No input or output.

The drafts are simulated alone and together, beside their alternatives; these are shown only where
a draft leaves something to wish for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

from cds_hooks.cards.basis import Treated
from cds_hooks.cards.order_card import OrderEffect
from cds_hooks.cards.wording import escaped, percent
from cds_hooks.fhir.changed_treatment import changed_by
from cds_hooks.fhir.from_twin import draft_order
from cds_hooks.fhir.halved_order import halved_order
from cds_hooks.fhir.kinds import Kind
from cds_hooks.services.alternatives import Alternative, alternatives, menu, proposals
from twin.core.interventions import Stop
from twin.errors import InterventionError
from twin.usecases import USUAL_GOAL, Plan, Ranked, compare_interventions, rank

if TYPE_CHECKING:
    import msgspec

    from cds_hooks.cards.frame import Proposal
    from cds_hooks.fhir.to_interventions import OrderedIntervention
    from cds_hooks.services.patient_twin import PatientTwin
    from twin.core.fit import ConvergedFit
    from twin.core.interventions import Intervention, Planned
    from twin.usecases import SimulatedEffect, Underway

HORIZON_S: Final = 1800.0
"""Half an hour: a bolus has run in, and a drug given into a vein has acted."""

GOOD: Final = 0.90
"""A draft with which the goal is met this probably, and without harm, needs no alternative."""

CLEARLY_BETTER: Final = 0.10
"""How much more probable goal without harm must be for an alternative to be shown.

Both, and the number of suggestions, are ours and not validated.
"""

MOST_SUGGESTIONS: Final = 3


@dataclass(frozen=True, slots=True)
class SimulatedOrders:
    """What is simulated: the understood orders of one call, and for whom."""

    orders: tuple[OrderedIntervention, ...]
    drafts: Mapping[str, msgspec.Raw]
    """The drafts by reference, as far as they may still be changed."""
    patient: PatientTwin
    encounter_id: str | None


def refusal(interventions: Sequence[Planned], patient: PatientTwin) -> str | None:
    """Return why dose, route, weight or nothing to stop forbids simulating these, or None."""
    try:
        patient.assimilation.underway.with_plan(interventions, patient.assimilation.fit.body)
    except InterventionError as error:
        return str(error)
    return None


def simulated(
    fit: ConvergedFit, work: SimulatedOrders
) -> list[tuple[OrderEffect, tuple[Proposal, ...]]]:
    """Return the effect of each order, with the better alternatives to it."""
    alone = {order.reference: order.planned for order in work.orders}
    together = _all_of(work.orders)
    options = {order.reference: _alternatives(order, work) for order in work.orders}
    others = [each.interventions for found in options.values() for each in found]
    underway = work.patient.assimilation.underway
    outcomes = _Outcomes.of(fit, [*alone.values(), together, *others], underway)
    return [
        (
            OrderEffect(
                order.reference,
                order.label,
                order.assumption,
                outcomes.effect(alone[order.reference]),
                outcomes.effect(()),
                outcomes.effect(together) if len(work.orders) > 1 else None,
                tuple(
                    Treated(escaped(each.label, 80), each.start, running=True)
                    for each in changed_by(order, work.patient.running)
                ),
            ),
            _better(options[order.reference], outcomes, alone[order.reference]),
        )
        for order in work.orders
    ]


_ToDo = tuple["Planned", ...]


def _all_of(orders: Sequence[OrderedIntervention]) -> _ToDo:
    """Return what all orders do together: what they stop is stopped once, and first."""
    planned = [each for order in orders for each in order.planned]
    stops = dict.fromkeys(each for each in planned if isinstance(each, Stop))
    return (*stops, *(each for each in planned if not isinstance(each, Stop)))


@final
@dataclass(frozen=True, slots=True)
class _Outcomes:
    """What each thing to do leads to; whatever orders and alternatives share is simulated once."""

    ranked: Mapping[_ToDo, Ranked]

    @classmethod
    def of(cls, fit: ConvergedFit, wanted: Sequence[_ToDo], underway: Underway) -> _Outcomes:
        """Simulate everything beside doing nothing new, in one comparison: all share members."""
        different = [each for each in dict.fromkeys(wanted) if each]
        plans = [Plan(str(number), to_do) for number, to_do in enumerate(different)]
        comparison = compare_interventions(fit, plans, HORIZON_S, underway)
        beside = replace(comparison, effects=(comparison.baseline, *comparison.effects))
        return cls({each.effect.plan.interventions: each for each in rank(beside, USUAL_GOAL)})

    def effect(self, to_do: _ToDo) -> SimulatedEffect:
        """Return the simulated effect of something that was simulated."""
        return self.ranked[to_do].effect

    def score(self, to_do: _ToDo) -> float:
        """Return the probability of the goal less that of harm."""
        place = self.ranked[to_do]
        return place.probability_goal - place.effect.probability_worse


def _alternatives(order: OrderedIntervention, work: SimulatedOrders) -> tuple[Alternative, ...]:
    draft = work.drafts.get(order.reference)
    if draft is None:
        return ()
    patient = work.patient

    running = [each.intervention for each in patient.running if each.intervention is not None]
    considered = menu(patient.latest(Kind.HAEMOGLOBIN), patient.blood_volume_share, running)

    def draft_of(intervention: Intervention) -> dict[str, object]:
        return draft_order(intervention, patient.facts, encounter_id=work.encounter_id)

    found = alternatives(order, halved_order(draft), considered, draft_of)
    # Half of the smallest plausible dose is no plausible dose.
    return tuple(each for each in found if refusal(each.interventions, patient) is None)


def _better(
    found: Sequence[Alternative], outcomes: _Outcomes, draft: _ToDo
) -> tuple[Proposal, ...]:
    if outcomes.score(draft) >= GOOD:
        return ()
    better = [
        each
        for each in found
        if outcomes.score(each.interventions) >= outcomes.score(draft) + CLEARLY_BETTER
        # To do less than the draft needs no other reason; something else must help by itself, or
        # a congested patient would be offered fluid because a beta blocker is worse.
        and (each.does_less or outcomes.ranked[each.interventions].good)
    ]
    better.sort(key=lambda each: outcomes.score(each.interventions), reverse=True)
    return proposals(
        [
            (
                each,
                "simulated goal met "
                f"{percent(outcomes.ranked[each.interventions].probability_goal)}",
            )
            for each in better[:MOST_SUGGESTIONS]
        ]
    )
