"""What the ECG nets are taught: findings where annotated, and what the other stream says.

L = L_cls + L_KD as in VizECGNet (https://arxiv.org/abs/2408.02888); what L_KD is there is not
published. Here it has three parts: soft findings from the streams together to each stream, soft
findings between the streams, and the signal's tokens to the image's tokens, place by place.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from inference.nets.vizecgnet import Together
from inference.training.ecg_settings import DistillationWeights


def findings_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return binary cross-entropy over what is annotated, each finding's mean counting alike."""
    known = ~torch.isnan(targets)
    wanted = torch.nan_to_num(targets)
    each = binary_cross_entropy_with_logits(logits, wanted, reduction="none") * known
    return each.sum() / known.sum().clamp(min=1)


def soft_loss(logits: Tensor, teacher: Tensor) -> Tensor:
    """Return cross-entropy with the teacher's probabilities, above what they must cost."""
    soft = teacher.detach().sigmoid()
    cost = binary_cross_entropy_with_logits(logits, soft, reduction="none")
    least = binary_cross_entropy_with_logits(teacher.detach(), soft, reduction="none")
    return (cost - least).mean() * logits.shape[1] ** 0.5


def token_loss(student: Tensor, teacher: Tensor, printed: Tensor) -> Tensor:
    """Return the mean squared distance of tokens where something is printed (``[b, s, t]``)."""
    apart = ((student - teacher.detach()) ** 2).mean(dim=-1)
    return (apart * printed).sum() / printed.sum().clamp(min=1)


def together_loss(
    says: Together, targets: Tensor, printed: Tensor, weights: DistillationWeights
) -> Tensor:
    """Return L_cls of image, signal and both, and L_KD."""
    image, signal, both = says.image.logits, says.signal.logits, says.both
    classes = sum(findings_loss(one, targets) for one in (image, signal, both))
    taught = weights.findings * (soft_loss(image, signal) + soft_loss(image, both)) / 2
    taught = taught + weights.back * (soft_loss(signal, both) + soft_loss(signal, image))
    if weights.tokens:
        taught = taught + weights.tokens * token_loss(
            says.image.tokens, says.signal.tokens, printed
        )
    total: Tensor = classes + taught
    return total
