"""``cardiotwin conformance``: numbered requirement -> tests -> result, by running those tests.

The requirements are data beside the tests (``tests/conformance/*_requirements.toml``); a test
cites what it verifies by ``@pytest.mark.requirement``. So the command needs a checkout with the
development tools.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cds_hooks.cli.conformance_attacks import attack_summary, attacks, print_attacks
from cds_hooks.cli.report import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

TESTS: Final = Path(__file__).parents[2] / "tests"


@dataclass(frozen=True, slots=True)
class Specification:
    """A specification whose requirements are numbered."""

    title: str
    prefix: str
    file: str


CDS_HOOKS: Final = Specification("CDS Hooks 2.0.1", "CH", "cds_hooks_requirements.toml")
SMART: Final = Specification("SMART App Launch 2.2.0", "SM", "smart_requirements.toml")

PASSED: Final = "passed"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
UNTESTED: Final = "untested"
NOT_APPLICABLE: Final = "not applicable"
_COLOURS: Final = {PASSED: "green", FAILED: "bold red", SKIPPED: "yellow", UNTESTED: "red"}


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement and what its tests showed."""

    number: str
    level: str
    text: str
    result: str
    tests: tuple[str, ...]
    reason: str | None
    """Why no test of a service can meet it, where that is so."""


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin conformance``."""

    @application.command("conformance")
    def conformance(
        smart: Annotated[
            bool, typer.Option("--smart", help="SMART App Launch in place of CDS Hooks.")
        ] = False,
        security: Annotated[
            bool, typer.Option("--security", help="Attacks, counted by kind, in their place.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Run the tests that cite a requirement of CDS Hooks and print the table.

        152 requirements of CDS Hooks 2.0.1 and, where marked, of the 3.0 ballot; with --smart
        the 69 that SMART App Launch 2.2 makes of an app; with --security every attack that is
        tried on the service, counted by its kind from the collected tests.
        """
        if security:
            figures = attack_summary(attacks(results_of("attack", "--attacks-report")))
            if as_json:
                print_json(figures)
            else:
                print_attacks(figures)
            return
        specification = SMART if smart else CDS_HOOKS
        path = TESTS / "conformance" / specification.file
        if not path.is_file():
            typer.echo("The tests are not installed; run this in a checkout.", err=True)
            raise typer.Exit(2)
        requirements = tomllib.loads(path.read_text("utf-8"))["requirement"]
        rows = table(requirements, results(specification))
        if as_json:
            print_json(summary(rows))
        else:
            _print(rows, specification)


def results(specification: Specification) -> Mapping[str, Mapping[str, str]]:
    """Run the tests that cite one of its requirements; return requirement -> test -> result.

    Raises
    ------
    typer.Exit
        With status 1 where the tests could not be run at all.
    """
    only = ("--requirements-of", specification.prefix)
    return results_of("requirement", "--requirements-report", *only)


def results_of(marker: str, report_option: str, *more: str) -> Mapping[str, Mapping[str, str]]:
    """Run the tests that bear a marker; return what they name -> test -> result.

    Raises
    ------
    typer.Exit
        With status 1 where the tests could not be run at all, 2 where they are not installed.
    """
    if not TESTS.is_dir():
        typer.echo("The tests are not installed; run this in a checkout.", err=True)
        raise typer.Exit(2)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pytest", "-q", "-m", marker, str(TESTS), *more]
        command += ["-n", "2", "--dist", "loadgroup", report_option, str(report)]
        # Standard output stays free for the one JSON object.
        subprocess.run(command, cwd=TESTS.parent, stdout=sys.stderr, check=False)  # noqa: S603
        if not report.is_file():
            typer.echo("The tests could not be run; see above.", err=True)
            raise typer.Exit(1)
        found: Mapping[str, Mapping[str, str]] = json.loads(report.read_text("utf-8"))
    return found


def table(
    requirements: Iterable[Mapping[str, str]], found: Mapping[str, Mapping[str, str]]
) -> tuple[Row, ...]:
    """Join the requirements with what their tests showed."""
    rows = []
    for each in requirements:
        tests = found.get(each["number"], {})
        reason = each.get("reason")
        result = NOT_APPLICABLE if reason is not None and not tests else verdict(tests.values())
        rows.append(
            Row(each["number"], each["level"], each["text"], result, tuple(sorted(tests)), reason)
        )
    return tuple(rows)


def verdict(outcomes: Iterable[str]) -> str:
    """Return the result of a requirement: one failure fails it, and one pass is needed."""
    seen = set(outcomes)
    if FAILED in seen:
        return FAILED
    if PASSED in seen:
        return PASSED
    return SKIPPED if seen else UNTESTED


def summary(rows: Iterable[Row]) -> dict[str, object]:
    """Return the figures and the table as ``--json`` prints them."""
    listed = list(rows)
    counts = Counter(row.result for row in listed)
    return {
        "requirements": len(listed),
        "passed": counts[PASSED],
        "failed": counts[FAILED],
        "skipped": counts[SKIPPED],
        "untested": counts[UNTESTED],
        "not_applicable": counts[NOT_APPLICABLE],
        "tests": len({test for row in listed for test in row.tests}),
        "table": [asdict(row) for row in listed],
    }


def _print(rows: tuple[Row, ...], specification: Specification) -> None:
    from rich.console import Console

    shown = _table(rows, specification.title)
    Console().print(shown)
    figures = summary(rows)
    console.print(
        ", ".join(f"{figures[name]} {name.replace('_', ' ')}" for name in _COUNTED), style="bold"
    )


_COUNTED: Final = ("passed", "failed", "skipped", "untested", "not_applicable")


def _table(rows: Iterable[Row], title: str) -> Table:
    from rich.table import Table

    shown = Table("Requirement", "Level", "Text", "Tests", "Result", title=title)
    for row in rows:
        what = f"{row.text} ({row.reason})" if row.reason else row.text
        colour = _COLOURS.get(row.result, "dim")
        first = row.tests[0].rpartition("::")[2].partition("[")[0] if row.tests else ""
        tests = f"{len(row.tests)}: {first}" if row.tests else "-"
        shown.add_row(row.number, row.level, what, tests, f"[{colour}]{row.result}[/]")
    return shown
