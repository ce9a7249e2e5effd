"""The integration of the pulsatile model: RK4 of 5 ms for volumes, Euler for what is slower.

May live here: what one block of members does in one step, and the kernels made of it. Equations
live in ``circulation``, ``regulation`` and ``exchange``, beats in ``beats``; the calls others make
are in ``pulsatile``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core import (
    acting,
    baroreflex,
    beats,
    chambers,
    circulation,
    exchange,
    gas_exchange,
    hormones,
    layout,
    pericardium,
    regulation,
    respiration,
    rhythm,
    slow_steps,
    start,
    valves,
    vessels,
)
from twin.core.beats import copy_readings, fold_beat, gather
from twin.core.chambers import activation
from twin.core.circulation import heart_pressures, leaking, vessel_pressures, volume_rates
from twin.core.compiled import counted, digest_of, inlined, kernel, single
from twin.core.layout import (
    AORTIC,
    ARTERIES,
    ATRIUM_RATE,
    ATRIUM_SHIFT,
    BEAT_TIME,
    BLOOD,
    HIGH_AORTA,
    LANES,
    LAST_AORTA,
    LAST_ATRIUM,
    LAST_FILLING,
    LAST_LEAK,
    LAST_LUNG,
    LAST_WEDGE,
    LEFT_ATRIUM,
    LEFT_VENTRICLE,
    LOW_AORTA,
    LUNG_ARTERIES,
    LUNG_VEINS,
    PERIOD,
    RIGHT_ATRIUM,
    RIGHT_VENTRICLE,
    SEEN_AORTA,
    SUM_AORTA,
    VEINS,
    VENTRICLE_RATE,
    parameter_row,
)
from twin.core.regulation import sense, straighten_veins
from twin.core.slow_steps import begin_interval, regulate
from twin.core.start import STEP_S
from twin.core.valves import forward_flow

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]
    Eight = tuple[float, float, float, float, float, float, float, float]
    Six = tuple[float, float, float, float, float, float]
    Run = Callable[
        [Flat, Float[np.ndarray, "interval control"], int, int, int, int, np.ndarray], None
    ]

FAST_STEPS: Final = 4
SLOW_STEP_S: Final = STEP_S * FAST_STEPS
"""Beats are folded, veins straightened and receptors read every 20 ms."""
REGULATED_EVERY: Final = 5
"""Slow steps between two looks at nerves and drugs: their quickest time constant is 1.5 s."""

_H: Final = single(STEP_S)
_HALF_H: Final = single(STEP_S / 2)
_SIXTH_H: Final = single(STEP_S / 6)
_SLOW_H: Final = single(SLOW_STEP_S)
_PER_FAST_STEP: Final = single(1.0 / FAST_STEPS)
_TWO: Final = single(2.0)
_IMPEDANCE: Final = parameter_row("aortic_impedance")
_ELSEWHERE: Final = parameter_row("unstressed_volume_elsewhere")
_THORAX: Final = parameter_row("intrathoracic_pressure")


@inlined
def activations(w: Flat, i: int, time_s: float) -> tuple[float, float]:
    """Return how active ventricles and atria are (0-1) so long after the ventricles' onset."""
    period = w[PERIOD + i]
    since = time_s - period if time_s >= period else time_s
    led = since + w[ATRIUM_SHIFT + i]
    led = led - period if led >= period else led
    return activation(since, w[VENTRICLE_RATE + i]), activation(led, w[ATRIUM_RATE + i])


@inlined
def slopes(
    w: Flat,
    i: int,
    time_s: float,
    lv: float,
    rv: float,
    la: float,
    ra: float,
    sa: float,
    sv: float,
    pa: float,
    pv: float,
) -> tuple[Eight, Six]:
    """Return the rates of the eight volumes (mL/s), and pressures to be noted.

    Those are of aortic root, right atrium, lung arteries and veins, and of the right atrium
    against what is around it; the last is the flow back through the mitral valve (mL/s).

    Volumes in the order left and right ventricle, left and right atrium, systemic arteries and
    veins, pulmonary arteries and veins.
    """
    ventricles, atria = activations(w, i, time_s)
    p_lv, p_rv, p_la, p_ra, around = heart_pressures(w, i, lv, rv, la, ra, ventricles, atria)
    p_sa, p_sv, p_pa, p_pv = vessel_pressures(w, i, sa, sv, pa, pv)
    leaked = leaking(w, i, lv, p_lv, p_la)
    changes = volume_rates(w, i, leaked, p_lv, p_rv, p_la, p_ra, p_sa, p_sv, p_pa, p_pv)
    aorta = p_sa + w[_IMPEDANCE + i] * forward_flow(p_lv - p_sa, w[AORTIC + i])
    return changes, (aorta, p_ra, p_pa, p_pv, p_ra - around, leaked)


