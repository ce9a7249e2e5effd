"""ECG files of every format are read alike, or refused with a reason that names no patient."""

from __future__ import annotations

import base64
import io
import random
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from inference.core.ecg import LEADS
from inference.core.ecg_checks import DoubtKind, doubts
from inference.core.owner import Owner, doubt, identifier_digest
from inference.errors import EcgUnreadable
from inference.formats.reading import read_ecg
from inference.formats.recording import MOST_BYTES, EcgRecording
from inference.formats.sampled_data import sampled_values
from inference.formats.wfdb import read_wfdb
from tests.inference.ecg_signals import regular

WFDB = Path(__file__).with_name("wfdb_records")
SAME = (
    "dicom_ecgtoolkit_Example.dcm",
    "aecg_ecgtoolkit_Example.xml",
    "scp_ecgtoolkit_Example.scp",
)
READ = (
    *SAME, "dicom_marcodebe_anonymous_ecg.dcm", "dicom_cardio_sample.dcm",
    "philips_1_03_129DYPRG.XML", "philips_1_04.xml", "philips_1_04_01.xml",
    "xml_cardio_sample.xml",
)  # fmt: skip


def read(data: bytes) -> EcgRecording:
    got = read_ecg(data)
    assert isinstance(got, EcgRecording)
    return got


def test_three_formats_of_one_recording_agree_to_the_last_step(shared_data: Path) -> None:
    files = [read((shared_data / "ecg_formats" / name).read_bytes()) for name in SAME]
    assert [one.format for one in files] == ["DICOM", "HL7 aECG", "SCP-ECG"]
    for other in files[1:]:
        np.testing.assert_array_equal(other.ecg.leads_mv, files[0].ecg.leads_mv)
        assert other.ecg.rate_hz == files[0].ecg.rate_hz == 500.0
        assert (other.owner.birth_date, other.owner.sex) == ("19530508", "male")
        assert other.recorded_at == files[0].recorded_at == "20021122091000"


@pytest.mark.parametrize("name", READ)
def test_vendors_files_hold_sound_twelve_lead_recordings(shared_data: Path, name: str) -> None:
    """Limb leads that add up and complexes of a heart's size: an unpacking gone wrong has none."""
    got = read((shared_data / "ecg_formats" / name).read_bytes())
    assert got.ecg.missing == ()
    assert 9.9 <= got.ecg.seconds <= 11.1
    assert doubts(got.ecg) == ()


def test_the_rhythm_is_taken_and_not_the_median_beat(shared_data: Path) -> None:
    got = read((shared_data / "ecg_formats" / "dicom_marcodebe_anonymous_ecg.dcm").read_bytes())
    assert got.ecg.leads_mv.shape == (12, 10000)


def muse(leads: dict[str, np.ndarray], doctype: str = "") -> bytes:
    """Write a MUSE file after its description: a median beat first, then the rhythm."""

    def waveform(kind: str, values: dict[str, np.ndarray]) -> str:
        parts = "".join(
            f"<LeadData><LeadAmplitudeUnitsPerBit>4.88</LeadAmplitudeUnitsPerBit>"
            f"<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadID>{name}</LeadID>"
            f"<WaveFormData>{base64.b64encode(counts.astype('<i2').tobytes()).decode()}"
            "</WaveFormData></LeadData>"
            for name, counts in values.items()
        )
        return (
            f"<Waveform><WaveformType>{kind}</WaveformType><SampleBase>500</SampleBase>"
            f"<SampleExponent>0</SampleExponent>{parts}</Waveform>"
        )

    median = {name: counts[:600] for name, counts in leads.items()}
    return (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>{doctype}<RestingECG>'
        "<PatientDemographics><PatientID>A17</PatientID><DateofBirth>05-08-1953</DateofBirth>"
        "<Gender>FEMALE</Gender></PatientDemographics>"
        f"{waveform('Median', median)}{waveform('Rhythm', leads)}</RestingECG>"
    ).encode("latin-1")


def muse_counts() -> dict[str, np.ndarray]:
    whole = regular(rate_hz=500.0)
    names = ("I", "II", *LEADS[6:])
    return {name: np.rint(whole.lead(name) / 0.00488) for name in names}


