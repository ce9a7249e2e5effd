"""What the twin raises, drawn as a tree; each message blames a side and names no patient.

* TwinError
  x InterventionError           the treatment asked for cannot be simulated
    - ImplausibleDose           dose, rate, volume or fraction outside the range, which is named
    - WeightNeeded              a dose that acts by body weight, and no body weight
    - RouteNotModelled          the drug is modelled, but not given in this way
    - NothingToStop             what is to be stopped is not recorded as running
  x SimulationError             the arrays handed to a simulation do not fit it
  x ChartUnreadable             a chart to judge forecasts on is missing or in another layout
  x EmulatorUnreadable          the trained emulator is missing, damaged or of another model
  x StoreError                  where twins are kept
    - TwinNotFound              no twin of this patient yet
    - TwinIsNewer               another writer saved first: recall and try again
    - StoreUnavailable          disk full, locked, unreadable or gone

A fit that fails is no exception but a value (``twin.core.fit.FitOutcome``): it happens to good
programs with real patients, and has a sentence for the clinician.
"""

from __future__ import annotations


class TwinError(Exception):
    """Root of everything the twin raises on purpose."""


class InterventionError(TwinError):
    """The treatment asked for cannot be simulated; the caller can mend it."""


class ImplausibleDose(InterventionError):
    """A dose, rate, volume or fraction lies outside the range given to adults, which is named."""

    def __init__(self, what: str, value: float, low: float, high: float, unit: str) -> None:
        super().__init__(
            f"{what}: {value:g} {unit} is outside the plausible range {low:g} to {high:g} {unit}. "
            "Check dose and unit of the order."
        )
        self.what = what
        self.value = value
        self.low = low
        self.high = high
        self.unit = unit


class WeightNeeded(InterventionError):
    """The dose acts by body weight and no weight is known: record one."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: its effect depends on body weight, and none is recorded. Record a weight."
        )
        self.what = what


class RouteNotModelled(InterventionError):
    """The drug is modelled, but not when given in this way."""

    def __init__(self, what: str, route: str) -> None:
        super().__init__(
            f"{what}: giving it as {route} is not modelled, so nothing was simulated. "
            "Order it by a modelled route, or decide without the simulation."
        )
        self.what = what
        self.route = route


class NothingToStop(InterventionError):
    """What is to be stopped does not run as far as is known, so that nothing would change."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: nothing of it is recorded as running, so stopping it cannot be simulated. "
            "Record its rate and start, or decide without the simulation."
        )
        self.what = what


class SimulationError(TwinError):
    """The caller's arrays do not fit the simulation; the message says which axis is wrong."""


class EmulatorUnreadable(TwinError):
    """The trained emulator is missing, damaged or of another model: train or install it anew."""


class ChartUnreadable(TwinError):
    """A file of charts cannot be read; the message names file, line and what was wanted."""

    def __init__(self, file: str, line: int, wanted: str) -> None:
        super().__init__(f"{file}, line {line}: expected {wanted}.")
        self.file = file
        self.line = line


class StoreError(TwinError):
    """Something about the place where twins are kept."""


class TwinNotFound(StoreError):
    """No twin of this patient is stored; assimilate measurements first."""


class TwinIsNewer(StoreError):
    """The stored revision is not the one this was built on: recall, redo the work, save again."""


class StoreUnavailable(StoreError):
    """The store could not read or write, and acknowledged nothing. Free space or mend it."""
