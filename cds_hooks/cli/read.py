"""``cardiotwin read``: what the nets see in ECGs and radiographs that lie in files.

The files go through the same reading process as in the service, with its limits on time and
memory. A file that is not read is a named outcome and exit status 0; one that is not there is
exit status 2. Whose file it is cannot be compared here: there is no chart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cds_hooks.cli.report import console, print_json

if TYPE_CHECKING:
    from inference.core.image_reading import (
        FileToRead,
        ImageKind,
        ImageReading,
        LeadsToRead,
        Outcome,
    )

ECG_EPILOG = """
Recordings: DICOM, GE MUSE XML, HL7 aECG, Philips XML, Schiller XML, SCP-ECG, and WFDB by its
header (RECORD.hea with its signal files beside it). Printed pages: PNG, JPEG, TIFF, PDF, DICOM
secondary capture, encapsulated PDF; scanned or photographed.
"""
RADIOGRAPH_EPILOG = """
Frontal chest radiographs: DICOM of modality CR, DX or RG whose header says so, PNG, JPEG.
"""
NOTE = "Read by nets, not by a person, and not validated on patients; look at the images yourself."

Files = Annotated[list[Path], typer.Argument(help="One file or more.")]
Pictures = Annotated[
    Path | None,
    typer.Option(help="Folder for a PNG a file: what was read, with boxes or the activation map."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin read`` with a command a kind of image."""
    group = typer.Typer(
        name="read", help="Read ECGs and radiographs from files.", no_args_is_help=True
    )
    group.callback()(_group)
    group.command(epilog=ECG_EPILOG)(ecg)
    group.command(epilog=RADIOGRAPH_EPILOG)(radiograph)
    application.add_typer(group)


def _group() -> None:
    """Read ECGs and radiographs from files, as the service reads them. Research only."""


def ecg(files: Files, pictures: Pictures = None, as_json: AsJson = False) -> None:
    """Read twelve-lead ECGs: recordings and printed pages."""
    from inference.core.image_reading import ImageKind

    _read(ImageKind.ECG, files, pictures, as_json)


def radiograph(files: Files, pictures: Pictures = None, as_json: AsJson = False) -> None:
    """Read frontal chest radiographs: lungs, heart, cardiothoracic ratio."""
    from inference.core.image_reading import ImageKind

    _read(ImageKind.RADIOGRAPH, files, pictures, as_json)


def _read(kind: ImageKind, files: Sequence[Path], pictures: Path | None, as_json: bool) -> None:
    from inference.errors import EcgUnreadable, ReleaseError

    try:
        asked = [_asked(kind, file) for file in files]
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
        outcomes = _under_a_bar(asked)
    except (OSError, EcgUnreadable, ReleaseError) as error:
        console.print(f"Nothing was read: {error}", markup=False)
        raise typer.Exit(2) from error
    found = []
    for place, (file, outcome) in enumerate(zip(files, outcomes, strict=True)):
        picture = None
        if pictures is not None:
            picture = _drawn(pictures / f"{place + 1:03}-{file.stem}.png", outcome)
        found.append({**_figures(file, outcome), "picture": picture})
    if as_json:
        print_json({"files": found, "note": NOTE})
    else:
        _show(found)


def _asked(kind: ImageKind, file: Path) -> FileToRead | LeadsToRead:
    """Return what the reading process is handed for a file."""
    from inference.core.image_reading import FileToRead, ImageKind, LeadsToRead

    if kind is not ImageKind.ECG or file.suffix != ".hea":
        return FileToRead(kind, file.read_bytes(), named_by_chart=True)
    import numpy as np

    from inference.core.ecg import LEADS
    from inference.formats.wfdb import read_wfdb

    beside = {
        each.name: each.read_bytes()
        for each in file.parent.glob(f"{file.stem}.*")
        if each.is_file() and each != file
    }
    ecg = read_wfdb(file.read_bytes(), beside).ecg
    leads = zip(LEADS, ecg.leads_mv.astype(np.float32), strict=True)
    return LeadsToRead(tuple((name, lead.tobytes()) for name, lead in leads), ecg.rate_hz)


