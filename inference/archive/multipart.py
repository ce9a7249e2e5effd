"""Splitting a ``multipart/related`` reply into its parts (RFC 2046, section 5.1). Pure."""

from __future__ import annotations

import re
from typing import Final

from inference.errors import ArchiveUnreadable

_BOUNDARY: Final = re.compile(
    r'multipart/related\s*;(?:.*;)?\s*boundary\s*=\s*(?:"([^"\r\n]{1,70})"|([^\s;",]{1,70}))', re.I
)


def parts_of(body: bytes, content_type: str) -> tuple[bytes, ...]:
    """Return the content of each part, without its headers.

    Raises
    ------
    inference.errors.ArchiveUnreadable
        The type is not ``multipart/related``, or the body has no closing boundary: a reply that
        was cut off must not pass for a smaller study.
    """
    match = _BOUNDARY.match(content_type)
    if match is None:
        raise ArchiveUnreadable("it is not multipart/related")
    delimiter = b"\r\n--" + (match.group(1) or match.group(2)).encode("latin-1", "replace")
    # The first delimiter may stand at the very beginning, without a line break before it.
    segments = (b"\r\n" + body).split(delimiter)
    if len(segments) < 2 or not segments[-1].startswith(b"--"):
        raise ArchiveUnreadable("its end is missing")
    return tuple(_content(segment) for segment in segments[1:-1])


def _content(segment: bytes) -> bytes:
    # Headers may be absent: then the part begins with the empty line that ends them.
    _, blank, content = segment.partition(b"\r\n\r\n")
    if not blank:
        raise ArchiveUnreadable("a part has no content")
    return content