@inlined
def fast_step(w: Flat, i: int) -> None:
    """Advance the volumes of one member by one classic Runge-Kutta step and note its pressures.

    Long because its eight volumes are eight names: an array of them would be memory, not
    registers.
    """
    t = w[BEAT_TIME + i]
    lv, rv = w[LEFT_VENTRICLE + i], w[RIGHT_VENTRICLE + i]
    la, ra = w[LEFT_ATRIUM + i], w[RIGHT_ATRIUM + i]
    sa, sv, pa, pv = w[ARTERIES + i], w[VEINS + i], w[LUNG_ARTERIES + i], w[LUNG_VEINS + i]
    (a1, a2, a3, a4, a5, a6, a7, a8), noted = slopes(w, i, t, lv, rv, la, ra, sa, sv, pa, pv)
    aorta, atrium, lung, wedge, filling, leaked = noted
    (b1, b2, b3, b4, b5, b6, b7, b8), _ = slopes(
        w,
        i,
        t + _HALF_H,
        lv + _HALF_H * a1,
        rv + _HALF_H * a2,
        la + _HALF_H * a3,
        ra + _HALF_H * a4,
        sa + _HALF_H * a5,
        sv + _HALF_H * a6,
        pa + _HALF_H * a7,
        pv + _HALF_H * a8,
    )
    (c1, c2, c3, c4, c5, c6, c7, c8), _ = slopes(
        w,
        i,
        t + _HALF_H,
        lv + _HALF_H * b1,
        rv + _HALF_H * b2,
        la + _HALF_H * b3,
        ra + _HALF_H * b4,
        sa + _HALF_H * b5,
        sv + _HALF_H * b6,
        pa + _HALF_H * b7,
        pv + _HALF_H * b8,
    )
    (d1, d2, d3, d4, d5, d6, d7, d8), _ = slopes(
        w,
        i,
        t + _H,
        lv + _H * c1,
        rv + _H * c2,
        la + _H * c3,
        ra + _H * c4,
        sa + _H * c5,
        sv + _H * c6,
        pa + _H * c7,
        pv + _H * c8,
    )
    w[LEFT_VENTRICLE + i] = lv + _SIXTH_H * (a1 + d1 + _TWO * (b1 + c1))
    w[RIGHT_VENTRICLE + i] = rv + _SIXTH_H * (a2 + d2 + _TWO * (b2 + c2))
    w[LEFT_ATRIUM + i] = la + _SIXTH_H * (a3 + d3 + _TWO * (b3 + c3))
    w[RIGHT_ATRIUM + i] = ra + _SIXTH_H * (a4 + d4 + _TWO * (b4 + c4))
    w[ARTERIES + i] = sa + _SIXTH_H * (a5 + d5 + _TWO * (b5 + c5))
    w[VEINS + i] = sv + _SIXTH_H * (a6 + d6 + _TWO * (b6 + c6))
    w[LUNG_ARTERIES + i] = pa + _SIXTH_H * (a7 + d7 + _TWO * (b7 + c7))
    w[LUNG_VEINS + i] = pv + _SIXTH_H * (a8 + d8 + _TWO * (b8 + c8))
    w[BEAT_TIME + i] = t + _H
    w[LAST_ATRIUM + i] = atrium
    w[LAST_LUNG + i] = lung
    w[LAST_WEDGE + i] = wedge
    w[LAST_FILLING + i] = filling
    w[LAST_LEAK + i] = leaked
    w[LAST_AORTA + i] = aorta
    w[SUM_AORTA + i] += aorta
    w[HIGH_AORTA + i] = max(w[HIGH_AORTA + i], aorta)
    w[LOW_AORTA + i] = min(w[LOW_AORTA + i], aorta)


