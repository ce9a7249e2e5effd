"""A trained VizECGNet teaches EfficientNet on the same pages: findings, places, tokens.

    L = L_cls(annotated) + findings x soft(log-odds) + places x (what each place adds) + tokens

Rule of the file: the teacher's run, and the loss against it. Few records teach, and a page has one
answer a finding from its labels; the teacher adds what each quarter of a second of each strip says
to it. Findings can be left out of it: what the teacher learnt from records that must judge the
pupil it must not pass on.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from inference.errors import TrainingDataUnusable
from inference.nets.efficientnet_page import PageEfficientNet, PlaceSays
from inference.nets.vizecgnet import VizEcgNet
from inference.training.ecg_labels import CODES
from inference.training.ecg_losses import findings_loss, soft_loss
from inference.training.ecg_settings import TeacherSettings


class TeacherSays(NamedTuple):
    """Log-odds ``[b, finding]``, what each place adds ``[b, finding, 20, 42]``, tokens."""

    logits: Tensor
    activation: Tensor
    tokens: Tensor


class PageTeacher:
    """The image stream of a VizECGNet run, that reads the pages its pupil reads."""

    def __init__(self, folder: Path, settings: TeacherSettings, device: torch.device) -> None:
        from inference.training.ecg_loop import trained_net

        net, _ = trained_net(folder)
        if not isinstance(net, VizEcgNet):
            raise TrainingDataUnusable(folder.name, 0, "a run of kind vizecgnet to teach")
        self.image = net.image.eval().to(device, memory_format=torch.channels_last)
        self.settings = settings
        kept = [place for place, code in enumerate(CODES) if code not in settings.withheld]
        self.kept = torch.tensor(kept, device=device)

    def says(self, page: Tensor) -> TeacherSays:
        """Return what the teacher says of pages ``[b, 1, 320, 672]``, of findings it may teach."""
        with torch.no_grad():
            tokens, rows = self.image.tokens(page)
            says = self.image.upper(tokens, self.image.where)
            adds = torch.einsum("blst,bsyt->blyt", says.evidence, rows)
        return TeacherSays(says.logits[:, self.kept], adds[:, self.kept], tokens)

    def loss(self, net: PageEfficientNet, page: Tensor, targets: Tensor) -> Tensor:
        """Return what a pupil's errors on pages cost, against labels and against the teacher."""
        pupil, guess = net.taught(page)
        teacher = self.says(page)
        total = findings_loss(pupil.logits, targets)
        total = total + self.settings.findings * soft_loss(
            pupil.logits[:, self.kept], teacher.logits
        )
        total = total + self.settings.places * places_loss(pupil, teacher, self.kept)
        if guess is not None:
            total = total + self.settings.tokens * (guess - teacher.tokens).square().mean()
        return total


def places_loss(pupil: PlaceSays, teacher: TeacherSays, kept: Tensor) -> Tensor:
    """Return the squared distance of what places add, summed over places, mean over findings.

    The teacher's finer map is added up over each place of the pupil's.
    """
    rows, columns = pupil.activation.shape[2:]
    finer = teacher.activation.shape[2] * teacher.activation.shape[3] / (rows * columns)
    wanted = adaptive_avg_pool2d(teacher.activation, (rows, columns)) * finer
    apart: Tensor = (pupil.activation[:, kept] - wanted).square().sum(dim=(2, 3)).mean()
    return apart
