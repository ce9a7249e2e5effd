"""The composition root: the one file, beside the command line, that names adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import final

import httpx2
from anyio import to_thread
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from cds_hooks.audit.sqlite_feedback import SqliteFeedback
from cds_hooks.clock import SystemClock
from cds_hooks.fhir.closed_ehr import ClosedEhr
from cds_hooks.fhir.rest_ehr import RestEhr
from cds_hooks.fhir.rest_orders import RestOrders
from cds_hooks.http.cds import CdsRoutes
from cds_hooks.http.limits import Admission
from cds_hooks.http.observation import Meters, Observed, log_as_json
from cds_hooks.http.operation import operation_routes
from cds_hooks.http.page import MOST_STREAMS, PageRoutes
from cds_hooks.http.page_readings import ReadingRoutes
from cds_hooks.http.problems import Unforeseen, answer_with_outcomes
from cds_hooks.http.sessions import SessionDoor, answer_without_session
from cds_hooks.http.smart import SmartRoutes
from cds_hooks.images.sqlite_readings import SqliteReadings
from cds_hooks.ports import Clock, Ehr, OrderWriting, UsedTokens
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import client
from cds_hooks.security.hook_token import TrustedIssuer
from cds_hooks.security.installation_key import installation_key
from cds_hooks.security.jwks import ConfiguredKeys, FileKeys, RemoteKeys
from cds_hooks.security.replay import SqliteUsedTokens
from cds_hooks.security.sessions import SqliteSessions
from cds_hooks.security.smart_client import OwnKeys
from cds_hooks.security.smart_keys import key_file
from cds_hooks.security.smart_launching import Launching
from cds_hooks.security.smart_registration import (
    KEY_SET_PATH,
    ClientKind,
    Registrations,
    SmartRegistration,
)
from cds_hooks.security.smart_renewal import Renewal
from cds_hooks.security.smart_servers import HttpSmartServers
from cds_hooks.security.trust import OpenTrust, RequiredTrust, Trust
from cds_hooks.services.answering import Answering, Registry
from cds_hooks.services.clinician_proposal import Proposing
from cds_hooks.services.clinician_readings import ClinicianReadings
from cds_hooks.services.clinician_releases import models
from cds_hooks.services.clinician_simulation import Workbench
from cds_hooks.services.clinician_view import ClinicianView
from cds_hooks.services.deterioration_risk import DeteriorationRisk
from cds_hooks.services.feedback import TakingFeedback
from cds_hooks.services.image_fetching import ImageFetching
from cds_hooks.services.image_readings import ImageReadings
from cds_hooks.services.imaging_findings import ImagingFindings
from cds_hooks.services.order_effects import OrderEffects
from cds_hooks.services.patient_twin import PatientTwins
from cds_hooks.services.service import CdsService
from cds_hooks.services.speaker import Speaker
from cds_hooks.settings import Settings
from inference.archive.cache import CachedArchive
from inference.archive.dicomweb import DicomwebArchive
from inference.core.ecg_together import pair_of
from inference.core.image_reading import ImageKind
from inference.core.release import ReleasedModel
from inference.reader.process import ReadingProcess
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime
from twin.core.causes import CauseWeigher
from twin.core.estimate import Estimator
from twin.core.rest import guarding_state
from twin.store.emulator_file import read_cause_emulator, read_emulator
from twin.store.sqlite import SqliteTwinStore
from twin.usecases import warm_up

RISK_RELEASE = "deterioration"
"""The release that the card of ``deterioration-risk`` speaks for."""

IMAGE_RELEASES = {ImageKind.ECG: "vizecgnet", ImageKind.RADIOGRAPH: "radiograph"}
"""The releases that read images; what is not installed is said where it is missed."""

SECOND_RELEASES = {ImageKind.ECG: "efficientnet-page"}
"""Releases heard with those, where their evidence says that the two together are better."""

ARCHIVE_TIMEOUT_S = 30.0
"""A PACS may fetch a study from its own tapes; nobody waits for it here."""

IMAGE_CACHE_BYTES = 2_000_000_000
"""Some hundred radiographs."""

AUTHORIZATION_TIMEOUT_S = 10.0
"""An EHR's token endpoint may look a session up; its user watches a page load meanwhile."""

