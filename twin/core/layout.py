"""Where each number of an ensemble lies in the one flat array that the kernels work on.

May live here: names of rows and how parameter arrays become blocks. Value ``row`` of member
``lane`` of a block lies at ``row * LANES + lane``; the names below are ``row * LANES`` already.

One flat array with a literal ``LANES`` is what lets the compiler prove that rows do not overlap,
and so turn the loop over members into vector instructions; two-dimensional arrays run six times
slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.parameters import PARAMETER_INDEX, PARAMETERS
from twin.errors import SimulationError

if TYPE_CHECKING:
    from jaxtyping import Float

LANES: Final = 32

PARAMETER_ROWS: Final = len(PARAMETERS)


def parameter_row(name: str) -> int:
    """Return the place of a parameter's first member in the flat array."""
    return PARAMETER_INDEX[name] * LANES


def _places(count: int, after: int) -> tuple[int, ...]:
    return tuple((after + row) * LANES for row in range(count))


# Volumes (mL) of the pulsatile model; the beat-averaged one uses the four vessels only, and counts
# vessels above their unstressed volumes (veins excepted: theirs is under control).
(LEFT_VENTRICLE, RIGHT_VENTRICLE, LEFT_ATRIUM, RIGHT_ATRIUM) = _places(4, PARAMETER_ROWS)
(ARTERIES, VEINS, LUNG_ARTERIES, LUNG_VEINS) = _places(4, PARAMETER_ROWS + 4)
# The beat under way: seconds since it began, its period, and what scales its activation.
(BEAT_TIME, PERIOD, VENTRICLE_RATE, ATRIUM_RATE, ATRIUM_SHIFT) = _places(5, PARAMETER_ROWS + 8)
# Nerves, and the slower hormones and stress relaxation.
(ARTERIAL_AFFERENT, VENOUS_AFFERENT, SYMPATHETIC, VENOUS_TONE, VAGAL, RESERVE, HORMONES) = _places(
    7, PARAMETER_ROWS + 13
)
# What nerves, drugs and losses make of the parameters at this moment.
(RATE_NOW, LEFT_ELASTANCE_NOW, RIGHT_ELASTANCE_NOW, CONDUCTANCE_NOW) = _places(
    4, PARAMETER_ROWS + 20
)
(UNSTRESSED_NOW, INFLOW_NOW, FLOW_NOW) = _places(3, PARAMETER_ROWS + 24)
# What controls make of the parameters: pressure around the heart without its pericardium, fluid
# in the pericardium beyond its slack (mL), conductance of the lungs, atrial systole, whether
# muscle contracts (1 or 0), pressure of compressions, whether there is a pulse (1 or 0).
(THORAX_NOW, PERICARDIAL_EXCESS, LUNG_NOW, LEFT_KICK_NOW, RIGHT_KICK_NOW) = _places(
    5, PARAMETER_ROWS + 27
)
(MUSCLE_NOW, COMPRESSION_NOW, PULSE_NOW) = _places(3, PARAMETER_ROWS + 32)
# The veins' pressure as a straight line over the next few milliseconds, and the pericardium's
# pressure of the beat-averaged model (mmHg).
(VEIN_BASE, VEIN_SLOPE, PERICARDIUM) = _places(3, PARAMETER_ROWS + 35)
# The last moment, and sums and extremes over the beat under way.
(COUNT, LAST_AORTA, LAST_ATRIUM, LAST_LUNG, LAST_WEDGE, LAST_FILLING, LAST_LEAK) = _places(
    7, PARAMETER_ROWS + 38
)
(SUM_AORTA, SEEN_AORTA, SUM_ATRIUM, SUM_LUNG, SUM_WEDGE, SUM_LEAK) = _places(
    6, PARAMETER_ROWS + 45
)
(HIGH_AORTA, LOW_AORTA, HIGH_LUNG, LOW_LUNG, HIGH_VENTRICLE, LOW_VENTRICLE) = _places(
    6, PARAMETER_ROWS + 51
)
# Slow stores: blood, fluid moved to the tissues, fluid that stays in the vessels (mL), haemoglobin
# (g), alveolar and arterial oxygen pressure (mmHg), oxygen contents (mL/dL), arterial carbon
# dioxide pressure (mmHg), and minute ventilation (L/min).
(BLOOD, TISSUE_FLUID, RETAINED, HAEMOGLOBIN_MASS) = _places(4, PARAMETER_ROWS + 57)
(ALVEOLAR, ARTERIAL_OXYGEN, ARTERIAL_CONTENT, VENOUS_CONTENT, CARBON_DIOXIDE, BREATHING) = _places(
    6, PARAMETER_ROWS + 61
)
# The last whole beat.
(
    BEAT_RATE,
    BEAT_SYSTOLIC,
    BEAT_DIASTOLIC,
    BEAT_MEAN,
    BEAT_VENOUS,
    BEAT_LUNG_SYSTOLIC,
    BEAT_LUNG_DIASTOLIC,
    BEAT_LUNG_MEAN,
    BEAT_WEDGE,
    BEAT_FILLED,
    BEAT_EMPTIED,
    BEAT_LEAKED,
) = _places(12, PARAMETER_ROWS + 67)
READ_FROM: Final = BLOOD
"""Slow stores and the last beat are neighbours, so that a sample is one copy of ``READ_ROWS``
rows."""
READ_ROWS: Final = 22
# Reciprocals, so that the kernels multiply.
(
    INVERSE_ARTERIAL_COMPLIANCE,
    INVERSE_ARTERIAL_STIFFENING,
    INVERSE_VENOUS_COMPLIANCE,
    COLLAPSE_SQUARED,
    INVERSE_LUNG_ARTERY_COMPLIANCE,
    INVERSE_LUNG_VEIN_COMPLIANCE,
    LEFT_STIFFENING,
    RIGHT_STIFFENING,
    MITRAL,
    AORTIC,
    TRICUSPID,
    PULMONARY,
    VENOUS_RETURN,
    LUNG,
    LUNG_RETURN,
    INVERSE_REFLEX_WIDTH,
    INVERSE_PERICARDIAL_WIDTH,
    INVERSE_LEFT_ATRIUM,
    INVERSE_RIGHT_ATRIUM,
    INVERSE_INTERSTITIAL_RATIO,
) = _places(20, PARAMETER_ROWS + 79)

