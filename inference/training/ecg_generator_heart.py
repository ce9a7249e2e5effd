"""What each activation of a generated heart looks like: Gaussian waves of a heart vector.

Rule of the file: templates in the coordinates of Frank (x to the left, y to the feet, z to the
back), millivolt and seconds from the onset of the QRS complex. `heart_of` draws one subject; what
a case does to the subject is one function a finding, so that findings combine.

A wave is an asymmetric Gaussian with a direction. Those whose ``share_of_qt`` is not 0 move and
widen with the QT interval. Sizes were set so that generated amplitudes, axes and widths lie among
those of recorded ECGs (the tests compare them); directions are what vectorcardiography teaches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.training.ecg_generator_cases import Case
from inference.training.ecg_generator_rhythm import (
    ABERRANT,
    CONDUCTED,
    ESCAPE,
    PACED,
    VENTRICULAR,
    VENTRICULAR_OTHER,
)

Floats = NDArray[np.float64]

USUAL_QT_SECONDS: Final = 0.39
"""QT at 60 beats a minute for which widths of ST and T are stated."""


@dataclass(frozen=True, slots=True)
class Waves:
    """``n`` waves: ``vector`` ``[n, 3]`` mV; times and widths ``[n]`` in seconds.

    Centre = ``fixed`` + ``share_of_qt`` x QT after the onset.
    """

    vector: Floats
    fixed: Floats
    share_of_qt: Floats
    rising: Floats
    falling: Floats

    def __add__(self, other: Waves) -> Waves:
        """Return both sets of waves."""
        return Waves(
            *(
                np.concatenate([getattr(self, name), getattr(other, name)])
                for name in Waves.__slots__
            )
        )

    def scaled(self, factor: float) -> Waves:
        """Return the waves with another amplitude."""
        return replace(self, vector=self.vector * factor)

    @property
    def net(self) -> Floats:
        """Return the area of all waves as one vector, over their total width."""
        width = self.rising + self.falling
        area: Floats = (self.vector * width[:, None]).sum(axis=0) / width.sum()
        return area


def waves(*rows: tuple[float, float, float, float, float, float, float]) -> Waves:
    """Return waves from rows of x, y, z, fixed, share of QT, rising, falling."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    return Waves(table[:, :3], table[:, 3], table[:, 4], table[:, 5], table[:, 6])


NO_WAVES: Final = waves()


@dataclass(frozen=True, slots=True)
class Heart:
    """One subject: what each kind of activation looks like, and how QT follows the rate."""

    beats: dict[int, Waves]
    p: tuple[Waves, Waves]
    qtc_seconds: float
    beat_spread: float
    """Relative spread of amplitudes from beat to beat."""


def heart_of(case: Case, kinds: frozenset[int], rng: np.random.Generator) -> Heart:
    """Return a subject with the findings of the case, and the kinds of beats that occur."""
    width = float(np.clip(rng.normal(0.071, 0.007), 0.056, 0.089))
    amplitude = float(np.exp(rng.normal(0.03, 0.21)))
    turn = _rotation(rng.normal(4, 21), rng.normal(0, 17))
    qrs = _jittered(_normal_qrs(width), 0.2, rng)
    qrs = replace(qrs, vector=qrs.vector @ turn.T * amplitude)
    t_vector = _t_vector(amplitude, turn, rng)
    qrs, t_vector, width = _conducted(case, qrs, t_vector, width, rng)
    qrs, t_vector = _chambers(case, qrs, t_vector, rng)
    st_t = _repolarisation(case, t_vector, width, rng)
    qrs, st_t = _infarcted(case, qrs, st_t, width, rng)
    qrs, st_t = _electrolytes(case, qrs, st_t, rng)
    scale = 0.36 if case.chamber == "low voltage" else 1.0
    conducted = (qrs + st_t).scaled(scale)
    beats = {CONDUCTED: conducted}
    if ABERRANT in kinds:
        beats[ABERRANT] = conducted + _late_to_the_right(width, 0.6, rng)
    for kind in kinds & {VENTRICULAR, VENTRICULAR_OTHER, ESCAPE}:
        beats[kind] = _ventricular(rng)
    if PACED in kinds:
        beats[PACED] = _paced(rng)
    return Heart(beats, _p_waves(case, scale, rng), _qtc(case, rng), rng.uniform(0.01, 0.06))


