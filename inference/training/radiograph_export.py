"""Writes a detector as an ONNX graph with suppression and RoIAlign inside."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from inference.core.radiograph_reading import INPUT, OUTPUTS
from inference.training.compress import stored_in_8_bits
from inference.training.export import OPSET

if TYPE_CHECKING:
    from inference.nets.cascade_rcnn import CascadeRcnn


def net_facts(net: CascadeRcnn) -> dict[str, Any]:
    """Return what a detector is built of, its parameters and its arithmetic for one picture."""
    from dataclasses import asdict

    import torch

    macs = 0

    def count(layer: Any, inputs: Any, output: Any) -> None:  # noqa: ANN401 - torch's hook
        nonlocal macs
        if isinstance(layer, torch.nn.Conv2d):
            macs += output.numel() * layer.weight[0].numel()
        else:
            macs += output.numel() * layer.in_features

    layers = [
        each for each in net.modules() if isinstance(each, torch.nn.Conv2d | torch.nn.Linear)
    ]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    side = net.settings.side
    with torch.no_grad():
        net.cpu().eval()(torch.zeros(1, 1, side, side))
    for hook in hooks:
        hook.remove()
    return {
        "settings": asdict(net.settings),
        "parameters": sum(each.numel() for each in net.parameters()),
        "giga_macs": round(macs / 1e9, 3),
    }


def detector_graph(net: CascadeRcnn, *, compressed: bool = True) -> bytes:
    """Return the graph of a detector: one square in, `Detected` out.

    ``compressed`` stores large weights in 8 bits with a scale for each output; they are computed
    with in 32.
    """
    import onnx
    import torch

    side = net.settings.side
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces its other exporter
        torch.onnx.export(
            net.cpu().eval(),
            (torch.zeros(1, 1, side, side),),
            written,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes={
                "boxes": {0: "found"},
                "score": {0: "found"},
                "kind": {0: "found"},
                "stage_boxes": {1: "proposal"},
                "stage_scores": {1: "proposal"},
            },
            opset_version=OPSET,
            dynamo=False,
        )
    model: Any = onnx.load_from_string(written.getvalue())
    if compressed:
        model = stored_in_8_bits(model)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
