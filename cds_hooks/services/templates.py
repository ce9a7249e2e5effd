"""What the services ask of an EHR: prefetch templates and which of them are essential. Data only.

The templates stay within the subset that CDS Hooks recommends
(https://cds-hooks.hl7.org/2.0/#prefetch-template) and use no token but ``context.patientId``,
which every hook has, so that one id may be listed for several hooks.
"""

from __future__ import annotations

from typing import Final

from cds_hooks.fhir.codes import CODE_OF_KIND, LOINC_SYSTEM, SNOMED_SYSTEM
from cds_hooks.fhir.codes_haemodynamics import HAEMODYNAMICS as HAEMODYNAMIC_CODES
from cds_hooks.fhir.ecgs import ECG_CODES, MDC, MDC_ECG, MODALITY_SYSTEM
from cds_hooks.fhir.kinds import Kind

_OF_PATIENT: Final = "patient={{context.patientId}}"

PATIENT: Final = "patient"
VITAL_SIGNS: Final = "vitalSigns"
LABORATORY: Final = "laboratory"
HAEMODYNAMICS: Final = "haemodynamics"
BEDSIDE: Final = "bedside"
GIVEN_TREATMENTS: Final = "givenTreatments"
IMAGING_STUDIES: Final = "imagingStudies"
ECG_DOCUMENTS: Final = "ecgDocuments"
ECG_REPORTS: Final = "ecgReports"
ECG_PICTURES: Final = "ecgPictures"
ECG_RECORDINGS: Final = "ecgRecordings"
ECG_KEYS: Final = (ECG_DOCUMENTS, ECG_REPORTS, ECG_PICTURES, ECG_RECORDINGS)

_HAEMODYNAMIC_TOKENS: Final = ",".join(
    f"{LOINC_SYSTEM}|{loinc.code}" for row in HAEMODYNAMIC_CODES for loinc in row.codes
)
_ECG_TOKENS: Final = ",".join(f"{LOINC_SYSTEM}|{code}" for code in ECG_CODES)
_BEDSIDE_ROWS: Final = tuple(
    CODE_OF_KIND[kind]
    for kind in (
        Kind.CONSCIOUSNESS,
        Kind.COMA_SCALE,
        Kind.OXYGEN_FLOW,
        Kind.OXYGEN_DEVICE,
        Kind.AIR_OR_OXYGEN,
        Kind.INSPIRED_OXYGEN_FRACTION,
    )
)
_BEDSIDE_TOKENS: Final = ",".join(
    [f"{LOINC_SYSTEM}|{loinc.code}" for row in _BEDSIDE_ROWS for loinc in row.codes]
    + [f"{SNOMED_SYSTEM}|{code.code}" for row in _BEDSIDE_ROWS for code in row.snomed]
)
OBSERVATION_KEYS: Final = (VITAL_SIGNS, LABORATORY, HAEMODYNAMICS, BEDSIDE)

OBSERVATIONS: Final[dict[str, str]] = {
    PATIENT: "Patient/{{context.patientId}}",
    # 200 vital signs are nearly two days of hourly sets of five: what the trajectory net reads.
    VITAL_SIGNS: f"Observation?{_OF_PATIENT}&category=vital-signs&_sort=-date&_count=200",
    LABORATORY: f"Observation?{_OF_PATIENT}&category=laboratory&_sort=-date&_count=200",
    # Central venous pressure, cardiac output and the like are filed under many categories.
    HAEMODYNAMICS: (
        f"Observation?{_OF_PATIENT}&code={_HAEMODYNAMIC_TOKENS}&_sort=-date&_count=100"
    ),
    # Consciousness and oxygen are surveys to one EHR, examinations or vital signs to another.
    BEDSIDE: f"Observation?{_OF_PATIENT}&code={_BEDSIDE_TOKENS}&_sort=-date&_count=60",
}
TREATMENT: Final[dict[str, str]] = {
    # Two days of an intensive care patient's running infusions and boluses.
    GIVEN_TREATMENTS: (
        f"MedicationAdministration?{_OF_PATIENT}&status=in-progress,completed,stopped"
        "&_sort=-effective-time&_count=100"
    ),
}
IMAGING: Final[dict[str, str]] = {
    # Images are read only where they are known to be of this patient.
    PATIENT: OBSERVATIONS[PATIENT],
    IMAGING_STUDIES: f"ImagingStudy?{_OF_PATIENT}&_sort=-started&_count=20",
    # An ECG of a week ago is history: the newest few of each kind are enough.
    ECG_DOCUMENTS: (
        f"DocumentReference?{_OF_PATIENT}&type={_ECG_TOKENS}&status=current&_sort=-date&_count=5"
    ),
    ECG_REPORTS: f"DiagnosticReport?{_OF_PATIENT}&code={_ECG_TOKENS}&_sort=-date&_count=5",
    ECG_PICTURES: (f"Media?{_OF_PATIENT}&modality={MODALITY_SYSTEM}|ECG&_sort=-created&_count=5"),
    ECG_RECORDINGS: (
        f"Observation?{_OF_PATIENT}&code={_ECG_TOKENS},{MDC}|{MDC_ECG}&_sort=-date&_count=3"
    ),
}
