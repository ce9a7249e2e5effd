"""Drugs for sleep and pain, as far as they touch circulation and breathing: a row each, sourced.

May live here: the table. Direct effects only. What these drugs do to consciousness is not
modelled, and nor is surgery.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twin.core.intervention_kinds import Drug
from twin.core.pharmacology import LABEL, Effect, Pharmacology, Phase

ANAESTHETICS: Final[Mapping[Drug, Pharmacology]] = {
    Drug.PROPOFOL: Pharmacology(
        phases=(Phase(0.9047, 139.3), Phase(0.0895, 1379.3), Phase(0.0058, 17_338.8)),
        distribution_l_per_kg=0.228,
        effect_half_life_s=345.0,
        effects=(
            Effect("sympathetic_blockade", 0.9, 2500.0),
            Effect("baroreflex_reset_mmhg", -25.0, 2500.0),
            Effect("vasoconstriction", -0.65, 2500.0),
            Effect("venoconstriction", -0.22, 2500.0),
            Effect("inotropy", -0.20, 4000.0),
            Effect("ventilatory_depression", 1.0, 1300.0, 1.7),
            Effect("oxygen_consumption_change", -0.20, 2500.0),
        ),
        source=(
            "Three compartments: Marsh 1991, Br J Anaesth 67:41 (rate constants turned into "
            "exponentials). Pressure follows with a half-life of 5.7 min: Kazama 1999, "
            "Anesthesiology 90:1517. By loss of sympathetic outflow: Robinson 1997, "
            "Anesthesiology 86:64, and a reflex that holds a lower pressure: Cullen 1987, Anesth "
            "Analg 66:1115 (by how much: as far as pressure falls, assumed). Vessels tuned to a "
            "diastolic pressure down by 25 to 40 % after induction: Morgan 2006. Breathing halved "
            "at 1.3 mg/L: Bouillon 2004, Anesthesiology 100:240 (it follows faster than pressure: "
            "not modelled)."
        ),
    ),
    Drug.KETAMINE: Pharmacology(
        phases=(Phase(0.80, 660.0), Phase(0.20, 9300.0)),
        distribution_l_per_kg=0.9,
        effect_half_life_s=60.0,
        effects=(
            Effect("chronotropy", 0.45, 1000.0),
            Effect("vasoconstriction", 0.35, 1000.0),
            Effect("inotropy", 0.20, 1000.0),
        ),
        source=(
            f"Half-lives 10-15 min and 2.5 h: {LABEL}; clearance 16-19 mL/kg/min: Clements & "
            "Nimmo 1981, Br J Anaesth 53:27. Rate and pressure +15 to 25 % after 1.5 mg/kg: "
            "Morgan 2006. The release of catecholamines is taken as a direct effect; where "
            "stores are empty it fails, and pressure falls: not modelled."
        ),
    ),
    Drug.MORPHINE: Pharmacology(
        phases=(Phase(0.85, 180.0), Phase(0.10, 1200.0), Phase(0.05, 10_200.0)),
        distribution_l_per_kg=0.30,
        effect_half_life_s=600.0,
        effects=(
            Effect("sympathetic_blockade", 0.45, 90.0),
            Effect("venoconstriction", -0.05, 90.0),
            Effect("ventilatory_depression", 0.9, 110.0),
        ),
        source=(
            "Half-lives, Vss 3 L/kg and clearance near 15 mL/kg/min: Stanski 1978, Clin "
            "Pharmacol Ther 24:52 (early phases assumed). 11 mg: rate -4 to -10 %, breathing -25 "
            "to -30 %: Thompson 1995; Olofsen 2010, Anesthesiology 112:1364."
        ),
    ),
}
