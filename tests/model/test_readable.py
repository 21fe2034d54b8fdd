"""Quantised and bfloat16 tensors are handed out as float32; everything else as it is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from onnxinv.model.readable import readers
from onnxinv.model.rewrite import expose
from tests.model.onnx_text import parse, run

X = np.linspace(0, 1, 20, dtype=np.float32).reshape(1, 1, 4, 5)

QLINEAR = """g (float[N, 1, 4, 5] x) => (float[N, 2, 4, 5] y, uint8[N, 2, 4, 5] c) {
    a = QuantizeLinear(x, s, z)  b = QLinearConv(a, s, z, w, s, wz, s2, z2)  c = QLinearConv(b, s2, z2, v, s, wz, s, z)
    y = DequantizeLinear(c, s, z) }"""


def qlinear() -> onnx.ModelProto:
    return parse(
        QLINEAR,
        s=np.float32(0.05), z=np.uint8(3), s2=np.float32(0.25), z2=np.uint8(7), wz=np.int8(0),
        w=np.array([10, 30], np.int8).reshape(2, 1, 1, 1), v=np.array([5, 1, 2, 4], np.int8).reshape(2, 2, 1, 1),
    )  # fmt: skip


def test_a_quantised_layer_is_multiplied_by_its_own_scale():
    exposed = expose(qlinear(), ["b"])
    raw = parse(QLINEAR.replace("uint8[N, 2, 4, 5] c", "uint8[N, 2, 4, 5] b"))
    raw.graph.initializer.extend(qlinear().graph.initializer)
    integers = run(raw, {"x": X}, ["b"])[0]
    found = run(exposed.proto, {"x": X}, [exposed.outputs["b"]])[0]
    assert integers.dtype == np.uint8
    assert len(np.unique(integers)) > 4
    np.testing.assert_array_equal(found, (integers.astype(np.float32) - 7) * np.float32(0.25))


def test_a_quantised_output_of_the_model_stays_as_it_is():
    exposed = expose(qlinear(), ["c", "y"])
    assert exposed.outputs == {"c": "c", "y": "y"}


def test_what_quantises_the_input_stays_as_it_is():
    assert readers(qlinear(), ["a", "x"]) == {}


def test_before_quantisation_was_standard_nothing_is_added():
    model = qlinear()
    model.opset_import[0].version = 9
    assert readers(model, ["b"]) == {}


def test_exposing_a_quantised_layer_again_adds_nothing():
    once = expose(qlinear(), ["b"])
    twice = expose(once.proto, ["b"])
    assert twice.outputs == once.outputs
    assert [node.op_type for node in twice.proto.graph.node] == [node.op_type for node in once.proto.graph.node]


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_bfloat16_tensor_is_cast(name):
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        a = Cast <to = 16> (x)  b = Reshape(a, s)  c = Cast <to = 1> (b)  y = Neg(c) }"""
    model = parse(text, s=np.array([-1, 3]))
    exposed = expose(model, [name])
    found = run(exposed.proto, {"x": np.array([[1, 1 + 2**-7, 1 + 2**-12]], np.float32)}, [exposed.outputs[name]])[0]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([[1, 1 + 2**-7, 1]], np.float32))


def test_an_input_of_bfloat16_is_cast():
    model = parse("g (bfloat16[N, 3] x) => (bfloat16[N, 3] y) { y = Identity(x) }")
    copier = expose(model, ["x"]).proto.graph.node[-1]
    assert (copier.op_type, [*copier.input]) == ("Cast", ["x"])


def test_tensors_of_other_types_are_not_cast():
    model = parse("g (float[N, 3] x) => (float[N, 3] y) { a = Cast <to = 16> (x)  b = Cast <to = 1> (a)  y = Neg(b) }")
    assert readers(model, ["b", "y"]) == {}
    assert list(readers(model, ["a", "b", "y"])) == ["a"]


HANDED_ON = """g (float[N, 1, 4, 5] x) => (float[N, 2, 4, 5] y) {{
    a = QuantizeLinear(x, s, z)  b = QLinearConv(a, s, z, w, s, wz, s2, z2)  {operation}
    y = DequantizeLinear(b, s2, z2) }}"""


def handing_on(operation: str) -> onnx.ModelProto:
    model = parse(HANDED_ON.format(operation=operation), flat=np.array([0, -1]), space=np.array([2, 3]))
    model.graph.initializer.extend(qlinear().graph.initializer)
    return model


@pytest.mark.parametrize(
    ("operation", "of_numbers"),
    [
        pytest.param(
            "c = MaxPool <kernel_shape = [1, 2]> (b)", lambda b: np.maximum(b[..., :-1], b[..., 1:]), id="a pool"
        ),
        pytest.param("c = Reshape(b, flat)", lambda b: b.reshape(1, -1), id="a reshape"),
        pytest.param("t = Transpose(b)  c = Flatten(t)", lambda b: b.T.reshape(5, -1), id="one after another"),
        pytest.param("d, c = Split <axis = 1> (b)", lambda b: b[:, 1:], id="a second part"),
    ],
)
def test_what_hands_on_quantised_numbers_is_multiplied_by_the_scale_of_what_it_reads(operation, of_numbers):
    exposed = expose(handing_on(operation), ["b", "c"])
    b, c = run(exposed.proto, {"x": X}, [exposed.outputs["b"], exposed.outputs["c"]])
    assert b.dtype == c.dtype == np.float32
    assert len(np.unique(c)) > 4
    np.testing.assert_array_equal(c, of_numbers(b))


def test_a_pool_of_the_quantised_input_has_the_scale_of_the_input():
    model = handing_on("c = MaxPool <kernel_shape = [1, 2]> (a)")
    assert list(readers(model, ["c"])["c"].input) == ["c", "s", "z"]
    assert readers(model, ["a"]) == {}


def test_an_input_with_a_scale_for_each_channel_is_not_followed():
    text = """g (float[N, 2, 3] x) => (float[N, 2, 3] y) {
        a = QuantizeLinear <axis = 1> (x, s, z)  c = Transpose(a)  y = DequantizeLinear <axis = 1> (a, s, z) }"""
    model = parse(text, s=np.array([1, 2], np.float32), z=np.array([0, 0], np.uint8))
    assert readers(model, ["c"]) == {}


def test_the_places_that_a_pool_of_quantised_numbers_hands_out_are_not_quantities():
    model = handing_on("c, places = MaxPool <kernel_shape = [1, 2]> (b)")
    assert list(readers(model, ["c", "places"])) == ["c"]


@pytest.mark.parametrize(
    ("scale", "followed"),
    [
        ("s = Constant <value = float {0.05}> ()", True),
        ("s = Constant <value_float = 0.05> ()", True),
        ("s = Constant <value_floats = [0.05]> ()", True),
        ("s = Constant <value_floats = [0.05, 0.1]> ()", False),
        ("s = Neg(n)", False),
    ],
)
def test_a_scale_that_a_constant_node_makes_is_followed_where_it_is_one_number(scale, followed):
    text = f"""g (float[N, 2, 3] x, float n) => (float[N, 2, 3] y) {{
        {scale}  a = QuantizeLinear(x, s, z)  c = Transpose(a)  y = DequantizeLinear(a, s, z) }}"""
    found = readers(parse(text, z=np.uint8(3)), ["c"])
    assert {name: [*node.input] for name, node in found.items()} == ({"c": ["c", "s", "z"]} if followed else {})
