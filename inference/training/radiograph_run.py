"""One training run of the detector, in a folder of its own: sets, net, pretraining, loop.

Started again, it goes on where it stopped. ``parts.json`` says which pictures taught, which chose,
and which only judge, by digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from inference.core.radiograph import Grey
from inference.core.radiograph_input import square_of
from inference.core.radiograph_reading import OUTPUTS, Detections, detections_of
from inference.nets.cascade_rcnn import CascadeRcnn, CascadeSettings
from inference.training.radiograph_augmentation import Strength
from inference.training.radiograph_config import RadiographSettings
from inference.training.radiograph_evaluation import Case, figures, read_cases, short
from inference.training.radiograph_generator import GeneratorSettings, generated
from inference.training.radiograph_loop import Example, LoopSettings, RadiographTrainer
from inference.training.radiograph_marks import ANNOTATIONS, read_marks, with_marks
from inference.training.radiograph_posture import fit_posture
from inference.training.radiograph_pretraining import PretrainingSettings, pretrain
from inference.training.radiograph_sets import (
    LabelledPicture,
    Sorted,
    digest_of,
    grey_of,
    read_set,
    sort,
)

Report = Callable[[str], None]
PARTS: Final = "parts.json"
HELD_OUT_SEED: Final = 1_000_003
"""Of generated pictures that judge: no training draws from it."""
HELD_OUT_PICTURES: Final = 24


@dataclass(frozen=True, slots=True)
class RadiographRun:
    """A folder and the settings of the run that it keeps."""

    folder: Path
    settings: RadiographSettings

    def net_settings(self) -> CascadeSettings:
        """Return what the detector is built of."""
        return CascadeSettings(**_with_tuples(self.settings.net))

    def parts(self, data: Path) -> Sorted:
        """Return every picture of the sets with patient and part."""
        places = self.settings.places(data)
        pictures = [picture for place in places for picture in read_set(place)]
        for name in self.settings.marks:
            pictures = with_marks(pictures, read_marks(ANNOTATIONS / name))
        return sort(pictures)

    def made(self) -> GeneratorSettings:
        """Return how generated pictures vary."""
        return GeneratorSettings(**self.settings.generated)


def train(run: RadiographRun, data: Path, report: Report) -> None:
    """Do what is left to do of a run."""
    run.folder.mkdir(parents=True, exist_ok=True)
    parts = run.parts(data)
    report(json.dumps(parts.counts()))
    _write_parts(parts, run.folder / PARTS)
    trainer = _trainer(run, parts)
    if trainer.resume():
        pass
    elif trainer.settings.begin:
        trainer.begin_with(run.folder.parent / trainer.settings.begin)
    else:
        greys = [grey_of(each) for each in parts.of("train", boxes=False)]
        pretrain(
            trainer.net,
            greys,
            PretrainingSettings(**run.settings.pretraining),
            run.made(),
            run.folder,
            report,
        )
        trainer.averaged.load_state_dict(trainer.net.state_dict())
    averaged = trainer.run(report)
    if trainer.settings.posture_pictures > 0:
        greys = [grey_of(each) for each in parts.of("train", boxes=False)]
        left = fit_posture(
            averaged, greys, trainer.settings.posture_pictures, trainer.settings.seed
        )
        report(f"posture loss {left:.3f}")
        trainer.save()


def _trainer(run: RadiographRun, parts: Sorted) -> RadiographTrainer:
    kinds = run.net_settings().kinds
    plain = {name: value for name, value in run.settings.loop.items() if name != "strength"}
    settings = LoopSettings(**plain, strength=Strength(**run.settings.loop.get("strength", {})))
    torch.manual_seed(settings.seed)
    judged = _validation(run, parts)
    return RadiographTrainer(
        CascadeRcnn(run.net_settings()),
        settings,
        [example_of(each, kinds) for each in parts.of("train")],
        run.made(),
        lambda net: _judged(net, *judged),
        run.folder,
    )


def example_of(picture: LabelledPicture, kinds: Sequence[str]) -> Example:
    """Return a marked picture in memory, with the kinds of a net as numbers."""
    own = [place for place, kind in enumerate(picture.kinds) if kind in kinds]
    return Example(
        grey_of(picture),
        picture.boxes[own],
        np.array([kinds.index(picture.kinds[place]) for place in own], dtype=np.int64),
        np.array([kind in picture.annotated for kind in kinds]),
    )


def reader(net: CascadeRcnn) -> Callable[[Grey], Detections]:
    """Return what reads a picture with a net as serving will, in torch."""
    device = next(net.parameters()).device

    def read(grey: Grey) -> Detections:
        square, placement = square_of(grey, net.settings.side)
        with torch.no_grad():
            said = net(torch.from_numpy(square[None]).to(device))
        outputs = {name: getattr(said, name).float().cpu().numpy() for name in OUTPUTS}
        return detections_of(outputs, placement, net.settings.kinds)

    return read


def held_out_generated(made: GeneratorSettings, count: int) -> list[tuple[LabelledPicture, Grey]]:
    """Return generated pictures that teach nothing, as marked pictures and their pixels."""
    random = np.random.default_rng(HELD_OUT_SEED)
    found = []
    for number in range(count):
        one = generated(random, made)
        found.append(
            (
                LabelledPicture(
                    set_name="generated",
                    file=Path(f"generated-{number}"),
                    licence="own",
                    patient=f"generated/{number}",
                    known_as=f"generated-{number}",
                    rows=one.grey.shape[0],
                    columns=one.grey.shape[1],
                    boxes=one.boxes,
                    kinds=one.kinds,
                    annotated=frozenset(
                        ("right_lung", "left_lung", "heart", "cardiomediastinum", "opacity")
                    ),
                ),
                one.grey,
            )
        )
    return found


_Made = list[tuple[LabelledPicture, Grey]]


def _validation(run: RadiographRun, parts: Sorted) -> tuple[Sorted, _Made]:
    return parts, held_out_generated(run.made(), HELD_OUT_PICTURES)


def _judged(net: CascadeRcnn, parts: Sorted, made: _Made) -> dict[str, float]:
    """Return figures of the validation part and, as ``made_...``, of generated pictures."""
    read = reader(net)
    real = parts.of("validate")
    cases = read_cases(real, [each.patient for each in real], read)
    lines = short(figures(cases, resamples=0)) if cases else {}
    drawn = [Case(picture, picture.patient, read(grey)) for picture, grey in made]
    return lines | {
        f"made_{name}": value for name, value in short(figures(drawn, resamples=0)).items()
    }


def _write_parts(parts: Sorted, file: Path) -> None:
    named = {
        part: sorted({digest_of(each) for each in parts.of(part, boxes=False)})
        for part in ("train", "validate", "judge")
    }
    file.write_text(json.dumps({"counts": parts.counts(), **named}, indent=1), encoding="utf-8")


def _with_tuples(arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - as TOML gives them
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in arguments.items()
    }
