"""One suite for every adapter of ``UsedTokens``: a token opens one call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cds_hooks.ports import UsedTokens
from cds_hooks.security.replay import MemoryUsedTokens, SqliteUsedTokens

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@dataclass
class SetClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


Make = Callable[[Path, SetClock], UsedTokens]


def use(tokens: UsedTokens, issuer: str, token_id: str) -> bool:
    return asyncio.run(tokens.use(issuer, token_id, LATER))


def in_memory(folder: Path, clock: SetClock) -> UsedTokens:
    return MemoryUsedTokens(clock)


def in_a_file(folder: Path, clock: SetClock) -> UsedTokens:
    return SqliteUsedTokens(folder / "used.sqlite", clock)


ADAPTERS = pytest.mark.parametrize("make", [in_memory, in_a_file])


@pytest.mark.requirement("CH-075")
@ADAPTERS
def test_the_second_use_is_told_from_the_first(make: Make, tmp_path: Path) -> None:
    tokens = make(tmp_path, SetClock())
    assert use(tokens, "https://a.example", "1")
    assert not use(tokens, "https://a.example", "1")


@ADAPTERS
def test_two_issuers_may_use_the_same_jti(make: Make, tmp_path: Path) -> None:
    tokens = make(tmp_path, SetClock())
    assert use(tokens, "https://a.example", "1")
    assert use(tokens, "https://b.example", "1")
    assert use(tokens, "https://a.exampl", "e1")


@ADAPTERS
def test_of_many_at_once_one_wins(make: Make, tmp_path: Path) -> None:
    tokens = make(tmp_path, SetClock())

    async def rush() -> list[bool]:
        return await asyncio.gather(*(tokens.use("a", "1", LATER) for _ in range(50)))

    assert asyncio.run(rush()).count(True) == 1


@ADAPTERS
def test_an_expired_token_is_forgotten_because_its_expiry_refuses_it(
    make: Make, tmp_path: Path
) -> None:
    clock = SetClock()
    tokens = make(tmp_path, clock)
    use(tokens, "a", "1")
    clock.at = LATER + timedelta(seconds=1)
    assert use(tokens, "a", "1")


@pytest.mark.requirement("CH-075")
def test_a_restart_does_not_make_a_used_token_good_again(tmp_path: Path) -> None:
    clock = SetClock()
    first = SqliteUsedTokens(tmp_path / "used.sqlite", clock)
    use(first, "a", "1")
    first.close()
    second = SqliteUsedTokens(tmp_path / "used.sqlite", clock)
    assert not use(second, "a", "1")
    second.close()


def test_the_file_holds_no_token_id_and_loses_what_expired(tmp_path: Path) -> None:
    clock = SetClock()
    first = SqliteUsedTokens(tmp_path / "used.sqlite", clock)
    use(first, "https://ehr.example", "canary-token-id")
    first.close()
    assert b"canary" not in (tmp_path / "used.sqlite").read_bytes()
    clock.at = LATER + timedelta(seconds=1)
    SqliteUsedTokens(tmp_path / "used.sqlite", clock).close()
    clock.at = NOW
    third = SqliteUsedTokens(tmp_path / "used.sqlite", clock)
    assert use(third, "https://ehr.example", "canary-token-id")
    third.close()


def test_a_disk_that_is_full_stops_no_call_and_replays_are_still_refused(tmp_path: Path) -> None:
    tokens = SqliteUsedTokens(tmp_path / "used.sqlite", SetClock())
    # SQLite answers "database or disk is full" when a file may grow no further.
    tokens._database.execute("pragma max_page_count = 1")
    assert all(use(tokens, "a", str(number)) for number in range(200))
    assert not use(tokens, "a", "7")
    tokens.close()