def test_a_muse_file_of_eight_leads_gives_twelve() -> None:
    """Written and read again by us: no vendor's file was at hand."""
    got = read(muse(muse_counts(), '<!DOCTYPE RestingECG SYSTEM "restecg.dtd">'))
    np.testing.assert_allclose(got.ecg.leads_mv, regular().leads_mv, atol=0.006)
    assert set(got.ecg.derived) == {"III", "aVR", "aVL", "aVF"}
    assert got.owner == Owner(frozenset({identifier_digest("A17")}), "19530508", "female")


@pytest.mark.parametrize("kind", ["16", "212", "24", "32", "80"])
def test_wfdb_records_are_read_as_the_wfdb_package_wrote_them(kind: str) -> None:
    """Signals by the package's own `wrsamp`; the numbers they were made from are repeated here."""
    header = (WFDB / f"r{kind}.hea").read_bytes()
    got = read_wfdb(header, {f"r{kind}.dat": (WFDB / f"r{kind}.dat").read_bytes()})
    time = np.arange(60) / 250
    wanted = [0.1 * (k + 1) * np.sin(2 * np.pi * 3 * time + k) for k in range(12)]
    step = 0.0101 if kind == "80" else 0.00101
    np.testing.assert_allclose(got.ecg.leads_mv, wanted, atol=step)
    assert got.ecg.rate_hz == 250.0


def test_a_challenge_record_with_its_date_in_the_wrong_place_is_read() -> None:
    header = (WFDB / "r16.hea").read_text().replace("r16.dat 16 ", "E1.mat 16+24 ")
    header = header.replace("r16 12 250 60", "E1 12 250 60 05-May-2020 11:02:03", 1)
    data = {"E1.mat": bytes(24) + (WFDB / "r16.dat").read_bytes()}
    plain = read_wfdb(
        (WFDB / "r16.hea").read_bytes(), {"r16.dat": (WFDB / "r16.dat").read_bytes()}
    )
    got = read_wfdb(header.encode(), data)
    np.testing.assert_array_equal(got.ecg.leads_mv, plain.ecg.leads_mv)


def test_a_wfdb_signal_file_that_is_missing_or_short_is_refused() -> None:
    header = (WFDB / "r16.hea").read_bytes()
    with pytest.raises(EcgUnreadable, match="missing"):
        read_wfdb(header, {})
    with pytest.raises(EcgUnreadable, match="shorter"):
        read_wfdb(header, {"r16.dat": (WFDB / "r16.dat").read_bytes()[:-10]})


def test_sampled_data_follows_the_data_type() -> None:
    """R4: E is an error, L and U lie below and above what could be measured."""
    got = sampled_values(
        "1 10 2 20 E L U -5", origin=2.0, factor=0.5, lower_limit=-10, upper_limit=30, dimensions=2
    )
    np.testing.assert_array_equal(got, [[2.5, 3.0, np.nan, 17.0], [7.0, 12.0, -3.0, -0.5]])
    with pytest.raises(EcgUnreadable, match="no number"):
        sampled_values("1 two", origin=0.0)
    with pytest.raises(EcgUnreadable, match="dimensions"):
        sampled_values("1 2 3", origin=0.0, dimensions=2)


