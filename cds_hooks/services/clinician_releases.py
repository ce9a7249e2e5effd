"""What a clinician may know of the models behind the page: each release with its 31 attributes.

Pure. The same words as in the release itself; nothing is summarised here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from inference.core.source_attributes import SOURCE_ATTRIBUTES

if TYPE_CHECKING:
    from inference.core.release import ReleasedModel

TWIN_WORDS: Final = (
    "A closed-loop model of four chambers, arteries, veins, baroreflex and gas exchange, fitted "
    "to what was measured of this patient. It was compared with published physiology and with "
    "charts of 53 intensive care patients; it is not validated on patients of this hospital."
)


class Attribute(msgspec.Struct, frozen=True):
    """One source attribute, 45 CFR 170.315(b)(11)(iv)(B)."""

    title: str
    text: str


class LevelOf(msgspec.Struct, frozen=True):
    """From which probability on a level is called so, and what that buys on held-out stays."""

    level: str
    value: float
    sensitivity: float
    specificity: float


class ReleaseCard(msgspec.Struct, frozen=True, rename="camel"):
    """One released model."""

    name: str
    version: str
    digest: str
    task: str
    outputs: list[str]
    population: str
    levels: list[LevelOf]
    attributes: list[Attribute]


class Models(msgspec.Struct, frozen=True, rename="camel"):
    """Every model behind the page."""

    twin: str
    twin_version: str
    releases: list[ReleaseCard]


def models(twin_version: str, releases: Iterable[ReleasedModel]) -> Models:
    """Return what there is to know of twin and nets."""
    return Models(TWIN_WORDS, twin_version, [_card(each) for each in releases])


def _card(release: ReleasedModel) -> ReleaseCard:
    return ReleaseCard(
        release.name,
        release.version,
        f"sha256:{release.digest}",
        release.task,
        list(release.labels),
        release.population,
        [
            LevelOf(name, each.value, each.sensitivity, each.specificity)
            for name, each in release.thresholds.items()
        ],
        [
            Attribute(title, release.source_attributes[key])
            for key, title in SOURCE_ATTRIBUTES.items()
        ],
    )