def _qtc(case: Case, rng: np.random.Generator) -> float:
    longer = {"hypokalaemia": 0.04, "TInv": 0.02, "STEMI": 0.01}.get(case.state, 0.0)
    wider = 0.04 if case.conduction in ("LBBB", "RBBB", "RBBB+LAFB") else 0.0
    return float(np.clip(rng.normal(0.405, 0.02) + longer + wider, 0.33, 0.54))


def _normal_qrs(width: float) -> Waves:
    """Septum to the right and forward; free walls left, down and back; base up and back."""
    return waves(
        (-0.14, 0.03, -0.32, 0.18 * width, 0.0, 0.10 * width, 0.11 * width),
        (1.00, 0.58, -0.10, 0.42 * width, 0.0, 0.13 * width, 0.14 * width),
        (0.86, 0.22, 0.90, 0.60 * width, 0.0, 0.12 * width, 0.14 * width),
        (-0.14, -0.16, 0.42, 0.85 * width, 0.0, 0.10 * width, 0.10 * width),
    )


def _jittered(one: Waves, spread: float, rng: np.random.Generator) -> Waves:
    count = len(one.fixed)
    size = np.linalg.norm(one.vector, axis=1, keepdims=True)
    return Waves(
        one.vector + spread * size * rng.normal(size=(count, 3)),
        one.fixed * (1.0 + 0.05 * rng.normal(size=count)),
        one.share_of_qt,
        one.rising * np.exp(0.15 * rng.normal(size=count)),
        one.falling * np.exp(0.15 * rng.normal(size=count)),
    )


def _rotation(frontal_degrees: float, horizontal_degrees: float) -> Floats:
    """Return the turn of a heart: in the frontal plane (x, y), then in the horizontal (x, z)."""
    a, b = np.radians([frontal_degrees, horizontal_degrees])
    frontal = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    level = np.array([[np.cos(b), 0, -np.sin(b)], [0, 1, 0], [np.sin(b), 0, np.cos(b)]])
    turned: Floats = level @ frontal
    return turned


def _t_vector(amplitude: float, turn: Floats, rng: np.random.Generator) -> Floats:
    """Left, down and forward; follows the heart's turn half way."""
    direction = np.array([0.43, 0.20, -0.27]) + 0.08 * rng.normal(size=3)
    size = np.exp(rng.normal(0.0, 0.33)) * amplitude**0.4
    vector: Floats = 0.5 * (direction + turn @ direction) * size * rng.uniform(0.7, 1.1)
    return vector


def _late_to_the_right(width: float, size: float, rng: np.random.Generator) -> Waves:
    """Return the right ventricle's late activation: to the right and forward."""
    late = np.array([-0.55, rng.normal(0.0, 0.12), -0.62]) * size * np.exp(rng.normal(0, 0.25))
    centre = width + rng.uniform(0.0, 0.012)
    spread = rng.uniform(0.013, 0.02) * (0.6 + 0.4 * size)
    return waves((*late, centre, 0.0, spread, 1.2 * spread))