# How far arterial blood is short of its usual saturation, as far as the heart rate answers (0-1).
(DESATURATION,) = _places(1, PARAMETER_ROWS + 99)

_CONTROL_ROWS: Final = PARAMETER_ROWS + 100

CONTROLS: Final = (
    "fluid_ml_per_s",
    "retained_fluid_ml_per_s",
    "haemoglobin_g_per_s",
    "bleeding_ml_per_s",
    "diuresis_ml_per_s",
    "vasoconstriction",
    "venoconstriction",
    "inotropy",
    "chronotropy",
    "beta_blockade",
    "inspired_oxygen_fraction",
    "vagal_blockade",
    "sympathetic_blockade",
    "baroreflex_reset_mmhg",
    "pulmonary_vasoconstriction",
    "thoracic_pressure_mmhg",
    "pericardial_fluid_ml",
    "venous_pooling_ml",
    "contractile_loss",
    "capillary_leak",
    "added_shunt",
    "added_dead_space",
    "ventilatory_depression",
    "minute_ventilation_l_per_min",
    "oxygen_consumption_change",
    "paced_rate_per_min",
    "forced_rate_per_min",
    "atrial_kick_loss",
    "dyssynchrony",
    "arrest",
    "compression_rate_per_min",
    "compression_force_mmhg",
    "settling",
)
"""What acts on all members alike at one time; 0 of each is nothing.

Relative changes add to 1 in a factor: 0.2 of ``vasoconstriction`` (negative: dilation) raises
systemic resistance by a fifth, likewise ``inotropy`` (both ventricles), ``chronotropy`` (resting
rate), ``pulmonary_vasoconstriction`` (embolism; milrinone is negative) and
``oxygen_consumption_change``; 0.1 of ``venoconstriction`` takes a tenth of the unstressed venous
volume (negative: nitroglycerin).

Shares are 0 to 1, kept there: ``beta_blockade`` of beta effect lost, ``vagal_blockade`` of vagal
slowing lost (atropine), ``sympathetic_blockade`` of sympathetic outflow lost, tone and reflex
(anaesthetics), ``contractile_loss`` of left ventricular systolic elastance lost,
``capillary_leak`` (1: the colloid's hold on plasma is gone), ``added_shunt`` of output,
``added_dead_space`` of tidal volume, ``ventilatory_depression`` of ventilatory drive lost
(opioids, propofol), ``atrial_kick_loss`` (1: fibrillation, ventricular pacing), ``dyssynchrony``
(1: a quarter of both elastances lost), ``arrest`` (1: no chamber contracts; nothing between).

``inspired_oxygen_fraction`` 0 leaves each member's own; ``minute_ventilation_l_per_min`` 0 leaves
breathing to its drive. ``baroreflex_reset_mmhg`` moves the arterial set point.
``thoracic_pressure_mmhg`` adds to the pressure around heart and lungs (PEEP transmitted, tension
pneumothorax); ``pericardial_fluid_ml`` is added acutely to the pericardium;
``venous_pooling_ml`` is added to the unstressed venous volume (head-up tilt; legs raised is
negative). ``paced_rate_per_min`` is the least heart rate, ``forced_rate_per_min`` the rate
whatever the nerves say (complete block with an escape rhythm, ventricular tachycardia); 0 is
none. Compressions of the chest, ``compression_force_mmhg`` at the heart, come at
``compression_rate_per_min`` where ``arrest`` is 1. ``settling`` is 1 while a resting state is
sought, and makes slow hormones quick; no treatment sets it."""
CONTROL_INDEX: Final = {name: column for column, name in enumerate(CONTROLS)}

