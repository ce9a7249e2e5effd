"""What may be wrong with a circulation, each cause as a change of the model's parameters.

May live here: the causes, what each does to the emulator's inputs before anything is measured, how
temperature and breathing look under each, and how often each is met. How they are weighed is in
``causes``.

A patient is a *person* (how people differ when nothing acute is wrong) and an *insult* (what the
cause has changed). Shifts and spreads of both are in the emulator's transformed coordinates:
natural logarithms of scales, so that -0.33 of blood volume is 28 % lost; ``LINEAR`` names the few
that are not scales.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Cause(StrEnum):
    """Why a patient is in trouble; the value is what a clinician reads."""

    BLOOD_LOSS = "blood loss"
    VASOPLEGIA = "vasoplegia, as in sepsis"
    PUMP_FAILURE = "failure of the left ventricle"
    TAMPONADE = "obstruction by tamponade"
    EMBOLISM = "obstruction by pulmonary embolism"
    PNEUMOTHORAX = "obstruction by tension pneumothorax"
    HYPOXAEMIA = "hypoxaemia of the lungs' making"
    DRUG_EFFECT = "effect of a drug that dilates or slows"
    NONE_OF_THESE = "none of these"

    @property
    def group(self) -> Cause | str:
        """Return the cause, the three obstructions as one."""
        return OBSTRUCTION if self in OBSTRUCTIONS else self


OBSTRUCTION: Final = "obstruction"
OBSTRUCTIONS: Final = frozenset({Cause.TAMPONADE, Cause.EMBOLISM, Cause.PNEUMOTHORAX})


class Spread(NamedTuple):
    """How a parameter is moved: by ``shift``, more or less ``sd``."""

    shift: float
    sd: float
    source: str


class Sign(NamedTuple):
    """A vital sign the circulation does not predict: normal around ``mean`` under a cause."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One cause, as it looks before this patient is measured."""

    cause: Cause
    insult: Mapping[str, Spread]
    """Parameter -> how the cause moves it. The first is what makes the cause: an emulator without
    it cannot weigh the cause."""
    temperature_celsius: Sign
    respiratory_rate_per_min: Sign
    base_rate: float
    """Share among adults whose vital signs call for help; the rates need not sum to 1."""


PERSON: Final[Mapping[str, Spread]] = {
    "blood_volume": Spread(0.0, 0.10, "Nadler 1962: sd about 9 % in health"),
    "resting_heart_rate": Spread(0.06, 0.18, "resting pulse sd 12 /min; a bed of a hospital"),
    "left_ventricle_systolic_elastance": Spread(0.0, 0.30, "Chen 2001: 2.3 sd 1.0 mmHg/mL"),
    "left_ventricle_diastolic_elastance": Spread(0.0, 0.30, "Redfield 2005: stiffer with age"),
    "arterial_compliance": Spread(-0.1, 0.35, "Chemla 1998; stiffer with age"),
    "systemic_resistance": Spread(0.0, 0.22, "Guyton & Hall 2006: 1.0; range in health a third"),
    "reflex_set_point": Spread(0.0, 12.0, "habitual mean pressure, sd 12 mmHg in adults"),
    "pulmonary_shunt": Spread(0.2, 0.6, "Levitzky 2013: 2-5 %; more in the old and the supine"),
    "pulmonary_resistance": Spread(0.0, 0.35, "Kovacs 2009: mean pressure 14 sd 3"),
    "right_ventricle_systolic_elastance": Spread(0.0, 0.30, "as the left"),
    "oxygen_consumption": Spread(0.0, 0.13, "Weir 1949"),
    "reflex_sympathetic_heart_rate": Spread(0.0, 0.35, "as the vagal gain (assumed)"),
    "reflex_vagal_heart_rate": Spread(
        0.0,
        0.35,
        "La Rovere 1998, Lancet 351:478: 9.3 sd 5.2 ms/mmHg (from memory, unverified)",
    ),
    "reflex_resistance": Spread(0.0, 0.35, "as the vagal gain (assumed)"),
    "reflex_venous_volume": Spread(0.0, 0.25, "as the vagal gain, less: it is of many beds"),
}
"""Adults in hospital without acute trouble: narrower than ``prior.COORDINATES``, whose spreads
contain the illnesses that are told apart here."""

