"""A graph that is cut computes the same behind the cut, and what it takes for that is found."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest

from onnxinv.model.axes import BatchAxis
from onnxinv.model.cut import INPUT, behind, carriable, sources, sources_of

HEADER = '<ir_version: 8, opset_import: ["": 17]>\n'

CHAIN = """g (float[n, 4] x) => (float[n, 4] d) <float[4] w = {1, 2, 3, 4}, float[4] v = {5, 6, 7, 8}>
{ a = Mul(x, w) b = Relu(a) c = Add(b, v) s = Neg(a) d = Add(c, s) }"""

RESHAPED = """g (float[n, 4] x) => (float[n, 4] d)
{ a = Neg(x) s = Shape(x) b = Relu(a) c = Reshape(b, s) d = Abs(c) }"""

SPLIT = """g (float[n, 4] x) => (float[n, 2] d)
{ a, b = Split <axis = 1> (x) c = Neg(a) d = Add(c, b) }"""

BRANCHED = """g (float[n, 4] x, bool on) => (float[n, 4] d) {
    a = Neg(x) b = Abs(a)
    c = If (on) <
        then_branch = yes () => (float[n, 4] p) { p = Relu(a) },
        else_branch = no () => (float[n, 4] q) { q = Identity(b) }
    >
    d = Add(c, b)
}"""


def model(text: str) -> onnx.ModelProto:
    found = onnx.parser.parse_model(HEADER + text)
    onnx.checker.check_model(found)
    return found


def given(**widths: int) -> dict[str, onnx.ValueInfoProto]:
    make = onnx.helper.make_tensor_value_info
    return {name: make(name, onnx.TensorProto.FLOAT, [None, width]) for name, width in widths.items()}


def run(proto: onnx.ModelProto, outputs: list[str], **feeds: np.ndarray) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(proto.SerializeToString()).run(outputs, feeds)


def exposing(proto: onnx.ModelProto, *names: str) -> onnx.ModelProto:
    copy = onnx.ModelProto.FromString(proto.SerializeToString())
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return copy


def layer(name: str, **changes: object) -> SimpleNamespace:
    return SimpleNamespace(
        **{"name": name, "batch": BatchAxis(), "dtype": "float32", "drawn": None, "shape": (4,), **changes}
    )


@pytest.mark.parametrize(
    ("tensors", "expected"),
    [
        pytest.param((), {"b": {"x"}, "d": {"x"}}, id="nothing but the input"),
        pytest.param(("a",), {"a": {"x"}, "b": {"a"}, "d": {"a"}}, id="the nearest"),
        pytest.param(("a", "b"), {"b": {"a"}, "c": {"b"}, "d": {"a", "b"}}, id="past what is not asked for"),
        pytest.param(("a", "b", "c", "s"), {"d": {"c", "s"}}, id="all"),
    ],
)
def test_what_tensors_are_computed_from_is_found(tensors, expected):
    found = sources(model(CHAIN).graph, tensors)
    assert {name: set(found[name]) for name in expected} == expected


def test_what_bodies_read_from_outside_counts():
    found = sources(model(BRANCHED).graph, ("a", "b"))
    assert set(found["c"]) == {"on", "a", "b"}


def test_shapes_count_only_where_something_must_be_there_to_have_them():
    graph = model(RESHAPED).graph
    assert set(sources(graph, ("a", "b"))["c"]) == {"b", "x"}
    assert set(sources(graph, ("a", "b"), values=True)["c"]) == {"b"}


@pytest.mark.parametrize(
    ("text", "tensors", "inputs"),
    [
        pytest.param(CHAIN, {"a": 4}, {"a"}, id="one tensor"),
        pytest.param(CHAIN, {"b": 4, "s": 4}, {"b", "s"}, id="two tensors"),
        pytest.param(CHAIN, {"b": 4}, {"b", "x"}, id="beside an input"),
        pytest.param(CHAIN, {"a": 4, "b": 4, "c": 4, "s": 4}, {"c", "s"}, id="more than is needed"),
        pytest.param(RESHAPED, {"b": 4}, {"b", "x"}, id="a shape of the input"),
        pytest.param(SPLIT, {"a": 2}, {"a", "x"}, id="one output of a node whose other is needed"),
        pytest.param(BRANCHED, {"a": 4, "b": 4}, {"a", "b", "on"}, id="read by a body"),
    ],
)
def test_the_part_behind_a_cut_computes_the_same(text, tensors, inputs):
    whole = model(text)
    draw = np.random.default_rng(0).standard_normal
    feeds = {"x": draw((3, 4)).astype(np.float32)} | ({"on": np.array(True)} if text == BRANCHED else {})
    *values, expected = run(exposing(whole, *tensors, "d"), [*tensors, "d"], **feeds)
    cut = behind(exposing(whole, "d"), given(**tensors))
    assert {value.name for value in cut.graph.input} == inputs
    known = {**feeds, **dict(zip(tensors, values, strict=True))}
    (found,) = run(cut, ["d"], **{name: known[name] for name in inputs})
    np.testing.assert_array_equal(found, expected)


def test_weights_and_nodes_that_are_not_needed_are_dropped_and_the_model_is_left_alone():
    whole = exposing(model(CHAIN), "d")
    before = whole.SerializeToString()
    cut = behind(whole, given(b=4, s=4))
    assert whole.SerializeToString() == before
    assert [tensor.name for tensor in cut.graph.initializer] == ["v"]
    assert [node.op_type for node in cut.graph.node] == ["Add", "Add"]


def test_a_weight_that_is_listed_among_the_inputs_is_no_source():
    old = model(CHAIN)
    old.ir_version = 3
    old.graph.input.append(onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [4]))
    old.graph.input.append(onnx.helper.make_tensor_value_info("v", onnx.TensorProto.FLOAT, [4]))
    assert set(sources(old.graph, ())["d"]) == {"x"}
    cut = behind(exposing(old, "d"), given(b=4, s=4))
    assert [value.name for value in cut.graph.input] == ["v", "b", "s"]
    np.testing.assert_array_equal(
        run(cut, ["d"], b=np.ones((1, 4), np.float32), s=np.zeros((1, 4), np.float32))[0], [[6, 7, 8, 9]]
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(layer("x"), id="an input"),
        pytest.param(layer("a", batch=BatchAxis(1)), id="batch along another axis"),
        pytest.param(layer("a", batch=BatchAxis(0, 2)), id="several entries a sample"),
        pytest.param(layer("a", drawn=object()), id="some units of it"),
        pytest.param(layer("a", dtype="float16"), id="half precision"),
        pytest.param(layer("a", shape=(1,)), id="perhaps no axis but the batch"),
    ],
)
def test_what_does_not_come_out_as_it_goes_in_cannot_be_an_input(other):
    proto = model(CHAIN)
    assert [each.name for each in carriable(proto, [layer("a"), layer("b")])] == ["a", "b"]
    assert [each.name for each in carriable(proto, [other, layer("b")])] == ["b"]


def test_layers_are_computed_from_layers_or_from_the_inputs():
    layers = [layer("x"), layer("a"), layer("b", drawn=object()), layer("c"), layer("d")]
    assert sources_of(model(CHAIN), layers) == [{INPUT}, {INPUT}, {1}, {1}, {1, 3}]