ROWS: Final = _CONTROL_ROWS + len(CONTROLS)
CONTROL_FROM: Final = _CONTROL_ROWS * LANES
"""The controls of the moment have rows of their own, standing ones added."""


def control_row(name: str) -> int:
    """Return the place of a control's first member in the flat array."""
    return CONTROL_FROM + CONTROL_INDEX[name] * LANES


def in_blocks(
    values: Float[np.ndarray, "row member"], dtype: type[np.floating] = np.float32
) -> Float[np.ndarray, "block place"]:
    """Lay rows of members out as blocks of ``LANES``; the last member fills the empty lanes."""
    rows, members = values.shape
    blocks = -(-members // LANES)
    padded = np.empty((rows, blocks * LANES), dtype)
    padded[:, :members] = values
    padded[:, members:] = values[:, -1:]
    shaped = padded.reshape(rows, blocks, LANES).transpose(1, 0, 2)
    return np.ascontiguousarray(shaped).reshape(blocks, rows * LANES)


def checked(parameters: Float[np.ndarray, "parameter member"]) -> Float[np.ndarray, ...]:
    """Return the parameters if their shape and values can be simulated.

    Raises
    ------
    SimulationError
        The first axis is not ``PARAMETERS``, there is no member, or a value is not finite.
    """
    if parameters.ndim != 2 or parameters.shape[0] != PARAMETER_ROWS or not parameters.shape[1]:
        raise SimulationError(
            f"parameters: shape {parameters.shape}; expected ({PARAMETER_ROWS}, members). "
            "Take the rows from twin.core.parameters.PARAMETERS."
        )
    if not np.isfinite(parameters).all():
        row = int(np.argmin(np.isfinite(parameters).all(axis=1)))
        raise SimulationError(
            f"parameters: {PARAMETERS[row].name} is not finite in some member. Drop that member."
        )
    return parameters
