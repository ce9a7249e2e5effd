"""DICOM files become upright grey pictures with dark lungs, or are refused with the reason."""

from __future__ import annotations

import csv
import hashlib
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForProcessing,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from inference.archive.dicom_pixels import decoded, radiograph_of
from inference.errors import NotAFrontalChest, RadiographError, RadiographUnreadable
from tests.inference.archive.radiograph_files import (
    chest_dataset,
    chest_file,
    file_of,
    stored_chest,
)

CHESTS = {"RG1_J2KI.dcm", "RG1_JLSN.dcm", "rsna_sample.dcm"}
NOT_DECODED = {
    "JPEG-lossy.dcm": "JPEG Extended of 12 bits",
    "RG3_JPLY.dcm": "JPEG Extended of 12 bits",
    "MR_truncated.dcm": "cut off",
    "liver_rle.dcm": "cannot be decoded",
    "no_meta.dcm": "no DICOM file",
    "chrJapMulti.dcm": "no picture",
    "reportsi.dcm": "no picture",
    "test-SR.dcm": "no picture",
}
NOT_READ = {
    "CT_small.dcm": "its modality is CT",
    "emri_small.dcm": "its modality is MR",
    "OBXXXX1A_rle_2frame.dcm": "its modality is US",
    "liver.dcm": "its modality is SEG",
    "reportsi.dcm": "its modality is SR",
    "RG3_J2KR.dcm": "its body part is EXTREMITY",
    "RG3_JPLY.dcm": "its body part is EXTREMITY",
    "chrJapMulti.dcm": "it is only 32 x 32 pixels",
    "vlut_04.dcm": "its modality is OT",
    "no_meta.dcm": "it is no DICOM file",
}


