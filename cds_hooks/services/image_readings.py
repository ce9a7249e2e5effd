"""ECGs and radiographs read in the background: a hook hands one over and never waits for it.

A reading is kept under its file's content and its release's digest and recalled by later hooks,
also after a restart; what was waiting when the service died is handed over again by the next hook.
Fetching is ``image_fetching``'s, reading the reader's; this file is the queue between them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, final

import structlog
from anyio import to_thread

from cds_hooks.errors import ReadingsNotKept
from cds_hooks.fhir.ecgs import EcgOnFile
from cds_hooks.images.kept import (
    KeptOutcome,
    KeptSource,
    PatientDigest,
    ReadingId,
    SourceKey,
)
from cds_hooks.ports import Clock, Grant, ReadingStore
from cds_hooks.services.image_fetching import FetchedFile, ImageFetching, NotFetched, Source
from inference.core.image_reading import NotRead, Read
from inference.core.owner import Owner
from inference.ports import ImageReader

_LOG: Final = structlog.get_logger("cds_hooks")

MOST_WAITING: Final = 64
"""Sources in the queue; a chart has a handful."""
MOST_REMEMBERED: Final = 4_096
TRY_AGAIN_AFTER: Final = timedelta(minutes=5)
"""What could not be had or read is tried again by the next hook after this."""
AT_ONCE: Final = 2
"""More would crowd a PACS that serves a hospital."""
MOST_OF_A_STUDY: Final = 6
"""Files of one study that are read; a CT of a thousand slices is none of ours."""
_ID_BYTES: Final = 16


@final
@dataclass(frozen=True, slots=True)
class Waiting:
    """The source is in the queue, being fetched or being read."""

    def __str__(self) -> str:
        """Return the state in words for a card."""
        return "not yet read"


@final
@dataclass(frozen=True, slots=True)
class Done:
    """The source was fetched, and each of its files was read or not."""

    kept: KeptSource

    def __str__(self) -> str:
        """Return the state in words for a card."""
        read = sum(each.reading is not None for each in self.kept.outcomes)
        if read == len(self.kept.outcomes):
            return "read" if read == 1 else f"{read} images read"
        reasons = dict.fromkeys(
            each.not_read.reason for each in self.kept.outcomes if each.not_read is not None
        )
        said = f"not read: {'; '.join(reasons)}"
        return f"{read} read; {said}" if read else said


@final
@dataclass(frozen=True, slots=True)
class Failed:
    """The source could not be had."""

    reason: str
    at: datetime

    def __str__(self) -> str:
        """Return the state in words for a card."""
        return f"could not be read, because it was not fetched: {self.reason}"


@final
@dataclass(frozen=True, slots=True)
class Refused:
    """The source came, and is not known to be of the chart's patient: nothing is read from it."""

    reason: str
    at: datetime

    def __str__(self) -> str:
        """Return the state in words for a card."""
        return f"images not used: {self.reason}"


ReadState = Waiting | Done | Failed | Refused


@dataclass(frozen=True, slots=True)
class _Job:
    key: SourceKey
    source: Source
    grant: Grant | None = field(repr=False)
    owner: Owner
    patient: PatientDigest


