"""How commands speak: one JSON object on standard output, what is for people on standard error."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping

import typer
from rich.console import Console

console = Console(stderr=True)
"""Progress, tables and explanations; standard output stays free for the one JSON object."""


def print_json(figures: Mapping[str, object]) -> None:
    """Print the one JSON object of a ``--json`` command on standard output."""
    typer.echo(json.dumps(figures, ensure_ascii=False, allow_nan=False))


def machine() -> dict[str, object]:
    """Say what the figures were measured on: processor, cores, load of the last minute, Python."""
    return {
        "processor": _processor_name(),
        "cores": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
