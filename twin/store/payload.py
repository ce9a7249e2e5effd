"""A stored twin as bytes and back: MessagePack with plain arrays, never pickle.

The layout is spelt out here, apart from the values of the core, so that a change in the core
cannot silently change what older files mean; ``LAYOUT`` rises when the layout does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
import numpy as np

from twin.core.arm import Arm
from twin.core.fit import Fit, FitOutcome, Interval
from twin.core.haemodynamics import Quantity
from twin.core.interventions import (
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Insult,
    InsultKind,
    Intervention,
    Route,
    Setting,
    SettingKind,
)
from twin.core.measurements import Condition, Device, Measurement
from twin.core.parameters import Body
from twin.core.stored_twin import PatientKey, StoredTwin
from twin.core.treatment import Administration

LAYOUT = 4
READ = frozenset({1, 2, 3, 4})
"""Layout 1 held neither treatment nor the time of the newest vital signs, layout 2 no rhythms; up
to layout 3 arterial pressures were the aorta's."""


class _Array(msgspec.Struct, array_like=True):
    shape: tuple[int, ...]
    float32: bytes

    @classmethod
    def of(cls, array: np.ndarray) -> _Array:
        return cls(array.shape, np.ascontiguousarray(array, np.float32).tobytes())

    def array(self) -> np.ndarray:
        return np.frombuffer(self.float32, np.float32).reshape(self.shape)


class _Measurement(msgspec.Struct, array_like=True):
    quantity: str
    value: float
    taken_at: datetime
    reference: str
    device: str


class _Body(msgspec.Struct):
    age_years: float | None
    sex: str | None
    weight_kg: float | None
    height_cm: float | None


class _Fit(msgspec.Struct):
    outcome: str
    body: _Body
    effective_sample_size: float
    parameters: _Array
    weights: _Array
    now: _Array
    drift_per_h: _Array | None
    estimates: dict[str, tuple[float, float, float]]
    residuals: dict[str, float]
    sentences: tuple[str, ...]
    taken_at: datetime | None = None
    amplification: _Array | None = None
    mean_share: float | None = None


class _Given(msgspec.Struct, array_like=True):
    kind: str
    """``infusion``, ``dose``, ``fluid``, ``insult`` or ``setting``."""
    what: str
    amount: float
    route: str
    duration_s: float
    starts_at: datetime
    ends_at: datetime | None
    reference: str


class _Twin(msgspec.Struct):
    layout: int
    patient: str
    revision: int
    model_version: str
    updated_at: datetime
    measurements: tuple[_Measurement, ...]
    fit: _Fit
    given: tuple[_Given, ...] = ()


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Twin)


def to_bytes(twin: StoredTwin) -> bytes:
    """Return the twin as MessagePack, arrays as the 32-bit floats that the kernel computes in."""
    return _ENCODER.encode(
        _Twin(
            LAYOUT,
            twin.patient,
            twin.revision,
            twin.model_version,
            twin.updated_at,
            tuple(
                _Measurement(m.quantity.value, m.value, m.taken_at, m.reference, m.device.value)
                for m in twin.measurements
            ),
            _from_fit(twin.fit),
            tuple(_from_given(each) for each in twin.given),
        )
    )


def from_bytes(payload: bytes) -> StoredTwin:
    """Return the twin that ``to_bytes`` was given.

    Raises
    ------
    ValueError
        The bytes are no twin of a layout this program reads (msgspec's own errors are
        ValueErrors).
    """
    stored = _DECODER.decode(payload)
    if stored.layout not in READ:
        raise ValueError(f"layout {stored.layout} is none that this program reads")
    return StoredTwin(
        PatientKey(stored.patient),
        stored.revision,
        stored.model_version,
        stored.updated_at,
        tuple(
            Measurement(_NAMED[m.quantity], m.value, m.taken_at, m.reference, _DEVICES[m.device])
            for m in stored.measurements
        ),
        _to_fit(stored.fit),
        tuple(_to_given(each) for each in stored.given),
    )


_NAMED: Mapping[str, Quantity | Condition] = {each.value: each for each in (*Quantity, *Condition)}
_DEVICES: Mapping[str, Device] = {each.value: each for each in Device}


def _from_fit(fit: Fit) -> _Fit:
    body = fit.body
    return _Fit(
        fit.outcome.name,
        _Body(body.age_years, body.sex, body.weight_kg, body.height_cm),
        fit.effective_sample_size,
        _Array.of(fit.parameters),
        _Array.of(fit.weights),
        _Array.of(fit.now),
        None if fit.drift_per_h is None else _Array.of(fit.drift_per_h),
        {name.value: (i.median, i.low, i.high) for name, i in fit.estimates.items()},
        {quantity.value: residual for quantity, residual in fit.residuals.items()},
        fit.sentences,
        fit.taken_at,
        _Array.of(fit.arm.amplification),
        fit.arm.mean_share,
    )


def _from_given(given: Administration) -> _Given:
    match given.intervention:
        case Infusion(drug, rate):
            said = ("infusion", drug.value, rate, "", 0.0)
        case DrugDose(drug, dose_mg, route, duration_s):
            said = ("dose", drug.value, dose_mg, route.value, duration_s)
        case Fluid(kind, volume_ml, duration_s):
            said = ("fluid", kind.value, volume_ml, "", duration_s)
        case Insult(kind, extent):
            said = ("insult", kind.value, extent, "", 0.0)
        case Setting(kind, value):
            said = ("setting", kind.value, value, "", 0.0)
        case other:
            raise ValueError(f"{type(other).__name__} is no treatment that a twin stands under")
    return _Given(*said, given.starts_at, given.ends_at, given.reference)


def _to_given(given: _Given) -> Administration:
    intervention: Intervention
    match given.kind:
        case "infusion":
            intervention = Infusion(Drug(given.what), given.amount)
        case "dose":
            route = Route(given.route)
            intervention = DrugDose(Drug(given.what), given.amount, route, given.duration_s)
        case "fluid":
            intervention = Fluid(FluidKind(given.what), given.amount, given.duration_s)
        case "insult":
            intervention = Insult(InsultKind(given.what), given.amount)
        case "setting":
            intervention = Setting(SettingKind(given.what), given.amount)
        case other:
            raise ValueError(f"{other} is no treatment that this program knows")
    return Administration(intervention, given.starts_at, given.ends_at, given.reference)


def _to_fit(fit: _Fit) -> Fit:
    body = fit.body
    if body.sex not in (None, "female", "male"):
        raise ValueError("the body's sex is neither female nor male nor unknown")
    return Fit(
        FitOutcome[fit.outcome],
        Body(body.age_years, body.sex, body.weight_kg, body.height_cm),  # type: ignore[arg-type]
        fit.effective_sample_size,
        fit.parameters.array(),
        fit.weights.array(),
        fit.now.array(),
        None if fit.drift_per_h is None else fit.drift_per_h.array(),
        {Quantity(name): Interval(*ends) for name, ends in fit.estimates.items()},
        {Quantity(name): residual for name, residual in fit.residuals.items()},
        fit.sentences,
        fit.taken_at,
        _to_arm(fit),
    )


def _to_arm(fit: _Fit) -> Arm:
    if fit.amplification is None:
        return Arm.none(fit.parameters.shape[1])
    return Arm(fit.amplification.array(), fit.mean_share)
