"""Studies kept on disk: whole or not at all, within the cap, under no name that tells anything."""

from __future__ import annotations

import asyncio
import os
import struct
from pathlib import Path

import pytest

from inference.archive.cache import CachedArchive
from inference.archive.dicom_file import identified
from inference.core.study import EncodedInstance, StudyReference
from inference.errors import ArchiveUnreachable


def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH2sH", group, number, kind, len(value)) + value


def file_of(study: str, size: int) -> EncodedInstance:
    meta = element(2, 0x0010, b"UI", b"1.2.840.10008.1.2.1")
    body = element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.1")
    body += element(8, 0x18, b"UI", b"1.2.3.4.5") + element(0x20, 0x0D, b"UI", study.encode())
    body += element(0x20, 0x0E, b"UI", b"1.2.3.4")
    body += struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, size) + bytes(size)
    return identified(b"\0" * 128 + b"DICM" + meta + body)


class CountingArchive:
    """An archive that says how often it was asked."""

    def __init__(self, size: int = 1_000) -> None:
        self.asked: list[str] = []
        self.there = True
        self._size = size

    async def fetch_instances(self, study: StudyReference) -> tuple[EncodedInstance, ...]:
        self.asked.append(study.study_instance_uid)
        if not self.there:
            raise ArchiveUnreachable
        return (file_of(study.study_instance_uid, self._size),)


def fetch(cache: CachedArchive, uid: str, address: str | None = None) -> int:
    return len(asyncio.run(cache.fetch_instances(StudyReference(uid, address))))


def test_a_kept_study_is_not_fetched_again_not_even_by_another_process(tmp_path: Path) -> None:
    archive = CountingArchive()
    fetch(CachedArchive(archive, tmp_path / "c", 10_000), "1.2")
    archive.there = False
    assert fetch(CachedArchive(archive, tmp_path / "c", 10_000), "1.2") == 1
    assert archive.asked == ["1.2"]


def test_the_same_study_of_another_archive_is_another_study(tmp_path: Path) -> None:
    archive = CountingArchive()
    cache = CachedArchive(archive, tmp_path, 10_000)
    fetch(cache, "1.2", "https://a.example")
    fetch(cache, "1.2", "https://b.example")
    assert len(archive.asked) == 2


def test_no_name_on_disk_shows_an_identifier(tmp_path: Path) -> None:
    fetch(CachedArchive(CountingArchive(), tmp_path, 10_000), "1.2.840.99")
    assert not [path for path in tmp_path.rglob("*") if "840" in path.name]


def test_the_longest_unused_study_goes_first(tmp_path: Path) -> None:
    archive = CountingArchive(size=1_000)
    cache = CachedArchive(archive, tmp_path, 3_000)
    for number, uid in enumerate(("1.1", "1.2")):
        fetch(cache, uid)
        newest = max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (number, number))
    fetch(cache, "1.1")
    fetch(cache, "1.3")
    archive.asked.clear()
    fetch(cache, "1.1")
    fetch(cache, "1.2")
    assert archive.asked == ["1.2"]


def test_a_study_larger_than_the_cache_is_given_but_not_kept(tmp_path: Path) -> None:
    archive = CountingArchive(size=5_000)
    cache = CachedArchive(archive, tmp_path / "c", 3_000)
    assert fetch(cache, "1.1") == fetch(cache, "1.1") == 1
    assert len(archive.asked) == 2
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "index"])
def test_a_damaged_study_is_fetched_again(tmp_path: Path, damage: str) -> None:
    archive = CountingArchive()
    cache = CachedArchive(archive, tmp_path, 10_000)
    fetch(cache, "1.1")
    (file,) = tmp_path.rglob("*.dcm")
    if damage == "flip":
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    elif damage == "truncate":
        file.write_bytes(file.read_bytes()[:-7])
    elif damage == "remove":
        file.unlink()
    else:
        (file.parent / "index.json").write_text('[["../../x", 7]]')
    assert fetch(cache, "1.1") == 1
    assert len(archive.asked) == 2
    archive.there = False
    assert fetch(cache, "1.1") == 1


def test_a_disk_that_cannot_be_written_costs_no_study(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    archive = CountingArchive()
    assert fetch(CachedArchive(archive, blocked, 10_000), "1.1") == 1


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    abandoned = tmp_path / "0123.abcd.partial"
    abandoned.mkdir()
    (abandoned / "00000.dcm").write_bytes(b"half")
    os.utime(abandoned, (0, 0))
    fetch(CachedArchive(CountingArchive(), tmp_path, 10_000), "1.1")
    assert not abandoned.exists()


def test_a_failure_is_passed_on_and_not_kept(tmp_path: Path) -> None:
    archive = CountingArchive()
    archive.there = False
    cache = CachedArchive(archive, tmp_path, 10_000)
    with pytest.raises(ArchiveUnreachable):
        fetch(cache, "1.1")
    archive.there = True
    assert fetch(cache, "1.1") == 1
