"""The constants of wandering that ship, fitted to charts of real patients.

Source: MIMIC-III clinical database demo (Johnson 2016, Sci Data 3:160035; ODbL 1.0), 54 intensive
care patients of one hospital. Fitted and printed by
``cardiotwin evaluate forecast VITALS --inputs INPUTS --constants``; pasted here. How they do on
patients who did not fit them is what the same command measures without ``--constants``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twin.core.haemodynamics import Quantity
from twin.core.wandering import Calibrated, Wandering

SHIPPED: Final[Mapping[Quantity, Calibrated]] = {
    Quantity.MEAN_PRESSURE: Calibrated(
        Wandering(
            level=71.33,
            level_sd=5.417,
            level_walk_per_sqrt_h=1.128,
            slow_sd=6.109,
            slow_h=27.05,
            fast_sd=6.344,
            fast_h=1.114,
            other_noise_sd=3.902,
            line_noise_sd=1.743,
            tails=5.262,
            cuff_offset_sd=4.7,
            cuff_offset_h=209,
            shape_offset_sd=6.891,
            shape_offset_h=183,
            shape_noise_sd=4.459,
            rhythm_sd=2.439,
            rhythm_h=22.85,
            effect_share=0.1305,
        ),
        errors=(
            -2.383,
            -1.846,
            -1.553,
            -1.141,
            -0.732,
            -0.463,
            -0.243,
            -0.024,
            0.185,
            0.439,
            0.749,
            1.259,
            1.738,
            2.225,
            2.987,
        ),
    ),
    Quantity.HEART_RATE: Calibrated(
        Wandering(
            level=83.43,
            level_sd=7.519,
            level_walk_per_sqrt_h=0.8279,
            slow_sd=9.544,
            slow_h=30.1,
            fast_sd=4.402,
            fast_h=1.79,
            other_noise_sd=1.781,
            line_noise_sd=3,
            tails=19.95,
            cuff_offset_sd=0.01,
            cuff_offset_h=200,
            shape_offset_sd=5,
            shape_offset_h=200,
            shape_noise_sd=3,
            rhythm_sd=2.338,
            rhythm_h=22.32,
            effect_share=0.1318,
        ),
        errors=(
            -2.537,
            -2.032,
            -1.628,
            -1.186,
            -0.732,
            -0.443,
            -0.219,
            -0.029,
            0.178,
            0.434,
            0.733,
            1.237,
            1.774,
            2.269,
            3.079,
        ),
    ),
    Quantity.OXYGEN_SATURATION: Calibrated(
        Wandering(
            level=98.03,
            level_sd=1.506,
            level_walk_per_sqrt_h=0.268,
            slow_sd=0.9898,
            slow_h=22.94,
            fast_sd=1.095,
            fast_h=1.675,
            other_noise_sd=0.6963,
            line_noise_sd=3,
            tails=30.79,
            cuff_offset_sd=0.01,
            cuff_offset_h=200,
            shape_offset_sd=5,
            shape_offset_h=200,
            shape_noise_sd=3,
            rhythm_sd=0.3167,
            rhythm_h=26.66,
            effect_share=0.0,
        ),
        errors=(
            -4.653,
            -3.026,
            -2.188,
            -1.450,
            -0.755,
            -0.348,
            -0.036,
            0.102,
            0.207,
            0.364,
            0.663,
            1.062,
            1.438,
            1.796,
            2.271,
        ),
    ),
}

CURVES: Final[Mapping[str, Mapping[int, tuple[float, float]]]] = {
    "hypotension": {60: (-1.312, 0.657), 360: (-0.539, 0.679)},
    "desaturation": {60: (-1.247, 0.630), 360: (-0.296, 0.515)},
}
"""Intercept and slope that turn the share of drawn paths that meet an event within so many
minutes into a probability (``twin.evaluation.horizons``). Shorter horizons have too few charted
values to teach one of their own."""
