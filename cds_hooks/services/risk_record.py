"""The suggestion to record an estimate in the chart: a RiskAssessment that a clinician may accept.

No input or output: nothing is written unless the client applies the suggestion.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cds_hooks.cards.frame import Proposal
from cds_hooks.fhir.from_twin import StatedRisk, Statement, model_device, risk_assessment
from cds_hooks.wire.response import CreateAction, embedded
from twin.core.fit import Interval

if TYPE_CHECKING:
    from cds_hooks.services.patient_twin import PatientTwin
    from cds_hooks.services.service import HookCall
    from inference.core.reading import TrajectoryReading
    from inference.core.release import ReleasedModel

MODEL: Final = "model"
"""Id of the contained Device: the estimate carries its model, since no server need know it yet.

https://hl7.org/fhir/R4/references.html#contained
"""

BASIS_AGE: Final = timedelta(hours=48)


def record_proposals(
    call: HookCall, patient: PatientTwin, reading: TrajectoryReading, release: ReleasedModel
) -> tuple[Proposal, ...]:
    """Return the suggestion that records the risk with its basis, interval and model."""
    statement = Statement(
        patient_id=call.context.patient_id,
        stated_at=call.received_at,
        device=f"#{MODEL}",
        method=reading.release,
        basis=tuple(
            each.reference
            for each in patient.readings.readings
            if call.received_at - each.taken_at <= BASIS_AGE
        ),
    )
    risk = StatedRisk(
        outcome="in_hospital_death",
        words="Death in hospital",
        probability=Interval(reading.risk.value, reading.risk.low, reading.risk.high),
        until=None,
    )
    device = model_device(release.name, release.version, release.digest) | {"id": MODEL}
    assessment = risk_assessment((risk,), statement) | {"contained": [device]}
    create = CreateAction(
        description="Record the estimated risk as a preliminary RiskAssessment",
        resource=embedded(assessment),
    )
    return (Proposal("record", "Record this estimate in the chart", (create,)),)
