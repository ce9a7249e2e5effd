"""A PACS over DICOMweb (WADO-RS, DICOM PS3.18): an adapter of ``ImageArchive``."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final, final

import httpx2

from inference.archive.multipart import parts_of
from inference.core.study import EncodedInstance, StudyReference
from inference.errors import (
    ArchiveRefused,
    ArchiveUnreachable,
    ArchiveUnreadable,
    StudyNotFound,
    StudyTooLarge,
)

_UID: Final = re.compile(r"[0-9.]{1,64}")
_HEADERS: Final = {
    # As stored: transcoding costs the archive time and may lose what a lossy image still had.
    "Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*',
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What fetching one study may cost."""

    study_bytes: int = 256_000_000
    """A radiograph has up to 30 MB; a CT of 1,000 slices exceeds this, and no net reads one."""
    instances: int = 500
    seconds: float = 60.0


@final
class DicomwebArchive:
    """Fetches whole studies from the service that the study's reference names.

    Parameters
    ----------
    client
        A client that contacts allowed servers only and follows no redirect.
    limits
        What one study may cost.
    """

    def __init__(self, client: httpx2.AsyncClient, limits: FetchLimits | None = None) -> None:
        self._client = client
        self._limits = limits or FetchLimits()

    async def fetch_instances(self, study: StudyReference) -> tuple[EncodedInstance, ...]:
        """Return the study's instances, still encoded, in series and instance order.

        Raises
        ------
        StudyNotFound, ArchiveUnreachable, ArchiveRefused, ArchiveUnreadable, StudyTooLarge
            As the port says; an address off the allow-list raises what the client's gate raises.
        """
        uid = study.study_instance_uid
        if study.address is None or _UID.fullmatch(uid) is None:
            raise StudyNotFound
        url = f"{study.address.rstrip('/')}/studies/{uid}"
        try:
            async with asyncio.timeout(self._limits.seconds):
                body, content_type = await self._fetched(url)
        except (TimeoutError, httpx2.TransportError):
            raise ArchiveUnreachable from None
        except (httpx2.InvalidURL, httpx2.HTTPError):
            raise ArchiveUnreadable("it is no HTTP that can be read") from None
        return await asyncio.to_thread(self._instances, body, content_type, uid)

    async def _fetched(self, url: str) -> tuple[bytes, str]:
        async with self._client.stream("GET", url, headers=_HEADERS) as reply:
            _refuse_status(reply.status_code)
            if reply.headers.get("Content-Encoding", "identity") != "identity":
                raise ArchiveUnreadable("it was compressed unasked")
            body = bytearray()
            async for chunk in reply.aiter_raw():
                body += chunk
                if len(body) > self._limits.study_bytes:
                    raise StudyTooLarge(f"{self._limits.study_bytes / 1e6:.0f} MB")
            return bytes(body), reply.headers.get("Content-Type", "")

    def _instances(self, body: bytes, content_type: str, uid: str) -> tuple[EncodedInstance, ...]:
        # pydicom takes half a second to import: paid with the first image, not at every start.
        from inference.archive.dicom_file import identified

        parts = parts_of(body, content_type)
        if len(parts) > self._limits.instances:
            raise StudyTooLarge(f"{self._limits.instances} images")
        instances = [identified(part) for part in parts]
        if any(each.study_instance_uid != uid for each in instances):
            raise ArchiveUnreadable("it holds an image of another study")
        if not instances:
            raise StudyNotFound
        return tuple(sorted(instances, key=lambda each: each.order))


def _refuse_status(status: int) -> None:
    if status in (401, 403):
        raise ArchiveRefused(status)
    if status in (204, 404, 410):
        raise StudyNotFound
    if status not in (200, 206):
        raise ArchiveUnreadable(f"status {status}")
    if status == 206:
        # PS3.18, section 10.4.3.2: some instances could not be given in any acceptable form.
        raise ArchiveUnreadable("it is only a part of the study")
