"""The rows of the targets files as values: what is simulated, what is read, what is expected.

May live here: reading and checking those files. Running is in ``runner``, judging in ``grading``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal

from twin.core.interventions import (
    Bleeding,
    Compressions,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Given,
    Infusion,
    Insult,
    InsultKind,
    Intervention,
    Oxygen,
    Route,
    Setting,
    SettingKind,
)
from twin.core.measurements import Device

FILES: Final = ("targets.toml", "targets_interventions.toml")
"""The resting adult, bleeding and the first drugs; then all other interventions."""

Reading = Literal["level", "percent", "change", "rises", "falls"]
Use = Literal["fitted", "held_out"]


@dataclass(frozen=True, slots=True)
class Patient:
    """The standard adult with parameters multiplied and set."""

    factors: Mapping[str, float]
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is done to a patient, and against what its rows are compared.

    ``against`` names the scenario whose end is the state before; ``None`` is this patient at rest.
    ``lacks`` says what the model would need first; such a scenario is not run.
    """

    name: str
    patient: str
    duration_s: float
    interventions: tuple[Given, ...]
    against: str | None
    lacks: str | None


@dataclass(frozen=True, slots=True)
class ReadAt:
    """Where a source took its pressures, if not in the aorta, and in people of which age."""

    device: Device
    age_years: float | None
    """``None``: patients of the age that such series have, ``arm.TYPICAL_AGE_YEARS``."""


@dataclass(frozen=True, slots=True)
class Row:
    """One published figure: a band, a single value being a band of no width."""

    scenario: str
    quantity: str
    at_s: float
    reading: Reading
    low: float | None
    high: float | None
    unit: str
    source: str
    use: Use
    read_at: ReadAt | None = None
    """``None``: in the aorta, or what is read does not depend on where."""

    @property
    def band(self) -> tuple[float, float]:
        """Return the lowest and highest published value; a mere direction has no bounds."""
        if self.low is None or self.high is None:
            return -math.inf, math.inf
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class Targets:
    """All of the targets files."""

    patients: Mapping[str, Patient]
    scenarios: Mapping[str, Scenario]
    rows: tuple[Row, ...]


def load_targets() -> Targets:
    """Read the targets that are shipped with the twin."""
    here = files("twin.validation")
    read = [tomllib.loads(here.joinpath(name).read_text(encoding="utf-8")) for name in FILES]
    patients = {name: table for each in read for name, table in each["patients"].items()}
    scenarios = {name: table for each in read for name, table in each["scenarios"].items()}
    return Targets(
        {
            name: Patient(table.get("factors", {}), table.get("values", {}))
            for name, table in patients.items()
        },
        {name: _scenario(name, table) for name, table in scenarios.items()},
        tuple(_row(table, each.get("read_at", ())) for each in read for table in each["rows"]),
    )


def _scenario(name: str, table: Mapping[str, Any]) -> Scenario:
    lacks = table.get("lacks")
    given: Sequence[Mapping[str, Any]] = () if lacks else table["interventions"]
    return Scenario(
        name,
        table["patient"],
        float(table["duration_s"]),
        tuple(_given(item) for item in given),
        table.get("against"),
        lacks,
    )


def _given(table: Mapping[str, Any]) -> Given:
    return Given(_intervention(table), table.get("starts_s", 0.0), table.get("ends_s"))


def _intervention(table: Mapping[str, Any]) -> Intervention:
    match table["kind"]:
        case "bleeding":
            return Bleeding(table["rate_ml_per_min"], table["duration_s"])
        case "fluid":
            return Fluid(FluidKind(table["fluid"]), table["volume_ml"], table["duration_s"])
        case "infusion":
            return Infusion(Drug(table["drug"]), table["rate"])
        case "dose":
            drug, route = Drug(table["drug"]), Route(table["route"])
            return DrugDose(drug, table["dose_mg"], route, table.get("given_over_s", 0.0))
        case "oxygen":
            return Oxygen(table["inspired_fraction"])
        case "setting":
            return Setting(SettingKind(table["setting"]), table["value"])
        case "insult":
            return Insult(InsultKind(table["insult"]), table["extent"])
        case "compressions":
            return Compressions(table["rate_per_min"], table["depth_cm"])
        case unknown:
            raise ValueError(f"targets: no intervention of kind {unknown!r}")


def _row(table: Mapping[str, Any], read_at: Sequence[Mapping[str, Any]]) -> Row:
    value = table.get("value")
    return Row(
        table["scenario"],
        table["quantity"],
        float(table["at_s"]),
        table["reading"],
        table.get("low", value),
        table.get("high", value),
        table["unit"],
        table["source"],
        table["use"],
        _read_at(table["source"], read_at),
    )


def _read_at(source: str, read_at: Sequence[Mapping[str, Any]]) -> ReadAt | None:
    for place in read_at:
        if any(source.startswith(name) for name in place["sources"]):
            return ReadAt(Device(place["device"]), place.get("age_years"))
    return None