@final
class ImageReadings:
    """The queue, its workers, and what they have read.

    Parameters
    ----------
    fetching
        Where files come from.
    reader
        What reads them.
    store
        Where readings are kept.
    clock
        Tells when a failure is old enough to try again.
    installation_key
        Makes ids that nobody can turn back into a patient or a file.
    releases
        Digests of the installed releases: with another one every source is read anew.
    """

    def __init__(
        self,
        fetching: ImageFetching,
        reader: ImageReader,
        store: ReadingStore,
        clock: Clock,
        installation_key: bytes,
        releases: Collection[str] = (),
    ) -> None:
        self._fetching = fetching
        self._reader = reader
        self._store = store
        self._clock = clock
        self._key = installation_key
        self._releases = tuple(sorted(releases))
        self._waiting: asyncio.Queue[_Job] = asyncio.Queue(MOST_WAITING)
        self._states: OrderedDict[SourceKey, ReadState] = OrderedDict()

    def request(
        self, source: Source, grant: Grant | None, owner: Owner, patient: PatientDigest
    ) -> ReadState:
        """Return the state of a source, handing it to the background where it is not known yet.

        The grant is held until the source's turn, is used at the EHR only, and is never sent to
        an archive. ``owner`` is what the chart says of its patient: files of which it is not known
        that they are of the same one are refused.
        """
        key = self.key_of(source, owner, patient)
        now = self._clock.now()
        known = self._states.get(key) or self._recalled(key)
        if known is not None and not _worth_another_try(known, now):
            return self._remember(key, known)
        try:
            self._waiting.put_nowait(_Job(key, source, grant, owner, patient))
        except asyncio.QueueFull:
            return Failed("too many studies are waiting", now)
        return self._remember(key, Waiting())

    def of_patient(self, patient: PatientDigest) -> tuple[KeptSource, ...]:
        """Return what was read of a patient so far, the latest taken first; waits for the disk."""
        try:
            return self._store.of_patient(patient)
        except ReadingsNotKept:
            _LOG.warning("image_readings_not_recalled")
            return ()

    def picture(self, patient: PatientDigest, reading: ReadingId) -> bytes | None:
        """Return a picture as PNG, if it is this patient's; waits for the disk."""
        try:
            return self._store.picture(patient, reading)
        except ReadingsNotKept:
            return None

    def forget_others(self, patient: PatientDigest, on_file: Collection[SourceKey]) -> None:
        """Forget readings of what is no longer on file: entered in error, or superseded."""
        try:
            self._store.forget_others(patient, on_file)
        except ReadingsNotKept:
            _LOG.warning("image_readings_not_forgotten")

    def key_of(self, source: Source, owner: Owner, patient: PatientDigest) -> SourceKey:
        """Return what a source's state is kept under.

        The owner belongs to it: a study that another chart names is judged anew for that chart.
        """
        if isinstance(source, EcgOnFile):
            named: tuple[str, ...] = ("ecg", source.digest)
        else:
            named = ("study", source.study_instance_uid, str(source.instances))
        return SourceKey(self._digest(patient, *_marks(owner), *named, *self._releases))

    async def run(self) -> None:
        """Read what is handed over, until cancelled; the application's lifespan runs this."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(AT_ONCE):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            job = await self._waiting.get()
            state = await self._outcome(job)
            self._remember(job.key, state)
            _LOG.info("image_source_read", outcome=type(state).__name__)

    async def _outcome(self, job: _Job) -> ReadState:
        """Return how reading ended; a fault of ours in one source must not end that of others."""
        reading = asyncio.create_task(self._read(job))
        try:
            await asyncio.wait({reading})
        finally:
            reading.cancel()
        fault = reading.exception()
        if fault is None:
            return reading.result()
        _LOG.error("image_reading_broke", kind=type(fault).__name__)
        return Failed("a fault of this service, which is logged", self._clock.now())

    async def _read(self, job: _Job) -> ReadState:
        try:
            files = await self._fetching.files(job.source, job.grant, job.owner)
        except NotFetched as error:
            kind = Refused if error.refused else Failed
            return kind(error.reason, self._clock.now())
        outcomes: list[KeptOutcome] = []
        pictures: dict[ReadingId, bytes] = {}
        for number, each in enumerate(files):
            outcome, picture = await self._file(each, job, read=number < MOST_OF_A_STUDY)
            outcomes.append(outcome)
            if picture is not None:
                pictures[outcome.id] = picture
        kept = self._kept(job, tuple(outcomes))
        if all(each.not_read is None or each.not_read.lasting for each in outcomes):
            await to_thread.run_sync(self._keep, kept, pictures)
        return Done(kept)

    async def _file(
        self, fetched: FetchedFile, job: _Job, *, read: bool
    ) -> tuple[KeptOutcome, bytes | None]:
        """Return what is known of a file already, else what the reader says of it now."""
        file = fetched.file
        release = None if isinstance(file, NotRead) else self._reader.releases_of(file)
        named = (fetched.digest, release or "")
        own = ReadingId(self._digest(job.patient, *_marks(job.owner), *named))
        if isinstance(file, NotRead):
            return KeptOutcome(own, None, file), None
        if not read:
            reason = f"only the first {MOST_OF_A_STUDY} images of a study are read"
            return KeptOutcome(own, None, NotRead(reason)), None
        known = await to_thread.run_sync(self._known, own)
        if known is not None:
            return known, None
        found = await self._reader.read(file)
        if isinstance(found, Read):
            picture = found.picture
            return KeptOutcome(
                own, found.reading, None, picture.width, picture.height
            ), picture.png
        return KeptOutcome(own, None, found), None

    def _kept(self, job: _Job, outcomes: tuple[KeptOutcome, ...]) -> KeptSource:
        source = job.source
        return KeptSource(
            source=job.key,
            patient=job.patient,
            reference=source.reference,
            title=source.title,
            taken_at=source.taken_at,
            read_at=self._clock.now(),
            outcomes=outcomes,
        )

    def _keep(self, kept: KeptSource, pictures: dict[ReadingId, bytes]) -> None:
        try:
            self._store.keep(kept, pictures)
        except ReadingsNotKept:
            _LOG.warning("image_readings_not_kept")

    def _known(self, own: ReadingId) -> KeptOutcome | None:
        try:
            return self._store.outcome(own)
        except ReadingsNotKept:
            return None

    def _recalled(self, key: SourceKey) -> ReadState | None:
        try:
            kept = self._store.source(key)
        except ReadingsNotKept:
            return None
        return None if kept is None else Done(kept)

    def _remember(self, key: SourceKey, state: ReadState) -> ReadState:
        self._states[key] = state
        self._states.move_to_end(key)
        while len(self._states) > MOST_REMEMBERED:
            self._states.popitem(last=False)
        return state

    def _digest(self, *parts: str) -> str:
        digest = blake2b(key=self._key, digest_size=_ID_BYTES)
        for part in parts:
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(4, "big") + encoded)
        return digest.hexdigest()


def _worth_another_try(state: ReadState, now: datetime) -> bool:
    if isinstance(state, Failed | Refused):
        return now - state.at >= TRY_AGAIN_AFTER
    if isinstance(state, Done):
        passing = any(
            each.not_read is not None and not each.not_read.lasting for each in state.kept.outcomes
        )
        return passing and now - state.kept.read_at >= TRY_AGAIN_AFTER
    return False


def _marks(owner: Owner) -> tuple[str, ...]:
    return (*sorted(owner.identifiers), owner.birth_date or "", owner.sex or "")
