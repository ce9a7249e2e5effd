"""The clinician's page over a folder that stands in for the EHR, with sessions as a launch makes.

What is between a session and the answer is the installed service's own: twin, nets, store, limits.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from cds_hooks.fhir.folder_ehr import FolderEhr
from cds_hooks.http.limits import Admission
from cds_hooks.http.page import PageRoutes
from cds_hooks.http.problems import answer_with_outcomes
from cds_hooks.http.sessions import COOKIE, SessionDoor, answer_without_session
from cds_hooks.ports import Grant
from cds_hooks.security.session import SmartSession
from cds_hooks.security.sessions import MemorySessions
from cds_hooks.services.clinician_proposal import Proposing
from cds_hooks.services.clinician_releases import models
from cds_hooks.services.clinician_simulation import Workbench
from cds_hooks.services.clinician_view import ClinicianView
from cds_hooks.services.image_fetching import ImageFetching
from cds_hooks.services.patient_twin import PatientTwins
from inference.archive.folder import FolderArchive
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime
from sandbox_ehr.patients.load import FOLDER, bundle_at
from twin.core.causes import CauseWeigher
from twin.core.estimate import Estimator
from twin.core.rest import guarding_state
from twin.store.emulator_file import read_cause_emulator, read_emulator
from twin.store.memory import MemoryTwinStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASE = "https://twin.example"
FHIR = "https://ehr.example/fhir"
KEY = b"k" * 32
EVERYTHING = frozenset({"launch", "openid", "patient/*.cruds"})
Json = dict[str, Any]


@dataclass
class SetClock:
    """A clock that stands where a test puts it."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class Installed:
    """What costs time to load and holds no patient: loaded once."""

    estimator: Estimator
    weigher: CauseWeigher
    library: ReleaseLibrary
    runtime: OnnxRuntime


@dataclass
class Site:
    """One page in service, and what stands around it."""

    application: FastAPI
    http: TestClient
    ehr: FolderEhr
    folder: Path
    sessions: MemorySessions
    clock: SetClock

    def launched(self, patient: str, **changes: Any) -> SmartSession:
        """Keep a session as a launch for a sample patient would."""
        scopes = changes.pop("scopes", EVERYTHING)
        server = changes.pop("fhir_server", FHIR)
        session = SmartSession(
            handle=changes.pop("handle", f"h-{patient}"),
            secret=changes.pop("secret", f"s-{patient}"),
            grant=Grant(server, "token", scopes, patient, None),
            started_at=self.clock.now(),
            expires_at=self.clock.now() + timedelta(hours=8),
            patient_id=patient,
            encounter_id=f"{patient}-stay",
            fhir_user="Practitioner/1",
        )
        session = replace(session, **changes)
        asyncio.run(self.sessions.keep(session))
        return session

    def get(self, path: str, session: SmartSession | None, **more: Any) -> Any:
        return self.http.get(self._url(path, session), headers=self._headers(session), **more)

    def post(self, path: str, session: SmartSession | None, body: object, **headers: str) -> Any:
        sent = self._headers(session) | {"Origin": BASE} | headers
        return self.http.post(self._url(path, session), json=body, headers=sent)

    def view(self, patient: str = "bleeding", **changes: Any) -> Json:
        answer = self.get("/app/api/view", self.launched(patient, **changes))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @staticmethod
    def _url(path: str, session: SmartSession | None) -> str:
        return path if session is None else f"{path}?session={session.handle}"

    @staticmethod
    def _headers(session: SmartSession | None) -> dict[str, str]:
        return {} if session is None else {"Cookie": f"{COOKIE}{session.handle}={session.secret}"}


@pytest.fixture(scope="session")
def installed() -> Iterator[Installed]:
    library = ReleaseLibrary()
    runtime = OnnxRuntime(library, threads=1)
    yield Installed(
        Estimator(read_emulator(), resimulate=guarding_state),
        CauseWeigher(read_cause_emulator()),
        library,
        runtime,
    )
    runtime.close()


@pytest.fixture
def build(installed: Installed, tmp_path: Path) -> Callable[..., Site]:
    """Return a maker of sites; ``changed`` may rewrite each sample patient's Bundle."""

    def made(
        changed: Callable[[Json], Json] = lambda bundle: bundle,
        base: str = BASE,
        polled_every_s: float = 30.0,
    ) -> Site:
        folder, clock = tmp_path / "ehr", SetClock()
        folder.mkdir()
        for path in FOLDER.glob("*.json"):
            bundle = changed(bundle_at(json.loads(path.read_text("utf-8")), clock.now()))
            (folder / path.name).write_text(json.dumps(bundle))
        ehr, sessions = FolderEhr(folder), MemorySessions(KEY, clock)
        twins = PatientTwins(MemoryTwinStore(), installed.estimator, KEY)
        release = installed.library.load("deterioration")
        fetching = ImageFetching(FolderArchive(tmp_path), ehr, clock)
        view = ClinicianView(
            twins,
            installed.runtime,
            release,
            installed.weigher,
            fetching,
            ehr,
            clock,
            deadline_s=4.0,
            polled_every_s=polled_every_s,
        )
        bench = Workbench(twins, clock)
        routes = PageRoutes(
            SessionDoor(sessions, base, clock),
            view,
            bench,
            Proposing(bench, ehr, clock),
            models("test", [release]),
            Admission(16),
            Admission(16),
        )
        application = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        application.include_router(routes.router())
        answer_with_outcomes(application)
        answer_without_session(application)
        http = TestClient(application, base, raise_server_exceptions=False)
        return Site(application, http, ehr, folder, sessions, clock)

    return made


@pytest.fixture
def site(build: Callable[..., Site]) -> Site:
    return build()
