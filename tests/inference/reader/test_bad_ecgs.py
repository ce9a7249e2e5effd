"""ECGs that must not be read, or not without a doubt, as the service's reader is given them.

Each as a printed page and as a signal where both can be: what a clinician is told is part of what
is held here. The released net reads.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference.core.ecg import LEADS, Ecg
from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM, Layout
from inference.core.ecg_printer import PageStyle, print_page
from inference.core.image_reading import (
    FileToRead,
    ImageKind,
    ImageReading,
    LeadsToRead,
    NotRead,
    Outcome,
    Read,
)
from inference.core.owner import Owner, identifier_digest
from inference.reader.child import Readers
from inference.training.ecg_generator import generated
from tests.inference.test_ecg_formats import dicom, leads_of
from tests.inference.test_ecg_pages_in import capture, dicom_file, pdf_of, png_of, saved

CHART = Owner(frozenset({identifier_digest("MRN-1")}), "19600504", "female")
SOMEBODY: dict[str, Any] = {"PatientID": "17", "PatientBirthDate": "19530508", "PatientSex": "M"}
ECG = generated(np.random.default_rng(3), "NORM").ecg
OWN_PAGE = PageStyle(px_per_mm=4.0)
Leads = np.ndarray


@pytest.fixture(scope="module")
def readers() -> Readers:
    return Readers({ImageKind.ECG: ("vizecgnet",)})


def page(leads: Leads, layout: Layout = THREE_BY_FOUR_RHYTHM) -> np.ndarray:
    return print_page(Ecg(leads.astype(np.float32), ECG.rate_hz), layout, OWN_PAGE).pixels


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def of_file(readers: Readers, data: bytes) -> Outcome:
    return readers.read(FileToRead(ImageKind.ECG, data, CHART, named_by_chart=True))


def of_page(readers: Readers, pixels: np.ndarray) -> Outcome:
    return of_file(readers, png(np.ascontiguousarray(pixels)))


def of_leads(readers: Readers, leads: Leads, without: Sequence[str] = ()) -> Outcome:
    kept = [
        (name, values.astype(np.float32).tobytes())
        for name, values in zip(LEADS, leads, strict=True)
        if name not in without
    ]
    return readers.read(LeadsToRead(tuple(kept), ECG.rate_hz))


def refused(outcome: Outcome) -> str:
    assert isinstance(outcome, NotRead), outcome
    return outcome.reason


def reading(outcome: Outcome) -> ImageReading:
    assert isinstance(outcome, Read), outcome
    return outcome.reading


def test_a_sound_page_and_recording_are_read_without_a_doubt(readers: Readers) -> None:
    """Else the doubts below would show nothing."""
    for outcome in (of_page(readers, page(ECG.leads_mv)), of_leads(readers, ECG.leads_mv)):
        assert reading(outcome).doubts == ()
        assert reading(outcome).quality == 1.0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "PDF", "DICOM"])
def test_what_is_truncated_is_said_to_be_and_to_be_stored_again(
    readers: Readers, kind: str
) -> None:
    whole = dicom(leads_of()) if kind == "DICOM" else saved(kind)
    reason = refused(of_file(readers, whole[: len(whole) // 2]))
    assert "broken" in reason
    assert reason.endswith("again")


def test_a_renamed_file_is_judged_by_its_content(readers: Readers) -> None:
    """The reader is told no name and no media type: a document that is a picture is a page."""
    assert reading(of_file(readers, saved("JPEG"))).form == "page, 3x4+II"
    assert reading(of_file(readers, saved("PDF"))).form == "page, 3x4+II"
    for data in (b"MZ" + bytes(400), b"%!PS-Adobe-3.0", b"PK\3\4" + bytes(200)):
        assert "none of the formats" in refused(of_file(readers, data))


def test_a_bomb_is_refused_by_what_it_says_of_itself(readers: Readers) -> None:
    assert "more pixels" in refused(of_file(readers, png_of(8_000, 8_000)))


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_page_that_lies_wrong_is_read_as_the_same_and_said_to_be_turned(
    readers: Readers, turns: int
) -> None:
    straight = reading(of_page(readers, page(ECG.leads_mv)))
    found = reading(of_page(readers, np.rot90(page(ECG.leads_mv), turns)))
    assert any("turned" in doubt for doubt in found.doubts)
    for one, other in zip(straight.findings, found.findings, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=0.15), one.code


@pytest.mark.parametrize("join", [np.vstack, np.hstack])
def test_two_ecgs_on_one_page_are_not_mixed_into_one(readers: Readers, join: Any) -> None:
    one = page(ECG.leads_mv)
    reason = refused(of_page(readers, join([one, one])))
    assert "two ECGs" in reason
    assert "page of its own" in reason


@pytest.mark.parametrize(
    ("count", "why"), [(0, "empty"), (1, "not an ECG page"), (500, "store the ECG alone")]
)
def test_documents_without_an_ecg_or_with_everything_are_refused(
    readers: Readers, count: int, why: str
) -> None:
    assert why in refused(of_file(readers, pdf_of(count)))


@pytest.mark.parametrize("lead", ["III", "V2", "V6"])
def test_a_flat_lead_is_named_on_paper_as_in_a_recording(readers: Readers, lead: str) -> None:
    leads = ECG.leads_mv.copy()
    leads[LEADS.index(lead)] = 0.0
    for outcome in (of_page(readers, page(leads)), of_leads(readers, leads)):
        found = reading(outcome)
        assert any(f"no signal on {lead}:" in doubt for doubt in found.doubts), found.doubts
        assert found.quality is not None
        assert found.quality < 1.0


def test_without_any_heart_nothing_is_read(readers: Readers) -> None:
    nothing = np.zeros_like(ECG.leads_mv)
    assert "not an ECG page" in refused(of_page(readers, page(nothing)))
    assert "check electrodes" in refused(of_leads(readers, nothing))


def test_of_eleven_leads_the_missing_one_is_named(readers: Readers) -> None:
    leads = ECG.leads_mv.copy()
    leads[LEADS.index("V3")] = np.nan
    printed = reading(of_page(readers, page(leads)))
    assert any("V3" in doubt and "not printed" in doubt for doubt in printed.doubts)
    stored = reading(of_leads(readers, ECG.leads_mv, without=["V3"]))
    assert stored.doubts == ("no recording of V3",)


@pytest.mark.parametrize("gain", [0.05, 10.0])
def test_complexes_that_no_heart_makes_are_not_read(readers: Readers, gain: float) -> None:
    assert "gain" in refused(of_leads(readers, gain * ECG.leads_mv))
    refused(of_page(readers, page(gain * ECG.leads_mv)))


def test_a_tenth_of_the_usual_height_leaves_the_twin_alone(readers: Readers) -> None:
    """A file that says 0.1 mV for 1 mV, or a heart of very low voltage: it cannot be told."""
    found = reading(of_leads(readers, 0.1 * ECG.leads_mv))
    assert any("smaller than most hearts" in doubt for doubt in found.doubts)
    assert found.quality is not None
    assert found.quality < 0.6


def test_another_gain_of_the_paper_is_told_by_its_pulse(readers: Readers) -> None:
    low = page(ECG.leads_mv, replace(THREE_BY_FOUR_RHYTHM, mm_per_mv=5.0))
    assert any("another gain" in doubt for doubt in reading(of_page(readers, low)).doubts)


def test_three_seconds_are_not_read(readers: Readers) -> None:
    short = ECG.leads_mv[:, : round(3 * ECG.rate_hz)]
    assert "record ten" in refused(of_leads(readers, short))
    whole = page(ECG.leads_mv)
    cut = whole[:, : round(0.42 * whole.shape[1])]
    assert "less than half" in refused(of_page(readers, cut))


def test_what_another_patient_owns_is_refused_whatever_holds_it(readers: Readers) -> None:
    pixels = page(ECG.leads_mv)
    document = saved("PDF")
    for data in (
        dicom(leads_of(), **SOMEBODY),
        capture(pixels, pixels.tobytes(), **SOMEBODY),
        dicom_file(
            MIMETypeOfEncapsulatedDocument="application/pdf",
            EncapsulatedDocument=document + bytes(len(document) % 2),
            **SOMEBODY,
        ),
    ):
        outcome = of_file(readers, data)
        assert "another patient than the chart" in refused(outcome)
        assert isinstance(outcome, NotRead)
        assert outcome.of_another
    mine: dict[str, Any] = {
        "PatientID": "MRN-1",
        "PatientBirthDate": "19600504",
        "PatientSex": "F",
    }
    assert reading(of_file(readers, capture(pixels, pixels.tobytes(), **mine))).doubts == ()
