"""Schiller EDI XML: the longest wave data block, samples written out with commas.

Read after one file whose description was not at hand: 5000 samples for ten seconds say that its
"samplerate 500, exponent 1" means 500 Hz; another exponent is refused rather than guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from inference.core.owner import Owner, birth_date_of, identifier_digest
from inference.errors import EcgUnreadable
from inference.formats.recording import EcgRecording, recording, xml_root

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT: Final = "com.xiriuz.sema.xml.schillerEDI.SchillerEDI"
_MILLIVOLT: Final = {"UV": 1e-3, "MV": 1.0}


def read_schiller(data: bytes) -> EcgRecording:
    """Return the rhythm of a Schiller file.

    Raises
    ------
    EcgUnreadable
        It is none, or its samples are not numbers.
    """
    root = xml_root(data)
    if root.tag != ROOT:
        raise EcgUnreadable("it is no Schiller ECG")
    try:
        blocks = [_block(wave) for wave in root.iter("wavedata")]
    except ValueError:
        raise EcgUnreadable("its samples or their scale are no numbers") from None
    filled = [block for block in blocks if block[0]]
    if not filled:
        raise EcgUnreadable("it holds no samples")
    leads, rate = max(filled, key=lambda block: max(map(len, block[0].values())))
    return recording(leads, rate, "Schiller EDI", None, _owner(root))


def _block(wave: Element) -> tuple[dict[str, np.ndarray], float]:
    scale = "resolution/"
    rate = float(wave.findtext(f"{scale}samplerate/value") or "nan")
    exponent = (wave.findtext(f"{scale}samplerate/exponent") or "1").strip()
    unit = (wave.findtext(f"{scale}yres/units") or "").strip().upper()
    if exponent != "1" or unit not in _MILLIVOLT:
        raise EcgUnreadable("its scale is written in a way that is not known")
    step = float(wave.findtext(f"{scale}yres/unitperbit") or "nan") * _MILLIVOLT[unit]
    leads: dict[str, np.ndarray] = {}
    for channel in wave.iter("channel"):
        name, text = channel.findtext("name"), channel.findtext("data")
        if name and text and text.strip():
            counts = np.array(text.strip().strip(",").split(","), dtype=np.float64)
            leads[name.strip()] = counts * step
    return leads, rate


def _owner(root: Element) -> Owner:
    identifier = (root.findtext("patdata/id") or "").strip()
    gender = (root.findtext("patdata/gender") or "").strip().upper()
    return Owner(
        identifiers=frozenset({identifier_digest(identifier)} if identifier else ()),
        birth_date=birth_date_of((root.findtext("patdata/birthdate") or "").strip()),
        sex={"MALE": "male", "FEMALE": "female"}.get(gender),  # type: ignore[arg-type]
    )
