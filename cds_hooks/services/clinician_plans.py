"""Plans as the page writes them, and what it may offer: drugs, units, plausible ranges.

Pure. Nothing has a default dose: whoever plans chooses every amount. Whether an amount is given to
adults is the twin's to say (``twin.core.dose_ranges``), from the same table that is offered here.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

from twin.core.dose_ranges import (
    DOSE_DURATION,
    FLUID_DURATION,
    FLUID_VOLUME,
    INFUSION_RATE,
    OXYGEN_FRACTION,
    SETTING,
    SINGLE_DOSE,
    DoseRange,
)
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
)

MOST_PLANS: Final = 6
"""The page compares three; six is what a ranking of options asks for."""
MOST_ITEMS: Final = 8
HORIZONS_MIN: Final = (10, 30, 60, 120)
MINUTE_S: Final = 60.0

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


Item: TypeAlias = InfusionItem | DoseItem | FluidItem | OxygenItem | SettingItem


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


def intervention_of(item: Item) -> Intervention:
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


def given(item: Item) -> Given:
    """Return an item in its time."""
    start_s = MINUTE_S * item.start_min
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


def _item_of(intervention: Intervention) -> Item:
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


class Offered(msgspec.Struct, frozen=True, rename="camel"):
    """One amount that can be chosen, with its unit and what is plausible."""

    low: float
    high: float
    unit: str
    source: str


class Choice(msgspec.Struct, frozen=True, rename="camel"):
    """One treatment that the twin can simulate, as the workbench offers it."""

    key: str
    group: str
    label: str
    item: dict[str, str]
    """The members that say which treatment it is; the page adds the amounts."""
    amount: Offered
    amount_member: str
    over: Offered | None = None
    """Over how many minutes, where that is to be said."""
    may_end: bool = False
    """Whether a duration may be given; without one it goes on."""


def choices() -> tuple[Choice, ...]:
    """Return everything that can be planned, by group."""
    return (*_fluids(), *_infusions(), *_doses(), *_breathing())


def _fluids() -> list[Choice]:
    return [
        Choice(
            f"fluid/{kind.value}",
            "Fluids and blood",
            kind.value.capitalize(),
            {"kind": "fluid", "fluid": kind.value},
            _offered(plausible),
            "volume_ml",
            over=_minutes(FLUID_DURATION, least=1.0, most=240.0),
        )
        for kind, plausible in FLUID_VOLUME.items()
    ]


def _infusions() -> list[Choice]:
    return [
        Choice(
            f"infusion/{drug.value}",
            "Infusions",
            f"{drug.value.capitalize()} infusion",
            {"kind": "infusion", "drug": drug.value},
            _offered(plausible),
            "rate",
            may_end=True,
        )
        for drug, plausible in INFUSION_RATE.items()
    ]


def _doses() -> list[Choice]:
    return [
        Choice(
            f"dose/{drug.value}/{route.value}",
            "Single doses",
            f"{drug.value.capitalize()}, {route.value}",
            {"kind": "dose", "drug": drug.value, "route": route.value},
            _offered(plausible),
            "dose_mg",
            over=_minutes(DOSE_DURATION) if route is Route.INTRAVENOUS else None,
        )
        for (drug, route), plausible in SINGLE_DOSE.items()
    ]


_SET: Final = (SettingKind.END_EXPIRATORY_PRESSURE, SettingKind.PACING)
"""Posture is no order that a chart would carry."""


def _breathing() -> list[Choice]:
    oxygen = Offered(
        100 * OXYGEN_FRACTION.low, 100 * OXYGEN_FRACTION.high, "%", OXYGEN_FRACTION.source
    )
    group = "Oxygen, ventilator, pacing"
    return [
        Choice("oxygen", group, "Inspired oxygen", {"kind": "oxygen"}, oxygen, "percent"),
        *(
            Choice(
                f"setting/{kind.value}",
                group,
                kind.value.capitalize(),
                {"kind": "setting", "setting": kind.value},
                _offered(SETTING[kind]),
                "value",
            )
            for kind in _SET
        ),
    ]


def _offered(plausible: DoseRange) -> Offered:
    return Offered(plausible.low, plausible.high, plausible.unit, plausible.source)


def _minutes(plausible: DoseRange, least: float = 0.0, most: float = 60.0) -> Offered:
    low = max(plausible.low / MINUTE_S, least)
    return Offered(low, min(plausible.high / MINUTE_S, most), "min", plausible.source)
