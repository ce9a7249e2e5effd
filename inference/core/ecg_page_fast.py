"""Half of the usual time, carried on: what a page printed at 50 mm/s shows, made as long as usual.

Rule of the file: heights of a trace in, the number of columns after which it repeats itself; ink
in, longer ink out. Nets that learnt ten seconds count beats and look for pauses: an empty half is
read as a slow heart and as beats too early. So what was printed goes on as itself, from where it
looks most like its end. Nothing is known of the time that is filled so, and the reading says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_paper import Ink

Trace = NDArray[np.float32]
"""Heights of one trace, column by column."""

_SHORTEST_BEAT_S, _LONGEST_BEAT_S = 0.33, 1.9
"""180 and 32 beats a minute."""
_ALIKE: Final = 0.2
"""Of the way from the best to the usual misfit: the shortest time so alike is one beat."""
_END_S: Final = 0.4
_LEAST_BACK_S: Final = 2.2
"""A strip goes on from at least so long ago, so that irregular beats stay irregular."""
_LEAST_OVERLAP: Final = 0.2


def beat_columns(traces: Sequence[Trace], per_second: float) -> int | None:
    """Return after how many columns traces repeat themselves: one beat; None where none shows.

    ``per_second`` is columns a second.
    """
    longest = max((len(one) for one in traces), default=0)
    most = min(round(_LONGEST_BEAT_S * per_second), round((1.0 - _LEAST_OVERLAP) * longest))
    lags = np.arange(round(_SHORTEST_BEAT_S * per_second), most)
    if len(lags) < 2:
        return None
    misfit = np.array([_misfit(traces, int(lag)) for lag in lags])
    best, usual = float(misfit.min()), float(np.median(misfit))
    return int(lags[int(np.argmax(misfit <= best + _ALIKE * (usual - best)))])


def back_columns(trace: Trace, per_second: float) -> int | None:
    """Return how far before its end a long trace looked most like it does there."""
    end = round(_END_S * per_second)
    lags = np.arange(round(_LEAST_BACK_S * per_second), len(trace) - end)
    if len(lags) < 2:
        return None
    last = trace[-end:]
    stop = len(trace)
    misfit = [float(np.abs(trace[stop - end - lag : stop - lag] - last).mean()) for lag in lags]
    return int(lags[int(np.argmin(misfit))])


def carried_on(ink: Ink, columns: int, back: int) -> Ink:
    """Return the ink made ``columns`` wide: each further column is the one ``back`` before it.

    Where ``back`` is longer than the ink, the time between stays paper.
    """
    shown = int(np.flatnonzero(ink.any(axis=0)).max(initial=-1)) + 1
    out = np.zeros((len(ink), columns), dtype=np.uint8)
    out[:, :shown] = ink[:, :shown]
    for start in range(max(shown, back), columns, back):
        stop = min(start + back, columns)
        out[:, start:stop] = out[:, start - back : stop - back]
    return out


def _misfit(traces: Sequence[Trace], lag: int) -> float:
    """Return the mean distance of traces to themselves a while later."""
    apart = [
        np.abs(one[lag:] - one[:-lag]).mean()
        for one in traces
        if lag <= (1.0 - _LEAST_OVERLAP) * len(one)
    ]
    return float(np.mean(apart)) if apart else np.inf
