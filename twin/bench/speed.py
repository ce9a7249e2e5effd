"""Times the twin beside peers that integrate the same equations, interleaved in one run.

May live here: what is timed and how. Figures are wall-clock milliseconds, with the processor time
of all threads beside them, because a shared machine stretches the former.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from twin.bench import updates
from twin.core import beat_averaged, layout, pulsatile, start
from twin.core.interventions import Fluid, FluidKind, schedule
from twin.core.parameters import PARAMETERS, Body, standard_adult
from twin.core.pulsatile_kernel import (
    EQUATIONS,
    FAST_STEPS,
    REGULATED_EVERY,
    SLOW_STEP_S,
    ensemble,
)
from twin.validation import reference

MEMBERS: Final = 256
SPAN_S: Final = 60.0
FORECAST_MEMBERS: Final = 32
HORIZON_S: Final = 1800.0
TORCH_SPAN_S: Final = 1.0
"""Eager torch takes about half a second for one: its figure is for this span, not extrapolated."""
LSODA_BEATS: Final = 72
"""A minute of beats at rest."""

NERVES: Final = (
    layout.ARTERIAL_AFFERENT,
    layout.VENOUS_AFFERENT,
    layout.SYMPATHETIC,
    layout.VENOUS_TONE,
    layout.VAGAL,
)
VOLUMES: Final = (
    layout.LEFT_VENTRICLE,
    layout.RIGHT_VENTRICLE,
    layout.LEFT_ATRIUM,
    layout.RIGHT_ATRIUM,
    layout.ARTERIES,
    layout.VEINS,
    layout.LUNG_ARTERIES,
    layout.LUNG_VEINS,
)


def processor_s() -> float:
    """Return the processor time of this process and of the children it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@dataclass(frozen=True, slots=True)
class Timed:
    """One case or peer: what runs, how many member-seconds it simulates, in which turns."""

    name: str
    run: Callable[[], object]
    member_s: float | None
    """None where the work is not all simulation."""
    every: int = 1
    times: int = 1
    """A turn, for a case whose rare long run is asked for."""
    threads: int = 1
    wall_ms: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)

    def once(self) -> None:
        """Run it for its turn and note both times."""
        for _ in range(self.times):
            wall, processor = time.perf_counter(), processor_s()
            self.run()
            self.wall_ms.append(1e3 * (time.perf_counter() - wall))
            self.processor_ms.append(1e3 * (processor_s() - processor))

    def figures(self) -> dict[str, object]:
        """Return the figures in the shape of every bench."""
        median = statistics.median(self.wall_ms)
        found: dict[str, object] = {
            "p50_ms": round(median, 3),
            "p99_ms": round(float(np.percentile(self.wall_ms, 99)), 3),
            "processor_p50_ms": round(statistics.median(self.processor_ms), 3),
            "processor_p99_ms": round(float(np.percentile(self.processor_ms, 99)), 3),
            "threads": self.threads,
            "runs": len(self.wall_ms),
        }
        if self.member_s is not None:
            found["realtime_factor"] = round(self.member_s / (median / 1e3))
        return found


def measured(turns: int, note: Callable[[str], None]) -> dict[str, object]:
    """Return cases and peers, each timed in every turn or every few."""
    cases, peers = _cases(), _peers()
    torch_peer, why_not = _torch_peer()
    if torch_peer is not None:
        peers.append(torch_peer)
    for timed in (*cases, *peers):
        timed.run()
    for turn in range(turns):
        note(f"turn {turn + 1} of {turns}")
        for timed in (*cases, *peers):
            if turn % timed.every == 0:
                timed.once()
    found: dict[str, object] = {timed.name: timed.figures() for timed in peers}
    if torch_peer is None:
        found[_TORCH_NAME] = {"p50_ms": None, "p99_ms": None, "threads": 1, "reason": why_not}
    return {"cases": {timed.name: timed.figures() for timed in cases}, "peers": found}


