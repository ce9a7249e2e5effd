"""The one file that reads the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import final


@final
class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)