LINEAR: Final = frozenset(
    {"reflex_set_point", "standing_pericardial_fluid", "standing_thoracic_pressure"}
)
"""Parameters that are moved by an amount (mmHg, mL) and not by a factor."""

USUAL_TEMPERATURE: Final = Sign(36.8, 0.55)
"""Mackowiak 1992, JAMA 268:1578: 36.8 sd 0.4 degrees in health; an ear or an armpit adds to it."""

COINCIDENCE: Final = 0.08
"""Share in whom temperature or breathing is off for a reason of its own (assumed): no cause is
ruled out by one of them."""

COINCIDENT_TEMPERATURE: Final = Sign(37.4, 1.3)

HAEMOGLOBIN_FALL_BLEEDING: Final = Sign(2.5, 1.8)
"""g/dL within a day of losing enough blood to be in trouble, little before fluid has moved in
(assumed; bleeding trials call 2 g/dL major: Schulman 2005, J Thromb Haemost 3:692)."""

HAEMOGLOBIN_FALL_OTHERWISE: Final = Sign(0.5, 0.7)
"""g/dL a day in intensive care without bleeding (Nguyen 2003, Crit Care Med 31:406; from memory,
unverified): samples drawn, and water given."""

COINCIDENT_HAEMOGLOBIN_FALL: Final = Sign(1.0, 1.5)
"""Litres of fluid, or a second, harmless loss (assumed)."""
COINCIDENT_RESPIRATORY_RATE: Final = Sign(22.0, 8.0)

