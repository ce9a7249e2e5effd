"""A twelve-lead ECG as a value: its leads, its rate, and how it is brought to one standard form.

Rule of the file: what an `Ecg` is and how leads are put in order, derived and resampled live here.
Whether a recording can be trusted is asked in `ecg_checks`; what its beats are, in `ecg_beats`.

Missing is missing: a lead or a stretch that was not recorded is NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

LEADS: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
STANDARD_RATE_HZ: Final = 250.0
STANDARD_SECONDS: Final = 10.0
STANDARD_SAMPLES: Final = 2500

Leads = NDArray[np.float32]

# Einthoven and Goldberger: each limb lead as a sum of the potentials of the right arm, the left
# arm and the left leg. Any two independent ones give those potentials (up to their mean), hence
# the other four.
LIMB_FROM_ELECTRODES: Final = np.array(
    [
        [-1.0, 1.0, 0.0],
        [-1.0, 0.0, 1.0],
        [0.0, -1.0, 1.0],
        [1.0, -0.5, -0.5],
        [-0.5, 1.0, -0.5],
        [-0.5, -0.5, 1.0],
    ]
)
_ALIASES: Final = {name.upper(): name for name in LEADS}
_PREFIXES: Final = ("MDC_ECG_LEAD_", "MDC_ECG_ELEC_POTL_", "LEAD", "EINTHOVEN", "GOLDBERGER")


@dataclass(frozen=True, slots=True, eq=False)
class Ecg:
    """Twelve leads recorded at one time.

    ``leads_mv`` is ``[12, samples]`` in millivolt, in the order of `LEADS`; NaN was not recorded.
    ``rate_hz`` is samples per second. ``derived`` names leads that were computed from others.
    ``generated`` marks what no patient ever had: it goes wherever the signal goes.
    """

    leads_mv: Leads = field(repr=False)
    rate_hz: float
    derived: tuple[str, ...] = ()
    generated: bool = False

    def __post_init__(self) -> None:
        if self.leads_mv.ndim != 2 or self.leads_mv.shape[0] != len(LEADS):
            raise ValueError(f"twelve leads were expected, not an array {self.leads_mv.shape}")
        if not (np.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise ValueError("the rate must be a positive number of samples per second")

    @property
    def seconds(self) -> float:
        """Return how long the recording lasts, missing stretches included."""
        return int(self.leads_mv.shape[1]) / self.rate_hz

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the leads of which nothing was recorded."""
        return tuple(
            name
            for name, lead in zip(LEADS, self.leads_mv, strict=True)
            if not np.isfinite(lead).any()
        )

    def lead(self, name: str) -> Leads:
        """Return one lead ``[samples]`` in mV."""
        lead: Leads = self.leads_mv[LEADS.index(name)]
        return lead

    def zero_filled(self) -> Leads:
        """Return ``[12, samples]`` in mV with 0 for what is missing, as nets read it."""
        return np.nan_to_num(self.leads_mv, nan=0.0)


def lead_name(name: str) -> str | None:
    """Return which of `LEADS` is meant ("Lead aVR", "MDC_ECG_LEAD_V1", "avf"), or None."""
    text = name.strip().upper().replace("-", "").replace(" ", "").replace("(EINTHOVEN)", "")
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return _ALIASES.get(text.strip(":_ "))


def ecg_of(
    leads_mv: Mapping[str, NDArray[np.floating]], rate_hz: float, *, generated: bool = False
) -> Ecg:
    """Return an ECG from leads by name, limb leads that are missing derived from two others.

    ``leads_mv`` holds ``[samples]`` in mV, all of one rate; a shorter one is missing at its end,
    names that are none of `LEADS` are left out.
    """
    length = max((len(values) for values in leads_mv.values()), default=0)
    out = np.full((len(LEADS), length), np.nan, dtype=np.float32)
    for name, values in leads_mv.items():
        known = lead_name(name)
        if known is not None:
            out[LEADS.index(known), : len(values)] = values
    return with_limb_leads(Ecg(out, rate_hz, generated=generated))


def with_limb_leads(ecg: Ecg) -> Ecg:
    """Return the ECG with missing limb leads derived, where two others were recorded.

    III = II - I, aVR = -(I + II)/2, aVL = I - II/2, aVF = II - I/2, and likewise from any pair
    (Goldberger 1942; the same four equations that GE MUSE files rely on).
    """
    absent = [index for index in range(6) if LEADS[index] in ecg.missing]
    present = [index for index in range(6) if index not in absent]
    if not absent or len(present) < 2:
        return ecg
    potentials = np.linalg.pinv(LIMB_FROM_ELECTRODES[present[:2]]) @ ecg.leads_mv[present[:2]]
    leads = ecg.leads_mv.copy()
    leads[absent] = LIMB_FROM_ELECTRODES[absent] @ potentials
    return replace(ecg, leads_mv=leads, derived=tuple(LEADS[index] for index in absent))


def standard(ecg: Ecg) -> Ecg:
    """Return the first ten seconds at 250 Hz: ``[12, 2500]``; what is shorter ends in NaN.

    Resampled by a polyphase filter (`scipy.signal.resample_poly`) with its edges held, so that a
    baseline away from 0 does not ring; stretches that were missing stay missing.
    """
    wanted = round(STANDARD_SECONDS * ecg.rate_hz)
    leads = ecg.leads_mv[:, :wanted]
    if ecg.rate_hz != STANDARD_RATE_HZ and leads.shape[1]:
        leads = _resampled(leads, ecg.rate_hz)
    out = np.full((len(LEADS), STANDARD_SAMPLES), np.nan, dtype=np.float32)
    kept = min(leads.shape[1], STANDARD_SAMPLES)
    out[:, :kept] = leads[:, :kept]
    return replace(ecg, leads_mv=out, rate_hz=STANDARD_RATE_HZ)


def _resampled(leads: Leads, rate_hz: float) -> Leads:
    ratio = Fraction(STANDARD_RATE_HZ / rate_hz).limit_denominator(1000)
    absent = ~np.isfinite(leads)
    held = _held(leads, absent) if absent.any() else leads
    out: Leads = resample_poly(
        held, ratio.numerator, ratio.denominator, axis=1, padtype="line"
    ).astype(np.float32)
    if absent.any():
        at = np.minimum(
            (np.arange(out.shape[1]) * rate_hz / STANDARD_RATE_HZ).astype(np.int64),
            leads.shape[1] - 1,
        )
        out[absent[:, at]] = np.nan
    return out


def _held(leads: Leads, absent: NDArray[np.bool_]) -> Leads:
    """Return the leads with gaps bridged by straight lines: only for the filter to run over."""
    held = leads.copy()
    places = np.arange(leads.shape[1])
    for row, gone in zip(held, absent, strict=True):
        row[gone] = np.interp(places[gone], places[~gone], row[~gone]) if not gone.all() else 0.0
    return held
