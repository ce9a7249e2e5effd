"""The chart of a session's patient, read as a hook would have it, for what the page asks."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from cds_hooks.errors import EhrRefused
from cds_hooks.ports import FhirQuery
from cds_hooks.security.scopes import queries_covered
from cds_hooks.services.gather import Sources, gather
from cds_hooks.services.service import HookCall
from cds_hooks.services.templates import PATIENT
from cds_hooks.wire.request import PatientViewContext

if TYPE_CHECKING:
    from cds_hooks.ports import Clock, Ehr, Grant
    from cds_hooks.security.session import SmartSession
    from cds_hooks.services.service import ServiceDefinition


async def opened_chart(
    definition: ServiceDefinition,
    session: SmartSession,
    grant: Grant,
    ehr: Ehr,
    clock: Clock,
    deadline_s: float,
) -> HookCall:
    """Read what a definition asks for: the Patient first, since all depends on it.

    What the EHR answers to that read is what it thinks of the token, too: an expired one is
    renewed by whoever called.

    Raises
    ------
    cds_hooks.errors.EhrError
        The patient's own resource could not be read; what else is missing is named instead.
    cds_hooks.errors.WrongPatient
        A resource is another patient's.
    """
    queries = queries_covered(FhirQuery(f"Patient/{session.patient_id}"), grant)
    if not queries:
        raise EhrRefused("The scopes granted do not cover the Patient of the launch.")
    (patient, *_) = await ehr.search(queries[0], grant)
    context = PatientViewContext(
        patient_id=session.patient_id,
        user_id=session.fhir_user or "Practitioner/unknown",
        encounter_id=session.encounter_id,
    )
    sources = Sources({PATIENT: patient}, grant, ehr, deadline_s)
    return HookCall(
        hook=definition.id,
        hook_instance=uuid4(),
        issuer=grant.fhir_server,
        context=context,
        fhir_server=grant.fhir_server,
        grant=grant,
        chart=await gather(definition, context, sources),
        received_at=clock.now(),
    )
