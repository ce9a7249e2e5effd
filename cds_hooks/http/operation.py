"""Routes for whoever operates or integrates the service.

Health, metrics, documentation, icon. No patient data.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cds_hooks.http.observation import Meters
from cds_hooks.http.problems import json_response
from cds_hooks.services.service import ServiceDefinition
from cds_hooks.wire.hooks import HOOKS

ICON_PATH: Final = "/icon.png"
"""100 x 100 pixels, PNG, without transparency, as ``source.icon`` wants it."""

_ICON: Final = Path(__file__).with_name("icon.png")
_STRICT: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def operation_routes(
    meters: Meters, definitions: Iterable[ServiceDefinition], version: str
) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    page = documentation(definitions, version)
    icon = _ICON.read_bytes()

    @router.get("/health", response_class=Response)
    async def health() -> Response:
        """Say that the process answers."""
        return json_response({"status": "pass", "version": version})

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Return counts and durations in Prometheus' text format."""
        return Response(
            generate_latest(meters.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    @router.get("/documentation", response_class=Response)
    async def documentation_page() -> Response:
        """Describe the CDS Services to a person (CH-024)."""
        return Response(page, headers=_STRICT, media_type="text/html; charset=utf-8")

    @router.get(ICON_PATH, response_class=Response)
    async def icon_file() -> Response:
        """Return the icon of every card's source."""
        return Response(
            icon, headers={"Cache-Control": "public, max-age=86400"}, media_type="image/png"
        )

    return router


def documentation(definitions: Iterable[ServiceDefinition], version: str) -> str:
    """Return the page that describes the services, generated from what discovery answers."""
    services = "".join(_service(each) for each in definitions)
    return _PAGE.format(version=escape(version), services=services or "<p>None.</p>")


def _service(definition: ServiceDefinition) -> str:
    hooks = "".join(
        f"<li><code>{escape(hook)}</code> {escape(HOOKS[hook].version)}</li>"
        for hook in definition.hooks
    )
    rows = "".join(
        f"<tr><td><code>{escape(key)}</code></td><td><code>{escape(template)}</code></td>"
        f"<td>{'essential' if key in definition.essential else 'used if there'}</td></tr>"
        for key, template in definition.prefetch.items()
    )
    needs = definition.usage_requirements
    return (
        f"<section><h2>{escape(definition.title)}</h2>"
        f"<p><code>POST /cds-services/{escape(definition.id)}</code></p>"
        f"<p>{escape(definition.description)}</p>"
        + (f"<p>Needs: {escape(needs)}</p>" if needs else "")
        + f"<h3>Hooks</h3><ul>{hooks}</ul>"
        + (
            "<h3>Prefetch</h3><table><tr><th>Key</th><th>Query</th><th>Without it</th></tr>"
            f"{rows}</table>"
            if rows
            else ""
        )
        + "</section>"
    )


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>CardioTwin: CDS Services</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0
1rem;color:#1b1b1b;background:#fff}}
table{{border-collapse:collapse;width:100%}}th,td{{text-align:left;padding:.35rem
.5rem;border-bottom:1px solid #ccc;vertical-align:top}} code{{background:#f2f2f2;padding:.1rem
.25rem;overflow-wrap:anywhere}}section{{border-top:2px solid #444;margin-top:2rem}}
.notice{{border-left:.3rem solid #a35200;padding:.25rem .75rem;background:#fff6ea}}
</style></head><body> <h1>CardioTwin: CDS Services</h1> <p class="notice"><strong>Research use
only - not a medical device.</strong> Effects of orders are simulated on a model of the patient's
circulation; a simulated value is no measurement.</p> <p>Version {version}. CDS Hooks 2.0.1,
discovery at <a href="/cds-services">/cds-services</a>.</p> {services} <section><h2>What
integrators agree on with us</h2> <ul> <li>Every call carries a JWT signed with ES384 or RS384,
valid for at most five minutes, for the exact URL of the endpoint, with a <code>jti</code> that is
used once.</li> <li>The actions of one suggestion belong together: accept all of them or
none.</li> <li>Suggested orders are drafts with intent <code>proposal</code>; nothing is ordered
by itself.</li> <li>No system actions are sent. A service listed for several hooks updates its
guidance when the next of them fires; discard earlier cards of the same service then.</li>
<li>Which hooks are critical to safety is agreed on before going live. As shipped, none is: an
order must be possible when this service does not answer.</li> <li>A card that receives no
feedback is counted neither as accepted nor as refused.</li> <li>The FHIR version of everything is
R4.</li> </ul></section></body></html>
"""
