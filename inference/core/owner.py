"""Whose images these are, as far as it can be compared without keeping who it is. Pure.

An archive can hold a study under the wrong patient, and a chart can name the wrong study. Before
anything is read from images, what the files say of their patient is compared with what the chart
says. Identifiers are compared by digest, so that none is held or logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal

_DATE: Final = re.compile(r"([12]\d{3})(?:[-.]?(\d\d)(?:[-.]?(\d\d))?)?")
_NO_BIRTH_DATE: Final = frozenset({"19000101"})
"""What archives write where none is known."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What is said of a patient that can be compared; empty or None where nothing is."""

    identifiers: frozenset[str] = field(default=frozenset(), repr=False)
    """Digests, see `identifier_digest`; one in common is enough."""
    birth_date: str | None = field(default=None, repr=False)
    """``19600504``, or less of it: see `birth_date_of`."""
    sex: Literal["female", "male"] | None = field(default=None, repr=False)


NOBODY: Final = Owner()
"""Of whom nothing is said."""


def identifier_digest(identifier: str) -> str:
    """Return what an identifier is compared by: without blanks around it and without case."""
    return sha256(identifier.strip().casefold().encode()).hexdigest()


def birth_date_of(text: str | None) -> str | None:
    """Return the digits of a date of birth, DICOM's or FHIR's, down to what is known of it."""
    match = _DATE.fullmatch(text.strip()) if text is not None else None
    if match is None:
        return None
    digits = "".join(part for part in match.groups() if part is not None)
    return None if digits in _NO_BIRTH_DATE else digits


def doubt(images: Iterable[Owner], chart: Owner) -> str | None:
    """Return why the images must not be read for the chart's patient, or None where they may.

    One difference in one image is enough to refuse; an identifier or a date of birth in common is
    needed to accept. A difference of identifiers alone refuses too: twins and namesakes share the
    rest. The reason holds nothing of either patient.
    """
    for image in images:
        differing = conflict([image], chart)
        if differing is not None:
            return differing
        compared = _compared(image, chart)
        if not (compared["identifier"] or compared["date of birth"]):
            return "neither identifier nor date of birth tells that they are of this patient"
    return None


def conflict(images: Iterable[Owner], chart: Owner) -> str | None:
    """Return by what images are of another patient than the chart's; None where nothing differs.

    Enough for a file that the chart itself holds: one that says nothing of its own is believed.
    """
    for image in images:
        compared = _compared(image, chart)
        differing = [name for name, same in compared.items() if same is False]
        if differing:
            return (
                f"they are of another patient than the chart, by {' and '.join(differing)}; have "
                "the archive's and the chart's entries compared"
            )
    return None


def _compared(image: Owner, chart: Owner) -> dict[str, bool | None]:
    """Return of each mark whether it is the same; None where one side does not say it."""
    return {
        "identifier": _both(
            image.identifiers,
            chart.identifiers,
            not image.identifiers.isdisjoint(chart.identifiers),
        ),
        "date of birth": _both(
            image.birth_date, chart.birth_date, _agree(image.birth_date, chart.birth_date)
        ),
        "sex": _both(image.sex, chart.sex, image.sex == chart.sex),
    }


def _both(image: object, chart: object, same: bool) -> bool | None:
    return same if image and chart else None


def _agree(first: str | None, second: str | None) -> bool:
    """Return whether two dates agree as far as both are known: ``1960`` agrees with ``196005``."""
    if first is None or second is None:
        return False
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]
