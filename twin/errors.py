"""What the twin raises; each message names the place, the side at fault and the next step.

* TwinError
  x InterventionRefused         the order cannot be simulated as written
    - ImplausibleDose           dose, rate, volume or fraction outside the plausible range, which is named
    - WeightNeeded              a dose by weight and no weight
    - RouteNotModelled          the drug is modelled, but not by this route
  x SimulationRefused           the arrays handed to a simulation do not fit it

No message holds a patient's name, identifier, birth date or measurement.
"""

from __future__ import annotations


class TwinError(Exception):
    """Root of everything the twin raises on purpose."""


class InterventionRefused(TwinError):
    """The order cannot be simulated as written; the prescriber or the mapping can mend it."""


class ImplausibleDose(InterventionRefused):
    """A dose, rate, volume or fraction lies outside the range that is given to adults."""

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


class WeightNeeded(InterventionRefused):
    """The effect of the order depends on body weight, and no body weight is known."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: its effect depends on body weight, and none is recorded. Record a weight."
        )
        self.what = what


class RouteNotModelled(InterventionRefused):
    """The drug is modelled, but not when given in this way."""

    def __init__(self, what: str, route: str) -> None:
        super().__init__(
            f"{what}: giving it as {route} is not modelled, so nothing was simulated. "
            "Order it by a modelled route or decide without the simulation."
        )
        self.what = what
        self.route = route


class SimulationRefused(TwinError):
    """The caller's arrays do not fit the simulation; the message says which axis is wrong."""
