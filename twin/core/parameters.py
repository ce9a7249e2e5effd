"""The parameters of the circulation: one table, with unit, plausible range and source of each.

May live here: the table, the standard adult and its scaling to a body. The order of
``PARAMETERS`` is the row order of every parameter array; kernels find rows by name through
``PARAMETER_INDEX``.

"tuned" in a source means: the literature gives the order of magnitude, and the value is where the
validation rows marked *fitted* are met best (``twin/validation/targets.toml``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


class Parameter(NamedTuple):
    """One parameter: its value in the standard adult, and the range the model is meant for."""

    name: str
    unit: str
    default: float
    low: float
    high: float
    source: str


_HELDT = "Heldt 2002, J Appl Physiol 92:1239, table 1"
_URSINO = "Ursino 1998, Am J Physiol 275:H1733"
_STANDING = "a control of layout.CONTROLS that is there from the beginning; 0 = none"
_LUNG = "West, Respiratory Physiology, 10th ed."

PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter("blood_volume", "mL", 5500, 2000, 9000, "Nadler 1962, Surgery 51:224; ICRP 89"),
    Parameter("resting_heart_rate", "/min", 71.7, 30, 180, "Guyton & Hall 2006; tuned"),
    Parameter(
        "maximum_heart_rate", "/min", 180, 120, 220, "Tanaka 2001, JACC 37:153: 208 - 0.7 age"
    ),
    Parameter("left_ventricle_systolic_elastance", "mmHg/mL", 2.23, 0.2, 8, f"{_HELDT}; tuned"),
    Parameter(
        "left_ventricle_diastolic_elastance", "mmHg/mL", 0.0555, 0.01, 0.4, f"{_HELDT}; tuned"
    ),
    Parameter(
        "left_ventricle_stiffening_volume",
        "mL",
        198,
        50,
        400,
        "tuned: exponential end-diastolic curve to second order",
    ),
    Parameter("left_ventricle_unstressed_volume", "mL", 10.2, 0, 60, f"{_HELDT}: 15"),
    Parameter(
        "right_ventricle_systolic_elastance", "mmHg/mL", 0.492, 0.1, 2.5, f"{_HELDT}; tuned"
    ),
    Parameter(
        "right_ventricle_diastolic_elastance", "mmHg/mL", 0.0471, 0.005, 0.2, f"{_HELDT}; tuned"
    ),
    Parameter("right_ventricle_stiffening_volume", "mL", 150, 50, 500, "tuned"),
    Parameter("right_ventricle_unstressed_volume", "mL", 25.1, 0, 90, f"{_HELDT}: 46"),
    Parameter("left_atrium_systolic_elastance", "mmHg/mL", 0.35, 0.1, 2, f"{_HELDT}: 0.61; tuned"),
    Parameter(
        "left_atrium_diastolic_elastance", "mmHg/mL", 0.296, 0.05, 1, f"{_HELDT}: 0.5; tuned"
    ),
    Parameter(
        "right_atrium_systolic_elastance", "mmHg/mL", 0.171, 0.1, 2, f"{_HELDT}: 0.74; tuned"
    ),
    Parameter(
        "right_atrium_diastolic_elastance", "mmHg/mL", 0.0858, 0.03, 1, f"{_HELDT}: 0.3; tuned"
    ),
    Parameter("mitral_resistance", "mmHg s/mL", 0.008, 0.003, 0.2, f"{_HELDT}: 0.01"),
    Parameter(
        "mitral_regurgitation",
        "1/(mmHg s)",
        0,
        0,
        0.02,
        "flow back per mmHg and per mL of the ventricle: the orifice of functional regurgitation "
        "grows with the ventricle (Yoran 1979, Circulation 60:170); 0 = none",
    ),
    Parameter("aortic_valve_resistance", "mmHg s/mL", 0.008, 0.003, 0.2, f"{_HELDT}: 0.007"),
    Parameter("tricuspid_resistance", "mmHg s/mL", 0.006, 0.003, 0.2, f"{_HELDT}: 0.006"),
    Parameter("pulmonary_valve_resistance", "mmHg s/mL", 0.006, 0.003, 0.2, f"{_HELDT}: 0.003"),
    Parameter(
        "aortic_impedance",
        "mmHg s/mL",
        0.0355,
        0.01,
        0.15,
        "Westerhof 2009, Med Biol Eng Comput 47:131; Murgo 1980, Circulation 62:105: 0.035",
    ),
    Parameter(
        "arterial_compliance", "mL/mmHg", 3.48, 0.3, 4, "Westerhof 2009; Heldt 2002: 2.0; tuned"
    ),
    Parameter(
        "arterial_stiffening_volume",
        "mL",
        671,
        100,
        2000,
        "tuned: pulse pressure under norepinephrine (Ensinger 1992)",
    ),
    Parameter("systemic_resistance", "mmHg s/mL", 0.898, 0.2, 4, "Guyton & Hall 2006: 1.0; tuned"),
    Parameter("venous_compliance", "mL/mmHg", 69.5, 30, 250, f"{_HELDT}: 100; tuned"),
    Parameter("venous_unstressed_volume", "mL", 3058, 1000, 4500, f"{_HELDT}: 2500; tuned"),
    Parameter(
        "unstressed_volume_elsewhere",
        "mL",
        1100,
        300,
        2500,
        f"{_HELDT}: 715 systemic arteries, 580 lung vessels",
    ),
    Parameter(
        "venous_collapse_volume",
        "mL",
        54.9,
        20,
        800,
        "tuned: width of the toe of the venous pressure-volume curve",
    ),
    Parameter(
        "venous_return_resistance", "mmHg s/mL", 0.042, 0.01, 0.2, f"{_HELDT}: 0.025; tuned"
    ),
    Parameter("pulmonary_artery_compliance", "mL/mmHg", 4.3, 1, 12, f"{_HELDT}: 4.3"),
    Parameter("pulmonary_resistance", "mmHg s/mL", 0.1, 0.02, 1.5, f"{_LUNG}: 0.1"),
    Parameter("pulmonary_vein_compliance", "mL/mmHg", 8.4, 2, 30, f"{_HELDT}: 8.4"),
    Parameter("pulmonary_vein_resistance", "mmHg s/mL", 0.01, 0.003, 0.2, f"{_HELDT}: 0.01"),
    Parameter(
        "intrathoracic_pressure",
        "mmHg",
        -4,
        -12,
        25,
        f"{_LUNG}: -5 cmH2O at the end of expiration",
    ),
    Parameter(
        "pericardial_slack_volume",
        "mL",
        239,
        150,
        900,
        "tuned between next to no pressure at a normal heart's volume (Freeman & Little 1986, "
        "Circ Res 58:294) and that of the right atrium (Tyberg 1986, Circulation 73:428); grown "
        "in chronic dilation",
    ),
    Parameter(
        "pericardial_width",
        "mL",
        110,
        40,
        300,
        "Spodick 2003, NEJM 349:684: 150-200 mL added quickly are dangerous",
    ),
    Parameter(
        "critical_closing_pressure",
        "mmHg",
        7.98,
        0,
        45,
        "tuned; arterial pressure three minutes after flow has stopped: 18 (Paradis 1992)",
    ),
    Parameter("reflex_set_point", "mmHg", 96.8, 50, 140, f"{_URSINO}: 92; tuned"),
    Parameter("reflex_width", "mmHg", 11.1, 4, 60, f"{_URSINO}: 11.8; tuned"),
    Parameter("reflex_sympathetic_heart_rate", "1", 0.04, 0, 1.5, f"{_URSINO}; tuned"),
    Parameter("reflex_vagal_heart_rate", "1", 0.188, 0, 0.8, f"{_URSINO}; tuned"),
    Parameter("reflex_contractility", "1", 0.0713, 0, 1, f"{_URSINO}; tuned"),
    Parameter("reflex_resistance", "1", 0.304, 0, 1, f"{_URSINO}; tuned"),
    Parameter("reflex_venous_volume", "mL", 415, 0, 1500, f"{_URSINO}; tuned"),
    Parameter(
        "low_pressure_set_point", "mmHg", 4.41, -2, 25, "resting central venous pressure; tuned"
    ),
    Parameter(
        "low_pressure_gain", "1", 0.108, 0, 1.5, "Johnson 2014, J Appl Physiol 117:133; tuned"
    ),
    Parameter(
        "low_pressure_venous_gain",
        "1",
        0.601,
        0,
        3,
        "Johnson 1974, Circ Res 34:515, splanchnic vessels; tuned",
    ),
    Parameter(
        "hormonal_resistance",
        "1",
        0.0017,
        0,
        1,
        "Guyton & Hall 2006, chapter 18: angiotensin and vasopressin within minutes; tuned",
    ),
    Parameter(
        "hormonal_venous_volume",
        "mL",
        128,
        0,
        1000,
        "Guyton & Hall 2006, chapter 18: hormones and stress relaxation; tuned",
    ),
    Parameter(
        "ischaemic_gain",
        "1",
        1.01,
        0,
        2,
        "Guyton & Hall 2006, central nervous ischaemic response; tuned",
    ),
    Parameter(
        "capillary_filtration",
        "1/s",
        1.0e-3,
        0,
        0.01,
        "Hahn 2010, Anesthesiology 113:470: half-life 8 min",
    ),
    Parameter(
        "capillary_refill",
        "1/s",
        4.0e-5,
        0,
        0.01,
        "Skillman 1967, Surg Gynecol Obstet 125:983: 90-120 mL/h",
    ),
    Parameter(
        "interstitial_ratio", "1", 3.0, 0.5, 8, "Guyton & Hall 2006: interstitial to plasma volume"
    ),
    Parameter("pulmonary_shunt", "1", 0.03, 0, 0.8, f"{_LUNG}; Levitzky 2013: 0.02-0.05"),
    Parameter("haemoglobin", "g/dL", 15.0, 3, 22, "Guyton & Hall 2006"),
    Parameter("oxygen_consumption", "mL/min", 250, 80, 800, "Guyton & Hall 2006"),
    Parameter("inspired_oxygen_fraction", "1", 0.21, 0.15, 1, "air"),
    Parameter("arterial_carbon_dioxide_pressure", "mmHg", 40, 10, 120, "Guyton & Hall 2006"),
    Parameter("vasopressor_sensitivity", "1", 1.0, 0, 3, "1 = the published mean response"),
    Parameter("beta_blocker_sensitivity", "1", 1.0, 0, 2, "1 = the published mean response"),
    Parameter("diuretic_sensitivity", "1", 1.0, 0, 3, "1 = the published mean response"),
    Parameter("standing_vasoconstriction", "1", 0, -0.7, 3, _STANDING),
    Parameter("standing_venoconstriction", "1", 0, -0.7, 0.5, _STANDING),
    Parameter("standing_inotropy", "1", 0, -0.7, 2, _STANDING),
    Parameter("standing_chronotropy", "1", 0, -0.5, 1, _STANDING),
    Parameter("standing_beta_blockade", "1", 0, 0, 1, _STANDING),
    Parameter("standing_thoracic_pressure", "mmHg", 0, 0, 25, _STANDING),
    Parameter("standing_pericardial_fluid", "mL", 0, 0, 600, _STANDING),
    Parameter("standing_atrial_kick_loss", "1", 0, 0, 1, _STANDING),
)

PARAMETER_INDEX: Final[dict[str, int]] = {entry.name: row for row, entry in enumerate(PARAMETERS)}

# What keeps every pressure unchanged when a body is larger: volumes, compliances and flows grow
# with size, resistances and elastances shrink with it.
_GROWS_WITH_SIZE: Final = (
    "blood_volume",
    "left_ventricle_stiffening_volume",
    "left_ventricle_unstressed_volume",
    "right_ventricle_stiffening_volume",
    "right_ventricle_unstressed_volume",
    "arterial_compliance",
    "arterial_stiffening_volume",
    "venous_compliance",
    "venous_unstressed_volume",
    "unstressed_volume_elsewhere",
    "venous_collapse_volume",
    "pulmonary_artery_compliance",
    "pulmonary_vein_compliance",
    "reflex_venous_volume",
    "hormonal_venous_volume",
    "pericardial_slack_volume",
    "pericardial_width",
    "oxygen_consumption",
)
_SHRINKS_WITH_SIZE: Final = (
    "left_ventricle_systolic_elastance",
    "left_ventricle_diastolic_elastance",
    "right_ventricle_systolic_elastance",
    "right_ventricle_diastolic_elastance",
    "left_atrium_systolic_elastance",
    "left_atrium_diastolic_elastance",
    "right_atrium_systolic_elastance",
    "right_atrium_diastolic_elastance",
    "mitral_resistance",
    "aortic_valve_resistance",
    "tricuspid_resistance",
    "pulmonary_valve_resistance",
    "aortic_impedance",
    "systemic_resistance",
    "venous_return_resistance",
    "pulmonary_resistance",
    "pulmonary_vein_resistance",
)


@dataclass(frozen=True, slots=True)
class Body:
    """What is known of a person's body; ``None`` is unknown and changes nothing."""

    age_years: float | None
    sex: Literal["female", "male"] | None
    weight_kg: float | None
    height_cm: float | None


