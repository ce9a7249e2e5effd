"""What the trajectory net is taught: death, the teacher's word, what was hidden or follows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from inference.nets.trajectory_net import TrajectoryOutputs


@dataclass(frozen=True, slots=True)
class LossWeights:
    """``teacher`` is the share of the death target taken from cross-fitted gradient boosting."""

    teacher: float = 0.6
    auxiliary: float = 0.1
    hidden: float = 0.1
    following: float = 0.1


@dataclass(frozen=True, slots=True)
class Targets:
    """Of one batch; NaN is unknown and teaches nothing."""

    died: Tensor
    teacher: Tensor
    auxiliary: Tensor
    hidden: Tensor
    following: Tensor


def total_loss(
    outputs: TrajectoryOutputs, targets: Targets, weights: LossWeights, labelled: bool
) -> Tensor:
    """Return the weighted sum; without ``labelled`` only what the stay itself teaches."""
    loss = weights.hidden * regression(outputs.hidden, targets.hidden)
    loss = loss + weights.following * regression(outputs.following, targets.following)
    if not labelled:
        return loss
    wanted = (1 - weights.teacher) * targets.died + weights.teacher * targets.teacher
    loss = loss + F.binary_cross_entropy_with_logits(outputs.death, wanted)
    return loss + weights.auxiliary * regression(outputs.auxiliary, targets.auxiliary)


def regression(found: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean Huber loss over what is known, 0 where nothing is."""
    known = ~torch.isnan(wanted)
    each = F.huber_loss(found, torch.where(known, wanted, found.detach()), reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)
