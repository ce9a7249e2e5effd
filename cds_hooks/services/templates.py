"""What the services ask of an EHR: prefetch templates and which of them are essential. Data only.

The templates stay within the subset that CDS Hooks recommends
(https://cds-hooks.hl7.org/2.0/#prefetch-template) and use no token but ``context.patientId``,
which every hook has, so that one id may be listed for several hooks.
"""

from __future__ import annotations

from typing import Final

from cds_hooks.fhir.codes import LOINC_SYSTEM
from cds_hooks.fhir.codes_haemodynamics import HAEMODYNAMICS as HAEMODYNAMIC_CODES

_OF_PATIENT: Final = "patient={{context.patientId}}"

PATIENT: Final = "patient"
VITAL_SIGNS: Final = "vitalSigns"
LABORATORY: Final = "laboratory"
HAEMODYNAMICS: Final = "haemodynamics"
IMAGING_STUDIES: Final = "imagingStudies"

_HAEMODYNAMIC_TOKENS: Final = ",".join(
    f"{LOINC_SYSTEM}|{loinc.code}" for row in HAEMODYNAMIC_CODES for loinc in row.codes
)
OBSERVATION_KEYS: Final = (VITAL_SIGNS, LABORATORY, HAEMODYNAMICS)

OBSERVATIONS: Final[dict[str, str]] = {
    PATIENT: "Patient/{{context.patientId}}",
    # 200 vital signs are nearly two days of hourly sets of five: what the trajectory net reads.
    VITAL_SIGNS: f"Observation?{_OF_PATIENT}&category=vital-signs&_sort=-date&_count=200",
    LABORATORY: f"Observation?{_OF_PATIENT}&category=laboratory&_sort=-date&_count=200",
    # Central venous pressure, cardiac output and the like are filed under many categories.
    HAEMODYNAMICS: (
        f"Observation?{_OF_PATIENT}&code={_HAEMODYNAMIC_TOKENS}&_sort=-date&_count=100"
    ),
}
IMAGING: Final[dict[str, str]] = {
    IMAGING_STUDIES: f"ImagingStudy?{_OF_PATIENT}&_sort=-started&_count=20",
}