@pytest.fixture
def listed(shared_data: Path) -> list[tuple[Path, dict[str, str]]]:
    with (shared_data / "dicom/files.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 38
    return [(shared_data / "dicom" / row["file"], row) for row in rows]


def test_every_file_is_decoded_as_others_decode_it_or_refused_with_the_reason(
    listed: list[tuple[Path, dict[str, str]]],
) -> None:
    for path, row in listed:
        if row["decodes"] == "yes":
            values = decoded(path.read_bytes())
            if row["transfer_syntax_uid"] == "1.2.840.10008.1.2.2":
                values = values.astype(values.dtype.newbyteorder(">"))  # as the digest was taken
            digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
            assert digest[:16] == row["pixel_sha256"], path.name
        else:
            with pytest.raises(RadiographUnreadable, match=NOT_DECODED.pop(path.name)):
                decoded(path.read_bytes())
    assert not NOT_DECODED


def test_only_frontal_chest_radiographs_are_read_and_the_others_are_named(
    listed: list[tuple[Path, dict[str, str]]],
) -> None:
    for path, _ in listed:
        if path.name in CHESTS:
            assert radiograph_of(path.read_bytes()).view == "PA"
        else:
            with pytest.raises(RadiographError) as refused:
                radiograph_of(path.read_bytes())
            assert NOT_READ.get(path.name, "") in refused.value.reason, path.name


@pytest.mark.parametrize("name", sorted(CHESTS))
def test_lungs_of_a_real_radiograph_are_darker_than_what_lies_between_and_below(
    name: str, shared_data: Path
) -> None:
    grey = radiograph_of((shared_data / "dicom" / name).read_bytes()).grey
    rows, columns = grey.shape

    def mean(top: float, bottom: float, left: float, right: float) -> float:
        part = grey[
            int(top * rows) : int(bottom * rows), int(left * columns) : int(right * columns)
        ]
        return float(part.mean())

    right_lung, left_lung = mean(0.2, 0.4, 0.2, 0.32), mean(0.2, 0.4, 0.62, 0.75)
    mediastinum, below = mean(0.3, 0.6, 0.47, 0.53), mean(0.78, 0.9, 0.15, 0.35)
    assert max(right_lung, left_lung) + 30 < min(mediastinum, below)


def test_a_real_picture_decoded_at_half_its_size_shows_the_same(shared_data: Path) -> None:
    data = (shared_data / "dicom/RG1_J2KI.dcm").read_bytes()
    whole, half = radiograph_of(data), radiograph_of(data, least_side=512)
    assert (whole.of_whole, half.of_whole) == (1, 2)
    assert half.grey.shape == tuple(-(-side // 2) for side in whole.grey.shape)
    beside = whole.grey[:1954, :1840].reshape(977, 2, 920, 2).mean(axis=(1, 3))
    assert np.abs(beside - half.grey[:977, :920]).mean() < 1.0


def test_a_picture_is_not_halved_below_what_the_net_reads(shared_data: Path) -> None:
    data = (shared_data / "dicom/RG1_J2KI.dcm").read_bytes()
    assert radiograph_of(data, least_side=1024).of_whole == 1


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_each_compression_gives_the_picture_that_went_in(syntax: UID) -> None:
    data = chest_dataset()
    data.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(
        radiograph_of(file_of(data, syntax)).grey, radiograph_of(chest_file()).grey
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"WindowCenter": 1500, "WindowWidth": 2000},
        {"WindowCenter": [1500, 9], "WindowWidth": [2000, 3]},
        {"WindowCenter": 1500, "WindowWidth": 2000, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": 1500, "WindowWidth": 700, "VOILUTFunction": "SIGMOID"},
        {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 2500, "WindowWidth": 3000},
    ],
)
def test_windows_are_those_of_the_standard(changes: dict[str, Any]) -> None:
    data = chest_dataset(**changes)
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    shown = apply_voi_lut(apply_modality_lut(stored_chest(), data), data)
    slope, intercept = changes.get("RescaleSlope", 1), changes.get("RescaleIntercept", 0)
    low, high = intercept, 4095 * slope + intercept
    share = (shown - low) / (high - low)
    assert (
        np.abs(radiograph_of(chest_file(**changes)).grey / 255 - share).max() <= 0.5 / 255 + 1e-9
    )


@pytest.mark.parametrize(("name", "bits"), [("vlut_04.dcm", 8), ("mlut_18.dcm", 12)])
def test_look_up_tables_of_real_files_are_those_that_pydicom_reads(
    name: str, bits: int, shared_data: Path
) -> None:
    data = pydicom.dcmread(shared_data / "dicom" / name)
    shown = apply_voi_lut(apply_modality_lut(data.pixel_array, data), data)
    sequence = data.get("VOILUTSequence") or data.ModalityLUTSequence
    share = shown / ((1 << int(sequence[0].LUTDescriptor[2])) - 1)
    data.Modality, data.BodyPartExamined, data.ViewPosition = "CR", "CHEST", "AP"
    stream = io.BytesIO()
    data.save_as(stream)
    grey = radiograph_of(stream.getvalue()).grey
    assert grey.std() > 10
    assert np.abs(grey / 255 - share).max() <= 0.5 / 255 + 1e-9


@pytest.mark.parametrize(
    "changes",
    [
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
        {"PresentationLUTShape": "INVERSE"},
    ],
)
def test_lungs_are_dark_whichever_way_round_a_picture_is_stored(changes: dict[str, str]) -> None:
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    inverse = radiograph_of(chest_file(4095 - stored_chest(), **window, **changes)).grey
    plain = radiograph_of(chest_file(**window)).grey
    assert np.abs(inverse.astype(int) - plain).max() <= 1
    assert plain[144, 90] + 60 < plain[144, 150]


def test_a_dark_picture_is_not_stretched_to_its_own_extremes() -> None:
    grey = radiograph_of(chest_file(stored_chest() // 8)).grey
    assert grey.max() < 40


def test_padding_is_black_and_bits_above_the_stored_ones_are_ignored() -> None:
    stored = stored_chest()
    stored[:20] = 4000
    stored[100, 100] |= 0x8000  # an overlay in a high bit
    grey = radiograph_of(
        chest_file(stored, PixelPaddingValue=4000, PhotometricInterpretation="MONOCHROME1")
    ).grey
    assert not grey[:20].any()
    assert grey[20:].min() > 0
    clean = radiograph_of(chest_file(PhotometricInterpretation="MONOCHROME1")).grey
    assert grey[100, 100] == clean[100, 100]


def test_signed_values_are_read() -> None:
    stored = stored_chest().astype(np.int16) - 2048
    grey = radiograph_of(
        chest_file(stored, PixelRepresentation=1, WindowCenter=0, WindowWidth=4096)
    ).grey
    np.testing.assert_array_equal(grey, radiograph_of(chest_file()).grey)


@pytest.mark.parametrize(
    ("orientation", "as_stored"),
    [
        (["L", "F"], lambda grey: grey),
        (["R", "F"], lambda grey: grey[:, ::-1]),
        (["L", "H"], lambda grey: grey[::-1]),
        (["R", "H"], lambda grey: grey[::-1, ::-1]),
        (["F", "L"], lambda grey: grey.T),
        (["H", "R"], lambda grey: grey[::-1, ::-1].T),
    ],
    ids=lambda each: "".join(each) if isinstance(each, list) else "",
)
def test_an_upside_down_mirrored_or_turned_picture_is_put_upright(
    orientation: list[str], as_stored: Any
) -> None:
    stored = np.ascontiguousarray(as_stored(stored_chest()))
    found = radiograph_of(
        chest_file(stored, PatientOrientation=orientation, ImagerPixelSpacing=[0.2, 0.1])
    )
    np.testing.assert_array_equal(found.grey, radiograph_of(chest_file()).grey)
    turned = orientation[0] in ("H", "F")
    assert found.spacing_mm == ((0.1, 0.2) if turned else (0.2, 0.1))


def test_a_pixel_spacing_of_zero_is_none() -> None:
    assert radiograph_of(chest_file(ImagerPixelSpacing=[0, 0])).spacing_mm is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Modality": "CT", "SOPClassUID": CTImageStorage}, "its modality is CT"),
        ({"SOPClassUID": CTImageStorage}, "another kind of object"),
        ({"SOPClassUID": DigitalXRayImageStorageForProcessing}, "raw detector data"),
        ({"BodyPartExamined": "HAND"}, "its body part is HAND"),
        ({"BodyPartExamined": "<b>x</b>"}, "its body part is not one that is known"),
        ({"BodyPartExamined": None}, "does not say that it shows the chest"),
        ({"ViewPosition": "LL"}, "its view is LL"),
        ({"ViewPosition": None}, "does not say from where it was taken"),
        ({"ViewPosition": None, "PatientOrientation": ["A", "F"]}, "lateral view"),
        ({"PatientOrientation": ["P", "F"]}, "lateral view"),
        ({"NumberOfFrames": 2}, "it holds 2 pictures"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "it is in colour"),
    ],
)
def test_what_is_no_frontal_chest_radiograph_is_said_and_not_read(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(NotAFrontalChest, match=reason):
        radiograph_of(chest_file(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"BodyPartExamined": None, "SeriesDescription": "Thorax pa"},
        {"ViewPosition": None, "SeriesDescription": "Chest PA"},
        {"ViewPosition": None, "PatientOrientation": ["L", "F"]},
    ],
)
def test_what_a_header_says_in_other_words_counts(changes: dict[str, Any]) -> None:
    assert radiograph_of(chest_file(**changes)).grey.shape == (320, 300)


def test_a_cut_off_file_is_refused() -> None:
    whole = chest_file()
    with pytest.raises(RadiographUnreadable, match=r"cut off|damaged"):
        radiograph_of(whole[:-1000])


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_a_cut_off_compressed_file_is_refused_or_read_and_never_a_fault(syntax: UID) -> None:
    data = chest_dataset()
    data.compress(syntax, generate_instance_uid=False)
    whole = file_of(data, syntax)
    for kept in range(0, len(whole), max(1, len(whole) // 40)):
        with pytest.raises(RadiographError):
            radiograph_of(whole[: kept // 2])


def test_a_run_length_that_overflows_its_picture_is_refused() -> None:
    # The decoder panics, which is no Exception.
    data = chest_dataset()
    data.compress(RLELossless, generate_instance_uid=False)
    whole = bytearray(file_of(data, RLELossless))
    refused = 0
    for place in range(len(whole) - 4_000, len(whole) - 8, 400):
        broken = whole.copy()
        broken[place : place + 8] = b"\x81\x00" * 4
        try:
            radiograph_of(bytes(broken))
        except RadiographError:
            refused += 1
    assert refused


@pytest.mark.parametrize(
    "data", [b"", b"<html>503</html>", b"\0" * 128 + b"DICM", b"\xff\xd8\xff"]
)
def test_what_is_no_dicom_file_is_refused(data: bytes) -> None:
    with pytest.raises(RadiographUnreadable, match="no DICOM file"):
        radiograph_of(data)


def test_a_header_that_promises_too_many_pixels_is_refused_before_they_are_decoded() -> None:
    for changes in ({"Rows": 20_000, "Columns": 20_000}, {"Rows": 65_535, "Columns": 65_535}):
        with pytest.raises(RadiographUnreadable, match="too many"):
            radiograph_of(chest_file(**changes))


def test_a_stream_that_is_larger_than_its_header_says_is_refused() -> None:
    large = chest_dataset(stored_chest(1200, 1200))
    large.compress(JPEG2000Lossless, generate_instance_uid=False)
    large.Rows, large.Columns = 320, 300
    with pytest.raises(RadiographUnreadable, match="another size than its header"):
        radiograph_of(file_of(large, JPEG2000Lossless))


def test_a_deflated_file_is_inflated_no_further_than_a_picture_may_be_large() -> None:
    head, tail = _deflated_parts()
    small = head + zlib.compress(tail, wbits=-zlib.MAX_WBITS)
    np.testing.assert_array_equal(radiograph_of(small).grey, radiograph_of(chest_file()).grey)
    # 300 MB of zeros in some 290 KB
    squeezing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = head + squeezing.compress(tail)
    bomb += b"".join(squeezing.compress(bytes(1_000_000)) for _ in range(300)) + squeezing.flush()
    assert len(bomb) < 400_000
    with pytest.raises(RadiographUnreadable, match="too large when inflated"):
        radiograph_of(bomb)


def _deflated_parts() -> tuple[bytes, bytes]:
    """Return the file meta information and the data set of a file to be deflated."""
    data = chest_dataset()
    content = io.BytesIO()
    data.save_as(content, implicit_vr=False, little_endian=True, enforce_file_format=False)
    whole = file_of(chest_dataset(), DeflatedExplicitVRLittleEndian)
    from inference.archive.dicom_file import data_set_start

    return whole[: data_set_start(whole)], content.getvalue()
