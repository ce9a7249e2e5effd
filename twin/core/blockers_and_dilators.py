"""Drugs that block receptors, widen vessels, or take fluid: one row each, with its sources.

May live here: the table. Direct effects only: what reflexes add is the circulation's own matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twin.core.intervention_kinds import Drug
from twin.core.pharmacology import LABEL, Effect, Pharmacology, Phase, Receptor, one_phase

_ALPHA, _BETA_1, _BETA_2 = Receptor.ALPHA_1, Receptor.BETA_1, Receptor.BETA_2

BLOCKERS_AND_DILATORS: Final[Mapping[Drug, Pharmacology]] = {
    Drug.ESMOLOL: Pharmacology(
        phases=one_phase(540.0),
        distribution_l_per_kg=3.4,
        effect_half_life_s=60.0,
        effects=(Effect("beta_blockade", 1.0, 350.0),),
        blocks={_BETA_1: 350.0},
        source=(
            "Half-life 9 min, volume 3.4 L/kg, clearance 285 mL/kg/min: Sum 1983, Clin Pharmacol "
            "Ther 34:427; half effect near the level at 100 µg/kg/min: Reilly 1985, Clin "
            "Pharmacol Ther 38:579."
        ),
    ),
    Drug.METOPROLOL: Pharmacology(
        phases=one_phase(3.5 * 3600),
        distribution_l_per_kg=4.2,
        effect_half_life_s=300.0,
        absorption_half_life_s=40 * 60.0,
        availability=0.5,
        effects=(Effect("beta_blockade", 1.0, 35.0),),
        blocks={_BETA_1: 35.0},
        source=(
            "US prescribing information, metoprolol tartrate: half-life 3-4 h, half the oral "
            "dose reaches the circulation; volume 4.2 L/kg and half effect at 35 µg/L: Regardh & "
            "Johnsson 1980, Clin Pharmacokinet 5:557."
        ),
    ),
    Drug.LABETALOL: Pharmacology(
        phases=(Phase(0.75, 360.0), Phase(0.25, 5.5 * 3600)),
        distribution_l_per_kg=2.5,
        effect_half_life_s=150.0,
        absorption_half_life_s=12 * 60.0,
        availability=0.25,
        effects=(
            Effect("beta_blockade", 1.0, 35.0),
            Effect("vasoconstriction", -0.20, 240.0),
            Effect("venoconstriction", -0.05, 240.0),
        ),
        blocks={_BETA_1: 35.0, _BETA_2: 35.0, _ALPHA: 240.0},
        source=(
            f"Half-life 5.5 h, volume about 10 L/kg, a quarter available by mouth: {LABEL}. Beta "
            "to alpha blockade 6.9 : 1 intravenously: MacCarthy & Bloomfield 1983, "
            "Pharmacotherapy 3:193. 1 mg/kg in volunteers: systolic -10 %, output -16 % at 30 "
            "min: Allonen 1982, Int J Clin Pharmacol 20:517. The early phase and the level of "
            "half blockade are assumed."
        ),
    ),
    Drug.NITROGLYCERIN: Pharmacology(
        phases=one_phase(125.0),
        distribution_l_per_kg=3.0,
        effect_half_life_s=30.0,
        absorption_half_life_s=120.0,
        availability=0.4,
        effects=(
            Effect("venoconstriction", -0.54, 0.5),
            Effect("vasoconstriction", -0.45, 3.0),
            Effect("pulmonary_vasoconstriction", -0.4, 1.5),
        ),
        source=(
            f"Volume 3 L/kg, clearance 1 L/kg/min, 40 % available under the tongue: {LABEL}. "
            "Veins alone at 10 µg/min, arterioles from 40 µg/min on: Bayley 1984, Intensive Care "
            "Med 10:139. Veins tuned to the wedge pressure in heart failure, 27 to 20 mmHg, "
            "resistance -14 %: Armstrong 1982, Circulation 66:1273."
        ),
    ),
    Drug.NITROPRUSSIDE: Pharmacology(
        phases=one_phase(120.0),
        distribution_l_per_kg=0.20,
        effect_half_life_s=15.0,
        effects=(
            Effect("venoconstriction", -0.75, 10.0),
            Effect("vasoconstriction", -0.80, 14.0, 1.5),
            Effect("pulmonary_vasoconstriction", -0.4, 20.0),
        ),
        source=(
            f"Half-life 2 min, extracellular volume, effect within a minute: {LABEL}. Arterioles "
            "from failing hearts: mean pressure 89 to 66 and wedge 31 to 16 mmHg (eight patients "
            "of class IV), forward output up by a third to two thirds (Am J Cardiol 1986, "
            "58:1046). Veins tuned to the wedge pressure in heart failure, 32 to 17 mmHg, Guiha "
            "1974, NEJM 291:587, and to the stroke volume in hypertension, Shepherd & Irvine "
            "1986, J Cardiovasc Pharmacol 8:527."
        ),
    ),
    Drug.NICARDIPINE: Pharmacology(
        phases=(Phase(0.80, 180.0), Phase(0.17, 2700.0), Phase(0.03, 50_400.0)),
        distribution_l_per_kg=0.34,
        effect_half_life_s=120.0,
        effects=(Effect("vasoconstriction", -0.55, 100.0),),
        source=(
            f"Half-lives 3 min, 45 min and 14 h, clearance 0.4 L/kg/h: {LABEL}; the shares follow "
            "from the clearance and from half of the fall of pressure within 45 min. 5-15 mg/h "
            "for a fall by a sixth to a quarter (half effect assumed). Arterioles alone."
        ),
    ),
    Drug.FUROSEMIDE: Pharmacology(
        phases=one_phase(80 * 60.0),
        distribution_l_per_kg=0.12,
        effect_half_life_s=300.0,
        absorption_half_life_s=60 * 60.0,
        availability=0.6,
        effects=(Effect("diuresis_ml_per_s", 0.17, 1500.0, 1.5),),
        source=(
            "Hammarlund 1985, J Pharmacokinet Biopharm: half-life 1-1.5 h, sigmoid effect; US "
            "prescribing information: 60 % of the oral dose absorbed, peak diuresis within 30 "
            "min of injection and 1-2 h of ingestion."
        ),
    ),
    Drug.ATROPINE: Pharmacology(
        phases=(Phase(0.6, 60.0), Phase(0.4, 3 * 3600.0)),
        distribution_l_per_kg=1.0,
        effect_half_life_s=45.0,
        effects=(Effect("vagal_blockade", 1.0, 1.6, 1.5),),
        source=(
            f"Half-life 3 h, volume 1-2.5 L/kg: {LABEL} (early phase assumed). 0.04 mg/kg takes "
            "all vagal tone for an hour: rate 70 to 119 /min, Maciel 1985, Braz J Med Biol Res "
            "18:303; 0.75 mg quickens, Lönnerholm & Widerlöv 1975, Eur J Clin Pharmacol 8:233. "
            "The slowing by less than 0.5 mg is not modelled."
        ),
    ),
    Drug.AMIODARONE: Pharmacology(
        phases=(Phase(0.90, 480.0), Phase(0.10, 72_000.0)),
        distribution_l_per_kg=0.20,
        effect_half_life_s=120.0,
        effects=(
            Effect("beta_blockade", 0.5, 8000.0),
            Effect("vasoconstriction", -0.30, 8000.0),
            Effect("inotropy", -0.25, 8000.0),
        ),
        source=(
            f"7-26 mg/L after 150 mg, a tenth of it 30-45 min later: {LABEL}. Pressure 10 mmHg "
            "lower than with placebo at 6 min, rate -11 /min: Cheung 2003, Ann Thorac Surg "
            "76:535; output -20 % in failing ventricles: Kosinski 1984, JACC 4:565. Slowing of "
            "the atrioventricular node and of arrhythmias is not modelled."
        ),
    ),
}