def _under_a_bar(asked: Sequence[FileToRead | LeadsToRead]) -> list[Outcome]:
    from rich.progress import Progress

    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("reading (the first takes some seconds)", total=len(asked))
        return asyncio.run(_outcomes(asked, lambda: progress.advance(bar)))


async def _outcomes(
    asked: Sequence[FileToRead | LeadsToRead], advance: Callable[[], None]
) -> list[Outcome]:
    from cds_hooks.app import image_releases, second_releases
    from inference.reader.process import ReadingProcess
    from inference.releases.library import ReleaseLibrary

    library = ReleaseLibrary()
    readers = image_releases(library)
    process = ReadingProcess(readers, second=second_releases(library, readers))
    outcomes = []
    try:
        for each in asked:
            outcomes.append(await process.read(each))
            advance()
    finally:
        process.close()
    return outcomes


def _drawn(path: Path, outcome: Outcome) -> str | None:
    from inference.core.image_reading import NotRead

    if isinstance(outcome, NotRead):
        return None
    from cds_hooks.cli.read_picture import marked

    marked(outcome).save(path)
    return str(path)


def _figures(file: Path, outcome: Outcome) -> dict[str, Any]:
    """Return what a file showed, or why it was not read, as it goes to JSON."""
    from inference.core.image_reading import NotRead

    if isinstance(outcome, NotRead):
        return {"file": str(file), "outcome": "not-read", "reason": outcome.reason}
    return {"file": str(file), "outcome": "read", **_of_reading(outcome.reading)}


def _of_reading(reading: ImageReading) -> dict[str, Any]:
    return {
        "form": reading.form,
        "quality": round(reading.quality, 3),
        "doubts": list(reading.doubts),
        "findings": [
            {
                "code": each.code,
                "name": each.name,
                "probability": round(each.probability, 4),
                "called": each.called,
                "possible": each.possible,
                "likely": each.likely,
                "threshold": None if each.threshold is None else each.threshold.value,
                "sensitivity": None if each.threshold is None else each.threshold.sensitivity,
                "specificity": None if each.threshold is None else each.threshold.specificity,
            }
            for each in reading.findings
        ],
        "boxes": [
            {
                "name": each.name,
                "score": round(each.score, 4),
                "left": round(each.left, 4),
                "top": round(each.top, 4),
                "right": round(each.right, 4),
                "bottom": round(each.bottom, 4),
            }
            for each in reading.regions
        ],
        "cardiothoracic_ratio": None
        if reading.ratio is None
        else {
            "value": round(reading.ratio.value, 3),
            "width_of": reading.ratio.of,
            "mean_error": reading.ratio.error,
        },
        "ventricular_rate_per_min": reading.rate_per_min,
        "recorded_at": reading.recorded_at,
        "release": reading.release,
    }


def _show(found: Sequence[dict[str, Any]]) -> None:
    """Print the readings as a table for people."""
    from rich.table import Table

    table = Table("file", "read as", "what was seen", "doubts", title=NOTE)
    for each in found:
        if each["outcome"] == "not-read":
            table.add_row(each["file"], "not read", each["reason"], "")
        else:
            table.add_row(each["file"], each["form"], _seen(each), "; ".join(each["doubts"]))
    console.print(table)
    for each in found:
        if each["picture"] is not None:
            console.print(f"{each['file']} drawn in {each['picture']}", markup=False)


def _seen(one: dict[str, Any]) -> str:
    called = sorted(
        (each for each in one["findings"] if each["possible"]),
        key=lambda each: -each["probability"],
    )
    lines = [
        f"{'likely' if each['likely'] else 'possible'} {each['name']} {each['probability']:.0%}"
        for each in called
    ]
    if one["findings"] and not called:
        lines.append("nothing that the release looks for is likely or possible")
    if one["ventricular_rate_per_min"] is not None:
        lines.append(f"ventricular rate {one['ventricular_rate_per_min']:.0f} /min")
    ratio = one["cardiothoracic_ratio"]
    if ratio is not None:
        error = "" if ratio["mean_error"] is None else f" (mean error {ratio['mean_error']:.2f})"
        lines.append(f"cardiothoracic ratio {ratio['value']:.2f}{error}")
    lines += [f"{each['name']} {each['score']:.0%}" for each in one["boxes"]]
    return "\n".join(lines)
