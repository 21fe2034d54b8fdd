"""Models of many exporters: axes and labels as their authors know them, values by brute force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest

from onnxinv.api import analyze
from onnxinv.result import LayerResult, Result
from tests.engine.zoo_models import CASES, Array, Case, Expected, resnet18
from tests.measures import brute_force
from tests.measures.brute_force import Rule

ZOO = Path(__file__).parent.parent / "zoo"
SAMPLES = 6
NV = "normalized-variance"
SIZE_LIMIT = 3_000_000
# Relative: late layers of random networks vary little, which magnifies what the size of a batch does to rounding.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Measured:
    """One model on random samples: what onnxinv found, and the variants that it was to feed."""

    case: Case
    found: Result
    variants: Array

    def layer(self, key: str) -> LayerResult:
        """Return the layer with a label, or else with a tensor name, or else the first that an operator makes."""
        by_label = {layer.label: layer for layer in self.found.layers}
        by_name = {layer.name: layer for layer in self.found.layers}
        by_operator = {layer.op: layer for layer in reversed(self.found.layers)}
        return by_label.get(key) or by_name.get(key) or by_operator[key]

    def raw(self, names: list[str]) -> dict[str, Array]:
        """Return tensors of the model as they come out of a session that has nothing of onnxinv.

        All measured layers are exposed, not just the wanted ones: what is exposed decides what the runtime fuses, and
        so how the numbers of fp16 and int8 models are rounded.
        """
        model = onnx.load(ZOO / f"{self.case.model}.onnx")
        if model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
            arrays = node_by_node(model, self.variants.reshape(-1, *self.case.sample))
            return {name: arrays[name] for name in names}
        declared = {output.name for output in model.graph.output}
        exposed = [layer.name for layer in self.found.layers if layer.op != "Input"]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in exposed if name not in declared)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        feed = session.get_inputs()[0]
        flat = self.variants.reshape(-1, *self.case.sample)
        flat = flat.astype(np.float16 if feed.type == "tensor(float16)" else np.float32)
        arrays = {feed.name: flat} | dict(zip(exposed, session.run(exposed, {feed.name: flat}), strict=True))
        return {name: dequantized(model, name, arrays[name]) for name in names}

    def check_values(self, layers: Sequence[Expected]) -> None:
        """Compare the values of some layers with brute force on raw activations."""
        names = {one: self.layer(one.layer).name for one in layers}
        raw = self.raw(list(names.values()))
        for one in layers:
            array = raw[names[one]]
            grid = one.rows(array).astype(np.float64).reshape(*self.variants.shape[:2], -1)
            rule = Rule(dtype=array.dtype.name if array.dtype.itemsize == 2 else "float32")
            expected = brute_force.normalized_variance(grid, brute_force.channels_of(one.shape, one.channels), rule)
            values = self.found.values(NV, self.layer(one.layer))
            np.testing.assert_allclose(values, expected, rtol=TOLERANCE, err_msg=one.layer)


def node_by_node(model: onnx.ModelProto, variants: Array) -> dict[str, Array]:
    """Return all tensors of a bfloat16 model: each node computed alone, in float32, and rounded by `ml_dtypes`."""
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    arrays[model.graph.input[0].name] = variants.astype(np.float32).astype(ml_dtypes.bfloat16)
    for node in model.graph.node:
        read = {name: arrays[name] for name in node.input if name}
        feeds = {name: array.astype(np.float32) if array.dtype.itemsize == 2 else array for name, array in read.items()}
        inputs = [
            onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in feeds.items()
        ]
        graph = onnx.helper.make_graph([node], "one", inputs, [onnx.ValueInfoProto(name=node.output[0])])
        alone = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
        session = onnxruntime.InferenceSession(alone.SerializeToString(), providers=["CPUExecutionProvider"])
        made = session.run(None, feeds)[0]
        arrays[node.output[0]] = made.astype(ml_dtypes.bfloat16) if made.dtype == np.float32 else made
    return arrays


def dequantized(model: onnx.ModelProto, name: str, array: Array) -> Array:
    """Return the quantities that integers stand for, by scale and zero point of the operator that made them."""
    if array.dtype.kind == "f":
        return array
    node = next(node for node in model.graph.node if name in node.output)
    scale, zero = {"QLinearConv": (6, 7), "QLinearAdd": (6, 7)}[node.op_type]
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    shifted = array.astype(np.float64) - weights[node.input[zero]].astype(np.float64)
    return shifted * weights[node.input[scale]].astype(np.float64)


def measure(case: Case, folder: Path) -> Measured:
    samples = np.random.default_rng(7).random((SAMPLES, *case.sample), dtype=np.float32)
    data = folder / "samples.npz"
    np.savez(data, x=samples)
    model = ZOO / f"{case.model}.onnx"
    found = analyze(model, data, case.transform.spec, measures=(NV,), groups=2, threads=1, device="cpu")
    variants = np.stack([np.stack(case.transform.variants(one.astype(np.float64))) for one in samples])
    return Measured(case, found, variants)


def named(model: str) -> Case:
    return next(case for case in CASES if case.model == model)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.model)
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measure(request.param, tmp_path_factory.mktemp("zoo"))


def test_axes_are_those_of_the_architecture(measured: Measured) -> None:
    assert len(measured.case.layers) >= 3
    for one in measured.case.layers:
        layer = measured.layer(one.layer)
        assert tuple(layer.shape) == one.shape, one.layer
        assert layer.channel_axis == one.channels, one.layer


def test_labels_are_what_the_author_wrote(measured: Measured) -> None:
    assert {layer.label for layer in measured.found.layers}.issuperset(measured.case.labels)


def test_values_equal_those_of_brute_force(measured: Measured) -> None:
    measured.check_values(measured.case.layers)


def test_what_half_precision_cannot_resolve_counts_as_no_variation(tmp_path: Path) -> None:
    late = [one for one in resnet18("bn", "1") if one.layer in {"layer3.1/Add", "layer4.1.bn1", "avgpool", "fc"}]
    measure(named("dynamo_resnet18_fp16"), tmp_path).check_values(late)


@pytest.mark.parametrize(
    ("model", "labels"),
    [
        ("keras_resnet", {"stem_relu/Relu", "block2_add/Add", "dense/Relu"}),
        ("keras_vit", {"patches/BiasAdd", "attention/Softmax", "mlp2/Tensordot/MatMul"}),
        ("keras_conv1d", {"conv1/Relu", "pool1/MaxPool1d", "head/MatMul"}),
        ("keras_lstm", {"head/Tensordot/MatMul"}),
        ("keras_gru", {"dense/Tanh", "head/MatMul"}),
    ],
)
def test_labels_of_keras_are_what_the_author_wrote(model: str, labels: set[str], tmp_path: Path) -> None:
    found = measure(named(model), tmp_path).found
    assert labels <= {layer.label for layer in found.layers}


@pytest.mark.parametrize(
    ("model", "queries", "keys"), [("torchscript_vit", "Mul_1", "Mul_2"), ("dynamo_vit", "Mul", "Mul_1")]
)
def test_features_of_queries_and_keys_are_their_channels(model: str, queries: str, keys: str, tmp_path: Path) -> None:
    vit = measure(named(model), tmp_path)
    scaled, turned = (vit.layer(f"blocks.0.attention/{part}") for part in (queries, keys))
    assert (scaled.shape, scaled.channel_axis) == ([3, 17, 8], 2)
    assert (turned.shape, turned.channel_axis) == ([3, 8, 17], 1)


def test_a_head_with_one_channel_has_it_last_after_its_axes_are_moved(tmp_path: Path) -> None:
    edge = measure(named("tensorflow_unet"), tmp_path).layer("edge_probability")
    assert (edge.shape, edge.channel_axis) == ([16, 16, 1], 2)


def test_a_layer_normalisation_taken_apart_keeps_features_as_channels(tmp_path: Path) -> None:
    vit = measure(named("keras_vit"), tmp_path)
    for name in ("vit_1/norm1_1/mul:0", "vit_1/norm1_1/mul_1:0", "vit_1/norm1_1/mul_2:0"):
        assert (vit.layer(name).shape, vit.layer(name).channel_axis) == ([16, 24], 1), name


def test_the_pool_of_a_quantised_model_is_measured(tmp_path: Path) -> None:
    found = measure(named("quantized_resnet18_qoperator"), tmp_path).found
    assert any(layer.op == "MaxPool" for layer in found.layers)


def test_every_model_of_the_zoo_is_measured_and_all_are_small() -> None:
    assert {path.stem for path in ZOO.glob("*.onnx")} == {case.model for case in CASES}
    assert sum(path.stat().st_size for path in ZOO.glob("*.onnx*")) < SIZE_LIMIT


def test_what_a_loop_does_inside_is_skipped_with_the_reason(tmp_path: Path) -> None:
    found = measure(named("keras_gru"), tmp_path).found
    inside = [one for one in found.document.skipped if one.reason == "it is inside the body of a Loop"]
    assert {"MatMul", "Sigmoid", "Tanh"} <= {one.op for one in inside}
