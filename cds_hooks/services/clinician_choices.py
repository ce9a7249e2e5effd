"""What the workbench may offer: treatments, their units, their plausible ranges, and what runs.

Pure. Each range is the twin's own (``twin.core.dose_ranges``), from the table by which it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from cds_hooks.cards.wording import plain
from cds_hooks.services.clinician_plans import MINUTE_S
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
from twin.core.intervention_kinds import Drug, Fluid, FluidKind, Infusion, Route, SettingKind

if TYPE_CHECKING:
    from cds_hooks.fhir.to_given_treatments import GivenTreatment


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


_ORDER: Final = re.compile(
    r"(?:^|/)(MedicationRequest/[A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?$"
)


class Running(msgspec.Struct, frozen=True, rename="camel"):
    """One recorded treatment that runs, that the twin knows, and that a plan may change or end."""

    label: str
    since: datetime
    amount: str
    """Its rate or volume with the unit, in words."""
    stop: dict[str, str]
    """The members of the item that ends it."""
    rate: float | None
    """None for a fluid: another volume is another order."""
    choice: str | None
    """Which choice gives it another rate."""


def running_shown(running: Iterable[GivenTreatment]) -> list[Running]:
    """Return what runs, the newest first."""
    shown: dict[Drug | FluidKind, Running] = {}
    for each in running:
        label = plain(each.label, 80)
        named = _ORDER.search(each.request or "")
        order = {} if named is None else {"order": named[1]}
        match each.intervention:
            case Infusion(drug, rate):
                # A newer rate of the same drug has taken the older one's place.
                amount = f"{rate:.3g} {INFUSION_RATE[drug].unit}"
                stop = {"kind": "stop-infusion", "drug": drug.value, **order}
                choice = f"infusion/{drug.value}"
                shown[drug] = Running(label, each.start, amount, stop, rate, choice)
            case Fluid(kind, volume_ml, duration_s):
                amount = f"{volume_ml:.0f} mL in {duration_s / MINUTE_S:.0f} min"
                stop = {"kind": "stop-fluid", "fluid": kind.value, **order}
                shown[kind] = Running(label, each.start, amount, stop, None, None)
            case _:
                continue
    return sorted(shown.values(), key=lambda each: each.since, reverse=True)
