"""Of a tensor whose units are named, just these are handed out, whatever kind of tensor it is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from onnxinv.model.drawn import draw
from onnxinv.model.rewrite import expose
from tests.model.onnx_text import parse, run

MAPS = "g (float[N, 3, 4, 5] x) => (float[N, 3, 4, 5] y) { a = Neg(x)  y = Relu(a) }"
DENSE = "g (float[N, 6] x) => (float[N, 6] y) { a = Neg(x)  y = Relu(a) }"
HALF = "g (float[N, 3, 4, 5] x) => (float16[N, 3, 4, 5] y) { a = Cast<to = 10>(x)  y = Relu(a) }"
BRAIN = "g (float[N, 3, 4, 5] x) => (float[N, 3, 4, 5] y) { a = Cast<to = 16>(x)  y = Cast<to = 1>(a) }"
QUANTISED = """g (float[N, 3, 4, 5] x) => (float[N, 3, 4, 5] y) {
    a = QuantizeLinear(x, s, z)  b = MaxPool<kernel_shape = [1, 1]>(a)  c = QLinearConv(b, s, z, w, s, wz, s, z)
    y = DequantizeLinear(c, s, z) }"""
SCALES = {"s": np.float32(0.05), "z": np.uint8(3), "wz": np.int8(0), "w": np.eye(3, dtype=np.int8).reshape(3, 3, 1, 1)}


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def whole_and_gathered(model: onnx.ModelProto, name: str, units: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
    """Return a tensor as it is handed out whole, and what is handed out of it."""
    whole, some = expose(model, [name]), expose(model, [name], {name: units})
    return [run(each.proto, {"x": x}, [each.outputs[name]])[0] for each in (whole, some)]


@pytest.mark.parametrize(
    ("text", "name", "weights"),
    [
        pytest.param(MAPS, "a", {}, id="between nodes"),
        pytest.param(MAPS, "y", {}, id="an output"),
        pytest.param(MAPS, "x", {}, id="an input"),
        pytest.param(HALF, "a", {}, id="half precision"),
        pytest.param(BRAIN, "a", {}, id="bfloat16 -> through its cast"),
        pytest.param(QUANTISED, "c", SCALES, id="quantised -> through its dequantiser"),
    ],
)
def test_the_named_units_of_every_sample_are_handed_out(text, name, weights):
    units = draw((3, 4, 5), 0, 6, 0).units
    whole, gathered = whole_and_gathered(parse(text, **weights), name, units, numbers(7, 3, 4, 5))
    assert gathered.dtype == whole.dtype
    assert len(np.unique(gathered)) > 3
    np.testing.assert_array_equal(gathered, whole.reshape(7, -1)[:, units])


@pytest.mark.parametrize(
    ("shape", "axis"), [((4, 5, 3), 2), ((9, 3), 1), ((3, 9), 0)], ids=["channels last", "tokens", "signals"]
)
def test_units_are_where_the_channels_are(shape, axis):
    text = MAPS.replace("3, 4, 5", ", ".join(map(str, shape)))
    x = numbers(2, *shape)
    drawn = draw(shape, axis, 4, 0).units
    _, gathered = whole_and_gathered(parse(text), "a", drawn, x)
    by_channel = np.moveaxis(-x, axis + 1, 1).reshape(2, 3, -1)
    for channel in range(3):
        assert np.isin(gathered[:, channel], by_channel[:, channel]).all()


def test_a_dense_tensor_can_be_gathered_too():
    units = np.array([[4], [0]])
    whole, gathered = whole_and_gathered(parse(DENSE), "a", units, numbers(3, 6))
    np.testing.assert_array_equal(gathered, whole[:, units])


def test_the_tensor_itself_does_not_leave_the_runtime_and_others_do_as_before():
    exposed = expose(parse(MAPS), ["x", "a", "y"], {"a": np.array([[0], [20]])})
    assert [value.name for value in exposed.proto.graph.output] == list(exposed.outputs.values())
    assert "a" not in exposed.outputs.values()
    assert exposed.outputs["y"] == "y"
    x = numbers(2, 3, 4, 5)
    found = run(exposed.proto, {"x": x}, list(exposed.outputs.values()))
    assert [array.shape for array in found] == [x.shape, (2, 2, 1), x.shape]
    np.testing.assert_array_equal(found[2], np.maximum(-x, 0))


def test_names_that_are_taken_are_not_taken_again():
    text = MAPS.replace("y = Relu(a)", "y = Relu(a)  b = Abs(a)")
    model = parse(text)
    for node, name in zip(model.graph.node, ("a", "a/flat", "a/gathered"), strict=True):
        node.output[0] = name
    model.graph.node[1].input[0] = model.graph.node[2].input[0] = "a"
    model.graph.output[0].name = "a/flat"
    exposed = expose(model, ["a", "a/flat", "a/gathered"], {"a": np.array([[5], [25]])})
    x = numbers(2, 3, 4, 5)
    a, flat, gathered = run(exposed.proto, {"x": x}, list(exposed.outputs.values()))
    np.testing.assert_array_equal(a, -x.reshape(2, -1)[:, [[5], [25]]])
    np.testing.assert_array_equal(flat, np.maximum(-x, 0))
    np.testing.assert_array_equal(gathered, np.abs(x))


def test_the_oldest_representation_takes_it_as_well():
    model = parse(MAPS, opset=7)
    model.ir_version = 3  # every initialiser had to be an input then
    units = draw((3, 4, 5), 0, 2, 0).units
    whole, gathered = whole_and_gathered(model, "a", units, numbers(2, 3, 4, 5))
    np.testing.assert_array_equal(gathered, whole.reshape(2, -1)[:, units])
