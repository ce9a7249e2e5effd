"""From an imaging study or an ECG on file to its files: from a PACS, the EHR, or the chart itself.

Nothing here reads an image, keeps a state or waits in a queue; ``image_readings`` does. Whose the
images are is judged here for a study of an archive, and by the reader for a file of the chart.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Final, final

import msgspec
from anyio import to_thread

from cds_hooks.errors import EhrError, HostNotAllowed
from cds_hooks.fhir.ecgs import EcgOnFile
from cds_hooks.fhir.imaging import ImagingStudyOnFile, endpoints_of
from cds_hooks.fhir.resources import Resource, Unreadable, read
from cds_hooks.fhir.sampled_ecg import sampled_leads
from cds_hooks.ports import Ehr, FhirQuery, Grant
from cds_hooks.security.scopes import queries_covered
from inference.core.image_reading import FileToRead, ImageKind, LeadsToRead, NotRead
from inference.core.owner import Owner, doubt
from inference.core.study import EncodedInstance, StudyReference
from inference.errors import ArchiveError, EcgUnreadable
from inference.ports import ImageArchive

MOST_BYTES: Final = 40_000_000
"""Of an attachment: what the readers of `inference.formats` open."""

_RADIOGRAPHS: Final = frozenset({"CR", "DX", "RG"})
_ECG_OBJECTS: Final = frozenset({"1.2.840.10008.5.1.4.1.1.9.1.1", "1.2.840.10008.5.1.4.1.1.9.1.2"})
"""SOP classes of twelve-lead and general ECG waveforms (PS3.4, table B.5-1)."""
_ECG_PAGES: Final = frozenset({"1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.7"})
"""Encapsulated PDF and secondary capture: pages where the modality is ECG."""
_SHOWABLE: Final = 16

Source = ImagingStudyOnFile | EcgOnFile


class _Binary(Resource, frozen=True):
    """https://hl7.org/fhir/R4/binary.html."""

    data: str | None = None


_BINARY: Final = msgspec.json.Decoder(_Binary)


