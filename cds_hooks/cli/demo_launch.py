"""A SMART launch as a browser performs it, for the demonstration: redirects and cookies, no page.

The libraries' own cookie jars keep ``Secure`` cookies from plain http even on a loopback address,
where browsers send them; so the few rules that matter here are followed by hand.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final
from urllib.parse import urlencode, urljoin, urlsplit

from cds_hooks.cli.hook_calls import CallFailed

if TYPE_CHECKING:
    import httpx2

MOST_REDIRECTS = 10


@final
@dataclass(slots=True)
class Browsing:
    """A client with cookies of its own, kept for each origin."""

    http: httpx2.Client
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    visited: list[str] = field(default_factory=list)

    def opened(self, url: str) -> httpx2.Response:
        """Follow an address to where it ends.

        Raises
        ------
        cds_hooks.cli.hook_calls.CallFailed
            A server did not answer, or the redirects do not end.
        """
        for _ in range(MOST_REDIRECTS):
            answer = self.sent("GET", url, {"Accept": "text/html"})
            if not answer.is_redirect:
                return answer
            url = urljoin(url, answer.headers["location"])
        raise CallFailed("The launch leads from redirect to redirect.")

    def sent(self, method: str, url: str, headers: Mapping[str, str]) -> httpx2.Response:
        """Send one request with the origin's cookies, and keep those that come back.

        Raises
        ------
        cds_hooks.cli.hook_calls.CallFailed
            The server did not answer.
        """
        import httpx2

        parts = urlsplit(url)
        jar = self.cookies.setdefault(parts.netloc, {})
        cookie = "; ".join(f"{name}={value}" for name, value in jar.items())
        self.visited.append(f"{parts.scheme}://{parts.netloc}{parts.path}")
        try:
            answer = self.http.request(
                method,
                url,
                headers={**headers, "Cookie": cookie},
                follow_redirects=False,
                timeout=60,
            )
        except httpx2.TransportError as error:
            raise CallFailed(f"{parts.netloc} did not answer ({type(error).__name__}).") from error
        for given in answer.headers.get_list("set-cookie"):
            name, _, rest = given.partition("=")
            jar[name] = rest.partition(";")[0]
        return answer


@final
@dataclass(frozen=True, slots=True)
class Launched:
    """Where a launch ended."""

    url: str
    status: int
    page_bytes: int
    milliseconds: float
    steps: tuple[str, ...]
    """Every address that was visited, without its query."""


def launched(browsing: Browsing, ehr: str, client_id: str, context: Mapping[str, str]) -> Launched:
    """Open the app from the sandbox EHR, as its card link or its portal does.

    Raises
    ------
    cds_hooks.cli.hook_calls.CallFailed
        A server did not answer, or the redirects do not end.
    """
    begun = time.perf_counter()
    query = urlencode({"client": client_id, **context})
    answer = browsing.opened(f"{ehr}/launch-app?{query}")
    took_ms = 1000 * (time.perf_counter() - begun)
    return Launched(
        str(answer.url),
        answer.status_code,
        len(answer.content),
        took_ms,
        tuple(browsing.visited),
    )


def logged_out(browsing: Browsing, service: str, page: Launched) -> bool:
    """Return whether the session of a launch could be ended, which only its own browser can.

    Raises
    ------
    cds_hooks.cli.hook_calls.CallFailed
        The service did not answer.
    """
    url = f"{service}/logout?{urlsplit(page.url).query}"
    return browsing.sent("POST", url, {"Origin": service}).status_code == 200
