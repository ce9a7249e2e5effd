"""Stores the weights of an ONNX model in 8 bits; they are computed with in 32.

Each large weight becomes int8 with one scale per output channel and a DequantizeLinear before its
use, which ONNX Runtime folds into float32 when the session opens: a quarter of the size on disk,
the speed of float32, and an error that is measured before release.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SMALLEST: Final = 1024
"""Values below which a weight stays as it is: biases and scales are few and sensitive."""


def stored_in_8_bits(model: Any) -> Any:  # noqa: ANN401 - onnx is untyped
    """Return the model with its large convolution and matrix weights as int8 and scales."""
    import onnx
    from onnx import helper, numpy_helper

    used = _weight_uses(model)
    kept, nodes = [], []
    for initializer in model.graph.initializer:
        axis = used.get(initializer.name)
        values = numpy_helper.to_array(initializer)
        if axis is None or values.dtype != np.float32 or values.size < SMALLEST:
            kept.append(initializer)
            continue
        packed, scale = quantised(values, axis)
        stem = initializer.name
        kept += [
            numpy_helper.from_array(packed, f"{stem}_int8"),
            numpy_helper.from_array(scale, f"{stem}_scale"),
        ]
        nodes.append(
            helper.make_node(
                "DequantizeLinear", [f"{stem}_int8", f"{stem}_scale"], [stem], axis=axis
            )
        )
    body = [*nodes, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(body)
    onnx.checker.check_model(model)
    return model


def quantised(
    values: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return symmetric int8 values and one scale per place of ``axis``."""
    others = tuple(place for place in range(values.ndim) if place != axis)
    scale = np.maximum(np.abs(values).max(axis=others) / 127.0, 1e-12).astype(np.float32)
    shape = [1] * values.ndim
    shape[axis] = -1
    return np.round(values / scale.reshape(shape)).astype(np.int8), scale


def _weight_uses(model: Any) -> dict[str, int]:  # noqa: ANN401
    """Output axis of every convolution weight and of every right-hand matrix."""
    used = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
            used[node.input[1]] = 0
        if node.op_type == "Gemm":
            transposed = any(one.name == "transB" and one.i for one in node.attribute)
            used[node.input[1]] = 0 if transposed else 1
        if node.op_type == "Mul":
            used[node.input[1]] = 0
    return used
