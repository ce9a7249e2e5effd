"""The published hooks as data: version, context fields, prefetch tokens.

Source: the HL7 hook library, https://cds-hooks.hl7.org/hooks/ (one page a hook). Only tables live
here; reading a context is ``request.py``'s, filling a template ``cds_hooks/prefetch.py``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True, slots=True)
class Hook:
    """One hook definition: https://cds-hooks.hl7.org/2.0/#hook-context-and-prefetch."""

    name: str
    version: str
    required: frozenset[str]
    """Context fields that every request carries."""
    tokens: frozenset[str]
    """Context fields whose definition says "Prefetch Token: Yes"."""


_USER_PATIENT: Final = frozenset({"userId", "patientId"})
_FIRST_THREE: Final = frozenset({"userId", "patientId", "encounterId"})


def _hook(name: str, version: str, required: frozenset[str], tokens: frozenset[str]) -> Hook:
    return Hook(name, version, required, tokens)


HOOKS: Final[dict[str, Hook]] = {
    hook.name: hook
    for hook in (
        _hook("patient-view", "1.0", _USER_PATIENT, _FIRST_THREE),
        _hook("order-select", "1.0", _USER_PATIENT | {"selections", "draftOrders"}, _FIRST_THREE),
        _hook("order-sign", "1.0", _USER_PATIENT | {"draftOrders"}, _FIRST_THREE),
        _hook(
            "order-dispatch",
            "1.1",
            frozenset({"patientId", "dispatchedOrders", "performer"}),
            frozenset({"patientId", "dispatchedOrders", "performer"}),
        ),
        _hook("encounter-start", "1.0", _FIRST_THREE, _FIRST_THREE),
        _hook("encounter-discharge", "1.0", _FIRST_THREE, _FIRST_THREE),
        _hook("appointment-book", "1.0", _USER_PATIENT | {"appointments"}, _FIRST_THREE),
        _hook("problem-list-item-create", "0.1.0", _USER_PATIENT | {"conditions"}, _FIRST_THREE),
        _hook(
            "allergyintolerance-create",
            "0.1.0",
            _USER_PATIENT | {"allergyIntolerance"},
            _FIRST_THREE,
        ),
        _hook("medication-refill", "0.1.0", frozenset({"patientId", "medications"}), _FIRST_THREE),
    )
}
"""Hook name -> definition. ``order-dispatch`` is the one hook that knows no user."""