def dicom(leads: dict[str, np.ndarray], rate: float = 500.0, **tags: str) -> bytes:
    """Write a twelve-lead ECG object with pydicom, 1 microvolt a step."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.TwelveLeadECGWaveformStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    file = Dataset()
    file.file_meta = meta
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    for name, value in tags.items():
        setattr(file, name, value)
    group = Dataset()
    group.NumberOfWaveformChannels = len(leads)
    group.NumberOfWaveformSamples = len(next(iter(leads.values())))
    group.SamplingFrequency = rate
    group.WaveformOriginality = "ORIGINAL"
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.ChannelDefinitionSequence = [channel(name) for name in leads]
    table = np.stack([np.rint(values * 1000) for values in leads.values()], axis=1)
    group.WaveformData = table.astype("<i2").tobytes()
    file.WaveformSequence = [group]
    out = io.BytesIO()
    pydicom.dcmwrite(out, file, enforce_file_format=True)
    return out.getvalue()


def channel(name: str) -> Dataset:
    source, unit, one = Dataset(), Dataset(), Dataset()
    source.CodeValue, source.CodingSchemeDesignator = "x", "SCPECG"
    source.CodeMeaning = f"Lead {name}"
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
    one.ChannelSourceSequence, one.ChannelSensitivityUnitsSequence = [source], [unit]
    one.ChannelSensitivity, one.ChannelSensitivityCorrectionFactor = 1.0, 1.0
    one.ChannelBaseline, one.WaveformBitsStored, one.ChannelSampleSkew = 0.0, 16, "0"
    return one


def leads_of(gain: float = 1.0, seconds: float = 10.0) -> dict[str, np.ndarray]:
    ecg = regular(seconds=seconds, gain=gain)
    return {name: ecg.lead(name).astype(float) for name in LEADS}


def test_eleven_leads_wrong_gain_and_three_seconds_are_read_and_doubted() -> None:
    eleven = leads_of()
    del eleven["V3"]
    for leads, kind in (
        (eleven, DoubtKind.MISSING_LEAD),
        (leads_of(gain=9.0), DoubtKind.GAIN_HIGH),
        (leads_of(seconds=3.0), DoubtKind.TOO_SHORT),
        ({**leads_of(), "V2": np.zeros(5000)}, DoubtKind.FLAT_LEAD),
    ):
        assert [one.kind for one in doubts(read(dicom(leads)).ecg)] == [kind]


def test_another_patients_recording_is_told_by_what_the_file_says() -> None:
    got = read(dicom(leads_of(), PatientID="17", PatientBirthDate="19530508", PatientSex="M"))
    chart = Owner(frozenset({identifier_digest("18")}), "19530508", "male")
    assert doubt([got.owner], chart) is not None
    assert "17" not in str(doubt([got.owner], chart))
    assert doubt([got.owner], Owner(frozenset({identifier_digest("17")}))) is None


def test_a_renamed_file_is_read_as_what_it_is_and_text_is_refused() -> None:
    assert read(dicom(leads_of())).format == "DICOM"
    for data in (b"", b"hello", b"<html></html>", b"MZ" + bytes(400), bytes(200)):
        with pytest.raises(EcgUnreadable):
            read_ecg(data)


def test_a_file_too_large_is_not_opened() -> None:
    with pytest.raises(EcgUnreadable, match="larger"):
        read_ecg(bytes(MOST_BYTES + 1))


BOMB = (
    '<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + k)} "{("&" + chr(97 + k) + ";") * 10}">' for k in range(9))
    + "]>"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY out SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("doctype", [BOMB, OUTSIDE], ids=["bomb", "file"])
def test_entities_of_an_xml_file_are_refused(doctype: str) -> None:
    with pytest.raises(EcgUnreadable, match="entities"):
        read_ecg(muse(muse_counts(), doctype))


def test_a_deflated_dicom_file_is_refused_before_it_is_inflated() -> None:
    data = dicom(leads_of())
    plain, deflated = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    with pytest.raises(EcgUnreadable, match="deflated"):
        read_ecg(data.replace(plain, deflated, 1))


@pytest.mark.parametrize("name", READ)
def test_a_file_cut_off_or_damaged_anywhere_is_read_or_refused_and_never_crashes(
    shared_data: Path, name: str
) -> None:
    data = (shared_data / "ecg_formats" / name).read_bytes()
    chance = random.Random(name)  # noqa: S311
    refused = 0
    for attempt in range(12):
        hurt = bytearray(data[: chance.randrange(10, len(data))] if attempt < 6 else data)
        if attempt >= 6:
            for _ in range(20):
                hurt[chance.randrange(min(len(hurt), 4000))] = chance.randrange(256)
        try:
            read_ecg(bytes(hurt))
        except EcgUnreadable:
            refused += 1
    assert refused >= 4


def test_no_reason_repeats_what_the_file_says_of_its_patient() -> None:
    data = dicom(leads_of(), PatientID="SECRET17", PatientName="Secret^Name")
    for cut in (400, 700, len(data) // 2):
        with pytest.raises(EcgUnreadable) as caught:
            read_ecg(data[:cut])
        assert "ecret" not in str(caught.value).lower().replace("secretary", "")
