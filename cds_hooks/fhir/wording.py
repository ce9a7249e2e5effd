"""Text that came from an EHR, made safe to stand in a sentence. Nothing else lives here."""

from __future__ import annotations

import re
from typing import Final

_NOT_PRINTABLE: Final = re.compile(r"[^\x20-\x7e\u00a0-\u024f\u0370-\u03ff]+")


def quoted(text: str, limit: int = 40) -> str:
    """Return EHR text on one line, at most ``limit`` characters, without control characters.

    Markdown and HTML stay as they are: the card escapes them, once, where it knows its format.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    flat = _NOT_PRINTABLE.sub("?", text)
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
