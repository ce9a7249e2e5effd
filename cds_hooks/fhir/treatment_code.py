"""The columns of the table of treatments; its rows are in ``codes_drugs`` and ``treatments``.

``checked`` says where a code was seen with this meaning, as in ``measurement_code``; RxNorm is at
https://www.nlm.nih.gov/research/umls/rxnorm, ATC at https://www.whocc.no/atc.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from twin.core.interventions import Drug, FluidKind, SettingKind

RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC: Final = "http://www.whocc.no/atc"
SNOMED: Final = "http://snomed.info/sct"


class Gas(Enum):
    """A gas to breathe."""

    OXYGEN = "oxygen"


Treatment = Drug | FluidKind | Gas | SettingKind


@dataclass(frozen=True, slots=True)
class TreatmentCodes:
    """How one treatment is recognised."""

    treatment: Treatment
    codes: tuple[tuple[str, str, str], ...]
    """System, code, and where it was checked."""
    words: str
    """Regular expression of its names, matched as whole words without case."""
    leads: bool = False
    """Whether the name must open the text, since as a carrier it stands in many drugs' names."""