@final
class NotFetched(Exception):
    """The files could not be had, or, ``refused``, are not known to be of the chart's patient."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """One file of a source: to be read, or why no net reads such a file.

    ``digest`` is of its content.
    """

    digest: str
    file: FileToRead | LeadsToRead | NotRead = field(repr=False)


@final
class ImageFetching:
    """Fetches the files of a source.

    Parameters
    ----------
    archive
        Where studies come from, with its cache.
    ehr
        Where the addresses of archives (``Endpoint``) and attachments (``Binary``) are read.
    default_address
        The DICOMweb base URL for studies of which the EHR names no archive; None for none.
    """

    def __init__(
        self, archive: ImageArchive, ehr: Ehr, default_address: str | None = None
    ) -> None:
        self._archive = archive
        self._ehr = ehr
        self._default_address = default_address

    async def files(
        self, source: Source, grant: Grant | None, owner: Owner
    ) -> tuple[FetchedFile, ...]:
        """Return the files of a source; the grant is used at the EHR, never at an archive.

        Raises
        ------
        NotFetched
            They could not be had, or are not known to be of the chart's patient.
        """
        try:
            if isinstance(source, EcgOnFile):
                return (await self._ecg(source, grant, owner),)
            return await self._study(source, grant, owner)
        except (ArchiveError, EhrError, HostNotAllowed) as error:
            raise NotFetched(_reason(error)) from None

    async def _study(
        self, study: ImagingStudyOnFile, grant: Grant | None, owner: Owner
    ) -> tuple[FetchedFile, ...]:
        address = await self._address(study, grant)
        if address is None:
            raise NotFetched("the EHR names no archive that speaks DICOMweb")
        reference = StudyReference(study.study_instance_uid, address)
        instances = await self._archive.fetch_instances(reference)
        reason = doubt((each.owner for each in instances), owner)
        if reason is not None:
            raise NotFetched(reason, refused=True)
        return await to_thread.run_sync(
            lambda: tuple(_of_instance(each, owner) for each in instances)
        )

    async def _address(self, study: ImagingStudyOnFile, grant: Grant | None) -> str | None:
        """Return where the study is, as the EHR says, else the configured archive."""
        if grant is None:
            return self._default_address
        for reference in study.endpoints:
            for query in queries_covered(FhirQuery(reference), grant):
                found = endpoints_of(await self._ehr.search(query, grant))
                if found:
                    return next(iter(found.values()))
        return self._default_address

    async def _ecg(self, ecg: EcgOnFile, grant: Grant | None, owner: Owner) -> FetchedFile:
        if ecg.out_of_reach is not None:
            raise NotFetched(ecg.out_of_reach)
        if ecg.sampled is not None:
            sampled = ecg.sampled
            return await to_thread.run_sync(lambda: _of_components(sampled))
        text = ecg.inline_base64
        if text is None:
            text = await self._binary(ecg.binary or "", grant)
        return await to_thread.run_sync(_of_text, text, ecg, owner)

    async def _binary(self, reference: str, grant: Grant | None) -> str:
        if grant is None:
            raise NotFetched("its content is a Binary, and the call gave no access to the EHR")
        queries = queries_covered(FhirQuery(reference), grant)
        if not queries:
            raise NotFetched("the access token's scopes do not cover the Binary that holds it")
        (raw, *_) = await self._ehr.search(queries[0], grant)
        try:
            binary = read(_BINARY, raw)
        except Unreadable:
            raise NotFetched("the Binary that holds it cannot be read") from None
        if binary.resource_type != "Binary" or binary.data is None:
            raise NotFetched("the Binary that holds it is empty")
        return binary.data


def _of_instance(instance: EncodedInstance, owner: Owner) -> FetchedFile:
    digest = hashlib.sha256(instance.data).hexdigest()
    kind = _kind(instance)
    if kind is None:
        shown = instance.modality if _is_code(instance.modality) else "not stated"
        return FetchedFile(digest, NotRead(f"no net here reads its kind (modality {shown})"))
    return FetchedFile(digest, FileToRead(kind, instance.data, owner))


def _kind(instance: EncodedInstance) -> ImageKind | None:
    if instance.sop_class_uid in _ECG_OBJECTS:
        return ImageKind.ECG
    if instance.modality == "ECG" and instance.sop_class_uid in _ECG_PAGES:
        return ImageKind.ECG
    return ImageKind.RADIOGRAPH if instance.modality in _RADIOGRAPHS else None


def _is_code(text: str) -> bool:
    return 0 < len(text) <= _SHOWABLE and text.isascii() and text.replace("_", "").isalnum()


def _of_components(components: tuple[msgspec.Raw, ...]) -> FetchedFile:
    digest = hashlib.sha256(b"\n".join(components)).hexdigest()
    try:
        return FetchedFile(digest, sampled_leads(components))
    except EcgUnreadable as error:
        return FetchedFile(digest, NotRead(error.reason))


def _of_text(text: str, ecg: EcgOnFile, owner: Owner) -> FetchedFile:
    """Return the file that an attachment holds, once it is what the chart says of it."""
    if len(text) > MOST_BYTES * 4 // 3 + 4:
        raise NotFetched(f"it is larger than the {MOST_BYTES // 10**6} MB that are opened")
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NotFetched("its content is no base64") from None
    if ecg.sha1_base64 is not None:
        # FHIR R4 says SHA-1; it guards against a slip, not against an attacker.
        found = base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()
        if found != ecg.sha1_base64:
            raise NotFetched("its content is not the one whose hash the chart states")
    if ecg.size is not None and ecg.size != len(data):
        raise NotFetched("its content has another size than the chart states")
    digest = hashlib.sha256(data).hexdigest()
    return FetchedFile(digest, FileToRead(ImageKind.ECG, data, owner, named_by_chart=True))


def _reason(error: ArchiveError | EhrError | HostNotAllowed) -> str:
    if isinstance(error, HostNotAllowed):
        return "the archive is not on this installation's allow-list"
    text = str(error).rstrip(".")
    return text[:1].lower() + text[1:]