def _cases() -> list[Timed]:
    many = np.repeat(standard_adult()[:, None], MEMBERS, axis=1)
    few = many[:, :FORECAST_MEMBERS]
    settled = beat_averaged.settled(few)
    bolus = schedule([Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0)], Body(None, None, None, None))
    return [
        Timed(
            "ensemble_256x60s",
            lambda: pulsatile.steady_beats(many, SPAN_S),
            MEMBERS * SPAN_S,
        ),
        Timed(
            "beat_averaged_256x60s",
            lambda: beat_averaged.simulate(
                many, bolus, SPAN_S, SPAN_S, np.repeat(settled, MEMBERS // len(few[0]), axis=0)
            ),
            MEMBERS * SPAN_S,
        ),
        Timed(
            "beat_averaged_32x30min",
            lambda: beat_averaged.simulate(few, bolus, HORIZON_S, 60.0, settled),
            FORECAST_MEMBERS * HORIZON_S,
        ),
        *_update_cases(),
    ]


COST_MEMBERS: Final = (32, 64, 128)
COST_HORIZONS_S: Final = (300.0, 1800.0, 7200.0)
UPDATE_THREADS: Final = 2
"""Guard and plans run beside the caller's thread."""


def _update_cases() -> list[Timed]:
    """Return fit and whole update, and what the scenarios cost by members and by horizon."""

    def plans(members: int, horizon_s: float) -> Timed:
        return Timed(
            f"plans_{updates.SCENARIOS}x{members}x{horizon_s / 60.0:g}min",
            updates.plans_case(members, horizon_s),
            updates.SCENARIOS * members * horizon_s,
            every=4,
            threads=UPDATE_THREADS,
        )

    sizes = {(members, HORIZON_S) for members in COST_MEMBERS}
    sizes |= {(updates.MEMBERS, horizon_s) for horizon_s in COST_HORIZONS_S}
    return [
        Timed("posterior", updates.posterior_case(), None, times=5, threads=UPDATE_THREADS),
        Timed("update", updates.update_case(), None, times=5, threads=UPDATE_THREADS),
        Timed("cold_start", updates.cold_start, None, every=8, threads=UPDATE_THREADS),
        *(plans(*size) for size in sorted(sizes)),
    ]


def _peers() -> list[Timed]:
    adult = standard_adult()[:, None]
    state = pulsatile.settled(adult)[0].astype(float)
    begin = state[[*VOLUMES, *NERVES, layout.RESERVE, layout.HORMONES]]
    patient = reference.named(adult[:, 0])
    one = start.start(adult, np.float64)[0]
    scalar = ensemble(1, EQUATIONS)
    idle = np.zeros((round(SPAN_S), len(layout.CONTROLS)))
    steps = round(1.0 / SLOW_STEP_S)
    nowhere = np.zeros((1, layout.READ_ROWS * layout.LANES))
    return [
        Timed(
            "numba_scalar_float64_1x60s",
            lambda: scalar(one, idle, steps, REGULATED_EVERY, FAST_STEPS, len(idle), nowhere),
            SPAN_S,
        ),
        Timed(
            "scipy_lsoda_1x60s",
            lambda: reference.beats_from(patient, begin, LSODA_BEATS, 1e-6, 2),
            SPAN_S,
            every=10,
        ),
        Timed("posterior_products_alone", updates.products_alone(), None, times=5),
    ]


_TORCH_NAME: Final = "torch_eager_256x1s"


def _torch_peer() -> tuple[Timed | None, str]:
    try:
        import torch

        from twin.bench.batched_torch import BatchedCirculation
    except ImportError:
        return None, "torch is not installed here; it comes with the extra 'train'"
    torch.set_num_threads(1)
    adult = standard_adult()[:, None]
    state = pulsatile.settled(adult)[0][[*VOLUMES, *NERVES]]
    many = np.repeat(state[:, None], MEMBERS, axis=1).astype(np.float32)
    patients: Mapping[str, Any] = {
        entry.name: np.full(MEMBERS, value, np.float32)
        for entry, value in zip(PARAMETERS, adult[:, 0], strict=True)
    }
    circulation = BatchedCirculation(patients, many)
    steps = round(TORCH_SPAN_S / 0.02)
    return (
        Timed(_TORCH_NAME, lambda: circulation.advance(steps), MEMBERS * TORCH_SPAN_S, every=5),
        "",
    )
