"""``imaging-findings``: which studies are on file, without ever waiting for a PACS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from anyio import run

from cds_hooks.fhir.closed_ehr import ClosedEhr
from cds_hooks.services.image_fetching import ImageFetching
from cds_hooks.services.imaging_findings import ImagingFindings
from cds_hooks.services.service import HookCall
from cds_hooks.services.speaker import Speaker
from cds_hooks.wire.response import Card
from inference.archive.folder import FolderArchive

MakeCall = Callable[..., HookCall]


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)


def answered(call: HookCall, tmp_path: Path) -> tuple[Card, ...]:
    async def asked() -> tuple[Card, ...]:
        fetching = ImageFetching(FolderArchive(tmp_path), ClosedEhr(), Noon())
        speaker = Speaker("https://cardiotwin.example/documentation", None)
        return await ImagingFindings(fetching, speaker).cards(call)

    return run(asked)


def test_a_study_on_file_is_listed_as_not_yet_read(call: MakeCall, tmp_path: Path) -> None:
    (card,) = answered(call("heart-failure", "patient-view"), tmp_path)
    assert "on file" in card.summary
    assert "not yet read" in card.summary
    assert "being fetched" in (card.detail or "")


def test_no_study_no_card(call: MakeCall, tmp_path: Path) -> None:
    assert answered(call("almost-no-data", "patient-view"), tmp_path) == ()
