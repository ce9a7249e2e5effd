"""What settings and insults do to the circulation: each as a list of controls and values.

May live here: one function a kind, with the source of its figures. The controls are those of
``layout.CONTROLS``; extents are those of ``intervention_kinds``, checked before they come here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from twin.core.intervention_kinds import (
    Compressions,
    Insult,
    InsultKind,
    Intervention,
    Oxygen,
    Setting,
    SettingKind,
)

Acts = tuple[tuple[str, float], ...]

MMHG_PER_CMH2O: Final = 0.7356

TRANSMITTED: Final = 0.5
"""Share of airway pressure that reaches the pleura: lung and chest wall are equally compliant, 0.2
L/cmH2O each (West, Respiratory Physiology, 10th ed.). Stiff lungs transmit less."""

UPRIGHT_POOLING_ML: Final = 1250.0
"""Blood that upright posture takes from the heart: 500 to 1000 mL sink below it (Smit 1999, J
Physiol 519:1), and plasma filters into the legs (Lundvall 1994, J Appl Physiol 77:1659);
tuned to the output on a tilt table, where no muscle pumps (Hainsworth 1988)."""

CAROTID_COLUMN_MMHG: Final = 12.0
"""The carotid sinus lies 25 cm above the heart when upright (19 mmHg), the aortic arch at its
height; the reflex reads both (Smit 1999)."""

VENOARTERIOLAR: Final = 0.21
"""Share by which full veins of hanging limbs constrict the arterioles before them, whatever the
baroreflex says: nearly half of the rise of resistance (Henriksen & Sejrsen; the share is from
memory, not verified), which is about two fifths at 60 degrees."""

PNEUMOTHORAX_MMHG: Final = 18.4
"""Pleural pressure around the heart in tension pneumothorax with circulatory failure: up to 25
cmH2O (Leigh-Smith & Harris 2005, Emerg Med J 22:8; animals)."""
PNEUMOTHORAX_SHUNT: Final = 0.35
"""Half the output flows to the collapsed lung; hypoxic constriction turns a third of it away."""

MEDIATORS: Final = 1.5
"""Flow resistance of an obstructed lung is 1 / open share; mediators constrict what is open, so
that the power is above 1 (Smulders 2000, Cardiovasc Res 48:23; the value is assumed)."""
EMBOLISM_SHUNT: Final = 0.12
"""At half obstruction: Huet 1990, Am Rev Respir Dis 142:1317, shunt and low ratios of ventilation
to flow; dead space is the share obstructed."""

SEPTIC_VENODILATION: Final = 0.12
"""Unstressed venous volume rises by this share where half the tone is lost (order of magnitude:
Magder & Vanelli 1996, J Crit Care 11:155, endotoxin: capacitance up by 15 to 30 % of the stressed
volume)."""
SEPTIC_DEPRESSION: Final = 0.25
"""Left ventricular elastance is down by a quarter in half of the patients (Vieillard-Baron 2008,
Crit Care Med 36:1701: ejection fraction below 0.45 in 60 %)."""
SEPTIC_CONSUMPTION: Final = 0.3
"""Oxygen consumption in uncomplicated sepsis is 37 % up (Kreymann 1993, Crit Care Med 21:1012)."""

INJURY_CONSTRICTION: Final = 6.0
"""Tuned: mean pulmonary pressure is 25 to 30 mmHg where a third of the output is shunted (Zapol &
Snider 1977, NEJM 296:476)."""

VENTRICULAR_ESCAPE_PER_MIN: Final = 40.0
"""An escape rhythm at or above this rate comes from the junction and excites both ventricles in
step (Kusumoto 2019, Circulation 140:e382)."""

FAST_LOSS_PER_BEAT: Final = 0.006
MOST_FAST_LOSS: Final = 0.75
"""Share of contractility that a ventricular tachycardia costs for each beat a minute above 100:
relaxation is incomplete and the mitral valve leaks. Assumed; from 200 /min on most patients faint
(Hamer 1984, Am Heart J 107:997)."""

FORCE_MMHG_PER_CM: Final = 5.0
"""Pressure on the heart a centimetre of depth, linear (assumed); tuned to an output of 17 to 27 %
of normal at 80 /min and 5 cm (Gruben, Kim and Redberg, as in Pulse 4.2, table 13)."""


def acts_of(intervention: Intervention) -> Acts:
    """Return control and value of all that a standing intervention does.

    Raises
    ------
    TypeError
        Drugs, fluids and bleeding are no matter of this table.
    """
    match intervention:
        case Oxygen(inspired_fraction):
            return (("inspired_oxygen_fraction", inspired_fraction),)
        case Setting(setting, value):
            return _SETTINGS[setting](value)
        case Insult(insult, extent):
            return _INSULTS[insult](extent)
        case Compressions(rate_per_min, depth_cm):
            return (
                ("compression_rate_per_min", rate_per_min),
                ("compression_force_mmhg", FORCE_MMHG_PER_CM * depth_cm),
            )
        case _:
            raise TypeError(f"{type(intervention).__name__} is no standing intervention")


def _end_expiratory_pressure(cmh2o: float) -> Acts:
    return (("thoracic_pressure_mmhg", TRANSMITTED * MMHG_PER_CMH2O * cmh2o),)


def _pacing(rate_per_min: float) -> Acts:
    return (("paced_rate_per_min", rate_per_min),)


def _tilt(degrees: float) -> Acts:
    upright = math.sin(math.radians(degrees))
    return (
        ("venous_pooling_ml", UPRIGHT_POOLING_ML * upright),
        ("baroreflex_reset_mmhg", CAROTID_COLUMN_MMHG * upright),
        ("vasoconstriction", VENOARTERIOLAR * upright),
    )


def _tamponade(ml: float) -> Acts:
    return (("pericardial_fluid_ml", ml),)


def _tension_pneumothorax(severity: float) -> Acts:
    return (
        ("thoracic_pressure_mmhg", PNEUMOTHORAX_MMHG * severity),
        ("added_shunt", PNEUMOTHORAX_SHUNT * severity),
        ("pulmonary_vasoconstriction", severity),
    )


def _embolism(obstructed: float) -> Acts:
    resistance = (1.0 - obstructed) ** -MEDIATORS
    return (
        ("pulmonary_vasoconstriction", resistance - 1.0),
        ("added_shunt", 2.0 * EMBOLISM_SHUNT * obstructed),
        ("added_dead_space", obstructed),
    )


def _vasoplegia(lost: float) -> Acts:
    return (
        ("vasoconstriction", -lost),
        ("venoconstriction", -2.0 * SEPTIC_VENODILATION * lost),
        ("contractile_loss", SEPTIC_DEPRESSION * lost),
        ("capillary_leak", lost),
        ("oxygen_consumption_change", SEPTIC_CONSUMPTION * lost),
    )


def _pump_failure(lost: float) -> Acts:
    return (("contractile_loss", lost),)


def _lung_injury(shunted: float) -> Acts:
    return (
        ("added_shunt", shunted),
        ("pulmonary_vasoconstriction", INJURY_CONSTRICTION * shunted),
    )


def _atrial_fibrillation(rate_per_min: float) -> Acts:
    return (("forced_rate_per_min", rate_per_min), ("atrial_kick_loss", 1.0))


def _ventricular_rhythm(rate_per_min: float) -> Acts:
    return (
        ("forced_rate_per_min", rate_per_min),
        ("atrial_kick_loss", 1.0),
        ("dyssynchrony", 1.0),
    )


def _heart_block(rate_per_min: float) -> Acts:
    if rate_per_min < VENTRICULAR_ESCAPE_PER_MIN:
        return _ventricular_rhythm(rate_per_min)
    return (("forced_rate_per_min", rate_per_min), ("atrial_kick_loss", 1.0))


def _ventricular_tachycardia(rate_per_min: float) -> Acts:
    lost = FAST_LOSS_PER_BEAT * max(rate_per_min - 100.0, 0.0)
    return (*_ventricular_rhythm(rate_per_min), ("contractile_loss", min(lost, MOST_FAST_LOSS)))


def _arrest(_: float) -> Acts:
    return (("arrest", 1.0),)


_SETTINGS: Final[Mapping[SettingKind, Callable[[float], Acts]]] = {
    SettingKind.END_EXPIRATORY_PRESSURE: _end_expiratory_pressure,
    SettingKind.PACING: _pacing,
    SettingKind.TILT: _tilt,
}
_INSULTS: Final[Mapping[InsultKind, Callable[[float], Acts]]] = {
    InsultKind.TAMPONADE: _tamponade,
    InsultKind.TENSION_PNEUMOTHORAX: _tension_pneumothorax,
    InsultKind.EMBOLISM: _embolism,
    InsultKind.VASOPLEGIA: _vasoplegia,
    InsultKind.PUMP_FAILURE: _pump_failure,
    InsultKind.LUNG_INJURY: _lung_injury,
    InsultKind.ATRIAL_FIBRILLATION: _atrial_fibrillation,
    InsultKind.VENTRICULAR_TACHYCARDIA: _ventricular_tachycardia,
    InsultKind.HEART_BLOCK: _heart_block,
    InsultKind.ARREST: _arrest,
}
