"""Hormones and stress relaxation: what follows the nerves within minutes. Scalars in and out.

May live here: the slow regulation of vessels. Compiled into the kernels: no branch, no
exponential, single-precision constants only.

Vasopressin, angiotensin II and adrenal catecholamines rise within minutes when arteries or
central veins run low, and veins adapt their unstressed volume to what they hold over the same
minutes (Guyton & Hall 2006, chapters 18 and 19; Prather 1969, Am J Physiol 216:891). One state
stands for all of them: what tells them apart at the bedside is not measured there.
"""

from __future__ import annotations

from typing import Final

from twin.core.compiled import inlined, single

_ONE: Final = single(1.0)

HORMONE_S: Final = single(300.0)
"""Time constant: vasopressin is at its height within some minutes, stress relaxation within ten,
angiotensin within twenty (Guyton & Hall 2006, figure 19-14)."""
HURRY: Final = single(14.0)
"""While a resting state is sought the time constant is 20 s; where it comes to rest is the
same."""


@inlined
def hormone_share(h: float, settling: float) -> float:
    """Return the share of the way hormones go towards what is called for, in ``h`` seconds."""
    return h / HORMONE_S * (_ONE + HURRY * settling)
