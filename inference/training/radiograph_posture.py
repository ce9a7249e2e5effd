"""Teaches a finished net how a picture lies: one linear layer on its deepest map, nothing else.

Real pictures, turned by quarters and inverted, label themselves. The layer is fitted by L-BFGS on
features that no longer change, so that it costs the boxes nothing: learnt along with them it took
steps from them and told half of the quarter turns. May live here: that fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.core.radiograph import Grey
from inference.nets.cascade_rcnn import CascadeRcnn
from inference.training.radiograph_augmentation import Strength, augmented

DECAY: Final = 1e-2
"""On weights of features in spreads: few pictures, some thousand channels times turns."""
FLATTEST: Final = 0.25
"""Least spread of a channel, in shares of the median channel's."""
ITERATIONS: Final = 200
_TURNS: Final = tuple((quarters, inverted) for quarters in range(4) for inverted in (False, True))


def fit_posture(net: CascadeRcnn, pictures: Sequence[Grey], count: int, seed: int) -> float:
    """Fit the posture layer of a net to ``count`` of the pictures; return the loss that is left.

    Each is cropped and exposed otherwise once, and shown in all eight postures. More than there
    are pictures draws some again.
    """
    random = np.random.default_rng([seed, len(pictures)])
    order = np.concatenate(
        [random.permutation(len(pictures)) for _ in range(-(-count // len(pictures)))]
    )
    shown = [_features(net, pictures[int(place)], random) for place in order[:count]]
    features = torch.cat(shown)
    quarters = torch.tensor([turn for turn, _ in _TURNS]).repeat(len(shown))
    inverted = torch.tensor([float(black) for _, black in _TURNS]).repeat(len(shown))
    centre, spread = features.mean(0), features.std(0)
    # A channel that hardly varies would get a weight that 8 bits cannot hold beside the others.
    spread = spread.clamp(min=max(1e-3, FLATTEST * float(spread.median())))
    usual = (features - centre) / spread
    weight = torch.zeros(net.posture.out_features, features.shape[1], requires_grad=True)
    bias = torch.zeros(net.posture.out_features, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=ITERATIONS)

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = functional.linear(usual, weight, bias)
        lost = functional.cross_entropy(logits[:, :4], quarters)
        lost = lost + functional.binary_cross_entropy_with_logits(logits[:, 4], inverted)
        lost = lost + DECAY * (weight**2).sum()
        lost.backward()
        return lost

    optimiser.step(loss)
    with torch.no_grad():
        device = net.posture.weight.device
        net.posture.weight.copy_((weight / spread).to(device))
        net.posture.bias.copy_((bias - (weight / spread) @ centre).to(device))
    return float(loss().detach())


def _features(net: CascadeRcnn, grey: Grey, random: np.random.Generator) -> Tensor:
    """Return the mean of the deepest map ``[posture, channel]`` of a picture in each posture."""
    side, device = net.settings.side, net.posture.weight.device
    square, _, _ = augmented(grey, np.zeros((0, 4)), side, random, Strength())
    found = []
    for quarters, inverted in _TURNS:
        turned = np.ascontiguousarray(np.rot90(1.0 - square if inverted else square, quarters))
        one = torch.from_numpy(turned)[None, None].to(device)
        with torch.no_grad():
            found.append(net.pyramid.deep(one).mean(dim=(2, 3)).cpu())
    return torch.cat(found)
