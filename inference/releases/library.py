"""Reads release folders and checks weights against their digest; nothing else reads them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final, final

from inference.core.release import ReleasedModel, release_from
from inference.errors import ReleaseMalformed, ReleaseNotFound, WeightsMismatch

SHIPPED: Final = Path(__file__).parent
WEIGHTS: Final = "model.onnx"
DESCRIPTION: Final = "release.json"
CARD: Final = "card.md"


@final
class ReleaseLibrary:
    """A folder of releases, by default those that ship with the distribution."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        self._folder = folder

    def names(self) -> tuple[str, ...]:
        """Return the names of the releases in this folder."""
        return tuple(sorted(found.parent.name for found in self._folder.glob(f"*/{DESCRIPTION}")))

    def load(self, name: str) -> ReleasedModel:
        """Return the release of that name.

        Raises
        ------
        ReleaseNotFound
            When there is no such folder.
        ReleaseMalformed
            When its release.json is not JSON or leaves something out.
        """
        if name not in self.names():
            raise ReleaseNotFound(name)
        text = (self._folder / name / DESCRIPTION).read_text(encoding="utf-8")
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            raise ReleaseMalformed(name, "not JSON") from error
        return release_from(document)

    def weights(self, release: ReleasedModel) -> bytes:
        """Return the weights of a release, checked against its digest.

        Raises
        ------
        ReleaseNotFound
            When the weights are not there.
        WeightsMismatch
            When they are not those that the release was evaluated with.
        """
        try:
            weights = (self._folder / release.name / WEIGHTS).read_bytes()
        except FileNotFoundError as error:
            raise ReleaseNotFound(release.name) from error
        if hashlib.sha256(weights).hexdigest() != release.digest:
            raise WeightsMismatch(release.name)
        return weights

    def card(self, name: str) -> str:
        """Return the card of a release, as Markdown."""
        if name not in self.names():
            raise ReleaseNotFound(name)
        return (self._folder / name / CARD).read_text(encoding="utf-8")