KEY_SET_TIMEOUT_S = 3.0
"""A key set is read while a clinician waits; it is one small file of the EHR's own."""


@final
@dataclass(frozen=True, slots=True)
class Parts:
    """What may stand in place of the installed parts, as tests and the demonstration need."""

    services: Sequence[CdsService] | None = None
    ehr: Ehr | None = None
    clock: Clock = field(default_factory=SystemClock)
    orders: OrderWriting | None = None


@final
@dataclass(frozen=True, slots=True)
class Machinery:
    """What services and page share: twin, nets, images, and the EHRs they are read from."""

    ehr: Ehr
    orders: OrderWriting
    twins: PatientTwins
    runtime: OnnxRuntime
    risk: ReleasedModel
    weigher: CauseWeigher
    readings: ImageReadings
    readers: tuple[ReleasedModel, ...]
    """The releases that read ECGs and radiographs."""


@final
@dataclass(frozen=True, slots=True)
class Life:
    """What lasts as long as the application: background work, and what is closed at last."""

    worker_threads: int
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    background: list[Callable[[], Coroutine[None, None, None]]] = field(default_factory=list)

    @asynccontextmanager
    async def lived(self, _: FastAPI) -> AsyncIterator[None]:
        """Run the background work while the application serves."""
        # Fits and simulations of many calls at once hand the interpreter's lock to and fro: on two
        # cores eight at once took 1.8 times as long as one after the other.
        to_thread.current_default_thread_limiter().total_tokens = self.worker_threads
        async with self.closing:
            tasks = [asyncio.create_task(work()) for work in self.background]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def create_app(settings: Settings, parts: Parts | None = None) -> FastAPI:
    """Return the application of one installation.

    Raises
    ------
    ValueError
        A configured key set, or a service's definition, cannot be used.
    OSError
        A configured file, or the data directory, cannot be read or made.
    """
    parts = parts or Parts()
    log_as_json(settings.log_level)
    settings.data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    life = Life(settings.worker_threads)
    used = SqliteUsedTokens(settings.data_directory / "used_tokens.sqlite", parts.clock)
    life.closing.callback(used.close)
    machinery = installed_machinery(settings, parts, life) if parts.services is None else None
    routes = _cds_routes(settings, parts, machinery, used, life)
    smart = _smart_routes(settings, parts.clock, used, life)

    application = FastAPI(
        title="CardioTwin",
        version=version("cardiotwin"),
        lifespan=life.lived,
        # FastAPI's own pages load scripts from another host; ours is at /documentation.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    meters = Meters(lambda: routes.admission.present)
    registry = routes.answering.registry
    application.include_router(routes.router())
    application.include_router(operation_routes(meters, registry.definitions, application.version))
    application.include_router(smart.router())
    if machinery is not None:
        page = _page_routes(settings, parts.clock, machinery, smart.door, routes.admission)
        application.include_router(page.router())
        reading = _reading_routes(settings, parts.clock, machinery, smart.door, routes.admission)
        application.include_router(reading.router())
    answer_with_outcomes(application)
    answer_without_session(application, smart.launching.registrations.frame_ancestors())
    # The last one added is the outermost: CORS headers stand on every answer, problems included.
    application.add_middleware(Unforeseen)
    application.add_middleware(Observed, meters=meters, is_service=registry.has)
    application.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        max_age=600,
    )
    return application


def installed_machinery(settings: Settings, parts: Parts, life: Life) -> Machinery:
    """Return what answers are made with, ready to be used."""
    ehr, orders = _ehrs(settings, parts, life)
    store = SqliteTwinStore(settings.data_directory / "twins.sqlite")
    life.closing.callback(store.close)
    estimator = Estimator(read_emulator(), resimulate=guarding_state)
    warm_up(estimator, parts.clock.now())
    key = installation_key(settings.data_directory)
    releases = ReleaseLibrary()
    risk = releases.load(RISK_RELEASE)
    runtime = OnnxRuntime(releases, threads=settings.worker_threads)
    life.closing.callback(runtime.close)
    runtime.open(risk)
    readers = image_releases(releases)
    second = second_releases(releases, readers)
    readings = _image_readings(settings, ehr, parts.clock, readers, second, life)
    return Machinery(
        ehr,
        orders,
        PatientTwins(store, estimator, key, settings.site_time_zone, readings.of_patient),
        runtime,
        risk,
        CauseWeigher(read_cause_emulator()),
        readings,
        (*readers.values(), *second.values()),
    )


