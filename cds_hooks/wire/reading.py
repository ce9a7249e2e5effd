"""Decoding JSON so that a failure names a place and never repeats a value; nothing else."""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from cds_hooks.errors import BadRequest, NotJson

_T = TypeVar("_T")

# msgspec quotes an unexpected value of a closed list; a value may be a patient's, a place never
# is.
_QUOTED_VALUE: Final = re.compile(r"(Invalid (?:enum )?value) .*?(?= - at `|\Z)", re.DOTALL)


def decode(decoder: msgspec.json.Decoder[_T], data: bytes | msgspec.Raw, *, at: str = "$") -> _T:
    """Decode ``data``, which lies at the JSON path ``at`` of the request.

    Raises
    ------
    cds_hooks.errors.NotJson
        The bytes are no JSON, or nest deeper than the reader follows.
    cds_hooks.errors.BadRequest
        The JSON has another shape; the message holds the path and what was expected there.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise BadRequest(_sentence(str(error), at)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, msgspec.DecodeError) else "it is not UTF-8"
        raise NotJson(f"The body is no JSON at {at}: {reason.rstrip('.')}.") from None
    except RecursionError:
        raise NotJson(f"The JSON at {at} nests too deeply to be read.") from None


def refuse_other_than_utf8(body: bytes | msgspec.Raw) -> None:
    """Refuse a body that is not UTF-8 throughout, as RFC 8259, section 8.1, has it.

    A reader that skips what it does not need would pass over it, and a later one stumble.

    Raises
    ------
    cds_hooks.errors.NotJson
    """
    try:
        bytes(body).decode()
    except UnicodeDecodeError:
        raise NotJson("The body is no JSON at $: it is not UTF-8.") from None


def _sentence(reason: str, at: str) -> str:
    reason = _QUOTED_VALUE.sub(r"\1", reason)
    what, _, place = reason.partition(" - at `$")
    path = at + place.rstrip("`")
    return f"{what} at {path}; see https://cds-hooks.hl7.org/2.0/."
