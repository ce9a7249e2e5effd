"""What the twin raises, drawn as a tree; every message blames a side, says what to do, names no patient.

* TwinError
  x InterventionError           the treatment asked for cannot be simulated
    - ImplausibleDose           the message names the plausible range
    - WeightNeeded              a dose per kilogram, and no body weight
  x StoreError                  where twins are kept
    - TwinNotFound              no twin of this patient yet
    - TwinIsNewer               another writer saved first: recall and try again
    - StoreUnavailable          disk full, locked, unreadable or gone

A fit that fails is no exception but a value (``twin.core.estimate.FitOutcome``): it happens to good
programs with real patients, and has a sentence for the clinician.
"""

from __future__ import annotations


class TwinError(Exception):
    """Root of everything the twin raises on purpose."""


class InterventionError(TwinError):
    """The treatment asked for cannot be simulated; the caller can mend it."""


class ImplausibleDose(InterventionError):
    """The dose or rate lies outside the range that is given to adults; the message names that range."""


class WeightNeeded(InterventionError):
    """The dose is per kilogram of body weight and no weight is known: record one."""


class StoreError(TwinError):
    """Something about the place where twins are kept."""


class TwinNotFound(StoreError):
    """No twin of this patient is stored; assimilate measurements first."""


class TwinIsNewer(StoreError):
    """The stored revision is not the one this was built on: recall it, redo the work, save again."""


class StoreUnavailable(StoreError):
    """The store could not read or write; nothing was acknowledged. Free space or mend the store."""
