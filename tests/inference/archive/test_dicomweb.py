"""What a picture archive may do wrong, and what is made of it."""

from __future__ import annotations

import asyncio
import gzip
import struct
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.archive.dicom_file import identified
from inference.archive.dicomweb import DicomwebArchive, FetchLimits
from inference.archive.multipart import parts_of
from inference.core.study import EncodedInstance, StudyReference
from inference.errors import (
    ArchiveRefused,
    ArchiveUnreachable,
    ArchiveUnreadable,
    StudyNotFound,
    StudyTooLarge,
)

UID = "1.2.3"
STUDY = StudyReference(UID, "http://pacs.example/dicom-web/")
MULTIPART = 'multipart/related; type="application/dicom"; boundary=B'


def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH2sH", group, number, kind, len(value)) + value


def dicom(study: str = UID, syntax: str = "1.2.840.10008.1.2.1") -> bytes:
    meta = element(2, 0x0010, b"UI", syntax.encode())
    meta = element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta
    body = element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.1")
    body += element(8, 0x18, b"UI", b"1.2.3.4.5")
    body += element(0x20, 0x0D, b"UI", study.encode())
    body += element(0x20, 0x0E, b"UI", b"1.2.3.4")
    return b"\0" * 128 + b"DICM" + meta + body


def multipart(*parts: bytes, closed: bool = True) -> bytes:
    body = b"".join(b"--B\r\nContent-Type: application/dicom\r\n\r\n" + p + b"\r\n" for p in parts)
    return body + b"--B--" if closed else body


def fetch(
    reply: httpx2.Response | Exception, limits: FetchLimits | None = None
) -> tuple[EncodedInstance, ...]:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def run() -> tuple[EncodedInstance, ...]:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
            return await DicomwebArchive(client, limits).fetch_instances(STUDY)

    found = asyncio.run(run())
    assert str(asked[0].url) == "http://pacs.example/dicom-web/studies/1.2.3"
    assert asked[0].headers["accept-encoding"] == "identity"
    return found


def reply(body: bytes, status: int = 200, **headers: str) -> httpx2.Response:
    sent = {"Content-Type": MULTIPART} | headers
    return httpx2.Response(status, headers=sent, stream=httpx2.ByteStream(body))


def test_a_study_is_fetched_in_one_request() -> None:
    (found,) = fetch(reply(multipart(dicom())))
    assert (found.study_instance_uid, found.sop_instance_uid) == (UID, "1.2.3.4.5")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, ArchiveRefused),
        (403, ArchiveRefused),
        (404, StudyNotFound),
        (410, StudyNotFound),
        (204, StudyNotFound),
        (206, ArchiveUnreadable),
        (302, ArchiveUnreadable),
        (406, ArchiveUnreadable),
        (500, ArchiveUnreadable),
    ],
)
def test_each_status_has_its_own_error(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        fetch(reply(b"", status))


@pytest.mark.parametrize(
    "failure", [httpx2.ConnectError("x"), httpx2.ReadTimeout("x"), httpx2.RemoteProtocolError("x")]
)
def test_no_connection_is_unreachable(failure: Exception) -> None:
    with pytest.raises(ArchiveUnreachable):
        fetch(failure)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html>", {"Content-Type": "text/html"}),
        (multipart(dicom()), {"Content-Type": "multipart/related"}),
        (multipart(dicom(), closed=False), {}),
        (multipart(dicom(), dicom())[:-300], {}),
        (multipart(b"no dicom"), {}),
        (multipart(dicom(study="9.9.9")), {}),
        (multipart(dicom(), dicom(study="9.9.9")), {}),
        (multipart(dicom(syntax="1.2.840.10008.1.2.1.99")), {}),
        (multipart(dicom()[:170]), {}),
        (gzip.compress(multipart(dicom())), {"Content-Encoding": "gzip"}),
    ],
    ids=[
        "a page of HTML",
        "no boundary named",
        "no closing boundary",
        "cut short",
        "no DICOM",
        "another study",
        "another study among it",
        "an unknown transfer syntax",
        "a header cut short",
        "compressed unasked",
    ],
)
def test_a_reply_that_is_not_the_whole_study_is_unreadable(
    body: bytes, headers: dict[str, str]
) -> None:
    with pytest.raises(ArchiveUnreadable):
        fetch(reply(body, **headers))


def test_an_empty_study_is_not_there() -> None:
    with pytest.raises(StudyNotFound):
        fetch(reply(b"--B--"))


@pytest.mark.parametrize("limits", [FetchLimits(study_bytes=500), FetchLimits(instances=1)])
def test_a_study_beyond_the_limits_is_not_read_to_its_end(limits: FetchLimits) -> None:
    with pytest.raises(StudyTooLarge):
        fetch(reply(multipart(dicom(), dicom())), limits)


@given(data=st.binary(max_size=400))
def test_any_bytes_are_a_file_or_unreadable(data: bytes) -> None:
    for text in (data, b"\0" * 128 + b"DICM" + data, dicom()[:200] + data):
        try:
            identified(text)
        except ArchiveUnreadable:
            continue


@given(parts=st.lists(st.binary(max_size=60).filter(lambda part: b"--B" not in part), max_size=4))
def test_parts_are_split_as_they_were_joined(parts: list[bytes]) -> None:
    assert parts_of(multipart(*parts), MULTIPART) == tuple(parts)


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/related; boundary=B",
        'multipart/related; boundary="B"; type="application/dicom"',
        'Multipart/Related; type="application/dicom"; Boundary=B',
    ],
)
def test_the_boundary_is_found_in_any_spelling(content_type: str) -> None:
    assert parts_of(multipart(b"x"), content_type) == (b"x",)


def test_public_files_say_who_they_are(shared_data: Path) -> None:
    files = [path for path in (shared_data / "dicom").rglob("*") if path.suffix == ".dcm"]
    read = 0
    for path in files:
        try:
            assert identified(path.read_bytes()).sop_instance_uid
            read += 1
        except ArchiveUnreadable:
            continue
    assert read > len(files) / 2
