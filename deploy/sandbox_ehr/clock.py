"""The one file of the sandbox that reads the wall clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Now: TypeAlias = Callable[[], datetime]
"""Returns the present instant, aware, in UTC; tests pass one of their own."""


def wall_clock() -> datetime:
    """Return the machine's time in UTC."""
    return datetime.now(UTC)
