"""Limits on what is read: size, time, depth and number of entries, all before JSON is parsed.

Source of the numbers: body <= 5 MB, depth <= 64, <= 5,000 entries. The largest prefetch that the
services ask for, 500 Observations, is about 600 KB and 12 deep; parsers recurse, and 10,000
brackets cost a stack each.
"""

from __future__ import annotations

import asyncio
from typing import Final

import numpy as np
from fastapi import Request

from cds_hooks.errors import Busy, NotJson, TooLarge, TooSlow, WrongMediaType

MOST_BYTES: Final = 5_000_000
MOST_DEPTH: Final = 64
MOST_ENTRIES: Final = 5_000
BODY_DEADLINE_S: Final = 10.0
"""A 5 MB body at 4 Mbit/s; slower senders hold a place that others need."""

_STEP: Final = np.zeros(256, dtype=np.int8)
_STEP[[ord("{"), ord("[")]] = 1
_STEP[[ord("}"), ord("]")]] = -1
_NEITHER: Final = bytes(set(range(256)) - set(b'"{}[]'))


async def read_body(request: Request, deadline_s: float = BODY_DEADLINE_S) -> bytes:
    """Return the body of a JSON request.

    Raises
    ------
    cds_hooks.errors.WrongMediaType
        It is compressed, or not declared as JSON, which other sites' pages can send without asking
        first.
    cds_hooks.errors.TooLarge
        It has more than 5 MB or 5,000 entries; what exceeds is never read.
    cds_hooks.errors.TooSlow
        It was not complete within ``deadline_s``.
    cds_hooks.errors.NotJson
        It nests deeper than 64.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        raise WrongMediaType("The body must be declared as Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        # 97 KB of gzip can hold 100 MB; no EHR compresses what it sends.
        raise WrongMediaType("The body must not be compressed; send it without Content-Encoding.")
    try:
        async with asyncio.timeout(deadline_s):
            body = await _read(request)
    except TimeoutError:
        raise TooSlow(f"The body was not complete within {deadline_s:g} s.") from None
    if body.count(b'"resource"') > MOST_ENTRIES:
        raise TooLarge(f"The body holds more than {MOST_ENTRIES} resources; send fewer.")
    if depth(body) > MOST_DEPTH:
        raise NotJson(f"The JSON nests deeper than {MOST_DEPTH}; no hook request does.")
    return body


async def _read(request: Request) -> bytes:
    too_large = TooLarge(f"The body exceeds {MOST_BYTES} bytes; send less prefetch.")
    if int(request.headers.get("content-length", "0")) > MOST_BYTES:
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def depth(text: bytes) -> int:
    """Return how deep arrays and objects nest; brackets inside strings do not count.

    It is exact for JSON. Of what is no JSON it may be wrong, and the parser refuses that anyway.
    """
    if b"\\" in text:
        text = text.replace(b"\\\\", b"__").replace(b'\\"', b"__")
    # Two quotes with nothing between them change nothing, and are most of what is left.
    left = text.translate(None, _NEITHER).replace(b'""', b"")
    characters = np.frombuffer(left, dtype=np.uint8)
    inside_string = np.bitwise_and(np.add.accumulate(characters == ord('"'), dtype=np.uint8), 1)
    steps = _STEP[characters]
    steps[inside_string.astype(bool)] = 0
    levels = np.add.accumulate(steps[steps != 0], dtype=np.int32)
    return int(levels.max(initial=0))


class Admission:
    """As many calls at once as this installation bears; the rest are told at once to come back.

    A queue would only make every answer late: an EHR gives up after seconds, and a card that comes
    after the order was signed helps nobody.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._present = 0

    @property
    def present(self) -> int:
        """Return how many calls are under way."""
        return self._present

    def __enter__(self) -> None:
        """Take a place.

        Raises
        ------
        cds_hooks.errors.Busy
            There is none.
        """
        if self._present >= self._most:
            raise Busy(f"{self._most} calls are under way, the most served at once; try again.")
        self._present += 1

    def __exit__(self, *_: object) -> None:
        """Give the place back."""
        self._present -= 1
