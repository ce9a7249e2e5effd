"""What every training loop does between two steps: sets the rate, averages the weights.

May live here: what does not know which net is trained, nor on what.
"""

from __future__ import annotations

import numpy as np
import torch


def set_learning_rate(
    optimiser: torch.optim.Optimizer, peak: float, warm_up: float, spent: float, least: float
) -> None:
    """Set the learning rate: a linear warm-up, then half a cosine down to a share of the peak.

    Parameters
    ----------
    peak
        The highest rate.
    warm_up
        Share of the warm-up that is done; 1 and more leaves the cosine alone.
    spent
        Share of the whole budget that is spent; more than 1 counts as 1.
    least
        Share of the peak that is left at the end.

    A cosine without restarts: Loshchilov 2017, https://arxiv.org/abs/1608.03983.
    """
    fallen = (1.0 + np.cos(np.pi * min(1.0, spent))) / 2.0
    rate = peak * min(1.0, warm_up) * (least + (1.0 - least) * fallen)
    for group in optimiser.param_groups:
        group["lr"] = float(rate)


@torch.no_grad()
def average_weights(
    averaged: torch.nn.Module, net: torch.nn.Module, keep: float, steps: int
) -> None:
    """Move exponential averages of weights and of normalisations' statistics towards the net.

    ``keep`` is what remains of the average at each step; after few ``steps`` less does, so that
    the first weights, which are chance, are soon forgotten.
    """
    keep = min(keep, (1 + steps) / (10 + steps))
    state = net.state_dict()
    for name, value in averaged.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(state[name], 1 - keep)
        else:
            value.copy_(state[name])
