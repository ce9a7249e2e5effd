"""What is known of stays beside their charts finds its stay."""

from __future__ import annotations

import numpy as np

from inference.training.fusion_parts import TwinFeatures


def test_twins_come_in_the_order_asked_for_and_unknown_stays_have_none() -> None:
    value = np.array([[1.0], [2.0]], dtype=np.float32)
    twins = TwinFeatures(np.array([7, 9]), value, ("flow",), "nobody")
    np.testing.assert_array_equal(twins.of(np.array([9, 8, 7])), [[2.0], [np.nan], [1.0]])
