"""Units of the twin: mmHg, mL, s inside; the few conversions to what clinicians read, each once.

May live here: unit conversions and physical constants. Nothing that knows a patient or an order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import numpy as np

    Amount = TypeVar("Amount", float, np.ndarray)

SECONDS_PER_MINUTE: Final = 60.0
ML_PER_L: Final = 1000.0
ML_PER_DL: Final = 100.0

MMHG_S_PER_ML_TO_DYN_S_PER_CM5: Final = 1333.22
"""1 mmHg = 1333.22 dyn/cm2 (NIST SP 811, appendix B.8)."""


def ml_per_s(litres_per_minute: Amount) -> Amount:
    """Convert a flow from L/min to mL/s."""
    return litres_per_minute * ML_PER_L / SECONDS_PER_MINUTE


def litres_per_minute(flow_ml_per_s: Amount) -> Amount:
    """Convert a flow from mL/s to L/min."""
    return flow_ml_per_s * SECONDS_PER_MINUTE / ML_PER_L


def dyn_s_per_cm5(resistance_mmhg_s_per_ml: Amount) -> Amount:
    """Convert a vascular resistance from mmHg s/mL to dyn s cm-5."""
    return resistance_mmhg_s_per_ml * MMHG_S_PER_ML_TO_DYN_S_PER_CM5