def image_releases(library: ReleaseLibrary) -> dict[ImageKind, ReleasedModel]:
    """Return the installed releases that read images, their weights checked against the digest.

    Raises
    ------
    inference.errors.ReleaseError
        One is there and cannot be used as it lies there.
    """
    found: dict[ImageKind, ReleasedModel] = {}
    for kind, name in IMAGE_RELEASES.items():
        if name in library.names():
            found[kind] = library.load(name)
            library.weights(found[kind])
    return found


def second_releases(
    library: ReleaseLibrary, readers: Mapping[ImageKind, ReleasedModel]
) -> dict[ImageKind, ReleasedModel]:
    """Return the installed releases that are heard with ``readers``, as `image_releases` does."""
    found: dict[ImageKind, ReleasedModel] = {}
    for kind, name in SECOND_RELEASES.items():
        if kind in readers and name in library.names():
            second = library.load(name)
            if pair_of(readers[kind], second) is not None:
                library.weights(second)
                found[kind] = second
    return found


def installed_services(settings: Settings, made: Machinery) -> tuple[CdsService, ...]:
    """Return the CDS Services of this installation."""
    speaker = Speaker(
        documentation_url=f"{settings.public_base_url}/documentation",
        smart_launch_url=settings.launch_url,
    )
    return (
        DeteriorationRisk(made.twins, made.runtime, made.risk, speaker, made.weigher),
        OrderEffects(made.twins, made.ehr, speaker),
        ImagingFindings(made.readings, made.twins, speaker),
    )


def _page_routes(
    settings: Settings, clock: Clock, made: Machinery, door: SessionDoor, admission: Admission
) -> PageRoutes:
    """Return the clinician's page, which rests on the same twins and nets as the cards."""
    view = ClinicianView(
        made.twins,
        made.runtime,
        made.risk,
        made.weigher,
        made.readings,
        made.ehr,
        clock,
        settings.gather_deadline_s,
        settings.page_poll_s,
    )
    bench = Workbench(made.twins, clock)
    return PageRoutes(
        door,
        view,
        bench,
        Proposing(bench, made.orders, clock),
        models(made.twins.estimator.model_version, [made.risk, *made.readers]),
        admission,
        Admission(MOST_STREAMS),
    )


def _reading_routes(
    settings: Settings, clock: Clock, made: Machinery, door: SessionDoor, admission: Admission
) -> ReadingRoutes:
    deadline_s = settings.gather_deadline_s
    readings = ClinicianReadings(made.readings, made.twins, made.ehr, clock, deadline_s)
    return ReadingRoutes(door, readings, admission)


def _image_readings(
    settings: Settings,
    ehr: Ehr,
    clock: Clock,
    releases: Mapping[ImageKind, ReleasedModel],
    second: Mapping[ImageKind, ReleasedModel],
    life: Life,
) -> ImageReadings:
    """Return what reads ECGs and radiographs in the background, with where they come from."""
    egress = Egress(settings.allowed_dicomweb, settings.private_networks)
    http = client(egress, timeout_s=ARCHIVE_TIMEOUT_S)
    life.closing.push_async_callback(http.aclose)
    archive = CachedArchive(
        DicomwebArchive(http), settings.data_directory / "images", IMAGE_CACHE_BYTES
    )
    allowed = settings.allowed_dicomweb
    # Where the EHR names no archive, the only one there is must be meant.
    default_address = allowed[0] if len(allowed) == 1 else None
    key = installation_key(settings.data_directory)
    store = SqliteReadings(settings.data_directory / "readings.sqlite", key, clock)
    life.closing.callback(store.close)
    reader = ReadingProcess(releases, second=second)
    life.closing.callback(reader.close)
    readings = ImageReadings(
        ImageFetching(archive, ehr, default_address),
        reader,
        store,
        clock,
        key,
        [each.digest for each in releases.values()],
    )
    life.background.append(readings.run)
    return readings