def _conducted(
    case: Case, qrs: Waves, t_vector: Floats, width: float, rng: np.random.Generator
) -> tuple[Waves, Floats, float]:
    """Return complex, T and width with the case's bundle branches."""
    if case.conduction == "LBBB":
        wide = float(rng.uniform(0.108, 0.15))
        size = float(np.exp(rng.normal(0.0, 0.25)))
        left = waves(
            (0.10, 0.10, rng.normal(-0.03, 0.1), 0.12 * wide, 0.0, 0.07 * wide, 0.08 * wide),
            (0.62, 0.22, 1.15, 0.34 * wide, 0.0, 0.11 * wide, 0.13 * wide),
            (0.78, 0.05, 1.40, 0.58 * wide, 0.0, 0.13 * wide, 0.12 * wide),
            (0.52, -0.10, 0.75, 0.78 * wide, 0.0, 0.10 * wide, 0.09 * wide),
        )
        turn = _rotation(rng.normal(0, 25), rng.normal(0, 12))
        left = _jittered(left, 0.12, rng)
        left = replace(left, vector=left.vector @ turn.T * size)
        return left, -rng.uniform(0.3, 0.6) * left.net, wide
    if "LAFB" in case.conduction:
        size = float(np.linalg.norm(qrs.vector, axis=1).max())
        up = waves(
            (-0.10, 0.30, -0.12, 0.2 * width, 0.0, 0.1 * width, 0.11 * width),
            (0.58, -0.28, -0.08, 0.46 * width, 0.0, 0.13 * width, 0.13 * width),
            (0.24, -0.60, 0.28, 0.66 * width, 0.0, 0.12 * width, 0.13 * width),
            (-0.38, -0.42, 0.20, 0.88 * width, 0.0, 0.11 * width, 0.12 * width),
        )
        width = float(rng.uniform(0.072, 0.092))
        turn = _rotation(rng.normal(-8, 13), rng.normal(0, 15))
        qrs = _jittered(replace(up, vector=up.vector @ turn.T * size * 0.9), 0.2, rng)
    if case.conduction in ("RBBB", "RBBB+LAFB"):
        late = _late_to_the_right(width, float(rng.uniform(0.8, 1.5)), rng)
        return qrs + late, t_vector - rng.uniform(0.1, 0.3) * late.net, width + 0.045
    if case.conduction == "IRBBB":
        late = _late_to_the_right(width, float(rng.uniform(0.3, 0.6)), rng)
        late = replace(late, fixed=late.fixed - 0.008, rising=0.6 * late.rising)
        return qrs + late, t_vector, width + 0.012
    return qrs, t_vector, width


def _chambers(
    case: Case, qrs: Waves, t_vector: Floats, rng: np.random.Generator
) -> tuple[Waves, Floats]:
    if case.chamber.startswith("LVH"):
        more = 1.2 + 0.8 * max(case.amount, 0.2)
        free_wall = (np.arange(len(qrs.fixed)) > 0)[:, None]  # the septum's forces stay
        thick = np.where(free_wall, np.array([more, 1.0, 1.15 * more]), 1.0)
        qrs = replace(qrs, vector=qrs.vector * thick, fixed=qrs.fixed * 1.06)
        t_vector = t_vector * rng.uniform(0.1, 1.0)
        if case.chamber == "LVH strain":
            t_vector = -rng.uniform(0.2, 0.45) * qrs.net + np.array([-0.05, 0.0, 0.05])
    if case.chamber == "RVH":
        amount = 0.5 + 0.7 * case.amount
        right = np.array([-0.55, 0.25, -0.55]) * amount
        qrs = qrs + waves((*right, 0.055, 0.0, 0.014, 0.016))
        t_vector = t_vector - rng.uniform(0.15, 0.35) * right
    return qrs, t_vector


def _repolarisation(case: Case, t_vector: Floats, width: float, rng: np.random.Generator) -> Waves:
    """Return T, a little ST before it and, in some, a U wave."""
    rising, falling = rng.uniform(0.135, 0.175), rng.uniform(0.085, 0.115)
    peak = rng.uniform(0.70, 0.76)
    size = USUAL_QT_SECONDS
    st = t_vector * rng.uniform(0.0, 0.18)
    out = waves(
        (*t_vector, 0.0, peak, rising * size, falling * size),
        (*st, width + 0.03, 0.0, 0.02, 0.05),
        (*(0.08 * rng.random() * t_vector), 0.03, 1.02, 0.04, 0.05),
    )
    if case.chamber == "LVH strain":
        depressed = t_vector * rng.uniform(0.2, 0.6)
        out = out + waves((*depressed, width + 0.04, 0.0, 0.025, 0.07))
    if case.conduction == "LBBB":
        out = out + waves((*(0.45 * t_vector), width + 0.02, 0.0, 0.02, 0.07))
    return out


_TOWARDS: Final = {
    "anterior": (0.25, 0.02, -0.95),
    "anteroseptal": (-0.15, -0.05, -1.0),
    "anterolateral": (0.8, -0.25, -0.6),
    "inferior": (-0.12, 1.0, 0.1),
    "inferolateral": (0.45, 0.85, 0.25),
    "lateral": (0.9, -0.5, 0.1),
    "posterior": (0.15, 0.2, 1.0),
}
"""Where each wall lies from the middle of the heart: ST is raised there, and lowered across."""


