"""CDS Service ``order-effects``: what the orders being written would do to this patient's twin."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, final

from cds_hooks.cards.order_card import no_advice_card, not_understood_card, order_card
from cds_hooks.fhir.changed_treatment import with_prior_stopped
from cds_hooks.fhir.resources import head
from cds_hooks.fhir.to_interventions import orders_of
from cds_hooks.ports import Ehr
from cds_hooks.services.gather import Sources, read_references
from cds_hooks.services.order_simulation import SimulatedOrders, refusal, simulated
from cds_hooks.services.service import HookCall, ServiceDefinition
from cds_hooks.services.templates import (
    OBSERVATIONS,
    PATIENT,
    TREATMENT,
    VITAL_SIGNS,
)
from cds_hooks.wire.request import OrderDispatchContext, OrderSelectContext, OrderSignContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

    from cds_hooks.cards.frame import Frame
    from cds_hooks.fhir.to_interventions import OrderedIntervention
    from cds_hooks.services.patient_twin import PatientTwin, PatientTwins
    from cds_hooks.services.speaker import Speaker
    from cds_hooks.wire.response import Card

DEFINITION: Final = ServiceDefinition(
    id="order-effects",
    title="Simulated effect of the orders being written",
    description=(
        "Simulates every draft order on the patient's cardiovascular twin and says how mean "
        "arterial pressure, cardiac output and more would change, with 90 % intervals; suggests "
        "alternatives whose simulated outcome is better. Research use only."
    ),
    hooks=("order-select", "order-sign", "order-dispatch"),
    prefetch=OBSERVATIONS | TREATMENT,
    essential=frozenset({PATIENT, VITAL_SIGNS}),
    usage_requirements=(
        "Adults only. Without prefetch, the service reads Patient, Observation and "
        "MedicationAdministration from fhirServer."
    ),
)


@final
class OrderEffects:
    """https://cds-hooks.hl7.org/2.0/#calling-a-cds-service, for the three order hooks."""

    definition = DEFINITION

    def __init__(self, twins: PatientTwins, ehr: Ehr, speaker: Speaker) -> None:
        self._twins = twins
        self._ehr = ehr
        self._speaker = speaker

    async def cards(self, call: HookCall) -> tuple[Card, ...]:
        """Return one card an order, and one for the orders that could not be simulated."""
        drafts, unread = await self._drafts(call)
        if not drafts:
            return ()
        frame = self._speaker.frame(DEFINITION.id, call)
        return await self._twins.with_updated(
            call, partial(self._cards_of, call, frame, drafts, unread)
        )

    def _cards_of(
        self,
        call: HookCall,
        frame: Frame,
        drafts: tuple[msgspec.Raw, ...],
        unread: Mapping[str, str],
        patient: PatientTwin,
    ) -> tuple[Card, ...]:
        orders = orders_of(drafts, patient.facts)
        orders = replace(
            orders,
            understood=tuple(with_prior_stopped(o, patient.running) for o in orders.understood),
        ).checked(lambda order: refusal(order.planned, patient))
        cards = _effect_cards(frame, orders.understood, drafts, patient, call)
        lines = [(each.label, each.reason) for each in orders.not_understood]
        lines += [(reference, why.partition(": ")[2]) for reference, why in unread.items()]
        if lines:
            cards.append(not_understood_card(frame, lines))
        return tuple(cards)

    async def _drafts(self, call: HookCall) -> tuple[tuple[msgspec.Raw, ...], Mapping[str, str]]:
        """Return the orders, and why others of a dispatch could not be read."""
        match call.context:
            case OrderSelectContext() as context:
                chosen = set(context.selections)
                selected = [raw for raw in context.draft_orders if head(raw).unversioned in chosen]
                return tuple(selected), {}
            case OrderSignContext() as context:
                return context.draft_orders, {}
            case OrderDispatchContext() as context:
                sources = Sources.left_to(call, self._ehr)
                return await read_references(
                    context.dispatched_orders, context.patient_id, sources
                )
            case _:
                return (), {}


def _effect_cards(
    frame: Frame,
    orders: tuple[OrderedIntervention, ...],
    drafts: tuple[msgspec.Raw, ...],
    patient: PatientTwin,
    call: HookCall,
) -> list[Card]:
    if not orders:
        return []
    fit = patient.assimilation.fit
    converged = fit.converged()
    if converged is None:
        return [no_advice_card(frame, fit.outcome.value, patient.basis)]
    work = SimulatedOrders(
        orders=orders,
        # Orders on their way to a performer are signed: no draft is left to change.
        drafts={}
        if isinstance(call.context, OrderDispatchContext)
        else {head(raw).unversioned: raw for raw in drafts},
        patient=patient,
        encounter_id=call.context.encounter_id,
    )
    return [
        order_card(frame, effect, patient.fit_sentences, patient.basis, proposals)
        for effect, proposals in simulated(converged, work)
    ]
