"""What the reading process does: a file's bytes in, a reading or the reason for none out.

Runs in the child alone; files come from outside, and decoders, page finding and nets are imported
and opened there with the first file that needs them. Nothing is raised for a file: what is wrong
with it is its outcome.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.core import ecg_reading, radiograph_findings
from inference.core.ecg import Ecg, standard
from inference.core.ecg_beats import rate_per_minute
from inference.core.ecg_checks import BARS_READING, doubts, quality
from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM, canonical_layout
from inference.core.ecg_page import read_page
from inference.core.ecg_paper import ink_of
from inference.core.ecg_printer import PageStyle, canonical_style, print_canonical, print_page
from inference.core.ecg_together import PageSays, said_together
from inference.core.image_reading import (
    FileToRead,
    ImageKind,
    ImageReading,
    LeadsToRead,
    NotRead,
    Outcome,
    Picture,
    Read,
)
from inference.core.owner import Owner, conflict, doubt
from inference.core.radiograph_quality import doubts_of
from inference.core.radiograph_reading import batch_of, detections_of, side_of
from inference.core.release import ReleasedModel, joint_digest
from inference.core.viz_ecg import PAGE, net_pages
from inference.errors import ArchiveUnreadable, EcgUnreadable, RadiographError
from inference.formats.reading import owner_in, read_ecg
from inference.formats.recording import EcgRecording, recording
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime

SHOWN_PX_PER_MM: Final = 5.0
"""A page printed from a recording is shown at twice the scale that the net reads."""
SHOWN_SIDE_PX: Final = 1024
"""Longer side of a radiograph as it is shown."""
_COLOURS: Final = 48


@dataclass(slots=True)
class Readers:
    """The releases of one child, their sessions opened at first use and kept.

    ``names`` holds for each kind the release that reads it, and for pages of ECGs a second one
    that may be heard with it.
    """

    names: dict[ImageKind, tuple[str, ...]]
    library: ReleaseLibrary = field(default_factory=ReleaseLibrary)
    threads: int = 1
    _runtime: OnnxRuntime | None = None
    _releases: dict[str, ReleasedModel] = field(default_factory=dict)

    def read(self, file: FileToRead | LeadsToRead) -> Outcome:
        """Return the reading of a file, or why there is none."""
        kind = ImageKind.ECG if isinstance(file, LeadsToRead) else file.kind
        if kind not in self.names:
            return NotRead("no reader for it is installed", lasting=False)
        try:
            if isinstance(file, LeadsToRead):
                return self._recording(_leads_of(file), "recording in the chart", None)
            if kind is ImageKind.RADIOGRAPH:
                return self._radiograph(file)
            return self._ecg(file)
        except (EcgUnreadable, RadiographError) as error:
            return NotRead(error.reason)
        except ArchiveUnreadable:
            return NotRead("it is no DICOM file that can be read")
        except MemoryError:
            return NotRead("it needs more memory than a reading may take", lasting=False)

    def _read_by(self, kind: ImageKind) -> list[ReleasedModel]:
        """Return the releases that read a kind, the one that speaks first."""
        for name in self.names[kind]:
            if name not in self._releases:
                self._releases[name] = self.library.load(name)
        return [self._releases[name] for name in self.names[kind]]

    def _run(self, release: ReleasedModel, batch: dict[str, NDArray[Any]]) -> dict[str, Any]:
        if self._runtime is None:
            self._runtime = OnnxRuntime(self.library, self.threads)
        return dict(self._runtime.run_now(release, batch))

    def _ecg(self, file: FileToRead) -> Outcome:
        found = read_ecg(file.data)
        if isinstance(found, EcgRecording):
            said = _not_theirs(found.owner, file)
            if said is not None:
                return said
            return self._recording(found.ecg, f"{found.format} recording", found.recorded_at)
        # A page in a DICOM file has an owner too: the header's.
        return _not_theirs(owner_in(file.data), file) or self._pages(found)

    def _recording(self, ecg: Ecg, form: str, recorded_at: str | None) -> Outcome:
        seen = doubts(ecg)
        barring = [each.sentence for each in seen if each.kind in BARS_READING]
        if barring:
            return NotRead("; ".join(barring))
        first = standard(ecg)
        printed = print_canonical(first, THREE_BY_FOUR_RHYTHM, PageStyle())
        style = replace(canonical_style(PageStyle()), px_per_mm=SHOWN_PX_PER_MM)
        shown = print_page(first, canonical_layout(THREE_BY_FOUR_RHYTHM), style)
        return self._page_read(
            ink_of(printed.pixels),
            _coloured(shown.pixels),
            ImageReading(
                kind=ImageKind.ECG,
                form=form,
                findings=(),
                doubts=tuple(each.sentence for each in seen),
                quality=quality(seen),
                regions=(),
                ratio=None,
                activations=(),
                rate_per_min=rate_per_minute(ecg),
                recorded_at=recorded_at,
                release="",
                release_digest="",
            ),
        )

    def _pages(self, pages: tuple[NDArray[np.uint8], ...]) -> Outcome:
        reasons: list[str] = []
        for pixels in pages:
            page = read_page(pixels)
            if page.page is None:
                reasons += [each.value for each in page.doubts]
                continue
            worth = ecg_reading.page_quality(page.doubts, page.silent)
            if worth <= 0.0:
                reasons += ["too much in doubt to be read", *ecg_reading.page_doubts(page)]
                continue
            unread = ImageReading(
                kind=ImageKind.ECG,
                form="page" if page.layout is None else f"page, {page.layout.name}",
                findings=(),
                doubts=ecg_reading.page_doubts(page),
                quality=worth,
                regions=(),
                ratio=None,
                activations=(),
                rate_per_min=None,
                recorded_at=None,
                release="",
                release_digest="",
            )
            return self._page_read(page.page, _grey(255 - page.page), unread)
        return NotRead("; ".join(dict.fromkeys(reasons)) or "it holds no page")

    def _page_read(
        self, ink: NDArray[np.uint8], picture: Picture, unread: ImageReading
    ) -> Outcome:
        releases = self._read_by(ImageKind.ECG)
        page = {PAGE: net_pages(ink[None])}
        outputs = self._run(releases[0], page)
        reason = ecg_reading.why_not_readable(releases[0], outputs)
        if reason is not None:
            return NotRead(reason)
        if len(releases) > 1:
            second = self._run(releases[1], page)
            said = said_together(releases[0], outputs, releases[1], second)
        else:
            findings = ecg_reading.findings_of(releases[0], outputs)
            said = PageSays(findings, ecg_reading.activations_of(findings, outputs))
        reading = replace(
            unread,
            findings=said.findings,
            activations=said.activations,
            doubts=(*unread.doubts, *said.doubts),
            release=" with ".join(each.identity for each in releases),
            release_digest=joint_digest(releases),
        )
        return Read(reading, picture)

    def _radiograph(self, file: FileToRead) -> Outcome:
        # pydicom and its decoders take half a second to import, and ECGs need none of them.
        from inference.archive.dicom_file import identified
        from inference.archive.dicom_pixels import radiograph_of

        said = _not_theirs(identified(file.data).owner, file)
        if said is not None:
            return said
        release = self._read_by(ImageKind.RADIOGRAPH)[0]
        side = side_of(release)
        grey = radiograph_of(file.data, max(side, SHOWN_SIDE_PX)).grey
        rows, columns = grey.shape
        batch, placement = batch_of(grey, side)
        detections = detections_of(self._run(release, batch), placement, release.labels)
        reason = radiograph_findings.why_not_readable(release, detections)
        if reason is not None:
            return NotRead(reason)
        odd = doubts_of(grey, detections)
        reading = ImageReading(
            kind=ImageKind.RADIOGRAPH,
            form="radiograph",
            findings=radiograph_findings.findings_of(release, detections.found),
            doubts=odd,
            quality=radiograph_findings.quality(odd),
            regions=radiograph_findings.regions_of(release, detections.found, rows, columns),
            ratio=radiograph_findings.ratio_in(release, detections.found),
            activations=(),
            rate_per_min=None,
            recorded_at=None,
            release=release.identity,
            release_digest=release.digest,
        )
        return Read(reading, _shown(grey))


def _leads_of(file: LeadsToRead) -> Ecg:
    leads = {name: np.frombuffer(values, np.float32) for name, values in file.leads_mv}
    return recording(leads, file.rate_hz, "SampledData").ecg


def _not_theirs(owner: Owner, file: FileToRead) -> NotRead | None:
    """Return the refusal of a file that is, or may be, of another patient than the chart."""
    judged = conflict if file.named_by_chart else doubt
    reason = judged([owner], file.chart)
    return None if reason is None else NotRead(reason, of_another=True)


def _shown(grey: NDArray[np.uint8]) -> Picture:
    """Return a radiograph as it is shown, no larger than a screen needs."""
    rows, columns = grey.shape
    scale = min(1.0, SHOWN_SIDE_PX / max(rows, columns))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return _png(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))


def _grey(pixels: NDArray[np.uint8]) -> Picture:
    return _png(Image.fromarray(pixels))


def _coloured(pixels: NDArray[np.uint8]) -> Picture:
    return _png(Image.fromarray(pixels).quantize(_COLOURS))


def _png(picture: Image.Image) -> Picture:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return Picture(stream.getvalue(), picture.width, picture.height)
