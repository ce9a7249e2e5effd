"""What only a file can promise: it outlives kills, full disks and other processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from twin.core.arm import Arm
from twin.core.fit import Fit, FitOutcome
from twin.core.parameters import Body
from twin.core.stored_twin import PatientKey, StoredTwin
from twin.errors import StoreUnavailable, TwinError
from twin.store.sqlite import RECENT_TWINS, SCHEMA_VERSION, SqliteTwinStore

WRITER = """
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
from twin.core.arm import Arm
from twin.core.fit import Fit, FitOutcome
from twin.core.parameters import Body
from twin.core.stored_twin import PatientKey, StoredTwin
from twin.errors import TwinIsNewer
from twin.store.sqlite import SqliteTwinStore

def write(path, count, member_count):
    store = SqliteTwinStore(Path(path))
    body = Body(None, None, None, None)
    fit = Fit(FitOutcome.GOOD, body, 1.0, np.ones((60, member_count), np.float32), np.ones(1),
              np.ones((2, 2)), None, {}, {}, (), None, Arm.none(member_count))
    won = 0
    for revision in range(1, count + 1):
        twin = StoredTwin(PatientKey("p"), revision, "1", datetime.now(UTC), (), fit)
        try:
            store.save(twin)
        except TwinIsNewer:
            continue
        won += 1
        print(revision, flush=True)
    print("won", won, flush=True)

write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
"""


def start_writer(path: Path, count: int, member_count: int = 64) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(count), str(member_count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def stored_revision(path: Path) -> int:
    store = SqliteTwinStore(path)
    revision = store.load(PatientKey("p")).revision
    store.close()
    return revision


@pytest.mark.parametrize("acknowledged_before_kill", [1, 40])
def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(
    tmp_path: Path, acknowledged_before_kill: int
) -> None:
    path = tmp_path / "twins.sqlite"
    writer = start_writer(path, 100_000)
    assert writer.stdout is not None
    last = 0
    for _ in range(acknowledged_before_kill):
        last = int(writer.stdout.readline())
    # The writer is somewhere between or within two saves when it dies.
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read().split()
    writer.wait()
    writer.stdout.close()
    acknowledged = int(rest[-1]) if rest else last
    # One more may be on disk than was acknowledged: the kill fell between commit and print.
    assert stored_revision(path) in (acknowledged, acknowledged + 1)


def test_two_processes_cannot_both_save_one_revision(tmp_path: Path) -> None:
    path = tmp_path / "twins.sqlite"
    SqliteTwinStore(path).close()
    writers = [start_writer(path, 60) for _ in range(2)]
    won = []
    for writer in writers:
        output, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        won += [int(word) for word in output.split()[:-2]]
    assert sorted(won) == sorted(set(won)), "one revision was acknowledged to both writers"
    assert stored_revision(path) == max(won)


def test_a_full_disk_is_said_and_costs_no_older_twin(tmp_path: Path) -> None:
    path = tmp_path / "twins.sqlite"
    program = WRITER.replace(
        "write(sys.argv",
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
        "write(sys.argv",
    )
    writer = subprocess.run(
        [sys.executable, "-c", program, str(path), "10000", "512"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "StoreUnavailable" in writer.stderr
    assert "free space" in writer.stderr
    assert stored_revision(path) == int(writer.stdout.split()[-1])


def test_a_missing_folder_is_said_when_the_store_opens(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="could not open"):
        SqliteTwinStore(tmp_path / "nowhere" / "twins.sqlite")


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "twins.sqlite"
    path.write_bytes(b"not a database, but long enough to be looked at" * 30)
    with pytest.raises(StoreUnavailable):
        SqliteTwinStore(path)


def test_a_file_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "twins.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StoreUnavailable, match="newer program"):
        SqliteTwinStore(path)


def test_a_damaged_twin_is_said_and_never_half_read(tmp_path: Path) -> None:
    path = tmp_path / "twins.sqlite"
    store = SqliteTwinStore(path)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO twin VALUES ('p', 1, '', x'00ff')")
    connection.close()
    with pytest.raises(StoreUnavailable, match="damaged"):
        store.load(PatientKey("p"))
    store.close()


def test_a_fit_that_allows_no_advice_cannot_be_passed_off_as_one_that_does() -> None:
    empty = np.empty((0, 0), np.float32)
    body = Body(None, None, None, None)
    fit = Fit(
        FitOutcome.POOR, body, 0.0, empty, np.empty(0), empty, None, {}, {}, (), None, Arm.none(0)
    )
    assert fit.converged() is None


def test_every_error_of_the_twin_is_found_by_its_root() -> None:
    assert issubclass(StoreUnavailable, TwinError)


def a_twin(patient: str, revision: int) -> StoredTwin:
    body = Body(None, None, None, None)
    members = np.ones((60, 4), np.float32)
    now, arm = np.ones((2, 2)), Arm.none(4)
    fit = Fit(FitOutcome.GOOD, body, 1.0, members, np.ones(1), now, None, {}, {}, (), None, arm)
    return StoredTwin(
        PatientKey(patient), revision, "1", datetime(2026, 1, 1, tzinfo=UTC), (), fit
    )


def test_what_another_writer_saved_meanwhile_is_what_is_read(tmp_path: Path) -> None:
    ours, theirs = (SqliteTwinStore(tmp_path / "twins.sqlite") for _ in range(2))
    ours.save(a_twin("p", 1))
    assert ours.load(PatientKey("p")).revision == 1
    theirs.save(a_twin("p", 2))
    assert ours.load(PatientKey("p")).revision == 2
    ours.close()
    theirs.close()


def test_a_twin_damaged_in_the_file_is_said_even_where_it_was_read_before(tmp_path: Path) -> None:
    store = SqliteTwinStore(tmp_path / "twins.sqlite")
    store.save(a_twin("p", 1))
    store.load(PatientKey("p"))
    with sqlite3.connect(tmp_path / "twins.sqlite") as connection:
        connection.execute("UPDATE twin SET payload = x'00'")
    connection.close()
    with pytest.raises(StoreUnavailable, match="damaged"):
        store.load(PatientKey("p"))
    store.close()


def test_more_twins_than_are_held_in_memory_are_all_read_back(tmp_path: Path) -> None:
    store = SqliteTwinStore(tmp_path / "twins.sqlite")
    names = [f"p{number}" for number in range(RECENT_TWINS + 3)]
    for name in names:
        store.save(a_twin(name, 1))
    assert [store.load(PatientKey(name)).patient for name in names] == names
    store.close()
