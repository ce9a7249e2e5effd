"""Writes nets and gradient boosting as ONNX graphs, alone or side by side in one."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from inference.core.trajectory_image import FEATURE_NAMES, IMAGE_SHAPE
from inference.core.trajectory_reading import BOOSTING, FEATURES, IMAGE, NET

if TYPE_CHECKING:
    from inference.nets.trajectory_net import TrajectoryNet

OPSET: Final = 18
_TREES_OPSET: Final = 3


def net_graph(net: TrajectoryNet) -> Any:  # noqa: ANN401 - onnx is untyped
    """Return the ONNX model of a net: ``image`` in, log-odds of death out, any batch size."""
    import onnx
    import torch

    from inference.nets.trajectory_net import ServedTrajectoryNet

    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces its other exporter
        torch.onnx.export(
            ServedTrajectoryNet(net).eval(),
            (torch.zeros(2, *IMAGE_SHAPE),),
            written,
            input_names=[IMAGE],
            output_names=[NET],
            dynamic_axes={IMAGE: {0: "stay"}, NET: {0: "stay"}},
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(written.getvalue())


def boosting_graph(models: Sequence[Any]) -> Any:  # noqa: ANN401
    """Return one ONNX model of all members: ``features`` in, probabilities by member out."""
    from onnx import TensorProto, helper

    nodes, members = [], []
    for number, model in enumerate(models):
        nodes.append(_trees(model, number))
        members.append(f"member_{number}")
    nodes.append(helper.make_node("Concat", members, [f"{BOOSTING}_log_odds"], axis=1))
    nodes.append(helper.make_node("Sigmoid", [f"{BOOSTING}_log_odds"], [BOOSTING]))
    graph = helper.make_graph(
        nodes,
        "gradient_boosting",
        [helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["stay", len(FEATURE_NAMES)])],
        [helper.make_tensor_value_info(BOOSTING, TensorProto.FLOAT, ["stay", len(models)])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", _TREES_OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def _trees(model: Any, number: int) -> Any:  # noqa: ANN401
    """Return the trees of one scikit-learn histogram gradient boosting as a TreeEnsembleRegressor.

    Written out here because a converter exists for whole classifiers only, one graph each.
    """
    from onnx import helper

    columns: dict[str, list[Any]] = {name: [] for name in _TREE_COLUMNS}
    leaves: dict[str, list[Any]] = {name: [] for name in _LEAF_COLUMNS}
    for tree, (predictor,) in enumerate(model._predictors):
        for place, node in enumerate(predictor.nodes):
            is_leaf = bool(node["is_leaf"])
            row = (
                tree,
                place,
                0 if is_leaf else int(node["feature_idx"]),
                "LEAF" if is_leaf else "BRANCH_LEQ",
                0.0 if is_leaf else float(_down(node["num_threshold"])),
                int(node["left"]),
                int(node["right"]),
                int(node["missing_go_to_left"]),
            )
            for name, value in zip(_TREE_COLUMNS, row, strict=True):
                columns[name].append(value)
            if is_leaf:
                leaf = (tree, place, 0, float(node["value"]))
                for name, value in zip(_LEAF_COLUMNS, leaf, strict=True):
                    leaves[name].append(value)
    return helper.make_node(
        "TreeEnsembleRegressor",
        [FEATURES],
        [f"member_{number}"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=[float(model._baseline_prediction[0, 0])],
        **columns,
        **leaves,
    )


def _down(threshold: float) -> np.float32:
    """Return the largest float32 not above a threshold, so that float32 inputs split alike."""
    single = np.float32(threshold)
    return np.nextafter(single, np.float32(-np.inf)) if single > threshold else single


_TREE_COLUMNS: Final = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_modes",
    "nodes_values",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "nodes_missing_value_tracks_true",
)
_LEAF_COLUMNS: Final = ("target_treeids", "target_nodeids", "target_ids", "target_weights")


def side_by_side(first: Any, second: Any) -> Any:  # noqa: ANN401
    """Return one model with the inputs and outputs of both."""
    import onnx

    opsets = [*second.opset_import, *(one for one in first.opset_import if one.domain)]
    for model in (first, second):
        model.ir_version = 9
    first = _same_opsets(first, opsets)
    merged = onnx.compose.merge_models(first, second, io_map=[], prefix1="", prefix2="")
    onnx.checker.check_model(merged)
    return merged


def _same_opsets(model: Any, opsets: Sequence[Any]) -> Any:  # noqa: ANN401
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    return model
