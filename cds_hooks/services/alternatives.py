"""Which other orders are simulated beside a draft, and how the better ones become suggestions.

Pure. A suggestion is a draft resource with intent ``proposal``; nothing is applied by itself. The
menu is short on purpose: what a team at the bedside would weigh first, in doses that
``twin.core.interventions`` knows. It is ours, no guideline; the simulation decides what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cds_hooks.cards.frame import Proposal
from cds_hooks.cards.wording import plain
from cds_hooks.wire.response import Action, CreateAction, DeleteAction, UpdateAction, embedded
from twin.core.interventions import (
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Oxygen,
    Stop,
)

if TYPE_CHECKING:
    from cds_hooks.fhir.to_interventions import OrderedIntervention

Draft = Mapping[str, Any]
DraftOf = Callable[[Intervention], dict[str, Any]]
"""Makes the complete draft resource that would order an intervention for this patient."""

VOLUME: Final[tuple[tuple[str, Intervention], ...]] = (
    ("Crystalloid 250 mL in 15 min", Fluid(FluidKind.CRYSTALLOID, 250, 900)),
    ("Crystalloid 500 mL in 15 min", Fluid(FluidKind.CRYSTALLOID, 500, 900)),
)
VASOPRESSOR_STEP: Final = 0.05
"""µg/kg/min of norepinephrine: to begin with, or to add to what runs."""
DEPLETED_SHARE: Final = 0.90
"""Below this share of the expected blood volume no vasopressor is proposed in place of volume.

Volume first, a vasopressor only beside it: Rossaint 2023, doi:10.1186/s13054-023-04327-7,
recommendation 14. The share is ours: it lies between classes I and II of haemorrhage.
"""
RED_CELLS: Final = ("Red cells 300 mL in 30 min", Fluid(FluidKind.RED_CELLS, 300, 1800))
RED_CELL_HAEMOGLOBIN_G_PER_DL: Final = 7.0
"""Restrictive threshold for adults: AABB guideline 2023, doi:10.1001/jama.2023.12914."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something else to do instead of one draft order."""

    key: str
    label: str
    interventions: tuple[Intervention, ...]
    """What would be done; none for leaving the order out."""
    actions: tuple[Action, ...]
    does_less: bool
    """Whether it is no more than a part of the draft, or nothing."""


def menu(
    haemoglobin_g_per_dl: float | None,
    blood_volume_share: float | None,
    running: Sequence[Intervention] = (),
) -> tuple[tuple[str, Intervention], ...]:
    """Return what is weighed beside a draft for this patient.

    Parameters
    ----------
    haemoglobin_g_per_dl
        The latest haemoglobin; red cells are considered only where it is low.
    blood_volume_share
        The twin's blood volume over what is expected of the body. A vasopressor lifts the pressure
        of an empty circulation too, and by pressure alone would look best; volume comes first.
    running
        What the patient receives already; a vasopressor that runs is raised, not begun again.
    """
    volume = VOLUME
    if haemoglobin_g_per_dl is not None and haemoglobin_g_per_dl < RED_CELL_HAEMOGLOBIN_G_PER_DL:
        volume = (*VOLUME, RED_CELLS)
    depleted = blood_volume_share is not None and blood_volume_share < DEPLETED_SHARE
    return volume if depleted else (*volume, _vasopressor(running))


def _vasopressor(running: Sequence[Intervention]) -> tuple[str, Intervention]:
    rates = [
        each.rate
        for each in running
        if isinstance(each, Infusion) and each.drug is Drug.NOREPINEPHRINE
    ]
    if not rates:
        begun = Infusion(Drug.NOREPINEPHRINE, VASOPRESSOR_STEP)
        return f"Norepinephrine {begun.rate:g} µg/kg/min", begun
    raised = Infusion(Drug.NOREPINEPHRINE, round(rates[-1] + VASOPRESSOR_STEP, 4))
    return f"Norepinephrine raised to {raised.rate:.3g} µg/kg/min", raised


def alternatives(
    order: OrderedIntervention,
    halved: Draft | None,
    considered: Sequence[tuple[str, Intervention]],
    draft_of: DraftOf,
) -> tuple[Alternative, ...]:
    """Return what to simulate beside one draft order.

    Parameters
    ----------
    order
        The understood draft.
    halved
        The draft with half its dose, or None where that cannot be written safely.
    considered
        What else might be done, from :func:`menu`.
    draft_of
        Makes the draft resource of an intervention.
    """
    label = plain(order.label, 48)
    remove = DeleteAction(description=f"Remove the draft: {label}", resource_id=order.reference)
    found = [Alternative("without", f"Leave out: {label}", (), (remove,), True)]
    half = half_of(order.intervention)
    if halved is not None and half is not None:
        update = UpdateAction(description=f"Half the dose: {label}", resource=embedded(halved))
        found.append(Alternative("half", f"Half the dose: {label}", (half,), (update,), True))
    for name, intervention in considered:
        if intervention == order.intervention:
            continue
        create = CreateAction(
            description=f"Propose: {name}", resource=embedded(draft_of(intervention))
        )
        found.append(
            Alternative(
                f"instead/{name}", f"Instead: {name}", (intervention,), (remove, create), False
            )
        )
    return tuple(found)


def half_of(intervention: Intervention | Stop) -> Intervention | None:
    """Return the intervention at half its dose, or None where half has no meaning."""
    match intervention:
        case Fluid():
            return replace(intervention, volume_ml=intervention.volume_ml / 2)
        case Infusion():
            return replace(intervention, rate=intervention.rate / 2)
        case DrugDose():
            return replace(intervention, dose_mg=intervention.dose_mg / 2)
        case Oxygen() | Stop() | _:
            return None


def proposals(better: Sequence[tuple[Alternative, str]]) -> tuple[Proposal, ...]:
    """Return the suggestions, best first; only the first is recommended.

    Parameters
    ----------
    better
        Alternatives with a better simulated outcome, and what they change, in words.
    """
    return tuple(
        Proposal(
            alternative.key,
            plain(f"{alternative.label} ({words})", 120),
            alternative.actions,
            recommended=rank == 0,
        )
        for rank, (alternative, words) in enumerate(better)
    )
