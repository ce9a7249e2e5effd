"""What every test may use: the requirements report and the folder of shared data.

``--requirements-report FILE`` writes which tests verified which numbered requirement, and with
what result, ``--attacks-report FILE`` the same of every attack that was tried;
``cardiotwin conformance`` prints them as tables.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import settings

# No timer is an assertion: on a busy machine the first example may take its time.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

pytest_plugins = ["browsing", "phi_watch"]
"""Of the folder ``tests/shared``, each with a task of its own."""

# As the command line sets it; before numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

PROPERTY = "requirement"
ATTACK = "attack"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirements-report",
        type=Path,
        help="Write requirement -> tests -> results as JSON to this file.",
    )
    parser.addoption(
        "--attacks-report",
        type=Path,
        help="Write kind of attack -> tests -> results as JSON to this file.",
    )
    parser.addoption(
        "--requirements-of",
        help="Run only tests that cite a requirement whose number begins so, such as SM.",
    )


def pytest_configure(config: pytest.Config) -> None:
    for option, property_name in (
        ("--requirements-report", PROPERTY),
        ("--attacks-report", ATTACK),
    ):
        target: Path | None = config.getoption(option)
        # Workers of xdist report to the controller, which alone writes.
        if target is not None and not hasattr(config, "workerinput"):
            config.pluginmanager.register(ResultsReport(target, property_name), option)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("requirement"):
            item.user_properties += [(PROPERTY, str(number)) for number in marker.args]
        for marker in item.iter_markers("attack"):
            item.user_properties.append((ATTACK, str(marker.args[0])))
    begins: str | None = config.getoption("--requirements-of")
    if begins is not None:
        others = [item for item in items if not _cites(item, begins)]
        items[:] = [item for item in items if _cites(item, begins)]
        config.hook.pytest_deselected(items=others)


def _cites(item: pytest.Item, begins: str) -> bool:
    numbers = (str(number) for name, number in item.user_properties if name == PROPERTY)
    return any(number.startswith(begins) for number in numbers)


class ResultsReport:
    """Collects results by what tests name; a test counts once, by its worst phase."""

    def __init__(self, target: Path, property_name: str) -> None:
        self._target = target
        self._property = property_name
        self._results: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        for name, number in report.user_properties:
            if name == self._property:
                tests = self._results.setdefault(str(number), {})
                if tests.get(report.nodeid) != "failed":
                    tests[report.nodeid] = report.outcome

    def pytest_sessionfinish(self) -> None:
        self._target.write_text(json.dumps(self._results, indent=1, sort_keys=True))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of ``CARDIOTWIN_DATA``; skip without it, fail where it is wrong."""
    named = os.environ.get("CARDIOTWIN_DATA")
    if not named:
        pytest.skip("CARDIOTWIN_DATA names no folder of data")
    folder = Path(named)
    if not folder.is_dir():
        if os.environ.get("CARDIOTWIN_REQUIRE_SERVICES") == "1":
            pytest.fail("CARDIOTWIN_DATA is set and is no readable folder")
        pytest.skip("CARDIOTWIN_DATA is no readable folder")
    return folder
