"""Images fetched in the background: a hook hands a study over and never waits for a PACS.

States are kept in memory, studies in the archive's own cache: after a restart a study is asked for
again and comes from there. Nothing here reads an image.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, final

import structlog

from cds_hooks.errors import EhrError, HostNotAllowed
from cds_hooks.fhir.imaging import ImagingStudyOnFile, endpoints_of
from cds_hooks.ports import Clock, Ehr, FhirQuery, Grant
from cds_hooks.security.scopes import queries_covered
from inference.core.owner import Owner, doubt
from inference.core.study import StudyReference
from inference.errors import ArchiveError
from inference.ports import ImageArchive

_LOG: Final = structlog.get_logger("cds_hooks")

MOST_WAITING: Final = 64
"""Studies in the queue; a chart has a handful."""

MOST_REMEMBERED: Final = 4_096
TRY_AGAIN_AFTER: Final = timedelta(minutes=5)
"""A study that could not be had is asked for again by the next hook after this."""

AT_ONCE: Final = 2
"""More would crowd a PACS that serves a hospital."""


@final
@dataclass(frozen=True, slots=True)
class Waiting:
    """The study is in the queue or being fetched."""

    def __str__(self) -> str:
        """Return the state in words for a card."""
        return "images are being fetched, not yet read"


@final
@dataclass(frozen=True, slots=True)
class Fetched:
    """The study lies in the archive cache."""

    instances: int
    at: datetime

    def __str__(self) -> str:
        """Return the state in words for a card."""
        images = "1 image" if self.instances == 1 else f"{self.instances} images"
        return f"{images} fetched, not yet read"


@final
@dataclass(frozen=True, slots=True)
class Failed:
    """The study could not be had."""

    reason: str
    at: datetime

    def __str__(self) -> str:
        """Return the state in words for a card."""
        return f"images not fetched: {self.reason}"


@final
@dataclass(frozen=True, slots=True)
class Refused:
    """The study came, and is not known to be of the chart's patient: nothing is read from it."""

    reason: str
    at: datetime

    def __str__(self) -> str:
        """Return the state in words for a card."""
        return f"images not used: {self.reason}"


FetchState = Waiting | Fetched | Failed | Refused


_Key = tuple[str, str, Owner]


@dataclass(frozen=True, slots=True)
class _Job:
    study: ImagingStudyOnFile
    grant: Grant | None = field(repr=False)
    owner: Owner

    @property
    def key(self) -> _Key:
        """Return what the state is kept under.

        The owner belongs to it: a study that another chart names is judged anew for that chart.
        """
        server = self.grant.fhir_server if self.grant is not None else ""
        return (self.study.study_instance_uid, server, self.owner)


@final
class ImageFetching:
    """The queue and its workers.

    Parameters
    ----------
    archive
        Where studies come from, with its cache.
    ehr
        Where the addresses of archives are read (``Endpoint``).
    clock
        Tells when a failure is old enough to try again.
    default_address
        The DICOMweb base URL for studies of which the EHR names no archive; None for none.
    """

    def __init__(
        self,
        archive: ImageArchive,
        ehr: Ehr,
        clock: Clock,
        default_address: str | None = None,
    ) -> None:
        self._archive = archive
        self._ehr = ehr
        self._clock = clock
        self._default_address = default_address
        self._waiting: asyncio.Queue[_Job] = asyncio.Queue(MOST_WAITING)
        self._states: OrderedDict[_Key, FetchState] = OrderedDict()

    def request(self, study: ImagingStudyOnFile, grant: Grant | None, owner: Owner) -> FetchState:
        """Return the state of a study, handing it to the background where it is not known yet.

        The grant is held until the study's turn, is used to read the ``Endpoint`` only, and is
        never sent to an archive. ``owner`` is what the chart says of its patient: images of which
        it is not known that they are of the same one are refused.
        """
        job = _Job(study, grant, owner)
        known = self._states.get(job.key)
        now = self._clock.now()
        if isinstance(known, Waiting | Fetched):
            return known
        if isinstance(known, Failed | Refused) and now - known.at < TRY_AGAIN_AFTER:
            return known
        try:
            self._waiting.put_nowait(job)
        except asyncio.QueueFull:
            return Failed("too many studies are waiting", now)
        return self._remember(job.key, Waiting())

    async def run(self) -> None:
        """Fetch what is handed over, until cancelled; the application's lifespan runs this."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(AT_ONCE):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            job = await self._waiting.get()
            state = await self._outcome(job)
            self._remember(job.key, state)
            _LOG.info("study_fetched", outcome=type(state).__name__)

    async def _outcome(self, job: _Job) -> FetchState:
        """Return how fetching ended; a fault of ours in one study must not end that of others."""
        fetching = asyncio.create_task(self._fetched(job))
        try:
            await asyncio.wait({fetching})
        finally:
            fetching.cancel()
        fault = fetching.exception()
        if fault is None:
            return fetching.result()
        _LOG.error("study_fetching_broke", kind=type(fault).__name__)
        return Failed("a fault of this service, which is logged", self._clock.now())

    async def _fetched(self, job: _Job) -> FetchState:
        try:
            address = await self._address(job.study, job.grant)
            if address is None:
                return Failed("the EHR names no archive that speaks DICOMweb", self._clock.now())
            study = StudyReference(job.study.study_instance_uid, address)
            instances = await self._archive.fetch_instances(study)
        except (ArchiveError, EhrError, HostNotAllowed) as error:
            return Failed(_reason(error), self._clock.now())
        reason = doubt((each.owner for each in instances), job.owner)
        if reason is not None:
            return Refused(reason, self._clock.now())
        return Fetched(len(instances), self._clock.now())

    async def _address(self, study: ImagingStudyOnFile, grant: Grant | None) -> str | None:
        """Return where the study is, as the EHR says, else the configured archive."""
        if grant is None:
            return self._default_address
        for reference in study.endpoints:
            for query in queries_covered(FhirQuery(reference), grant):
                found = endpoints_of(await self._ehr.search(query, grant))
                if found:
                    return next(iter(found.values()))
        return self._default_address

    def _remember(self, key: _Key, state: FetchState) -> FetchState:
        self._states[key] = state
        self._states.move_to_end(key)
        while len(self._states) > MOST_REMEMBERED:
            self._states.popitem(last=False)
        return state


def _reason(error: ArchiveError | EhrError | HostNotAllowed) -> str:
    if isinstance(error, HostNotAllowed):
        return "the archive is not on this installation's allow-list"
    text = str(error).rstrip(".")
    return text[:1].lower() + text[1:]
