"""The door of the clinician's page: which session a request belongs to, and whose cookie it is.

Every address of the page names its session (``?session=HANDLE``); the cookie of that name proves
it. A request that would change something must come from the page itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, TypeVar, final

from fastapi import FastAPI, Request, Response

from cds_hooks.errors import NoSession
from cds_hooks.http.problems import problem_response
from cds_hooks.ports import Clock, Ehr, Grant
from cds_hooks.security.egress import origin_of
from cds_hooks.security.session import Sessions, SmartSession
from cds_hooks.security.smart_renewal import Renewal, SessionEhr

_T = TypeVar("_T")

PARAMETER: Final = "session"
"""The query parameter that names the session: ``/app?session=HANDLE``, ``/app/api/view?...``."""

COOKIE: Final = "__Host-cardiotwin-"
"""Before the handle. ``__Host-``: no other host or path, and no plain connection, can set it."""

_SAFE: Final = frozenset({"GET", "HEAD"})


@final
@dataclass(frozen=True, slots=True)
class SessionDoor:
    """Finds the session of a request. ``door.session_of`` is a dependency of a route.

    Parameters
    ----------
    sessions
        Where sessions are kept.
    public_base_url
        What browsers call this service.
    clock
        Tells how long a cookie still has.
    renewal
        Renews the tokens of a session; None where nothing is registered to renew them at.
    """

    sessions: Sessions
    public_base_url: str
    clock: Clock
    renewal: Renewal | None = None

    async def session_of(self, request: Request) -> SmartSession:
        """Return the session of a request.

        Raises
        ------
        cds_hooks.errors.NoSession
            The address names none, the browser has not its cookie, it has ended, or another
            site's page sent the request.
        """
        if request.method not in _SAFE:
            self._refuse_other_sites(request)
        handle = request.query_params.get(PARAMETER, "")
        secret = request.cookies.get(COOKIE + handle)
        if not handle or not secret:
            raise NoSession("missing", "This browser has no such session open; launch the app.")
        session = await self.sessions.of(handle, secret)
        if session is None:
            raise NoSession("ended", "The session has ended; launch the app from the EHR again.")
        return session

    def _refuse_other_sites(self, request: Request) -> None:
        """Let only our own page change something.

        Browsers write ``Origin`` on every request that is no GET, and no page can forge it
        (https://fetch.spec.whatwg.org/#origin-header). The cookie alone would not do: it has to be
        sent inside an EHR's frame, so it is SameSite=None.
        """
        sent = request.headers.getlist("origin")
        if len(sent) != 1 or sent[0] != self._own_origin():
            raise NoSession("origin", "Only the app's own page may ask this.")

    def _own_origin(self) -> str:
        """Return the origin of the page as a browser writes it, without a default port."""
        own = origin_of(self.public_base_url)
        text = str(own)
        return text.removesuffix(f":{own.port}") if own.port in (80, 443) else text

    async def with_grant(self, session: SmartSession, use: Callable[[Grant], Awaitable[_T]]) -> _T:
        """Return what ``use`` makes of the session's grant, renewed where it must be.

        ``use`` may be called twice: again with a new token where the EHR answered 401 (SM-042).

        Raises
        ------
        cds_hooks.errors.NoSession
            The EHR takes neither: the app must be launched again.
        """
        if self.renewal is None:
            return await use(session.grant)
        return await self.renewal.with_grant(session, use)

    def ehr_of(self, session: SmartSession, ehr: Ehr) -> Ehr:
        """Return the EHR as this session may read it, whose token renews itself."""
        return ehr if self.renewal is None else SessionEhr(ehr, self.renewal, session)

    def give_cookie(self, session: SmartSession, response: Response) -> None:
        """Give the browser the cookie of a session that was just started.

        ``Partitioned`` (CHIPS) keeps a cookie inside a frame apart for each embedding site, so
        that it is sent there although it is a third party's, and to no other site's frame.
        """
        left = session.expires_at - self.clock.now()
        response.headers.append(
            "Set-Cookie",
            f"{COOKIE}{session.handle}={session.secret}; Max-Age={int(left.total_seconds())}"
            f"{COOKIE_ATTRIBUTES}",
        )

    def take_cookie(self, session: SmartSession, response: Response) -> None:
        """Remove the cookie of a session that has ended."""
        response.headers.append(
            "Set-Cookie", f"{COOKIE}{session.handle}=; Max-Age=0{COOKIE_ATTRIBUTES}"
        )


COOKIE_ATTRIBUTES: Final = "; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
"""Also on a loopback address over http, which browsers count as trustworthy:

Chromium 156 keeps such a cookie for http://127.0.0.1, framed by another site too (tried).
"""

_NO_SESSION: Final = (
    "Nothing of a patient is shown without one.",
    "Open the patient's chart in your EHR and choose CardioTwin there, or follow the link Open the"
    " patient's twin on a CardioTwin card. Sessions end after some hours, when you log out, and"
    " when the EHR withdraws its permission.",
)


def words_page(
    title: str, sentences: Sequence[str], status: int, frame_ancestors: Sequence[str] = ()
) -> Response:
    """Return a page that holds words only; whatever they quote is escaped here."""
    paragraphs = "\n".join(f"<p>{escape(each)}</p>" for each in sentences)
    return Response(
        f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>CardioTwin: {escape(title)}</title>
<style>:root{{color-scheme:light dark}}body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;
margin:12vh auto;padding:0 1rem}}</style>
<main><h1>{escape(title)}</h1>
{paragraphs}
</main></html>""",
        status,
        page_headers(frame_ancestors),
        "text/html; charset=utf-8",
    )


def page_headers(frame_ancestors: Sequence[str] = ()) -> Mapping[str, str]:
    """Return the headers of a page that holds words only; framed by the named origins at most."""
    ancestors = " ".join(frame_ancestors) or "'none'"
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline';"
        f" frame-ancestors {ancestors}; base-uri 'none'; form-action 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def answer_without_session(application: FastAPI, frame_ancestors: Sequence[str] = ()) -> None:
    """Answer a request without a session: a page for a person, an OperationOutcome for code.

    Parameters
    ----------
    application
        Whose answers these are.
    frame_ancestors
        Origins of every registered EHR: a session may end while its page stands in a frame.
    """

    async def answer(request: Request, error: Exception) -> Response:
        if not isinstance(error, NoSession):
            raise error
        if "text/html" in request.headers.get("accept", ""):
            return words_page("No open session", _NO_SESSION, 401, frame_ancestors)
        return problem_response(error)

    application.add_exception_handler(NoSession, answer)
