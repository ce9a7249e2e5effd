"""Command line of the sandbox EHR: ``python -m sandbox_ehr --port 8001 --cds-services URL``."""

from __future__ import annotations

import argparse

import uvicorn

from sandbox_ehr.access_tokens import READABLE
from sandbox_ehr.app import Settings, create_app
from sandbox_ehr.smart_clients import SmartClient


def main() -> None:
    """Serve the sandbox until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox_ehr",
        description="A sandbox EHR with invented patients; never for real ones.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--public-url", help="own origin as others see it; http://HOST:PORT else")
    parser.add_argument(
        "--cds-services",
        default="http://127.0.0.1:8000/cds-services",
        help="discovery URL of the CDS Services that the order-entry page calls",
    )
    parser.add_argument(
        "--dicomweb",
        default="http://127.0.0.1:8002/dicom-web",
        help="DICOMweb base of the picture archive",
    )
    parser.add_argument(
        "--smart-app",
        help="base URL of a SMART app, registered as the asymmetric client 'cardiotwin'",
    )
    parser.add_argument("--largest-page", type=int, default=500, help="most entries in a page")
    given = parser.parse_args()
    settings = Settings(
        public_url=(given.public_url or f"http://{given.host}:{given.port}").rstrip("/"),
        cds_services=given.cds_services.rstrip("/"),
        dicomweb=given.dicomweb.rstrip("/"),
        largest_page=given.largest_page,
        smart_clients=registered(given.smart_app),
    )
    uvicorn.run(create_app(settings), host=given.host, port=given.port, log_level="warning")


def registered(app: str | None) -> tuple[SmartClient, ...]:
    """Return the registration of the app at this base URL, if any."""
    if app is None:
        return ()
    base = app.rstrip("/")
    return (
        SmartClient(
            client_id="cardiotwin",
            kind="asymmetric",
            redirect_uris=(f"{base}/callback",),
            launch_url=f"{base}/launch",
            key_set_url=f"{base}/.well-known/jwks.json",
            backend_scopes=frozenset(f"system/{name}.rs" for name in READABLE),
        ),
    )


if __name__ == "__main__":
    main()
