"""What readings of ECGs and radiographs change in the twin, and in which words. Pure.

Only what the release calls, and calls rather there than not (probability of a half and more): a
heart fibrillates or does not, and the twin is one heart. A called finding below that stands on the
card and leaves the twin as it is. Nothing is taken from an ECG or a radiograph of unknown time.
See ``deploy/decisions/0048-what-a-reading-changes-in-the-twin.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cds_hooks.cards.wording import age, percent
from cds_hooks.images.kept import KeptSource
from inference.core.image_reading import Finding, ImageKind, ImageReading, Region
from twin.core.intervention_kinds import Insult, InsultKind, Setting, SettingKind
from twin.core.measurements import Condition, Measurement
from twin.core.observation_sets import CLOCK_TOLERANCE
from twin.core.treatment import Administration

HOLDS: Final = timedelta(hours=48)
"""As long as the twin keeps measurements; a newer ECG or radiograph takes an older one's place."""
LEAST_QUALITY: Final = 0.6
"""Below it a reading is shown and changes nothing; ours."""
WITHOUT_KICK: Final = ("AF", "AFL")
_SHOWN_DIGEST: Final = 12


@dataclass(frozen=True, slots=True)
class SeenRhythm:
    """A rhythm that goes on at its own rate: what is simulated, and what a card says of it."""

    administration: Administration
    sentence: str


@dataclass(frozen=True, slots=True)
class ImageEvidence:
    """What the twin is told of the images, and the sentences that say so."""

    measurements: tuple[Measurement, ...] = ()
    rhythm: SeenRhythm | None = None
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Dated:
    reading: ImageReading
    taken_at: datetime
    reference: str
    title: str

    @property
    def source(self) -> str:
        """Name the reading so that one by another release counts as a later version of it."""
        return f"{self.reference} read by {self.reading.release_digest[:_SHOWN_DIGEST]}"


def image_evidence(
    kept: Iterable[KeptSource], charted_rate_per_min: float | None, now: datetime
) -> ImageEvidence:
    """Return what the readings of one patient tell his twin.

    ``charted_rate_per_min`` is the newest charted heart rate, for a rhythm that was read off a
    page, where no rate is measured.
    """
    dated = sorted(_dated(kept, now), key=lambda each: each.taken_at)
    ecgs = [each for each in dated if each.reading.kind is ImageKind.ECG]
    radiographs = [each for each in dated if each.reading.kind is ImageKind.RADIOGRAPH]
    measured = [one for each in ecgs for one in _kick(each)]
    rhythm = _rhythm(ecgs[-1], charted_rate_per_min, now) if ecgs else None
    sentences = _kick_sentences(ecgs[-1], now) if ecgs else []
    for each in radiographs[-1:]:
        found = tuple(_from_radiograph(each, now))
        measured += [one for one, _ in found]
        sentences += [sentence for _, sentence in found]
    return ImageEvidence(tuple(measured), rhythm, tuple(sentences))


def _dated(kept: Iterable[KeptSource], now: datetime) -> Iterator[_Dated]:
    for source in kept:
        if source.taken_at is None or not -CLOCK_TOLERANCE <= now - source.taken_at <= HOLDS:
            continue
        for each in source.outcomes:
            if each.reading is not None and (each.reading.quality or 0.0) >= LEAST_QUALITY:
                yield _Dated(each.reading, source.taken_at, source.reference, source.title)


def _finding(reading: ImageReading, codes: Iterable[str]) -> Finding | None:
    """Return the likeliest of these findings that the release calls."""
    called = [each for each in reading.called if each.code in codes]
    return called[0] if called else None


def _kick(ecg: _Dated) -> Iterator[Measurement]:
    """Yield whether the atria beat: 0 or 1 where the ECG tells, nothing where it is in doubt."""
    judged = [each for each in ecg.reading.findings if each.code in WITHOUT_KICK]
    called = _finding(ecg.reading, WITHOUT_KICK)
    if not any(each.threshold is not None for each in judged):
        return
    if called is None or called.likely:
        lost = 0.0 if called is None else 1.0
        yield Measurement(Condition.ATRIAL_KICK_LOSS, lost, ecg.taken_at, ecg.source)


def _kick_sentences(ecg: _Dated, now: datetime) -> list[str]:
    called = _finding(ecg.reading, WITHOUT_KICK)
    if called is None:
        return []
    if not called.likely:
        return [
            f"{_said(called, ecg, now)} is possible, and the twin was left as it is: it takes a "
            "rhythm in from a probability of a half."
        ]
    return [
        f"{_said(called, ecg, now)}: the twin's atria do not contract. That the beats are "
        "irregular is not simulated."
    ]


def _rhythm(ecg: _Dated, charted_rate: float | None, now: datetime) -> SeenRhythm | None:
    rate = ecg.reading.rate_per_min or charted_rate
    if rate is None:
        return None
    for code, made in _RHYTHMS.items():
        called = _finding(ecg.reading, (code,))
        if called is None or not called.likely:
            continue
        begun = ecg.taken_at - HOLDS
        administration = Administration(made(rate), begun, None, ecg.source)
        how = "keeps the heart from beating slower" if code == "PACE" else "sets the heart rate"
        return SeenRhythm(
            administration,
            f"{_said(called, ecg, now)}: in the simulation it {how} at {rate:.0f} /min, whatever "
            "nerves and drugs do.",
        )
    return None


_RHYTHMS: Final[Mapping[str, Callable[[float], Insult | Setting]]] = {
    "VT": lambda rate: Insult(InsultKind.VENTRICULAR_TACHYCARDIA, rate),
    "3dAVb": lambda rate: Insult(InsultKind.HEART_BLOCK, rate),
    "PACE": lambda rate: Setting(SettingKind.PACING, rate),
}


def _said(finding: Finding, ecg: _Dated, now: datetime) -> str:
    name = finding.name[:1].upper() + finding.name[1:]
    return f"{name} ({percent(finding.probability)}, {ecg.title} {age(ecg.taken_at, now)})"


def _from_radiograph(image: _Dated, now: datetime) -> Iterator[tuple[Measurement, str]]:
    reading, taken = image.reading, age(image.taken_at, now)
    if reading.ratio is not None:
        value = reading.ratio.value
        wide = (
            "the twin expects somewhat more blood volume"
            if value > 0.5
            else "not enlarged, nothing is expected of it"
        )
        yield (
            Measurement(
                Condition.CARDIOTHORACIC_RATIO, value, image.taken_at, f"{image.source} ratio"
            ),
            f"Cardiothoracic ratio {value:.2f} (radiograph {taken}): {wide}.",
        )
    share = opaque_share(reading.regions)
    if any(each.code == "opacity" and each.called for each in reading.findings) and share > 0:
        yield (
            Measurement(Condition.LUNG_OPACITY, share, image.taken_at, f"{image.source} opacity"),
            f"Opacities over {percent(share)} of the lungs (radiograph {taken}): the twin expects "
            "a larger shunt.",
        )


def opaque_share(regions: Iterable[Region]) -> float:
    """Return the share of the lungs' boxes that boxes of opacities cover, 0 to 1."""
    every = tuple(regions)
    lungs = [each for each in every if each.code in ("right_lung", "left_lung")]
    whole = sum(_area(each, each) for each in lungs)
    covered = sum(_area(lung, each) for lung in lungs for each in every if each.code == "opacity")
    return min(covered / whole, 1.0) if whole > 0 else 0.0


def _area(one: Region, other: Region) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(width, 0.0) * max(height, 0.0)
