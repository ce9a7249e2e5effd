"""What the clinician's page is told, as values: one shape of JSON, each number with unit and age.

May live here: the shapes, no work. Times are instants; the page counts ages from them. Texts are
plain text, never markup.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from cds_hooks.fhir.patient_banner import PatientBanner
from cds_hooks.services.clinician_choices import Choice, Running
from cds_hooks.services.clinician_plans import WrittenPlan
from cds_hooks.services.clinician_simulation import Band, Simulated
from cds_hooks.services.clinician_state import State


class _Value(msgspec.Struct, frozen=True, rename="camel"):
    pass


class Point(_Value, frozen=True):
    """One charted value."""

    at: datetime
    value: float
    reference: str
    device: str
    said: str | None = None
    """The value in words where a number would not do."""
    preliminary: bool = False
    inferred: bool = False
    """Worked out from another value of the chart."""


class Sign(_Value, frozen=True):
    """Everything charted of one kind in the last hours, oldest first."""

    kind: str
    unit: str
    points: list[Point]


class Shown(_Value, frozen=True):
    """A number with its 90 % interval."""

    median: float
    low: float
    high: float


class Estimate(_Value, frozen=True):
    """One quantity of the fitted twin, at the time of the newest measurements; simulated."""

    key: str
    name: str
    unit: str
    value: Shown
    residual_sd: float | None = None
    """Measured minus the twin, in standard deviations; None where it was not measured."""


class ForecastBand(_Value, frozen=True):
    """One quantity's future with nothing new done."""

    key: str
    name: str
    unit: str
    band: Band


class EventProbability(_Value, frozen=True):
    """How probable a simulated event is within each horizon."""

    event: str
    within: list[float]
    """Fractions of 1, in the order of ``Outlook.horizons_min``."""


class Outlook(_Value, frozen=True):
    """The twin's forecast with nothing new done."""

    times_min: list[float]
    bands: list[ForecastBand]
    horizons_min: list[float]
    events: list[EventProbability]
    sentences: list[str]


class Loop(_Value, frozen=True):
    """One plausible circulation, to draw."""

    name: str
    output_l_per_min: float
    step_s: float
    volume_ml: list[float]
    pressure_mmhg: list[float]
    aortic_mmhg: list[float]


class TwinShown(_Value, frozen=True):
    """The twin as it stands."""

    outcome: str
    advisable: bool
    sentences: list[str]
    revision: int
    updated_at: datetime
    model_version: str
    measurements: int
    """How many are kept."""
    newest_at: datetime | None
    estimates: list[Estimate]
    outlook: Outlook | None
    loops: list[Loop]


class LikelyCause(_Value, frozen=True):
    """One cause with its probability, simulated."""

    cause: str
    probability: float
    probability_at_equal_rates: float


class CausesShown(_Value, frozen=True):
    """Why the patient is in trouble."""

    taken_at: datetime
    troubles: list[str]
    candidates: list[LikelyCause]
    telling: list[str]
    """What would tell them apart, the best first."""
    sentences: list[str]


class Mover(_Value, frozen=True):
    """What moved the risk: it explains the model, not the patient."""

    name: str
    raises: bool


class RiskShown(_Value, frozen=True):
    """The estimated risk with its parts, or the reason why there is none."""

    not_estimated: str | None = None
    value: Shown | None = None
    level: str | None = None
    outcome: str = "death in hospital"
    basis: str | None = None
    population_rate: float | None = None
    parts: dict[str, float] = {}
    news2: int | None = None
    news2_level: str | None = None
    news2_missing: list[str] = []
    completeness: float | None = None
    missing: list[str] = []
    movers: list[Mover] = []
    unlike_because: list[str] | None = None
    """None: like those the model learnt from."""
    release: str | None = None
    newest_at: datetime | None = None


class Treatment(_Value, frozen=True):
    """One recorded administration."""

    label: str
    start: datetime
    end: datetime | None
    simulated: bool
    why_not: str | None = None


class Study(_Value, frozen=True):
    """One imaging study on file."""

    modalities: list[str]
    started: datetime | None
    instances: int | None
    state: str
    reference: str
    opened: bool = False
    """Whether it was open in the EHR when the app was launched."""


class Provenance(_Value, frozen=True):
    """What was used, what was refused and why, what was not there."""

    readings: int
    references: list[str]
    not_used: list[str]
    missing: list[str]


class View(_Value, frozen=True):
    """The whole page."""

    at: datetime
    research: str
    banner: PatientBanner | None
    """None where the EHR shows it itself."""
    body: str
    state: State
    risk: RiskShown
    signs: list[Sign]
    twin: TwinShown
    causes: CausesShown | None
    treatments: list[Treatment]
    running: list[Running]
    """What runs and could be changed or ended in a plan."""
    imaging: list[Study]
    imaging_note: str
    opened_elsewhere: bool
    """Whether the EHR had a study open that is not among this patient's."""
    option_plans: list[WrittenPlan]
    """What a team would weigh first, for the workbench."""
    options: Simulated | None
    """What they would do; None where the twin gives no advice."""
    choices: list[Choice]
    provenance: Provenance
    may_propose: bool
    """Whether the session's scopes allow draft orders to be created at the EHR."""
    polled_every_s: float
    fingerprint: str
    """Changes whenever the chart does."""
