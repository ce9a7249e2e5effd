"""What the use cases of this room need from the world. Protocols and their errors; no adapter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from inference.core.image_reading import FileToRead, LeadsToRead, Outcome
from inference.core.release import ReleasedModel
from inference.core.study import EncodedInstance, StudyReference

Batch = Mapping[str, NDArray[Any]]


class ModelRuntime(Protocol):
    """Whatever executes a released model: ONNX Runtime, a cluster, a recording."""

    async def run(self, release: ReleasedModel, batch: Batch) -> Batch:
        """Return the release's outputs by name for a batch of its inputs by name.

        Raises
        ------
        WeightsMismatch
            When the weights at hand are not those of the release.
        InputUnusable
            When an array is missing or does not have the shape the release reads.
        RuntimeBusy
            When every place in the queue is taken.
        """
        ...


class ImageArchive(Protocol):
    """A PACS, a folder that stands in for one, or a cache before either."""

    async def fetch_instances(self, study: StudyReference) -> tuple[EncodedInstance, ...]:
        """Return the study's instances, still encoded, by series and instance number.

        Raises
        ------
        StudyNotFound
            When the archive holds no instance of the study.
        ArchiveUnreachable
            When there is no connection, or no reply by the deadline.
        ArchiveRefused
            When the archive denies the request.
        ArchiveUnreadable
            When its reply is no DICOM, or of another study.
        StudyTooLarge
            When the study exceeds what is fetched.
        """
        ...


class ImageReader(Protocol):
    """Whatever finds, checks and reads the ECG or the radiograph in a file."""

    async def read(self, file: FileToRead | LeadsToRead) -> Outcome:
        """Return the reading with its picture, or why there is none; never raises for a file."""
        ...

    def releases_of(self, file: FileToRead | LeadsToRead) -> str | None:
        """Return the digest of the release that would read it; None where none is installed."""
        ...
