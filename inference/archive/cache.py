"""Studies kept on disk before another archive: an adapter of ``ImageArchive`` that wraps one.

A study lies in a folder named by the digest of its reference, so that no path shows an identifier.
It appears by one rename when it is whole, and goes, the longest unused first, when the cache is
full. A study whose files no longer have their digests is fetched again.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import time
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from inference.core.study import EncodedInstance, StudyReference
from inference.errors import ArchiveUnreadable
from inference.ports import ImageArchive

_INDEX: Final = "index.json"
_PARTIAL: Final = ".partial"
_ABANDONED_S: Final = 3_600.0
"""A partial folder this old belongs to a process that died."""


@final
class CachedArchive:
    """Keeps what an archive gave; a full or broken disk costs no study, only its being kept.

    Parameters
    ----------
    archive
        Where studies come from.
    folder
        Where they are kept; made if it is not there, readable by this user only.
    most_bytes
        Of all kept studies together.
    """

    def __init__(self, archive: ImageArchive, folder: Path, most_bytes: int) -> None:
        self._archive = archive
        self._folder = folder
        self._most_bytes = most_bytes
        self._writing = asyncio.Lock()

    async def fetch_instances(self, study: StudyReference) -> tuple[EncodedInstance, ...]:
        """Return the kept study, or fetch it and keep it.

        Raises
        ------
        StudyNotFound, ArchiveUnreachable, ArchiveRefused, ArchiveUnreadable, StudyTooLarge
            As the wrapped archive does.
        """
        place = self._folder / _digest(study)
        kept = await asyncio.to_thread(_kept, place)
        if kept is not None:
            return kept
        instances = await self._archive.fetch_instances(study)
        async with self._writing:
            await asyncio.to_thread(self._keep, place, instances)
        return instances

    def _keep(self, place: Path, instances: tuple[EncodedInstance, ...]) -> None:
        size = sum(len(each.data) for each in instances)
        if size > self._most_bytes:
            return
        partial = place.with_name(f"{place.name}.{secrets.token_hex(4)}{_PARTIAL}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(size)
            _write(partial, instances)
            shutil.rmtree(place, ignore_errors=True)
            partial.rename(place)
        except OSError:
            # A full disk, or another process that was faster: the study itself is at hand.
            shutil.rmtree(partial, ignore_errors=True)

    def _make_room(self, needed: int) -> None:
        kept = []
        for place in self._folder.iterdir():
            if place.name.endswith(_PARTIAL):
                if time.time() - place.stat().st_mtime > _ABANDONED_S:
                    shutil.rmtree(place, ignore_errors=True)
            elif place.is_dir():
                size = sum(file.stat().st_size for file in place.iterdir())
                kept.append((place.stat().st_mtime, size, place))
        total = sum(size for _, size, _ in kept)
        for _, size, place in sorted(kept, key=lambda each: each[0]):
            if total + needed <= self._most_bytes:
                break
            shutil.rmtree(place, ignore_errors=True)
            total -= size


def _digest(study: StudyReference) -> str:
    return sha256(f"{study.study_instance_uid}\n{study.address or ''}".encode()).hexdigest()


def _write(place: Path, instances: tuple[EncodedInstance, ...]) -> None:
    place.mkdir(mode=0o700)
    index = []
    for number, instance in enumerate(instances):
        name = f"{number:05d}.dcm"
        with (place / name).open("wb") as file:
            file.write(instance.data)
            file.flush()
            os.fsync(file.fileno())
        index.append([name, sha256(instance.data).hexdigest()])
    (place / _INDEX).write_text(json.dumps(index), encoding="ascii")


def _kept(place: Path) -> tuple[EncodedInstance, ...] | None:
    """Return a kept study, or None where there is none or it is damaged."""
    # pydicom takes half a second to import: paid with the first image, not at every start.
    from inference.archive.dicom_file import identified

    try:
        index = json.loads((place / _INDEX).read_text(encoding="ascii"))
        instances = []
        for name, digest in index:
            data = (place / Path(name).name).read_bytes()
            if sha256(data).hexdigest() != digest:
                return None
            instances.append(identified(data))
        os.utime(place)  # for evicting the longest unused
    except (OSError, ValueError, TypeError, ArchiveUnreadable):
        return None
    return tuple(instances) or None
