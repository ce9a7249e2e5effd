"""The installed service with a folder as its EHR, and sessions as a launch makes them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from phi_watch import (
    NOW_OF_THE_PAGE,
    PLANTED_NOTE,
    PLANTED_PHONE,
    PLANTED_SECRET,
    PLANTED_TOKEN,
)
from starlette.testclient import TestClient

from cds_hooks.app import Parts, create_app
from cds_hooks.cli.child_processes import free_port
from cds_hooks.fhir.folder_ehr import FolderEhr
from cds_hooks.http.sessions import COOKIE
from cds_hooks.ports import Grant
from cds_hooks.security.installation_key import installation_key
from cds_hooks.security.session import SmartSession
from cds_hooks.security.sessions import SqliteSessions
from cds_hooks.settings import Settings
from sandbox_ehr.patients.load import FOLDER, bundle_at

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NOW = NOW_OF_THE_PAGE
BASE = "https://twin.example"
FHIR = "https://ehr.example/fhir"
EVERYTHING = frozenset({"launch", "openid", "patient/*.cruds"})
Json = dict[str, Any]
Sites = Callable[..., AbstractContextManager[Any]]


@dataclass
class SetClock:
    """A clock that stands where a test puts it."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class Site:
    """One page in service, and what stands around it."""

    application: FastAPI
    http: TestClient
    ehr: FolderEhr
    sessions: SqliteSessions
    clock: SetClock

    def launched(self, patient: str, **changes: Any) -> SmartSession:
        """Keep a session as a launch for a sample patient would."""
        scopes = changes.pop("scopes", EVERYTHING)
        server = changes.pop("fhir_server", FHIR)
        session = SmartSession(
            handle=changes.pop("handle", f"h-{patient}"),
            secret=changes.pop("secret", f"{PLANTED_SECRET}-{patient}"),
            grant=Grant(server, PLANTED_TOKEN, scopes, patient, None),
            started_at=self.clock.now(),
            expires_at=self.clock.now() + timedelta(hours=8),
            patient_id=patient,
            encounter_id=f"{patient}-stay",
            fhir_user="Practitioner/1",
        )
        session = replace(session, **changes)
        self.awaited(self.sessions.keep(session))
        return session

    @staticmethod
    def awaited(work: Coroutine[Any, Any, Any]) -> Any:
        """Return what a coroutine returns; Playwright runs a loop in this thread."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, work).result()

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


def planted(bundle: Json) -> Json:
    """Return a sample patient with canaries also where nothing of ours ever looks."""
    for resource in (entry["resource"] for entry in bundle["entry"]):
        if resource["resourceType"] == "Patient":
            resource["telecom"] = [{"system": "phone", "value": PLANTED_PHONE}]
        elif resource["resourceType"] == "Observation":
            resource["note"] = [{"text": PLANTED_NOTE}]
    return bundle


@contextmanager
def running(
    folder: Path,
    changed: Callable[[Json], Json] = lambda bundle: bundle,
    base: str = BASE,
    entered: bool = True,
    **settings: Any,
) -> Iterator[Site]:
    """Run the installed service with the sandbox's sample patients in a folder as its EHR.

    ``changed`` may rewrite each sample patient's Bundle; whoever serves the application over a
    port lives its life there and has it not ``entered`` here.
    """
    clock, charts, data = SetClock(), folder / "ehr", folder / "data"
    charts.mkdir(parents=True)
    for path in FOLDER.glob("*.json"):
        sample = planted(bundle_at(json.loads(path.read_text("utf-8")), clock.now()))
        bundle = changed(sample)
        (charts / path.name).write_text(json.dumps(bundle))
    ehr = FolderEhr(charts)
    made = Settings(
        trust="open", sandbox=True, public_base_url=base, data_directory=data, **settings
    )
    application = create_app(made, Parts(ehr=ehr, orders=ehr, clock=clock))
    sessions = SqliteSessions(data / "sessions.sqlite", installation_key(data), clock)
    http = TestClient(application, base, raise_server_exceptions=False)
    with http if entered else nullcontext():
        yield Site(application, http, ehr, sessions, clock)
    sessions.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("page")) as made:
        yield made


@pytest.fixture(scope="session")
def run_site() -> Callable[..., AbstractContextManager[Site]]:
    """Return what runs a site in a folder."""
    return running


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., AbstractContextManager[Site]]:
    """Return a maker of further sites: ``with build(changed) as site``."""
    numbers = count()
    return lambda *changed, **more: running(tmp_path / str(next(numbers)), *changed, **more)


@pytest.fixture(scope="session")
def on_a_port(run_site: Sites, serving: Callable[..., AbstractContextManager[int]]) -> Sites:
    """Return what serves a site where a browser can reach it; its origin is the true one."""

    @contextmanager
    def made(folder: Path, *changed: Any) -> Iterator[tuple[Site, int]]:
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        with (
            run_site(folder, *changed, base=base, entered=False, page_poll_s=5.0) as site,
            serving(site.application, port, "on"),
        ):
            yield site, port

    return made


@pytest.fixture(scope="session")
def opener(listening: Any) -> Callable[..., AbstractContextManager[Callable[..., Page]]]:
    """Return what opens pages of a site and holds all of them to a silent console."""

    @contextmanager
    def opening(chromium: Browser, site: Site, port: int) -> Iterator[Callable[..., Page]]:
        from playwright.sync_api import expect

        contexts = []
        faults: list[list[str]] = []

        def made(
            patient: str,
            width: int = 1280,
            scheme: Any = "light",
            refused: str | None = None,
            routed: tuple[str, Any] | None = None,
            **changes: Any,
        ) -> Page:
            session = site.launched(patient, **changes)
            context = chromium.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme
            )
            contexts.append(context)
            context.set_default_timeout(60_000)
            expect.set_options(timeout=60_000)
            context.add_cookies(
                [
                    {
                        "name": f"__Host-cardiotwin-{session.handle}",
                        "value": session.secret,
                        "domain": "127.0.0.1",
                        "path": "/",
                        "secure": True,
                        "httpOnly": True,
                        "sameSite": "None",
                    }
                ]
            )
            faults.append(listening(context, refused))
            page = context.new_page()
            if routed is not None:
                page.route(*routed)
            page.goto(f"http://127.0.0.1:{port}/app?session={session.handle}")
            expect(page.locator("#main")).to_have_attribute("aria-busy", "false")
            return page

        yield made
        for context in contexts:
            context.close()
        assert [fault for each in faults for fault in each] == []

    return opening