def towards(territory: str, rng: np.random.Generator) -> Floats:
    """Return a unit vector towards the wall, somewhat different in each heart."""
    vector = np.array(_TOWARDS[territory]) + 0.18 * rng.normal(size=3)
    unit: Floats = vector / np.linalg.norm(vector)
    return unit


def _st_segment(vector: Floats, width: float, rng: np.random.Generator) -> Waves:
    """Return a shift of the ST segment from the J point on, upright, sloping or domed."""
    early, late = rng.uniform(0.6, 1.0), rng.uniform(0.35, 1.1)
    return waves(
        (*(early * vector), width + 0.022, 0.0, 0.012, 0.05),
        (*(late * vector), 0.5 * width, 0.36, 0.05, 0.06),
    )


def _infarcted(
    case: Case, qrs: Waves, st_t: Waves, width: float, rng: np.random.Generator
) -> tuple[Waves, Waves]:
    """Add injury, ischaemia and scar; they follow the wall they are in."""
    wall = towards(case.territory, rng)
    if case.state == "STEMI":
        injury = wall * (0.07 + 0.42 * case.amount**1.4)
        st_t = st_t + _st_segment(injury, width, rng)
        tall = injury * rng.uniform(-0.5, 1.4)  # from terminal inversion to hyperacute T
        st_t = st_t + waves((*tall, 0.0, 0.76, 0.05, 0.035))
        if rng.random() < 0.45:
            qrs = _scarred(qrs, wall, 0.7 * rng.random(), width)
    elif case.state == "STD":
        wide = np.array([0.55, 0.6, -0.35]) + 0.3 * rng.normal(size=3)
        depressed = -wide / np.linalg.norm(wide) * (0.05 + 0.2 * case.amount)
        st_t = st_t.scaled(rng.uniform(0.3, 1.0)) + _st_segment(depressed, width, rng)
    elif case.state == "TInv":
        size = 0.12 + 0.4 * case.amount
        st_t = st_t.scaled(0.4) + waves((*(-size * wall), 0.0, 0.76, 0.05, 0.04))
    elif case.state == "flat T":
        st_t = st_t.scaled(0.35 * (1.0 - case.amount))
    elif case.state == "old MI":
        qrs = _scarred(qrs, wall, 0.35 + 0.65 * case.amount, width)
        if rng.random() < 0.5:
            st_t = st_t.scaled(0.7) + waves((*(-0.12 * wall), 0.0, 0.75, 0.05, 0.04))
    elif case.state in ("pericarditis", "early repolarisation"):
        st_t = st_t.scaled(1.2) + _concave(case, width, rng)
    return qrs, st_t


def _scarred(qrs: Waves, wall: Floats, amount: float, width: float) -> Waves:
    """Take away the wall's early forces: the vector turns away from it for 40 ms (a Q wave)."""
    ahead = np.clip(qrs.vector @ wall, 0.0, None)
    early = qrs.fixed < 0.65 * width
    vector = qrs.vector - (0.75 * amount * ahead * early)[:, None] * wall
    away = -0.45 * amount * wall
    return replace(qrs, vector=vector) + waves(
        (*away, 0.26 * width, 0.0, 0.009 + 0.005 * amount, 0.014 + 0.006 * amount)
    )


def _concave(case: Case, width: float, rng: np.random.Generator) -> Waves:
    """Raise the J point and ST everywhere but in aVR, hollow upwards into T."""
    direction = np.array([0.5, 0.6, -0.45]) + 0.15 * rng.normal(size=3)
    size = (0.05 + 0.14 * case.amount) * (1.3 if case.state == "pericarditis" else 0.8)
    vector = direction / np.linalg.norm(direction) * size
    notch = rng.random() * 0.8 if case.state == "early repolarisation" else 0.0
    return waves(
        (*vector, width + 0.02, 0.0, 0.012, 0.06),
        (*(0.7 * vector), 0.0, 0.5, 0.06, 0.05),
        (*(notch * vector), width + 0.004, 0.0, 0.006, 0.008),
    )


