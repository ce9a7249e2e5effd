"""The card of ``imaging-findings``: which imaging studies are on file, and whether they were read.

Pure. No net reads radiographs or ECGs yet, and the card says so rather than saying nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cds_hooks.cards.basis import gaps
from cds_hooks.cards.frame import Frame
from cds_hooks.cards.wording import age, escaped, paragraphs, summary, table
from cds_hooks.wire.response import Card, Indicator

_MODALITIES = {
    "CR": "radiograph",
    "DX": "radiograph",
    "ECG": "ECG",
    "CT": "CT",
    "US": "ultrasound",
    "MR": "MR",
}
"""DICOM Defined Terms of Modality (0008,0060), PS3.3 C.7.3.1.1.1, as a clinician says them."""


@dataclass(frozen=True, slots=True)
class StudyLine:
    """One imaging study as the card lists it."""

    modalities: tuple[str, ...]
    started: datetime | None
    instances: int | None
    state: str
    """In words: ``images fetched, not yet read``; ``being fetched``; why they could not be."""


def imaging_card(
    frame: Frame,
    studies: Sequence[StudyLine],
    not_used: Sequence[str],
    missing: Sequence[str] = (),
) -> Card:
    """Return the card that lists the studies, the newest first."""
    newest = studies[0]
    kind = _modality(newest.modalities)
    when = f", newest {age(newest.started, frame.now)} ({kind})" if newest.started else ""
    count = "1 imaging study" if len(studies) == 1 else f"{len(studies)} imaging studies"
    rows = [
        (
            _modality(study.modalities),
            age(study.started, frame.now) if study.started else "date not recorded",
            str(study.instances) if study.instances is not None else "not recorded",
            escaped(study.state, 120),
        )
        for study in studies[:10]
    ]
    detail = paragraphs(
        table(("Study", "Taken", "Images", "State"), rows),
        "No net of this release reads these images; look at them yourself.",
        gaps(not_used, missing),
    )
    return frame.card(
        "studies", summary(f"{count} on file{when}, not yet read."), Indicator.INFO, detail
    )


def _modality(codes: Sequence[str]) -> str:
    names = dict.fromkeys(_MODALITIES.get(code, escaped(code, 16)) for code in codes)
    return " and ".join(names) or "modality not recorded"