def _ehrs(settings: Settings, parts: Parts, life: Life) -> tuple[Ehr, OrderWriting]:
    """Return the adapters through which the EHRs' FHIR servers are read and written to."""
    servers = (*settings.allowed_fhir_servers, *(each.iss for each in settings.smart_ehrs))
    if not servers:
        return parts.ehr or ClosedEhr(), parts.orders or ClosedEhr()
    egress = Egress(servers, settings.private_networks)
    http = client(egress, timeout_s=settings.gather_deadline_s)
    life.closing.push_async_callback(http.aclose)
    return parts.ehr or RestEhr(http, parts.clock), parts.orders or RestOrders(http, parts.clock)


def _cds_routes(
    settings: Settings,
    parts: Parts,
    machinery: Machinery | None,
    used: UsedTokens,
    life: Life,
) -> CdsRoutes:
    feedback = SqliteFeedback(settings.data_directory / "feedback.sqlite", parts.clock)
    life.closing.callback(feedback.close)
    if machinery is None:
        services, ehr = parts.services or (), _ehrs(settings, parts, life)[0]
    else:
        services, ehr = installed_services(settings, machinery), machinery.ehr
    answering = Answering(
        registry=Registry.of(services, ballot_3=settings.ballot_3),
        ehr=ehr,
        feedback=feedback,
        clock=parts.clock,
        deadline_s=settings.gather_deadline_s,
    )
    return CdsRoutes(
        public_base_url=settings.public_base_url,
        trust=_trust(settings, parts.clock, used),
        discovery_requires_token=settings.discovery_requires_token,
        admission=Admission(settings.concurrent_calls),
        answering=answering,
        feedback=TakingFeedback(feedback),
    )


def _trust(settings: Settings, clock: Clock, used: UsedTokens) -> Trust:
    if settings.trust == "open":
        return OpenTrust()
    files: dict[str, Path] = {
        each.iss: each.jwks_file for each in settings.issuers if each.jwks_file is not None
    }
    egress = Egress(
        [each.jku for each in settings.issuers if each.jku is not None], settings.private_networks
    )
    keys = ConfiguredKeys(
        FileKeys(files),
        RemoteKeys(lambda: client(egress, timeout_s=KEY_SET_TIMEOUT_S), clock),
        frozenset(files),
    )
    issuers = {each.iss: TrustedIssuer(each.iss, each.jku) for each in settings.issuers}
    return RequiredTrust(issuers, keys, used, clock)


@final
@dataclass(frozen=True, slots=True)
class SmartParts:
    """What the registered EHRs are spoken to with."""

    registrations: Registrations
    servers: HttpSmartServers
    own_keys: Callable[[], OwnKeys]


def smart_parts(settings: Settings, clock: Clock) -> SmartParts:
    """Return what the registered EHRs are spoken to with; ``servers`` is to be closed.

    Raises
    ------
    ValueError
        A file of keys or of a secret cannot be used.
    OSError
        One cannot be read or made.
    """
    key_set_url = settings.public_base_url + KEY_SET_PATH
    registrations = Registrations(each.registration(key_set_url) for each in settings.smart_ehrs)
    own_keys: Callable[[], OwnKeys] = OwnKeys
    if any(each.kind is ClientKind.ASYMMETRIC for each in registrations):
        own_keys = key_file(settings.data_directory, clock.now())

    def client_of(registration: SmartRegistration) -> httpx2.AsyncClient:
        egress = registration.egress(settings.private_networks)
        return client(egress, timeout_s=AUTHORIZATION_TIMEOUT_S)

    def keys_of(registration: SmartRegistration) -> RemoteKeys:
        return RemoteKeys(lambda: client_of(registration), clock)

    return SmartParts(registrations, HttpSmartServers(client_of, keys_of, clock), own_keys)


def _smart_routes(settings: Settings, clock: Clock, used: UsedTokens, life: Life) -> SmartRoutes:
    """Return the launch of the SMART app; with no EHR registered it refuses every one."""
    base, key = settings.public_base_url, installation_key(settings.data_directory)
    parts = smart_parts(settings, clock)
    life.closing.push_async_callback(parts.servers.aclose)
    sessions = SqliteSessions(settings.data_directory / "sessions.sqlite", key, clock)
    life.closing.callback(sessions.close)
    behind = (parts.registrations, parts.servers, sessions)
    renewal = Renewal(*behind, parts.own_keys, clock)
    launching = Launching(*behind, used, parts.own_keys, clock, key, base)
    return SmartRoutes(launching, renewal, SessionDoor(sessions, base, clock, renewal))