def _electrolytes(
    case: Case, qrs: Waves, st_t: Waves, rng: np.random.Generator
) -> tuple[Waves, Waves]:
    if case.state == "hyperkalaemia":
        wider = 1.0 + 0.7 * case.amount**2
        qrs = replace(
            qrs, fixed=qrs.fixed * wider, rising=qrs.rising * wider, falling=qrs.falling * wider
        )
        narrow = 1.0 - 0.4 * case.amount
        st_t = replace(
            st_t.scaled(1.6 + 1.8 * case.amount),
            rising=st_t.rising * narrow * 0.75,
            falling=st_t.falling * narrow,
        )
    elif case.state == "hypokalaemia":
        u_wave = np.array([0.12, 0.12, -0.14]) * (0.4 + case.amount)
        sagging = -np.array([0.05, 0.05, -0.04]) * case.amount
        st_t = st_t.scaled(0.5 - 0.4 * case.amount) + waves(
            (*u_wave, 0.02, 1.0, 0.05, 0.06), (*sagging, 0.14, 0.0, 0.03, 0.06)
        )
    return qrs, st_t


def _ventricular(rng: np.random.Generator) -> Waves:
    """Return a wide complex from somewhere in the ventricles, its ST and T against it."""
    wide = float(rng.uniform(0.125, 0.185))
    from_right = rng.random() < 0.5
    main = np.array(
        [0.9 if from_right else -0.7, rng.choice([-0.8, 0.9]), 0.6 if from_right else -0.8]
    )
    main = (main + 0.25 * rng.normal(size=3)) * np.exp(rng.normal(0.05, 0.3))
    swing = 0.3 * np.linalg.norm(main) * rng.normal(size=(3, 3))
    qrs = waves(
        (*(0.35 * main + swing[0]), 0.22 * wide, 0.0, 0.10 * wide, 0.12 * wide),
        (*(main + 0.5 * swing[1]), 0.45 * wide, 0.0, 0.15 * wide, 0.16 * wide),
        (*(0.45 * main + swing[2]), 0.72 * wide, 0.0, 0.13 * wide, 0.13 * wide),
    )
    return qrs + _against(qrs, wide, rng)


def _paced(rng: np.random.Generator) -> Waves:
    """Return a complex paced from the right ventricle's apex or septum."""
    wide = float(rng.uniform(0.135, 0.185))
    superior = rng.normal(-0.65, 0.35)
    size = float(np.exp(rng.normal(0.0, 0.25)))
    qrs = waves(
        (0.35, 0.4 * superior, 0.25, 0.2 * wide, 0.0, 0.1 * wide, 0.12 * wide),
        (0.6, superior, 0.7, 0.45 * wide, 0.0, 0.14 * wide, 0.15 * wide),
        (0.45, 0.7 * superior, 0.6, 0.7 * wide, 0.0, 0.12 * wide, 0.12 * wide),
    )
    qrs = _jittered(qrs, 0.2, rng).scaled(1.3 * size)
    return qrs + _against(qrs, wide, rng)


def _against(qrs: Waves, wide: float, rng: np.random.Generator) -> Waves:
    t_vector = -rng.uniform(0.4, 0.7) * qrs.net
    return waves(
        (*t_vector, 0.0, 0.78, 0.055, 0.045),
        (*(0.4 * t_vector), wide + 0.03, 0.0, 0.02, 0.07),
    )


def _p_waves(case: Case, scale: float, rng: np.random.Generator) -> tuple[Waves, Waves]:
    """Return sinus and ectopic P, from the onset of P: right atrium, then left."""
    size = float(np.exp(rng.normal(0.0, 0.3))) * scale
    if case.state == "hyperkalaemia":
        size *= 1.0 - 0.9 * case.amount
    right = np.array([0.03, 0.075, -0.035]) + 0.015 * rng.normal(size=3)
    left = np.array([0.05, 0.045, 0.035]) + 0.015 * rng.normal(size=3)
    large_left, large_right = rng.random() < 0.12, rng.random() < 0.06
    left = left * (1.6 if large_left else 1.0)
    right = right * (1.8 if large_right else 1.0)
    later = 0.068 + (0.02 if large_left else 0.0)
    sinus = waves(
        (*(right * size), 0.036, 0.0, 0.014, 0.016), (*(left * size), later, 0.0, 0.014, 0.018)
    )
    turn = _rotation(rng.uniform(-150, 150), rng.uniform(-90, 90))
    ectopic = replace(sinus, vector=sinus.vector @ turn.T * rng.uniform(0.7, 1.5))
    return sinus, ectopic
