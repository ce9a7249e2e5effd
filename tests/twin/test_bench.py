"""The bench times what it says: a fit that converges, all scenarios, and a fresh process."""

from __future__ import annotations

import subprocess

import pytest

from twin.bench import updates
from twin.bench.speed import Timed, processor_s
from twin.core.fit import ConvergedFit


def test_the_posterior_that_is_timed_is_a_guarded_fit_with_all_members() -> None:
    fit = updates.posterior_case()()
    assert isinstance(fit, ConvergedFit)
    assert len(fit.weights) == updates.MEMBERS


def test_an_update_simulates_as_many_scenarios_as_it_says() -> None:
    assert len(updates.PLANS) + 1 == updates.SCENARIOS
    updates.update_case()()


def test_a_fresh_process_fits_and_simulates_and_its_time_is_counted() -> None:
    before = processor_s()
    updates.cold_start()
    assert processor_s() - before > 0.1


def test_a_fresh_process_that_fails_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "COLD", "raise SystemExit(3)")
    with pytest.raises(subprocess.CalledProcessError):
        updates.cold_start()


def test_every_run_of_a_turn_is_noted() -> None:
    done: list[int] = []
    timed = Timed("count", lambda: done.append(1), None, times=3)
    timed.once()
    figures = timed.figures()
    assert len(done) == figures["runs"] == 3
    assert "realtime_factor" not in figures
