"""What readings change in the twin: only what is likely, recent and of good quality."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cds_hooks.images.kept import KeptOutcome, KeptSource, PatientDigest, ReadingId, SourceKey
from cds_hooks.services.image_evidence import image_evidence, opaque_share
from inference.core.image_reading import Finding, ImageKind, ImageReading, Ratio, Region
from inference.core.release import Threshold
from twin.core.interventions import Insult, InsultKind, Setting, SettingKind
from twin.core.measurements import Condition

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
THRESHOLD = Threshold(0.2, 0.9, 0.9)


def ecg(code: str = "AF", probability: float = 0.8, **changes: Any) -> ImageReading:
    other = Finding("NORM", "normal ECG", 0.05, THRESHOLD)
    names = {"AF": "atrial fibrillation", "3dAVb": "third-degree AV block"}
    found = Finding(code, names.get(code, code), probability, THRESHOLD)
    others = () if code == "AF" else (Finding("AF", names["AF"], 0.01, THRESHOLD),)
    whole = ImageReading(
        kind=ImageKind.ECG,
        form="page",
        findings=(other, found, *others),
        doubts=(),
        quality=1.0,
        regions=(),
        ratio=None,
        activations=(),
        rate_per_min=None,
        recorded_at=None,
        release="vizecgnet 0.1.0",
        release_digest="d" * 64,
    )
    return replace(whole, **changes)


def chest(ratio: float | None = 0.58, **changes: Any) -> ImageReading:
    measured = None if ratio is None else Ratio(ratio, "heart", 0.03)
    return ecg(kind=ImageKind.RADIOGRAPH, findings=(), ratio=measured, **changes)


def kept(reading: ImageReading, minutes: float | None = 15, number: int = 1) -> KeptSource:
    at = None if minutes is None else NOW - timedelta(minutes=minutes)
    outcome = KeptOutcome(ReadingId(str(number)), reading, None)
    reference = f"DocumentReference/{number}/_history/1"
    patient = PatientDigest("p")
    return KeptSource(
        SourceKey(str(number)), patient, reference, "ECG document", at, NOW, (outcome,)
    )


def kicks(*sources: KeptSource) -> list[float]:
    found = image_evidence(sources, 90.0, NOW).measurements
    return [each.value for each in found if each.quantity is Condition.ATRIAL_KICK_LOSS]


def test_likely_fibrillation_takes_the_kick_away_and_is_said() -> None:
    found = image_evidence([kept(ecg())], None, NOW)
    (measured,) = found.measurements
    assert (measured.quantity, measured.value) == (Condition.ATRIAL_KICK_LOSS, 1.0)
    assert measured.taken_at == NOW - timedelta(minutes=15)
    (sentence,) = found.sentences
    assert sentence.startswith("Atrial fibrillation (80 %, ECG document 15 min ago)")


def test_called_but_less_likely_than_not_leaves_the_twin_and_says_so() -> None:
    found = image_evidence([kept(ecg(probability=0.3))], None, NOW)
    assert found.measurements == ()
    assert "the twin was left as it is" in found.sentences[0]


def test_an_ecg_that_does_not_call_it_says_that_the_atria_beat() -> None:
    assert kicks(kept(ecg(probability=0.1))) == [0.0]
    assert image_evidence([kept(ecg(probability=0.1))], None, NOW).sentences == ()


def test_a_release_that_never_calls_it_says_nothing() -> None:
    silent = Finding("AF", "atrial fibrillation", 0.9, None)
    assert kicks(kept(ecg(findings=(silent,)))) == []


@pytest.mark.parametrize("minutes", [None, 49 * 60, -30])
def test_nothing_comes_from_an_ecg_of_unknown_old_or_future_time(minutes: float | None) -> None:
    assert image_evidence([kept(ecg(), minutes)], None, NOW).measurements == ()


def test_nothing_comes_from_an_ecg_of_poor_quality() -> None:
    assert image_evidence([kept(ecg(quality=0.5))], None, NOW).sentences == ()


def test_each_ecg_counts_for_its_time_and_the_newest_is_spoken_of() -> None:
    sources = [kept(ecg(probability=0.05), 10, 2), kept(ecg(), 600, 1)]
    assert kicks(*sources) == [1.0, 0.0]
    assert image_evidence(sources, None, NOW).sentences == ()


def test_another_release_of_the_same_ecg_takes_its_place() -> None:
    """The twin keeps one value of a source; the newer reading must be a later version of it."""
    one, other = (
        image_evidence([kept(ecg(release_digest=digest * 64))], None, NOW).measurements[0]
        for digest in "ab"
    )
    assert one.reference != other.reference
    assert one.source == other.source == "DocumentReference/1"


def test_a_block_forces_the_charted_rate_where_the_ecg_measured_none() -> None:
    found = image_evidence([kept(ecg("3dAVb"))], 38.0, NOW).rhythm
    assert found is not None
    assert found.administration.intervention == Insult(InsultKind.HEART_BLOCK, 38.0)
    assert found.administration.starts_at < NOW - timedelta(hours=48)
    assert "sets the heart rate at 38 /min" in found.sentence
    measured = image_evidence([kept(ecg("3dAVb", rate_per_min=41.0))], 38.0, NOW).rhythm
    assert measured is not None
    assert measured.administration.intervention == Insult(InsultKind.HEART_BLOCK, 41.0)


def test_a_block_without_any_rate_and_an_unlikely_block_force_nothing() -> None:
    assert image_evidence([kept(ecg("3dAVb"))], None, NOW).rhythm is None
    assert image_evidence([kept(ecg("3dAVb", 0.4))], 38.0, NOW).rhythm is None


def test_a_paced_rhythm_is_a_lower_bound_and_tachycardia_an_insult() -> None:
    paced = image_evidence([kept(ecg("PACE"))], 70.0, NOW).rhythm
    fast = image_evidence([kept(ecg("VT"))], 180.0, NOW).rhythm
    assert paced is not None
    assert fast is not None
    assert paced.administration.intervention == Setting(SettingKind.PACING, 70.0)
    assert fast.administration.intervention == Insult(InsultKind.VENTRICULAR_TACHYCARDIA, 180.0)


def test_an_enlarged_heart_is_told_with_its_age() -> None:
    found = image_evidence([kept(chest())], None, NOW)
    (measured,) = found.measurements
    assert (measured.quantity, measured.value) == (Condition.CARDIOTHORACIC_RATIO, 0.58)
    assert "0.58 (radiograph 15 min ago): the twin expects somewhat more" in found.sentences[0]


def test_opacities_are_told_only_where_the_release_calls_them() -> None:
    lungs = (
        Region("right_lung", "right lung", 0.9, 0.1, 0.1, 0.4, 0.9),
        Region("left_lung", "left lung", 0.9, 0.6, 0.1, 0.9, 0.9),
    )
    cloud = Region("opacity", "opacity", 0.9, 0.1, 0.5, 0.4, 0.9)
    assert opaque_share((*lungs, cloud)) == pytest.approx(0.25)
    assert opaque_share((cloud,)) == 0.0
    regions = (*lungs, cloud)
    silent = chest(None, regions=regions)
    assert image_evidence([kept(silent)], None, NOW).measurements == ()
    called = replace(silent, findings=(Finding("opacity", "opacity", 0.9, THRESHOLD),))
    (measured,) = image_evidence([kept(called)], None, NOW).measurements
    assert measured.quantity is Condition.LUNG_OPACITY
    assert measured.value == pytest.approx(0.25)
