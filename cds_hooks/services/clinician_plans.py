"""Plans as the page writes them, and what each item of a plan does to the circulation.

Pure. Nothing has a default dose: whoever plans chooses every amount. Whether an amount is given to
adults, and whether anything runs that could be stopped, is the twin's to say.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

from twin.core.intervention_kinds import (
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Given,
    Infusion,
    Intervention,
    Oxygen,
    Route,
    Setting,
    SettingKind,
    Stop,
)

MOST_PLANS: Final = 6
"""The page compares three; six is what a ranking of options asks for."""
MOST_ITEMS: Final = 8
HORIZONS_MIN: Final = (10, 30, 60, 120)
MINUTE_S: Final = 60.0

Order: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^MedicationRequest/[A-Za-z0-9\-.]{1,64}$")
]
"""The order by which something runs, as a reference relative to the FHIR base."""

_Start: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=120)]
_Duration: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1440)]


class _Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    pass


class InfusionItem(_Item, frozen=True, tag="infusion", kw_only=True):
    """A drug infused at a rate in its customary unit."""

    drug: Drug
    rate: float
    start_min: _Start = 0.0
    for_min: _Duration | None = None
    """None: it goes on."""
    replaces: Order | None = None
    """By which order the same drug runs already; the new rate takes its place."""


class DoseItem(_Item, frozen=True, tag="dose", kw_only=True):
    """A single dose of a drug, mg."""

    drug: Drug
    route: Route
    dose_mg: float
    over_min: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    start_min: _Start = 0.0


class FluidItem(_Item, frozen=True, tag="fluid", kw_only=True):
    """A fluid given over a time."""

    fluid: FluidKind
    volume_ml: float
    over_min: _Duration
    start_min: _Start = 0.0


class OxygenItem(_Item, frozen=True, tag="oxygen", kw_only=True):
    """Breathing gas with this oxygen content, percent."""

    percent: float
    start_min: _Start = 0.0


class SettingItem(_Item, frozen=True, tag="setting", kw_only=True):
    """A ventilator or pacemaker at this value."""

    setting: SettingKind
    value: float
    start_min: _Start = 0.0


class StopInfusionItem(_Item, frozen=True, tag="stop-infusion", kw_only=True):
    """The end of a drug's infusion that runs."""

    drug: Drug
    start_min: _Start = 0.0
    order: Order | None = None


class StopFluidItem(_Item, frozen=True, tag="stop-fluid", kw_only=True):
    """The end of a fluid that runs."""

    fluid: FluidKind
    start_min: _Start = 0.0
    order: Order | None = None


Treating: TypeAlias = InfusionItem | DoseItem | FluidItem | OxygenItem | SettingItem
Stopping: TypeAlias = StopInfusionItem | StopFluidItem
Item: TypeAlias = Treating | Stopping


class WrittenPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One plan: its name on the page, and what is done."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1, max_length=MOST_ITEMS)]


class WrittenComparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``POST /app/api/simulations`` takes."""

    plans: Annotated[tuple[WrittenPlan, ...], msgspec.Meta(min_length=1, max_length=MOST_PLANS)]
    horizon_min: int = 30


class WrittenProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``POST /app/api/proposals`` takes: the chosen plan."""

    plan: WrittenPlan


def intervention_of(item: Treating) -> Intervention:
    """Return what an item does, without its time; no range is checked here."""
    match item:
        case InfusionItem():
            return Infusion(item.drug, item.rate)
        case DoseItem():
            return DrugDose(item.drug, item.dose_mg, item.route, MINUTE_S * item.over_min)
        case FluidItem():
            return Fluid(item.fluid, item.volume_ml, MINUTE_S * item.over_min)
        case OxygenItem():
            return Oxygen(item.percent / 100.0)
        case SettingItem():
            return Setting(item.setting, item.value)


def given(item: Item) -> Given | Stop:
    """Return an item in its time."""
    start_s = MINUTE_S * item.start_min
    if isinstance(item, StopInfusionItem):
        return Stop(item.drug, start_s)
    if isinstance(item, StopFluidItem):
        return Stop(item.fluid, start_s)
    ends_s = None
    if isinstance(item, InfusionItem) and item.for_min is not None:
        ends_s = start_s + MINUTE_S * item.for_min
    return Given(intervention_of(item), start_s, ends_s)


def written(name: str, intervention: Intervention) -> WrittenPlan:
    """Return a plan of one intervention that begins now, as the page would write it.

    Raises
    ------
    ValueError
        Nobody plans bleeding, an insult or compressions on the page.
    """
    return WrittenPlan(name, (_item_of(intervention),))


def _item_of(intervention: Intervention) -> Treating:
    match intervention:
        case Infusion(drug, rate):
            return InfusionItem(drug=drug, rate=rate)
        case DrugDose(drug, dose_mg, route, duration_s):
            return DoseItem(
                drug=drug, route=route, dose_mg=dose_mg, over_min=duration_s / MINUTE_S
            )
        case Fluid(fluid, volume_ml, duration_s):
            return FluidItem(fluid=fluid, volume_ml=volume_ml, over_min=duration_s / MINUTE_S)
        case Oxygen(inspired_fraction):
            return OxygenItem(percent=100.0 * inspired_fraction)
        case Setting(setting, value):
            return SettingItem(setting=setting, value=value)
        case _:
            raise ValueError(f"{type(intervention).__name__} cannot be planned on the page.")
