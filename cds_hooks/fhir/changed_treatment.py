"""Which running treatment an order replaces or ends. Pure.

A new rate of a drug takes the place of the running one by itself (``twin.core.interventions``). An
order that names the one before it (``priorPrescription``) takes the place of that one's treatment,
whatever drug it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cds_hooks.fhir.to_given_treatments import GivenTreatment
from cds_hooks.fhir.to_interventions import OrderedIntervention
from twin.core.interventions import Drug, Fluid, FluidKind, Infusion, Intervention, Stop


def with_prior_stopped(
    order: OrderedIntervention, running: Sequence[GivenTreatment]
) -> OrderedIntervention:
    """Return the order with the end of what runs by the order before it.

    Parameters
    ----------
    running
        Treatment that runs and that the twin knows.
    """
    if order.prior is None or isinstance(order.intervention, Stop):
        return order
    prior = _order(order.prior)
    kinds = dict.fromkeys(
        kind
        for each in running
        if each.request is not None and _order(each.request) == prior
        if (kind := _kind(each.intervention)) is not None
    )
    if not kinds:
        words = "the order that it replaces is not recorded as running, so nothing is stopped"
        return replace(order, assumption="; ".join(filter(None, (order.assumption, words))))
    own = _kind(order.intervention)
    return replace(order, stops=tuple(Stop(kind) for kind in kinds if kind != own))


def changed_by(
    order: OrderedIntervention, running: Iterable[GivenTreatment]
) -> tuple[GivenTreatment, ...]:
    """Return the running treatment that the order replaces or ends."""
    ended = {each.what for each in order.planned if isinstance(each, Stop)}
    if isinstance(order.intervention, Infusion):
        ended.add(order.intervention.drug)
    return tuple(each for each in running if _kind(each.intervention) in ended)


def _order(reference: str) -> str:
    """Return ``MedicationRequest/x`` of a reference with address and version or without."""
    return "/".join(reference.partition("/_history/")[0].split("/")[-2:])


def _kind(intervention: Intervention | Stop | None) -> Drug | FluidKind | None:
    match intervention:
        case Infusion(drug=kind):
            return kind
        case Fluid(kind=kind):
            return kind
        case _:
            return None
