"""A folder of DICOM files that stands in for a PACS: an adapter of ``ImageArchive``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final, final

from inference.archive.dicom_file import identified
from inference.core.study import EncodedInstance, StudyReference
from inference.errors import ArchiveUnreachable, ArchiveUnreadable, StudyNotFound

_MOST_FILE_BYTES: Final = 256_000_000


@final
class FolderArchive:
    """Finds a study's files by what is in them; names and subfolders mean nothing.

    The folder is read anew for every study: it is for demonstrations and tests, where it is small
    and files come and go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def fetch_instances(self, study: StudyReference) -> tuple[EncodedInstance, ...]:
        """Return the study's instances, still encoded; the reference's address is not used.

        Raises
        ------
        StudyNotFound
            No file is of this study.
        ArchiveUnreachable
            The folder cannot be read.
        """
        return await asyncio.to_thread(self._found, study.study_instance_uid)

    def _found(self, uid: str) -> tuple[EncodedInstance, ...]:
        instances = []
        try:
            if not self._folder.is_dir():
                raise ArchiveUnreachable
            for path in sorted(self._folder.rglob("*")):
                if not path.is_file() or path.stat().st_size > _MOST_FILE_BYTES:
                    continue
                try:
                    instance = identified(path.read_bytes())
                except ArchiveUnreadable:
                    continue  # a folder may hold other files, too
                if instance.study_instance_uid == uid:
                    instances.append(instance)
        except OSError:
            raise ArchiveUnreachable from None
        if not instances:
            raise StudyNotFound
        return tuple(sorted(instances, key=lambda each: each.order))
