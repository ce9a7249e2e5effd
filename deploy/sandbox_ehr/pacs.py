"""A small picture archive beside the sandbox: ``python -m sandbox_ehr.pacs --port 8002``.

DICOMweb as PS3.18 defines it (https://dicom.nema.org/medical/dicom/current/output/html/part18.html):
searching (QIDO-RS) and retrieving (WADO-RS) the drawings of the sample patients, from memory.
"""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import Iterable, Sequence
from typing import final

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from sandbox_ehr.clock import Now, wall_clock
from sandbox_ehr.patients.courses import SAMPLE_PATIENTS
from sandbox_ehr.pictures import encoded, picture_file, rendered

DICOM_JSON = "application/dicom+json"
STUDY = ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyDescription", "PatientID")
SERIES = ("SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality")
INSTANCE = ("SOPInstanceUID", "SOPClassUID", "InstanceNumber", "Rows", "Columns")


@final
class Archive:
    """Instances in memory, found by their UIDs."""

    def __init__(self, instances: Sequence[Dataset]) -> None:
        self._instances = instances

    def router(self) -> APIRouter:
        """Return the DICOMweb routes, relative to the base."""
        router = APIRouter()
        study, series = "/studies/{study}", "/studies/{study}/series/{series}"
        instance = f"{series}/instances/{{instance}}"
        searches = {
            "/studies": self.find_studies,
            f"{study}/series": self.find_series,
            f"{study}/instances": self.find_instances,
            f"{series}/instances": self.find_instances,
        }
        for path, answer in searches.items():
            router.add_api_route(path, answer, methods=["GET"])
        for path in (study, series, instance):
            router.add_api_route(f"{path}/metadata", self.metadata, methods=["GET"])
            router.add_api_route(path, self.retrieve, methods=["GET"])
        router.add_api_route(f"{instance}/rendered", self.rendered, methods=["GET"])
        return router

    async def find_studies(self, request: Request) -> Response:
        """QIDO-RS, studies."""
        return _matches(request, self._instances, STUDY)

    async def find_series(self, request: Request) -> Response:
        """QIDO-RS, series of a study."""
        return _matches(request, self._under(request), (*STUDY, *SERIES))

    async def find_instances(self, request: Request) -> Response:
        """QIDO-RS, instances of a study or a series."""
        return _matches(request, self._under(request), (*STUDY, *SERIES, *INSTANCE))

    async def metadata(self, request: Request) -> Response:
        """WADO-RS metadata: everything but the pixels."""
        found = self._under(request)
        if not found:
            return _nothing()
        return _dicom_json([_header(data) for data in found])

    async def retrieve(self, request: Request) -> Response:
        """WADO-RS: the DICOM files, as one multipart/related message."""
        found = self._under(request)
        if not found:
            return _nothing()
        boundary = secrets.token_hex(16)
        part = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join(part + encoded(data) + b"\r\n" for data in found)
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        return Response(body + f"--{boundary}--\r\n".encode(), media_type=kind)

    async def rendered(self, request: Request) -> Response:
        """WADO-RS rendered: the picture as PNG."""
        found = self._under(request)
        return Response(rendered(found[0]), media_type="image/png") if found else _nothing()

    def _under(self, request: Request) -> list[Dataset]:
        """Return the instances under the UIDs of the path."""
        keys = {
            "study": "StudyInstanceUID",
            "series": "SeriesInstanceUID",
            "instance": "SOPInstanceUID",
        }
        wanted = {keys[name]: uid for name, uid in request.path_params.items()}
        return [
            data
            for data in self._instances
            if all(str(data[keyword].value) == uid for keyword, uid in wanted.items())
        ]


def create_archive(now: Now = wall_clock) -> FastAPI:
    """Return the archive with the drawings of every sample patient."""
    drawings = (picture_file(sample, now()) for sample in SAMPLE_PATIENTS)
    archive = Archive([data for data in drawings if data is not None])
    app = FastAPI(title="Sandbox archive", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(archive.router(), prefix="/dicom-web")
    return app


def _matches(request: Request, instances: Iterable[Dataset], keywords: Sequence[str]) -> Response:
    """Answer a search: each distinct study, series or instance once."""
    wanted = {
        name: value
        for name, value in request.query_params.items()
        if tag_for_keyword(name) is not None and value not in {"", "*"}
    }
    found = []
    for data in instances:
        if all(str(data.get(name, "")) == value for name, value in wanted.items()):
            match = Dataset()
            for keyword in keywords:
                if keyword in data:
                    setattr(match, keyword, data[keyword].value)
            if keywords == STUDY:
                match.ModalitiesInStudy = [data.Modality]
            found.append(match.to_json_dict())
    offset = _number(request, "offset", 0)
    page = found[offset : offset + _number(request, "limit", 1000)]
    return _dicom_json(page) if page else Response(status_code=204)


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else otherwise


def _header(data: Dataset) -> dict[str, object]:
    header = Dataset()
    header.update({tag: element for tag, element in data.items() if tag != 0x7FE00010})
    return dict(header.to_json_dict())


def _dicom_json(content: Sequence[object]) -> Response:
    return Response(json.dumps(content), media_type=DICOM_JSON)


def _nothing() -> Response:
    return Response("No such study, series or instance here.", 404, media_type="text/plain")


def main() -> None:
    """Serve the archive until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sandbox_ehr.pacs", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8002)
    given = parser.parse_args()
    uvicorn.run(create_archive(), host=given.host, port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
