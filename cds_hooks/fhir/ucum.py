"""Units: UCUM codes, the words EHRs write for them, and conversion factors. Tables, one look-up.

UCUM: https://ucum.org/ucum. A unit is recognised by its UCUM code when the system says UCUM, else
by its words. What is not in these tables is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

UCUM_SYSTEM: Final = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Conversion:
    """``canonical = value * factor + offset``."""

    factor: float
    offset: float = 0.0

    def __call__(self, value: float) -> float:
        """Return the value in the canonical unit."""
        return value * self.factor + self.offset


Conversions = Mapping[str, Conversion]
"""UCUM code -> conversion to the canonical unit, which has the factor 1."""


def _factors(**by_code: float) -> Conversions:
    return {code: Conversion(factor) for code, factor in by_code.items()}


_PASCAL_PER_MMHG = 133.322  # NIST SP 811 (2008), appendix B.8
_MMHG_PER_KPA = 1000 / _PASCAL_PER_MMHG
_MMHG_PER_CMH2O = 98.0665 / _PASCAL_PER_MMHG

PER_MINUTE: Final = _factors(**{"/min": 1, "1/min": 1, "min-1": 1, "Hz": 60, "/s": 60})
MMHG: Final = _factors(
    **{
        "mm[Hg]": 1,
        "kPa": _MMHG_PER_KPA,
        "cm[H2O]": _MMHG_PER_CMH2O,
        "mbar": _MMHG_PER_KPA / 10,
    }
)
CMH2O: Final = _factors(
    **{"cm[H2O]": 1, "mbar": 100 / 98.0665, "mm[Hg]": 1 / _MMHG_PER_CMH2O, "kPa": 1000 / 98.0665}
)
PERCENT: Final = _factors(**{"%": 1, "1": 100})
FRACTION: Final = _factors(**{"1": 1, "%": 0.01})
CELSIUS: Final = {
    "Cel": Conversion(1),
    "[degF]": Conversion(5 / 9, -160 / 9),
    "K": Conversion(1, -273.15),
}
KILOGRAM: Final = _factors(
    **{"kg": 1, "g": 0.001, "[lb_av]": 0.45359237, "[oz_av]": 0.028349523125}
)
CENTIMETRE: Final = _factors(**{"cm": 1, "m": 100, "mm": 0.1, "[in_i]": 2.54, "[ft_i]": 30.48})
LITRE_PER_MINUTE: Final = _factors(**{"L/min": 1, "l/min": 1, "mL/min": 0.001, "L/h": 1 / 60})
LITRE_PER_MINUTE_PER_M2: Final = _factors(**{"L/min/m2": 1, "L/(min.m2)": 1, "mL/min/m2": 0.001})
MILLILITRE: Final = _factors(**{"mL": 1, "ml": 1, "L": 1000, "l": 1000, "cL": 10, "dL": 100})
# 1 mmHg min/L = 133.322 Pa * 60 s / 1e-3 m3, and 1 dyn s/cm5 = 1e5 Pa s/m3.
DYN_S_PER_CM5: Final = _factors(
    **{
        "dyn.s/cm5": 1,
        "dyn.s.cm-5": 1,
        "mm[Hg].min/L": _PASCAL_PER_MMHG * 60e3 / 1e5,
        "mm[Hg]/L/min": _PASCAL_PER_MMHG * 60e3 / 1e5,
    }
)
SCORE: Final = _factors(**{"1": 1, "[score]": 1})
PH: Final = _factors(**{"[pH]": 1, "1": 1})

# Molar masses, g/mol, from the standard atomic weights (https://ciaaw.org).
_LACTATE, _MAGNESIUM, _CREATININE, _GLUCOSE = 90.078, 24.305, 113.12, 180.156
_BILIRUBIN, _CHOLESTEROL, _NITROGEN = 584.66, 386.65, 14.007

MILLIMOLE_PER_LITRE: Final = _factors(
    **{"mmol/L": 1, "meq/L": 1, "mmol/l": 1, "meq/l": 1, "umol/L": 0.001}
)
"""For ions of one charge, where an equivalent is a mole."""
LACTATE: Final = _factors(**{"mmol/L": 1, "mmol/l": 1, "mg/dL": 10 / _LACTATE})
MAGNESIUM: Final = _factors(
    **{"mmol/L": 1, "mmol/l": 1, "meq/L": 0.5, "meq/l": 0.5, "mg/dL": 10 / _MAGNESIUM}
)
CREATININE: Final = _factors(
    **{"mg/dL": 1, "umol/L": _CREATININE / 1e4, "umol/l": _CREATININE / 1e4, "mg/L": 0.1}
)
# One molecule of urea carries two atoms of nitrogen; the trajectory counts the nitrogen.
UREA_NITROGEN: Final = _factors(
    **{"mg/dL": 1, "mmol/L": 2 * _NITROGEN / 10, "mmol/l": 2 * _NITROGEN / 10}
)
GLUCOSE: Final = _factors(**{"mg/dL": 1, "mmol/L": _GLUCOSE / 10, "mmol/l": _GLUCOSE / 10})
BILIRUBIN: Final = _factors(**{"mg/dL": 1, "umol/L": _BILIRUBIN / 1e4, "umol/l": _BILIRUBIN / 1e4})
CHOLESTEROL: Final = _factors(**{"mg/dL": 1, "mmol/L": _CHOLESTEROL / 10})
GRAM_PER_DECILITRE: Final = _factors(
    **{"g/dL": 1, "g/L": 0.1, "g/dl": 1, "g/l": 0.1, "mg/dL": 0.001}
)
ENZYME_UNIT_PER_LITRE: Final = _factors(
    **{"U/L": 1, "[IU]/L": 1, "[iU]/L": 1, "u/L": 1, "ukat/L": 60, "U/mL": 1000}
)
CELLS_1E9_PER_LITRE: Final = _factors(
    **{"10*9/L": 1, "10*3/uL": 1, "10*3/mm3": 1, "10*6/mL": 1, "/uL": 0.001, "/mm3": 0.001}
)
MICROGRAM_PER_LITRE: Final = _factors(
    **{"ug/L": 1, "ng/mL": 1, "ng/L": 0.001, "pg/mL": 0.001, "ug/mL": 1000}
)
PICOGRAM_PER_MILLILITRE: Final = _factors(**{"pg/mL": 1, "ng/L": 1, "ng/mL": 1000, "ug/L": 1000})

_WORDS_OF: Final[Mapping[str, str]] = {
    "/min": "/min 1/min min-1 bpm brpm permin perminute beats/min beats/minute beatsperminute "
    "breaths/min breaths/minute breathsperminute resp/min",
    "mm[Hg]": "mmhg mm[hg] mm_hg torr",
    "cm[H2O]": "cmh2o cm[h2o]",
    "kPa": "kpa",
    "mbar": "mbar",
    "%": "% %o2 percent pct vol% %sat",
    "1": "1 fraction ratio l/l score points point {score}",
    "Cel": "c cel °c degc celsius degreescelsius",
    "[degF]": "f °f degf [degf] fahrenheit degreesfahrenheit",
    "kg": "kg kgs kilogram kilograms",
    "g": "g gram grams gm",
    "mg": "mg milligram milligrams",
    "ug": "ug mcg microgram micrograms",
    "[lb_av]": "lb lbs [lb_av] pound pounds",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "m": "m meter meters metre metres",
    "[in_i]": "in inch inches [in_i]",
    "L/min": "l/min lpm liters/min litres/min l/minute",
    "mL/min": "ml/min",
    "mL/h": "ml/h ml/hr ml/hour cc/h cc/hr",
    "L/min/m2": "l/min/m2 l/min/m^2 l/min/m² l/min/sqm",
    "mL": "ml milliliter milliliters millilitre millilitres cc",
    "L": "l liter liters litre litres",
    "dyn.s/cm5": "dyn.s/cm5 dyn.s.cm-5 dyne.sec/cm5 dyn*s/cm5 dyne*sec/cm5",
    "mm[Hg].min/L": "woodunits wu mmhg.min/l mmhg*min/l",
    "mmol/L": "mmol/l",
    "meq/L": "meq/l",
    "mg/dL": "mg/dl",
    "mg/L": "mg/l",
    "g/dL": "g/dl",
    "g/L": "g/l",
    "umol/L": "umol/l",
    "U/L": "u/l units/l",
    "[IU]/L": "iu/l [iu]/l",
    "ukat/L": "ukat/l",
    "10*9/L": "10^9/l 10*9/l x10^9/l 10e9/l x10e9/l",
    "10*3/uL": "10^3/ul 10*3/ul x10^3/ul 10e3/ul x10e3/ul k/ul thou/ul k/mm3 10*3/mm3",
    "/uL": "/ul cells/ul /mm3 cells/mm3",
    "ug/L": "ug/l mcg/l",
    "ng/mL": "ng/ml",
    "ng/L": "ng/l",
    "pg/mL": "pg/ml",
    "[pH]": "ph [ph] phunits",
}
_BY_WORD: Final = {word: code for code, words in _WORDS_OF.items() for word in words.split()}

_ANNOTATION: Final = re.compile(r"\{[^{}]*\}")
_BLANK: Final = re.compile(r"\s+")


def ucum_code(system: str | None, code: str | None, unit: str | None) -> str | None:
    """Return the UCUM code a quantity means, or None where it gives no unit that is known.

    A code of the UCUM system is taken as written, less its annotations (``{beats}/min`` is
    ``/min``, https://ucum.org/ucum#para-12); what is all annotation, like ``{score}``, is ``1``.
    A code of no system, and the unit's words where there is no such code, are compared without
    case and blanks.
    """
    if code is not None and system == UCUM_SYSTEM:
        return (_ANNOTATION.sub("", code) if "{" in code else code) or "1"
    words = code if code is not None and system is None else unit
    if words is None:
        return None
    return _BY_WORD.get(
        _BLANK.sub("", words).lower().replace("\u00b5", "u").replace("\u03bc", "u")
    )
