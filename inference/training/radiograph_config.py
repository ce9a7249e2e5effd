"""What a training of radiographs is made of: from TOML to values."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import TrainingDataUnusable
from inference.training.radiograph_sets import SetPlace


@dataclass(frozen=True, slots=True)
class RadiographSettings:
    """A parsed configuration.

    Attributes
    ----------
    sets
        As `SetPlace`, with paths relative to the data folder.
    marks
        Files of `inference.training.radiograph_marks.ANNOTATIONS` with our own marks.
    net, loop, pretraining, generated
        Arguments of `inference.nets.cascade_rcnn.CascadeSettings`,
        `inference.training.radiograph_loop.LoopSettings`,
        `inference.training.radiograph_pretraining.PretrainingSettings` and
        `inference.training.radiograph_generator.GeneratorSettings`.
    """

    sets: tuple[Mapping[str, Any], ...]
    net: Mapping[str, Any]
    loop: Mapping[str, Any]
    pretraining: Mapping[str, Any]
    generated: Mapping[str, Any]
    marks: tuple[str, ...] = ()

    def places(self, data: Path) -> tuple[SetPlace, ...]:
        """Return where each set lies below the data folder."""
        return tuple(
            SetPlace(
                name=each["name"],
                images=data / each["images"],
                boxes=data / each["boxes"] if "boxes" in each else None,
                table=data / each["table"] if "table" in each else None,
                columns=each.get("columns", {}),
                licence=each.get("licence"),
                kinds=each.get("kinds", {}),
            )
            for each in self.sets
        )


def read_settings(file: Path) -> RadiographSettings:
    """Return the settings in a TOML file; raise TrainingDataUnusable where it is none."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        return RadiographSettings(
            sets=tuple(document["set"]),
            net=document.get("net", {}),
            loop=document.get("loop", {}),
            pretraining=document.get("pretraining", {}),
            generated=document.get("generated", {}),
            marks=tuple(document.get("marks", ())),
        )
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise TrainingDataUnusable(file.name, 0, "a configuration of sets and a net") from error
