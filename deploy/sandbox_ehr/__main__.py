"""Command line of the sandbox EHR: ``python -m sandbox_ehr --port 8001 --cds-services URL``."""

from __future__ import annotations

import argparse

import uvicorn

from sandbox_ehr.app import Settings, create_app


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
    parser.add_argument("--largest-page", type=int, default=500, help="most entries in a page")
    given = parser.parse_args()
    settings = Settings(
        public_url=(given.public_url or f"http://{given.host}:{given.port}").rstrip("/"),
        cds_services=given.cds_services.rstrip("/"),
        dicomweb=given.dicomweb.rstrip("/"),
        largest_page=given.largest_page,
    )
    uvicorn.run(create_app(settings), host=given.host, port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
