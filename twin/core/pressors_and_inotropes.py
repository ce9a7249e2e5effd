"""Drugs that raise pressure or the force of the heart: one row each, with its sources.

May live here: the table. Direct effects only: what reflexes add is the circulation's own matter.
Alpha effects of the catecholamines are compared with those of norepinephrine, whose row is tuned,
by published equipotent rates (Goradia 2021, J Crit Care 61:233; Kotani 2023, Crit Care 27:29).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twin.core.intervention_kinds import Drug
from twin.core.pharmacology import LABEL, Effect, Pharmacology, Phase, Receptor, one_phase

_ALPHA, _BETA_1, _BETA_2 = Receptor.ALPHA_1, Receptor.BETA_1, Receptor.BETA_2

PRESSORS_AND_INOTROPES: Final[Mapping[Drug, Pharmacology]] = {
    Drug.NOREPINEPHRINE: Pharmacology(
        phases=one_phase(120.0),
        distribution_l_per_kg=0.072,
        effect_half_life_s=20.0,
        effects=(
            Effect("vasoconstriction", 1.5, 9.0, receptor=_ALPHA),
            Effect("venoconstriction", 0.2, 9.0, receptor=_ALPHA),
            Effect("inotropy", 0.56, 9.0, receptor=_BETA_1),
            Effect("chronotropy", 0.16, 9.0, receptor=_BETA_1),
        ),
        source=(
            "Clearance 0.025 L/kg/min from the plasma levels in Ensinger 1992, Crit Care Med; "
            "half-life 2 min, Beloeil 2005, Br J Anaesth 95:782. Effects tuned to Ensinger 1992."
        ),
    ),
    Drug.EPINEPHRINE: Pharmacology(
        phases=one_phase(120.0),
        distribution_l_per_kg=0.63,
        effect_half_life_s=20.0,
        effects=(
            Effect("vasoconstriction", -0.85, 0.12, receptor=_BETA_2),
            Effect("vasoconstriction", 1.5, 2.2, 1.5, _ALPHA),
            Effect("venoconstriction", 0.2, 0.8, receptor=_ALPHA),
            Effect("inotropy", 1.3, 0.2, receptor=_BETA_1),
            Effect("chronotropy", 0.14, 0.22, receptor=_BETA_1),
        ),
        source=(
            "Levels at 25, 50 and 100 ng/kg/min: Stratton 1985, J Appl Physiol 58:1199; effects "
            f"tuned to its figures at 100. Half-life below 5 min: {LABEL}. Pressor as "
            "norepinephrine from 0.5 µg/kg/min on: Goradia 2021."
        ),
    ),
    Drug.PHENYLEPHRINE: Pharmacology(
        phases=(Phase(0.65, 60.0), Phase(0.35, 300.0)),
        distribution_l_per_kg=0.35,
        effect_half_life_s=25.0,
        effects=(
            Effect("vasoconstriction", 1.5, 22.0, receptor=_ALPHA),
            Effect("venoconstriction", 0.2, 22.0, receptor=_ALPHA),
        ),
        source=(
            "Clearance 0.1 L/kg/min from the plasma levels in Martinsson 1986, Eur J Clin "
            f"Pharmacol; effective half-life 5 min and initial volume 26 L: {LABEL} and "
            "Hengstmann & Goronzy 1982, Eur J Clin Pharmacol 21:335. A tenth of the potency of "
            "norepinephrine, no beta effect: Goradia 2021. Not tuned: its validation rows are "
            "predictions."
        ),
    ),
    Drug.VASOPRESSIN: Pharmacology(
        phases=one_phase(480.0),
        distribution_l_per_kg=0.14,
        effect_half_life_s=60.0,
        effects=(
            Effect("vasoconstriction", 1.0, 49.0),
            Effect("venoconstriction", 0.08, 49.0),
        ),
        source=(
            f"Half-life below 10 min, 0.14 L/kg, 9-25 mL/kg/min: {LABEL}. 0.04 units/min as 0.1 "
            "µg/kg/min of norepinephrine: Kotani 2023; splanchnic veins: Johnson 1974, Circ Res "
            "34:515 (share assumed). Concentrations in milliunits/L."
        ),
    ),
    Drug.DOBUTAMINE: Pharmacology(
        phases=one_phase(142.0),
        distribution_l_per_kg=0.20,
        effect_half_life_s=30.0,
        effects=(
            Effect("inotropy", 0.75, 170.0, receptor=_BETA_1),
            Effect("chronotropy", 1.5, 300.0, receptor=_BETA_1),
            Effect("vasoconstriction", -0.6, 170.0, receptor=_BETA_2),
            Effect("oxygen_consumption_change", 0.66, 170.0),
        ),
        source=(
            "0.20 L/kg, half-life 2.4 min: Kates & Leier 1978, Clin Pharmacol Ther 24:537. Half "
            "effect near 10 µg/kg/min; effects tuned to the output in heart failure, 3.1 to 5.6 "
            "L/min, Akhtar 1975, Am J Cardiol 36:202, and to the rate of volunteers, 59 to 92 "
            "/min, whose metabolism rose by a third: Green 1992, Clin Sci 82:77 (failing hearts "
            "quicken by 7 % only: their receptors are fewer, not modelled)."
        ),
    ),
    Drug.DOPAMINE: Pharmacology(
        phases=(Phase(0.85, 60.0), Phase(0.15, 540.0)),
        distribution_l_per_kg=0.21,
        effect_half_life_s=30.0,
        effects=(
            Effect("vasoconstriction", -0.55, 40.0),
            Effect("vasoconstriction", 1.5, 450.0, 1.5, _ALPHA),
            Effect("venoconstriction", 0.2, 150.0, receptor=_ALPHA),
            Effect("inotropy", 2.0, 170.0, receptor=_BETA_1),
            Effect("chronotropy", 0.70, 300.0, receptor=_BETA_1),
        ),
        source=(
            "Half-lives 1 and 9 min, steady within 5 min: Järnberg 1981, Acta Pharmacol Toxicol "
            "48:120; clearance of 60-70 mL/kg/min assumed. Resistance lower and output higher in "
            "volunteers, pressor potency 1/25 to 1/56 of norepinephrine: Horwitz 1962, Circ Res "
            "10:237; wedge pressure up from 4 µg/kg/min on: Leier 1978, Circulation 58:466. "
            "Tuned to +49 % of output at 11 µg/kg/min."
        ),
    ),
    Drug.MILRINONE: Pharmacology(
        phases=(Phase(0.76, 480.0), Phase(0.24, 8280.0)),
        distribution_l_per_kg=0.14,
        effect_half_life_s=120.0,
        effects=(
            Effect("inotropy", 0.22, 150.0, 1.5),
            Effect("chronotropy", 0.10, 350.0, 2.0),
            Effect("vasoconstriction", -0.65, 150.0),
            Effect("venoconstriction", -0.30, 150.0),
            Effect("pulmonary_vasoconstriction", -0.65, 150.0),
        ),
        source=(
            "50 µg/kg gives 352 µg/L, 0.5 µg/kg/min 168: Baruch 2001, Am Heart J 141:e6; "
            f"half-life 2.3 h: {LABEL}. Dilation of arteries, veins and lungs set between two "
            "series at 0.5 µg/kg/min: wedge -9 mmHg, output +0.8 L/min/m2 (Baruch 2001); wedge "
            "-8, atrium -4 mmHg, systemic resistance -51 %, pulmonary -43 %, oral dilators rising "
            "meanwhile (Cusick 1998, Am J Cardiol 82:1060). Force tuned to the stroke volume of "
            "Jaski 1985, J Clin Invest 75:643, who saw dilation at 427 µg/L only."
        ),
    ),
}
