"""Writes trained ECG nets as ONNX graphs, their weights stored in 16 bits."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np

from inference.core.viz_ecg import (
    ACTIVATION,
    EMBEDDING,
    LOG_ODDS,
    NO_LEAD,
    PAGE,
    PAGE_SHAPE,
    STRIP_LEADS,
    STRIP_SAMPLES,
    STRIP_SIGNALS,
    TIMES,
)

OPSET: Final = 18
SMALLEST: Final = 512
"""Values below which a weight stays in 32 bits: biases and scales are few and sensitive."""


_EACH: Final = {0: "ecg"}


def served_graph(folder: Path) -> Any:  # noqa: ANN401 - onnx is untyped
    """Return the ONNX model of a run's averaged net, any batch size.

    A page net has ``page`` in; ``log_odds``, ``activation`` and ``embedding`` out. A signal stream
    has ``strips`` and ``leads`` in, for any number of strips; ``log_odds`` and ``embedding`` out.
    """
    import torch

    from inference.nets.vizecgnet import ServedPageNet, ServedSignalNet, SignalStream, VizEcgNet
    from inference.training.ecg_loop import trained_net

    net, settings = trained_net(folder)
    if isinstance(net, SignalStream):
        inputs = (torch.zeros(2, 12, STRIP_SAMPLES), torch.full((2, 12, TIMES), NO_LEAD))
        names, outputs = [STRIP_SIGNALS, STRIP_LEADS], [LOG_ODDS, EMBEDDING]
        return _written(ServedSignalNet(net), inputs, names, outputs, {0: "ecg", 1: "strip"})
    page: Any = net if settings["kind"] == "page" else None
    if page is None:
        page = ServedPageNet(net.image if isinstance(net, VizEcgNet) else net)
    outputs = [LOG_ODDS, ACTIVATION, EMBEDDING]
    return _written(page, (torch.zeros(2, *PAGE_SHAPE),), [PAGE], outputs, {0: "ecg"})


def _written(
    net: Any,  # noqa: ANN401 - torch is untyped here
    inputs: tuple[Any, ...],
    names: list[str],
    outputs: list[str],
    free: dict[int, str],
) -> Any:  # noqa: ANN401
    import onnx
    import torch

    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces its other exporter
        torch.onnx.export(
            net.eval(),
            inputs,
            written,
            input_names=names,
            output_names=outputs,
            dynamic_axes={name: free if name in names else _EACH for name in (*names, *outputs)},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(written.getvalue())
    onnx.checker.check_model(model)
    return model


def stored_in_16_bits(model: Any) -> Any:  # noqa: ANN401
    """Return the model with its large weights as float16; they are computed with in 32 bits.

    Each is followed by a Cast, which ONNX Runtime folds into float32 when the session opens.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kept, nodes = [], []
    for initializer in model.graph.initializer:
        values = numpy_helper.to_array(initializer)
        if values.dtype != np.float32 or values.size < SMALLEST:
            kept.append(initializer)
            continue
        stem = initializer.name
        kept.append(numpy_helper.from_array(values.astype(np.float16), f"{stem}_float16"))
        nodes.append(helper.make_node("Cast", [f"{stem}_float16"], [stem], to=TensorProto.FLOAT))
    body = [*nodes, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(body)
    onnx.checker.check_model(model)
    return model
