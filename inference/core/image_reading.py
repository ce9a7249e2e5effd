"""What a reading of an ECG or a radiograph says, or why there is none. Values only.

A file that cannot be read is a reading too: `NotRead` with its reason. Nothing here names a
patient; the picture inside a reading is the patient's all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from inference.core.owner import NOBODY, Owner
from inference.core.release import Threshold

EVEN_ODDS: Final = 0.5
ONE_IN_TEN: Final = 0.1
"""Below it a called finding is told as not excluded. Where few recordings have a finding, its
threshold lies low so that none is missed, and a person who is told "possible, 1 %" learns to look
away. Ours, not validated."""

ABNORMAL: Final = "ABN"
"""That an ECG is not normal, whatever else is said of it."""


class ImageKind(StrEnum):
    """What a file is read as."""

    ECG = "ecg"
    RADIOGRAPH = "radiograph"


@dataclass(frozen=True, slots=True)
class FileToRead:
    """A file as it came, and of whom it must be.

    ``named_by_chart`` is true where the chart itself says that the file is its patient's (an
    attachment): then a file that says nothing of its own is believed. A file of an archive must
    agree in an identifier or a date of birth (`inference.core.owner.doubt`).
    """

    kind: ImageKind
    data: bytes = field(repr=False)
    chart: Owner = NOBODY
    named_by_chart: bool = False


@dataclass(frozen=True, slots=True)
class LeadsToRead:
    """Leads that came as numbers: ``leads_mv`` by name, float32 in native order as bytes."""

    leads_mv: tuple[tuple[str, bytes], ...] = field(repr=False)
    rate_hz: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a release looked for.

    ``probability`` is calibrated; ``called`` where it reaches the release's threshold, whose
    sensitivity and specificity were measured on validation data. Without a threshold the release
    does not call it at all.
    """

    code: str
    name: str
    probability: float
    threshold: Threshold | None

    @property
    def called(self) -> bool:
        """Return whether the release calls it."""
        return self.threshold is not None and self.probability >= self.threshold.value

    @property
    def likely(self) -> bool:
        """Return whether it is called and rather there than not."""
        return self.called and self.probability >= EVEN_ODDS

    @property
    def possible(self) -> bool:
        """Return whether it is called and has at least one chance in ten, or more."""
        return self.called and self.probability >= ONE_IN_TEN


@dataclass(frozen=True, slots=True)
class Region:
    """A box in the picture of the reading, in shares of its width and height."""

    code: str
    name: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Activation:
    """What each place of the picture adds to a finding, 0 to 255 of the strongest, row by row."""

    code: str
    rows: int
    columns: int
    values: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ratio:
    """The cardiothoracic ratio and whose width was taken for the heart's.

    ``error`` is the mean absolute error on the pictures that judged the release; None where none
    did.
    """

    value: float
    of: str
    error: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """What was read, as PNG."""

    png: bytes = field(repr=False)
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ImageReading:
    """What a release read in one file.

    Attributes
    ----------
    form
        What the file was, in words: ``DICOM recording``, ``page``.
    doubts
        Sentences on the quality of what was read; each lowers what may be said.
    quality
        0 to 1; each doubt takes its share.
    rate_per_min
        Ventricular rate, from a recording; None from a page.
    recorded_at
        As the file writes it; None where it does not.
    release
        Name, version and digest.
    """

    kind: ImageKind
    form: str
    findings: tuple[Finding, ...]
    doubts: tuple[str, ...]
    quality: float
    regions: tuple[Region, ...]
    ratio: Ratio | None
    activations: tuple[Activation, ...]
    rate_per_min: float | None
    recorded_at: str | None
    release: str
    release_digest: str

    @property
    def called(self) -> tuple[Finding, ...]:
        """Return what the release calls, the likeliest first; merely abnormal comes last."""
        called = [each for each in self.findings if each.called]
        return tuple(sorted(called, key=lambda each: (each.code == ABNORMAL, -each.probability)))

    @property
    def possible(self) -> tuple[Finding, ...]:
        """Return what is called and worth a person's look, the likeliest first."""
        return tuple(each for each in self.called if each.possible)

    @property
    def not_excluded(self) -> tuple[str, ...]:
        """Return the names of what is called with less than one chance in ten."""
        return tuple(each.name for each in self.called if not each.possible)

    @property
    def never_called(self) -> tuple[str, ...]:
        """Return the names of findings that this release is not good enough to call."""
        return tuple(each.name for each in self.findings if each.threshold is None)


@dataclass(frozen=True, slots=True)
class NotRead:
    """Why a file was not read, as a clause; ``of_another`` where it is not the chart's patient's.

    ``lasting`` is false where another try may do better: a process that died, a busy machine.
    """

    reason: str
    of_another: bool = False
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Read:
    """A reading with its picture."""

    reading: ImageReading
    picture: Picture


Outcome = Read | NotRead
