"""A study in an archive and its encoded instances: values that port and adapters exchange."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference.core.owner import NOBODY, Owner


@dataclass(frozen=True, slots=True)
class StudyReference:
    """Which study, and where: DICOM PS3.18, section 10.4."""

    study_instance_uid: str
    address: str | None = None
    """Base URL of the DICOMweb service that holds it; None where the archive is the only one."""


@dataclass(frozen=True, slots=True)
class EncodedInstance:
    """One DICOM file (PS3.10) as it came, not decoded."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    series_number: int
    """0 where the file gives none."""
    instance_number: int
    data: bytes = field(repr=False)
    modality: str = ""
    """Its code, PS3.3 C.7.3.1.1.1; empty where the file gives none."""
    owner: Owner = NOBODY
    """What the file says of its patient, to be compared with the chart before it is read."""

    @property
    def order(self) -> tuple[int, str, int, str]:
        """Return what sorts the instances of a study as a person would page through them."""
        return (
            self.series_number,
            self.series_instance_uid,
            self.instance_number,
            self.sop_instance_uid,
        )