@inlined
def look_back(w: Flat, i: int) -> None:
    """Let receptors and the beat's slow sums see the fast steps that have passed."""
    arterial = (w[SUM_AORTA + i] - w[SEEN_AORTA + i]) * _PER_FAST_STEP
    sense(w, i, arterial, w[LAST_FILLING + i] + w[_THORAX + i], _SLOW_H)
    gather(w, i)


@inlined
def balance_books(w: Flat, lanes: int) -> None:
    """Give the veins what is in no other place: no rounding is lost or gained over hours.

    Runge and Kutta's steps keep the sum of the volumes but for the last bit of single precision.
    """
    for i in range(lanes):
        heart = (w[LEFT_VENTRICLE + i] + w[RIGHT_VENTRICLE + i]) + (
            w[LEFT_ATRIUM + i] + w[RIGHT_ATRIUM + i]
        )
        lungs = w[LUNG_ARTERIES + i] + w[LUNG_VEINS + i]
        elsewhere = w[_ELSEWHERE + i] + w[ARTERIES + i]
        w[VEINS + i] = w[BLOOD + i] - (heart + lungs + elsewhere)


@inlined
def slow_step(w: Flat, lanes: int, fast_steps: int) -> None:
    """Advance by 20 ms."""
    for i in range(lanes):
        fold_beat(w, i, _H)
        straighten_veins(w, i)
    for _ in range(fast_steps):
        for i in range(lanes):
            fast_step(w, i)
    for i in range(lanes):
        look_back(w, i)


def ensemble(lanes: int, digest: int) -> Run:
    """Return the kernel for a block of ``lanes`` members; ``digest`` is a key of the cache."""

    def run(
        w: Flat,
        controls: Float[np.ndarray, "interval control"],
        steps: int,
        regulated_every: int,
        fast_steps: int,
        intervals_per_sample: int,
        samples: Float[np.ndarray, "sample place"],
    ) -> None:
        if digest == 0:
            return
        regulation_s = counted(regulated_every) * _SLOW_H
        interval_s = counted(steps) * _SLOW_H
        for interval in range(controls.shape[0]):
            balance_books(w, lanes)
            begin_interval(w, lanes, controls, interval, interval_s)
            for step in range(steps):
                if step % regulated_every == 0:
                    regulate(w, lanes, regulation_s)
                slow_step(w, lanes, fast_steps)
            if (interval + 1) % intervals_per_sample == 0:
                copy_readings(w, samples[(interval + 1) // intervals_per_sample - 1])

    return kernel(run)


def _look(digest: int) -> Callable[[Flat, Float[np.ndarray, "place lane"]], None]:
    def look(w: Flat, seen: Float[np.ndarray, "place lane"]) -> None:
        if digest == 0:
            return
        for i in range(LANES):
            lv, rv = w[LEFT_VENTRICLE + i], w[RIGHT_VENTRICLE + i]
            la, ra = w[LEFT_ATRIUM + i], w[RIGHT_ATRIUM + i]
            sa, sv, pa, pv = w[ARTERIES + i], w[VEINS + i], w[LUNG_ARTERIES + i], w[LUNG_VEINS + i]
            ventricles, atria = activations(w, i, w[BEAT_TIME + i])
            chambers_mmhg = heart_pressures(w, i, lv, rv, la, ra, ventricles, atria)
            vessels_mmhg = vessel_pressures(w, i, sa, sv, pa, pv)
            seen[0, i], seen[1, i], seen[2, i], seen[3, i] = lv, rv, la, ra
            seen[4, i], seen[5, i], seen[6, i], seen[7, i] = sa, sv, pa, pv
            for place in range(4):
                seen[8 + place, i] = chambers_mmhg[place]
                seen[12 + place, i] = vessels_mmhg[place]

    return kernel(look)


EQUATIONS: Final = digest_of(
    acting,
    baroreflex,
    beats,
    chambers,
    circulation,
    exchange,
    gas_exchange,
    hormones,
    layout,
    pericardium,
    regulation,
    respiration,
    rhythm,
    slow_steps,
    start,
    valves,
    vessels,
)

run_block: Final = ensemble(LANES, EQUATIONS)
look_at_block: Final = _look(EQUATIONS)
