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
            level=71.47,
            level_sd=5.325,
            level_walk_per_sqrt_h=1.108,
            slow_sd=6.126,
            slow_h=26.77,
            fast_sd=6.363,
            fast_h=1.138,
            other_noise_sd=3.934,
            line_noise_sd=1.788,
            tails=5.527,
            cuff_offset_sd=4.683,
            cuff_offset_h=210.2,
            shape_offset_sd=6.78,
            shape_offset_h=184.3,
            shape_noise_sd=4.73,
            rhythm_sd=2.42,
            rhythm_h=22.71,
            effect_share=0.128,
        ),
        errors=(
            -2.381,
            -1.845,
            -1.554,
            -1.141,
            -0.730,
            -0.462,
            -0.241,
            -0.026,
            0.189,
            0.437,
            0.748,
            1.258,
            1.739,
            2.221,
            2.975,
        ),
    ),
    Quantity.HEART_RATE: Calibrated(
        Wandering(
            level=83.41,
            level_sd=7.512,
            level_walk_per_sqrt_h=0.8303,
            slow_sd=9.563,
            slow_h=30.09,
            fast_sd=4.409,
            fast_h=1.794,
            other_noise_sd=1.769,
            line_noise_sd=3,
            tails=19.78,
            cuff_offset_sd=0.01,
            cuff_offset_h=200,
            shape_offset_sd=5,
            shape_offset_h=200,
            shape_noise_sd=3,
            rhythm_sd=2.338,
            rhythm_h=22.29,
            effect_share=0.1346,
        ),
        errors=(
            -2.546,
            -2.028,
            -1.631,
            -1.185,
            -0.736,
            -0.441,
            -0.220,
            -0.032,
            0.176,
            0.434,
            0.731,
            1.235,
            1.770,
            2.269,
            3.077,
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
    "hypotension": {60: (-1.292, 0.668), 360: (-0.533, 0.691)},
    "desaturation": {60: (-1.257, 0.635), 360: (-0.320, 0.512)},
}
"""Intercept and slope that turn the share of drawn paths that meet an event within so many
minutes into a probability (``twin.evaluation.horizons``). Shorter horizons have too few charted
values to teach one of their own."""
