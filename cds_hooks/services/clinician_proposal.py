"""The chosen plan, handed back as draft proposals: created at the EHR, or given out to copy.

A draft proposal orders nothing until somebody signs it. Nothing is created unless the session's
scopes allow it, and nothing twice: what failed after the first one was created is told, not
repeated. What runs is ended by changing its own order, which this app never does: that is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, final

import msgspec
from anyio import to_thread

from cds_hooks.errors import BadRequest, EhrError, EhrUnauthorized, PreconditionsMissing
from cds_hooks.fhir.from_twin import draft_order
from cds_hooks.fhir.to_measurements import PatientFacts
from cds_hooks.security.scopes import may_create
from cds_hooks.services.clinician_plans import (
    InfusionItem,
    StopInfusionItem,
    Stopping,
    given,
    intervention_of,
)
from twin.core.treatment import underway_at
from twin.errors import InterventionError

if TYPE_CHECKING:
    from cds_hooks.ports import Clock, Grant, OrderWriting
    from cds_hooks.security.session import SmartSession
    from cds_hooks.services.clinician_plans import Item, Treating, WrittenPlan
    from cds_hooks.services.clinician_simulation import Workbench
    from twin.usecases import StoredTwin

Json = dict[str, Any]
_REQUESTERS: Final = ("Practitioner/", "PractitionerRole/")


class Proposed(msgspec.Struct, frozen=True, rename="camel"):
    """What became of a plan."""

    created: list[str]
    """References of the drafts at the EHR."""
    to_copy: list[Json]
    """Drafts that were not created, complete, to be copied by hand."""
    why_to_copy: str | None = None
    to_end: list[str] = []
    """What is to be ended in the EHR by hand, each a sentence."""


@final
@dataclass(frozen=True, slots=True)
class Proposing:
    """Makes drafts of a plan for a session's patient."""

    workbench: Workbench
    orders: OrderWriting
    clock: Clock

    async def propose(self, session: SmartSession, grant: Grant, plan: WrittenPlan) -> Proposed:
        """Create the plan's drafts as far as the scopes allow; give out the rest.

        Raises
        ------
        cds_hooks.errors.BadRequest
            An amount is not given to adults, or cannot be ordered; the message names the range.
        cds_hooks.errors.PreconditionsMissing
            No twin of this patient is kept.
        cds_hooks.errors.EhrUnauthorized
            The token was refused and nothing was created yet: renew it and call again.
        """
        drafts = await to_thread.run_sync(self._drafts, session, plan)
        to_end = [_to_end(each) for each in plan.items if isinstance(each, Stopping)]
        return msgspec.structs.replace(await self._created(drafts, grant), to_end=to_end)

    async def _created(self, drafts: list[Json], grant: Grant) -> Proposed:
        if not all(may_create(draft["resourceType"], grant) for draft in drafts):
            return Proposed([], drafts, _NOT_ALLOWED)
        created: list[str] = []
        for draft in drafts:
            try:
                created.append(await self.orders.create(draft, grant))
            except EhrUnauthorized:
                if not created:
                    raise
                return Proposed(created, drafts[len(created) :], _PERMISSION_ENDED)
            except EhrError as error:
                return Proposed(created, drafts[len(created) :], str(error))
        return Proposed(created, [])

    def _drafts(self, session: SmartSession, plan: WrittenPlan) -> list[Json]:
        stored = self.workbench.stored(session)
        if stored is None:
            raise PreconditionsMissing(
                "No twin of this patient is kept, so that doses cannot be checked; load the page "
                "again."
            )
        now = self.clock.now()
        _refuse_implausible(stored, plan.items, now)
        treating = [each for each in plan.items if not isinstance(each, Stopping)]
        return [_draft(each, stored, session, now) for each in treating]


_NOT_ALLOWED: Final = (
    "The EHR did not allow this app to create orders (scope MedicationRequest.write or .c), so "
    "nothing was written; copy the drafts instead."
)
_PERMISSION_ENDED: Final = "The session's permission ended meanwhile; copy the remaining drafts."


def _refuse_implausible(stored: StoredTwin, items: Sequence[Item], now: datetime) -> None:
    underway = underway_at(stored.given, stored.fit.taken_at, now)
    try:
        underway.with_plan([given(each) for each in items], stored.fit.body)
    except InterventionError as error:
        raise BadRequest(str(error)) from None


def _to_end(item: Stopping) -> str:
    name = item.drug.value if isinstance(item, StopInfusionItem) else item.fluid.value
    by = f" (order {item.order})" if item.order is not None else ""
    when = f" in {item.start_min:g} min" if item.start_min else " now"
    return f"End {name}{by}{when} in the EHR: a running order is ended there, no draft can do it."


def _draft(item: Treating, stored: StoredTwin, session: SmartSession, now: datetime) -> Json:
    body = stored.fit.body
    facts = PatientFacts(
        session.patient_id, body.age_years, body.sex, body.height_cm, body.weight_kg
    )
    user = session.fhir_user
    requester = user if user is not None and user.startswith(_REQUESTERS) else None
    order = draft_order(
        intervention_of(item), facts, encounter_id=session.encounter_id, requester=requester
    )
    if isinstance(item, InfusionItem) and item.replaces is not None:
        order["priorPrescription"] = {"reference": item.replaces}
    return order | {"authoredOn": now.isoformat(timespec="seconds")} | _timed(order, item, now)


def _timed(order: Json, item: Treating, now: datetime) -> Json:
    """Return the members that say when, where the plan says more than *now, until stopped*."""
    for_min = item.for_min if isinstance(item, InfusionItem) else None
    if not item.start_min and for_min is None:
        return {}
    start = now + timedelta(minutes=item.start_min)
    period = {"start": start.isoformat(timespec="seconds")}
    if for_min is not None:
        period["end"] = (start + timedelta(minutes=for_min)).isoformat(timespec="seconds")
    if order["resourceType"] == "MedicationRequest":
        (dosage,) = order["dosageInstruction"]
        repeat = dosage.get("timing", {}).get("repeat", {}) | {"boundsPeriod": period}
        return {"dosageInstruction": [dosage | {"timing": {"repeat": repeat}}]}
    if "occurrenceTiming" in order:
        repeat = order["occurrenceTiming"]["repeat"] | {"boundsPeriod": period}
        return {"occurrenceTiming": {"repeat": repeat}}
    return {"occurrencePeriod": period}