HYPOTHESES: Final[Sequence[Hypothesis]] = (
    Hypothesis(
        Cause.BLOOD_LOSS,
        {
            "blood_volume": Spread(-0.33, 0.11, "ATLS, 10th ed.: class II-IV, 15-45 % lost"),
            "resting_heart_rate": Spread(0.05, 0.08, "pain and fear (assumed)"),
        },
        Sign(36.4, 0.7),
        Sign(24.0, 6.0),
        0.16,
    ),
    Hypothesis(
        Cause.VASOPLEGIA,
        {
            "systemic_resistance": Spread(
                -0.65, 0.25, "Parker 1984, Ann Intern Med 100:483: index half of normal"
            ),
            "blood_volume": Spread(-0.10, 0.09, "capillary leak and pooling before resuscitation"),
            "venous_unstressed_volume": Spread(
                0.06, 0.05, "Magder 1990, J Appl Physiol 69:962: endotoxin dilates veins"
            ),
            "reflex_resistance": Spread(
                -0.4,
                0.35,
                "Annane 1999, Am J Respir Crit Care Med 160:458: nerves hold septic vessels badly",
            ),
            "right_ventricle_systolic_elastance": Spread(
                -0.15, 0.25, "Parker 1990, Chest 97:126: depressed as the left"
            ),
            "resting_heart_rate": Spread(0.22, 0.12, "fever: 8 to 10 beats/min a degree"),
            "left_ventricle_systolic_elastance": Spread(
                -0.15, 0.25, "Parker 1984: EF low in half"
            ),
            "pulmonary_shunt": Spread(0.9, 0.7, "lung injury or pneumonia in most"),
            "oxygen_consumption": Spread(0.12, 0.10, "fever"),
        },
        Sign(37.8, 1.3),
        Sign(26.0, 6.5),
        0.50,
    ),
    Hypothesis(
        Cause.PUMP_FAILURE,
        {
            "left_ventricle_systolic_elastance": Spread(
                -0.95, 0.28, "Hochman 1999 (SHOCK): ejection fraction about 30 %"
            ),
            "left_ventricle_diastolic_elastance": Spread(0.15, 0.25, "ischaemia stiffens"),
            "blood_volume": Spread(0.06, 0.07, "fluid kept in the days before"),
            "systemic_resistance": Spread(0.08, 0.18, "Cotter 2003: high in some, normal in most"),
            "pulmonary_shunt": Spread(1.2, 0.7, "oedema of the lungs"),
            "right_ventricle_systolic_elastance": Spread(-0.20, 0.25, "shares the infarction"),
            "resting_heart_rate": Spread(0.05, 0.12, "catecholamines"),
        },
        Sign(36.6, 0.6),
        Sign(24.0, 6.0),
        0.16,
    ),
    Hypothesis(
        Cause.TAMPONADE,
        {
            "standing_pericardial_fluid": Spread(
                250.0, 90.0, "Spodick 2003, N Engl J Med 349:684; acutely 200 mL suffice"
            ),
            "resting_heart_rate": Spread(0.08, 0.08, "pain and fear (assumed)"),
        },
        USUAL_TEMPERATURE,
        Sign(23.0, 5.5),
        0.02,
    ),
    Hypothesis(
        Cause.EMBOLISM,
        {
            "pulmonary_resistance": Spread(
                1.65, 0.40, "McIntyre 1971, Am J Cardiol 28:288: half of the bed closed, and more"
            ),
            "pulmonary_shunt": Spread(1.1, 0.6, "Santolicandro 1995: low mixed venous oxygen"),
            "right_ventricle_systolic_elastance": Spread(-0.10, 0.20, "strained, ischaemic"),
            "resting_heart_rate": Spread(0.10, 0.10, "pain and fear (assumed)"),
        },
        Sign(36.9, 0.6),
        Sign(25.0, 6.5),
        0.02,
    ),
    Hypothesis(
        Cause.PNEUMOTHORAX,
        {
            "standing_thoracic_pressure": Spread(
                11.0, 4.0, "Rutherford 1968: shock above 10 mmHg"
            ),
            "pulmonary_shunt": Spread(1.7, 0.5, "a lung without air: up to a third of the flow"),
            "resting_heart_rate": Spread(0.10, 0.10, "pain and fear (assumed)"),
        },
        USUAL_TEMPERATURE,
        Sign(29.0, 7.0),
        0.01,
    ),
    Hypothesis(
        Cause.HYPOXAEMIA,
        {
            "pulmonary_shunt": Spread(2.1, 0.45, "20-40 % in respiratory failure"),
            "resting_heart_rate": Spread(0.12, 0.12, "hypoxia and work of breathing"),
        },
        Sign(37.2, 0.9),
        Sign(28.0, 6.5),
        0.35,
    ),
    Hypothesis(
        Cause.DRUG_EFFECT,
        {
            "resting_heart_rate": Spread(-0.22, 0.15, "beta blocker, opioid, sedation"),
            "systemic_resistance": Spread(-0.30, 0.18, "vasodilator, sedation"),
            "left_ventricle_systolic_elastance": Spread(-0.25, 0.18, "beta blocker, sedation"),
        },
        Sign(36.5, 0.6),
        Sign(14.0, 5.0),
        0.05,
    ),
    Hypothesis(
        Cause.NONE_OF_THESE,
        {},
        USUAL_TEMPERATURE,
        Sign(18.0, 4.0),
        0.10,
    ),
)
"""Rates: shares of shock (septic 62, cardiogenic 17, hypovolaemic 16, obstructive 2 %: De Backer
2010, SOAP II, N Engl J Med 362:779), beside hypoxia as the trigger of two in five calls of
emergency teams (Jones 2006, Crit Care 10:R30); those of the drugs and of none are assumed.
Temperature in sepsis: 11 % below 36, 40 % above 38 degrees (Kushimoto 2019, Crit Care Med, May;
1143 patients); breathing: ATLS for blood loss, 24 and faster in two of five with embolism (West J
Emerg Med 2018;19:938). The rest are assumptions of this project, and nothing here was measured on
patients."""