def standard_adult() -> Float[np.ndarray, " parameter"]:
    """Return the standard adult man of Guyton & Hall (5.5 L of blood, 72 beats/min), float64."""
    return np.array([entry.default for entry in PARAMETERS])


def scaled_to(body: Body) -> Float[np.ndarray, " parameter"]:
    """Return the standard adult scaled to a body.

    Size acts through blood volume (Nadler 1962, Surgery 51:224; without a height 70 mL/kg in men
    and 65 mL/kg in women, ICRP 89): volumes, compliances and oxygen consumption are proportional
    to it, resistances and elastances inversely, so that pressures do not depend on size and
    cardiac output does. Age lowers the highest heart rate (Tanaka 2001, JACC 37:153). Women have
    13.5 g/dL of haemoglobin (WHO 2011: 12-15). An unknown property leaves the standard adult.
    """
    values = standard_adult()
    size = expected_blood_volume_ml(body) / values[PARAMETER_INDEX["blood_volume"]]
    for name in _GROWS_WITH_SIZE:
        values[PARAMETER_INDEX[name]] *= size
    for name in _SHRINKS_WITH_SIZE:
        values[PARAMETER_INDEX[name]] /= size
    if body.age_years is not None:
        highest = max(120.0, 208.0 - 0.7 * body.age_years)
        values[PARAMETER_INDEX["maximum_heart_rate"]] = highest
    if body.sex == "female":
        values[PARAMETER_INDEX["haemoglobin"]] = 13.5
    return values


def expected_blood_volume_ml(body: Body) -> float:
    """Return the blood volume expected for a body, mL (Nadler 1962; ICRP 89), kept in 2000-9000.

    Nadler: men 0.3669 h3 + 0.03219 w + 0.6041 L, women 0.3561 h3 + 0.03308 w + 0.1833 L, height
    in m, weight in kg; an unknown sex takes the mean of both.
    """
    standard = PARAMETERS[PARAMETER_INDEX["blood_volume"]]
    if body.weight_kg is None:
        return standard.default
    share_of_men = {"male": 1.0, "female": 0.0, None: 0.5}[body.sex]
    if body.height_cm is None:
        volume = body.weight_kg * (65.0 + 5.0 * share_of_men)
    else:
        cubed = (body.height_cm / 100.0) ** 3
        men = 366.9 * cubed + 32.19 * body.weight_kg + 604.1
        women = 356.1 * cubed + 33.08 * body.weight_kg + 183.3
        volume = share_of_men * men + (1.0 - share_of_men) * women
    return min(max(volume, standard.low), standard.high)
