"""Numbered mutants of everything that comes from outside: no failure, and no value that is none.

The whole reading of a chart stands behind the hook here, so that a mutant reaches Observations,
orders, administrations and studies, not the envelope alone. A million were run once; see
``deploy/decisions/0062-fuzzing.md``.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from cds_hooks.audit.memory_feedback import MemoryFeedback
from cds_hooks.cli.order_sign_payload import order_sign_request
from cds_hooks.errors import CallerError, PreconditionsMissing
from cds_hooks.fhir.ecgs import ecgs_on_file
from cds_hooks.fhir.halved_order import halved_order
from cds_hooks.fhir.imaging import endpoints_of, imaging_studies
from cds_hooks.fhir.imaging_owner import chart_owner
from cds_hooks.fhir.sampled_ecg import sampled_leads
from cds_hooks.fhir.to_given_treatments import given_treatments_of
from cds_hooks.fhir.to_interventions import orders_of
from cds_hooks.fhir.to_measurements import (
    body_of,
    patient_facts,
    readings_of,
    trajectory_of,
    twin_measurements,
)
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.services.answering import Answering, Registry
from cds_hooks.services.feedback import TakingFeedback
from cds_hooks.services.service import HookCall, ServiceDefinition
from cds_hooks.services.templates import (
    ECG_KEYS,
    IMAGING,
    OBSERVATION_KEYS,
    OBSERVATIONS,
    TREATMENT,
)
from cds_hooks.wire.request import OrderSignContext
from cds_hooks.wire.response import Card
from inference.archive.dicom_file import identified
from inference.archive.multipart import parts_of
from inference.core.trajectory import columns_of
from inference.core.trajectory_reading import news2_of
from inference.errors import ArchiveError, EcgUnreadable

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PATIENT = "bench-1"
Json = dict[str, Any]


class Chart:
    """A service that reads all there is of a chart and draws nothing from it."""

    definition = ServiceDefinition(
        "chart",
        "Chart",
        "Reads.",
        ("order-sign",),
        OBSERVATIONS | TREATMENT | IMAGING,
        frozenset({"patient"}),
    )

    def __init__(self) -> None:
        self.calls = 0

    async def cards(self, call: HookCall) -> tuple[Card, ...]:
        had = call.chart.resources
        patient = next(iter(had.get("patient", ())), None)
        observations = [raw for key in OBSERVATION_KEYS for raw in had.get(key, ())]
        patient_id = call.context.patient_id
        found = readings_of(observations, patient_id, NOW)
        facts = patient_facts(patient, found.readings, NOW, patient_id)
        measured = twin_measurements(found.readings, body_of(facts))
        trajectory = trajectory_of(found.readings, facts, NOW)
        assert all(math.isfinite(each.value) for each in measured)
        assert all(each.taken_at.tzinfo is not None for each in found.readings)
        self.calls += 1
        if self.calls % 16 == 0:  # it costs as much as all the rest
            assert 0 <= news2_of(columns_of(trajectory)).score <= 20
        for treatment in given_treatments_of(
            had.get("givenTreatments", ()), facts, NOW
        ).treatments:
            assert (treatment.intervention is None) == (treatment.not_understood is not None)
        imaging_studies(had.get("imagingStudies", ()), patient_id)
        endpoints_of(had.get("imagingStudies", ()))
        ecgs = [raw for key in ECG_KEYS for raw in had.get(key, ())]
        for ecg in ecgs_on_file(ecgs, patient_id, call.fhir_server).ecgs:
            with suppress(EcgUnreadable):
                assert sampled_leads(ecg.sampled or ()).rate_hz > 0
        chart_owner(patient)
        assert isinstance(call.context, OrderSignContext)
        drafts = call.context.draft_orders
        orders_of(drafts, facts)
        for raw in drafts:
            halved_order(raw)
        return ()

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        return ()

    def now(self) -> datetime:
        return NOW


def coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def request() -> Json:
    """Return a small request that holds every kind of thing that is read."""
    whole: Any = json.loads(json.dumps(order_sign_request(1, 1, NOW)))
    prefetch = whole["prefetch"]
    entries = prefetch["vitalSigns"]["entry"][:3]
    template = json.loads(json.dumps(entries[1]["resource"]))
    template.pop("valueQuantity")
    pressure = template | {
        "id": "bp",
        "code": coded("http://loinc.org", "85354-9"),
        "component": [
            {
                "code": coded("http://loinc.org", code),
                "valueQuantity": {"value": value, "unit": "mmHg"},
            }
            for code, value in (("8480-6", 118), ("8462-4", 71))
        ],
    }
    flow = template | {
        "id": "flow",
        "code": coded("http://loinc.org", "3151-8"),
        "valueQuantity": {"value": 4, "unit": "L/min"},
        "method": {"text": "Nasal cannula"},
    }
    alert = template | {
        "id": "acvpu",
        "code": coded("http://loinc.org", "67775-7"),
        "valueCodeableConcept": coded("http://loinc.org", "LA9340-6"),
    }
    prefetch["vitalSigns"]["entry"] = [*entries, {"resource": pressure}]
    prefetch["bedside"] = {
        "resourceType": "Bundle",
        "entry": [{"resource": flow}, {"resource": alert}],
    }
    given = {
        "resourceType": "MedicationAdministration",
        "id": "given",
        "meta": {"versionId": "1"},
        "status": "completed",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "medicationCodeableConcept": coded("http://www.whocc.no/atc", "C01CA03"),
        "effectivePeriod": {"start": "2026-11-21T06:00:00Z", "end": "2026-11-21T08:00:00Z"},
        "dosage": {
            "route": {"text": "intravenous"},
            "dose": {"value": 1, "unit": "mg"},
            "rateRatio": {
                "numerator": {"value": 1, "unit": "mg"},
                "denominator": {"value": 2, "unit": "h"},
            },
        },
    }
    prefetch["givenTreatments"] = {"resourceType": "Bundle", "entry": [{"resource": given}]}
    study = {
        "resourceType": "ImagingStudy",
        "id": "study",
        "status": "available",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "started": "2026-11-21T06:00:00Z",
        "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}],
        "series": [{"uid": "1.2.4", "modality": {"code": "DX"}, "instance": [{"uid": "1.2.5"}]}],
    }
    prefetch["imagingStudies"] = {"resourceType": "Bundle", "entry": [{"resource": study}]}
    ecg = {
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": "2026-11-21T06:00:00Z",
    }
    document = ecg | {
        "resourceType": "DocumentReference",
        "type": coded("http://loinc.org", "11524-6"),
        "content": [{"attachment": {"url": "Binary/7", "size": 4, "hash": "aGFzaA=="}}],
    }
    lead = {
        "code": coded("urn:iso:std:iso:11073:10101", "131329"),
        "valueSampledData": {
            "origin": {"value": 0, "code": "mV"},
            "period": 4,
            "factor": 0.001,
            "data": "0 1 E -3",
        },
    }
    recording = ecg | {
        "resourceType": "Observation",
        "code": coded("urn:iso:std:iso:11073:10101", "131328"),
        "component": [lead],
    }
    prefetch["ecgDocuments"] = {"resourceType": "Bundle", "entry": [{"resource": document}]}
    prefetch["ecgRecordings"] = {"resourceType": "Bundle", "entry": [{"resource": recording}]}
    prefetch["patient"]["identifier"] = [{"system": "urn:x", "value": "1"}]
    request: Json = whole | {"fhirServer": "https://ehr.example/fhir"}
    return request


FEEDBACK = {
    "feedback": [
        {
            "card": str(uuid.UUID(int=1)),
            "outcome": "accepted",
            "acceptedSuggestions": [{"id": str(uuid.UUID(int=2))}],
            "overrideReason": {"reason": {"code": "c"}, "userComment": "u"},
            "outcomeTimestamp": "2026-11-21T09:00:00Z",
        }
    ]
}


def dicom() -> bytes:
    other, data = Dataset(), Dataset()
    other.PatientID = "old-7"
    data.SOPClassUID, data.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2", "1.2.1"
    data.PatientID, data.PatientBirthDate, data.PatientSex = "MRN-1", "19600504", "F"
    data.SeriesNumber, data.InstanceNumber = "1", "1"
    data.OtherPatientIDsSequence = [other]
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    running = asyncio.new_event_loop()
    yield running
    running.close()


def test_a_mutated_hook_request_is_answered_or_refused(
    mutants: range, mutator: Any, loop: asyncio.AbstractEventLoop
) -> None:
    chart = Chart()
    answering = Answering(Registry.of([chart]), chart, MemoryFeedback(), chart)
    mutated = mutator(request())
    answered = 0
    for number in mutants:
        body = mutated.mutant(number)
        try:
            loop.run_until_complete(answering.answer("chart", "open", body))
            answered += 1
        except (CallerError, PreconditionsMissing):
            continue
        except BaseException as failure:
            failure.add_note(f"mutant {number}")
            raise
    # Mutants that are all refused at the door would show nothing of the rooms behind it.
    assert len(mutants) / 4 < answered < len(mutants)


def test_mutated_feedback_is_taken_or_refused(
    mutants: range, mutator: Any, loop: asyncio.AbstractEventLoop
) -> None:
    taking, mutated = TakingFeedback(MemoryFeedback()), mutator(FEEDBACK)
    for number in mutants[: len(mutants) // 10]:
        try:
            loop.run_until_complete(taking.take("chart", "open", mutated.mutant(number)))
        except CallerError:
            continue
        except BaseException as failure:
            failure.add_note(f"mutant {number}")
            raise


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of every oddity it reads over
def test_a_mutated_dicom_file_and_multipart_reply_is_read_or_unreadable(
    mutants: range, bytes_mutant: Any
) -> None:
    file = dicom()
    kind = 'multipart/related; type="application/dicom"; boundary=b'
    reply = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--b--\r\n"
    for number in mutants[: len(mutants) // 10]:
        try:
            identified(bytes_mutant(file, number))
            for part in parts_of(bytes_mutant(reply, number), kind):
                identified(part)
        except ArchiveError:
            continue
        except BaseException as failure:
            failure.add_note(f"mutant {number}")
            raise
