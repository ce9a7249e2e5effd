"""Numbered mutants of ECG files and pages: each is read or refused by name, never anything else.

Of every real format one file, and of pages those that we print; see
``deploy/decisions/0062-fuzzing.md`` for how to make many.
"""

from __future__ import annotations

import contextlib
import io
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_printer import PageStyle, print_page
from inference.errors import EcgUnreadable
from inference.formats.reading import owner_in, read_ecg
from inference.formats.recording import EcgRecording
from inference.formats.sampled_data import sampled_values
from inference.formats.wfdb import read_wfdb
from tests.inference.ecg_signals import regular
from tests.inference.test_ecg_formats import WFDB, dicom, leads_of, muse, muse_counts
from tests.inference.test_ecg_pages_in import capture

MOST_GROWTH_KB = 900_000
"""Of memory while all mutants of a run are read: a few pages of the largest size."""


def page(kind: str) -> bytes:
    out = io.BytesIO()
    style = PageStyle(px_per_mm=2.0)
    Image.fromarray(print_page(regular(), THREE_BY_FOUR_RHYTHM, style).pixels).save(out, kind)
    return out.getvalue()


def files() -> list[bytes]:
    """Return one file of each kind: ours where no vendor's may be kept."""
    grey = np.full((64, 96), 255, dtype=np.uint8)
    pages = [page(kind) for kind in ("PNG", "JPEG", "TIFF", "PDF")]
    short = leads_of(seconds=1.0)
    return [
        *pages,
        dicom(short, PatientID="17"),
        muse(muse_counts()),
        capture(grey, grey.tobytes(), PatientID="17"),
    ]


def tried(data: bytes) -> bool:
    """Return whether the bytes were read; a mutant that is must hold numbers or pixels."""
    try:
        found = read_ecg(data)
        owner_in(data)
    except EcgUnreadable:
        return False
    if isinstance(found, EcgRecording):
        assert found.ecg.leads_mv.shape[0] == 12
        assert found.ecg.rate_hz > 0
    else:
        assert all(one.dtype == np.uint8 and one.shape[2] == 3 for one in found)
    return True


def all_tried(kinds: list[bytes], mutants: range, mutant: Callable[[bytes, int], bytes]) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = 0
    for number in mutants:
        try:
            read += tried(mutant(kinds[number % len(kinds)], number))
        except BaseException as failure:
            failure.add_note(f"mutant {number}")
            raise
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH_KB
    return read


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_of_ours_are_read_or_refused(
    mutants: range, bytes_mutant: Callable[[bytes, int], bytes]
) -> None:
    share = mutants[: max(1, len(mutants) // 10)]
    read = all_tried(files(), share, bytes_mutant)
    # Mutants that are all refused at the door would show nothing of the readers behind it.
    assert 0 < read < len(share)


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_of_vendors_are_read_or_refused(
    mutants: range, bytes_mutant: Callable[[bytes, int], bytes], shared_data: Path
) -> None:
    names = sorted((shared_data / "ecg_formats").iterdir())
    kinds = [one.read_bytes() for one in names if one.is_file()]
    share = mutants[: max(1, len(mutants) // 40)]
    assert all_tried(kinds, share, bytes_mutant) > 0


def test_mutated_wfdb_headers_and_sampled_data_are_read_or_refused(
    mutants: range, bytes_mutant: Callable[[bytes, int], bytes]
) -> None:
    header, signal = (WFDB / "r16.hea").read_bytes(), (WFDB / "r16.dat").read_bytes()
    samples = b"1 10 2 20 E L U -5"
    for number in mutants[: len(mutants) // 10]:
        with contextlib.suppress(EcgUnreadable):
            read_wfdb(bytes_mutant(header, number), {"r16.dat": bytes_mutant(signal, number)})
        with contextlib.suppress(EcgUnreadable):
            text = bytes_mutant(samples, number).decode("latin-1")
            sampled_values(text, origin=0.0, lower_limit=-10, upper_limit=30, dimensions=1)
