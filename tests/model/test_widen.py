"""A widened model computes what the bfloat16 one does: every operator in float32, every result rounded."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest

from onnxinv.model.rewrite import expose
from onnxinv.model.widen import widened
from onnxinv.runtime import Device, Session
from tests.model.onnx_text import RELU, parse, run

BFLOAT16 = ml_dtypes.bfloat16
RANDOM = np.random.default_rng(3)
X = RANDOM.standard_normal((4, 3)).astype(np.float32)
W = RANDOM.standard_normal((3, 3)).astype(BFLOAT16)


def rounded(array: np.ndarray) -> np.ndarray:
    return array.astype(BFLOAT16).astype(np.float32)


X16, W16 = rounded(X), W.astype(np.float32)
PRODUCT = rounded(X16 @ W16)
THREE = int(np.array(3, BFLOAT16).view(np.uint16))
"""The text form takes bfloat16 by its bits."""

TWO_STEPS = "g (bfloat16[N, 3] x) => (bfloat16[N, 3] y) { a = MatMul(x, w)  y = Add(a, x) }"


def test_the_values_would_tell_whether_anything_is_rounded():
    exact = X @ W16 + X
    assert not np.array_equal(rounded(X16 @ W16 + X16), rounded(PRODUCT + X16))
    assert not np.array_equal(rounded(exact), rounded(PRODUCT + X16))


def test_inputs_and_every_result_are_rounded_and_come_out_as_float32():
    found = run(widened(parse(TWO_STEPS, w=W)), {"x": X})[0]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, rounded(PRODUCT + X16))


@pytest.mark.parametrize("optimize", [False, True])
def test_exposed_tensors_are_the_rounded_ones(optimize):
    exposed = expose(parse(TWO_STEPS, w=W), ["x", "a", "y", "w"])
    model = widened(exposed.proto).SerializeToString()
    session = Session(model, Device("cpu"), threads=1, optimize=optimize, folder=Path())
    found = session.run({"x": X}, [exposed.outputs[name] for name in ("x", "a", "y", "w")])
    for array, expected in zip(found, (X16, PRODUCT, rounded(PRODUCT + X16), W16), strict=True):
        np.testing.assert_array_equal(array, expected)


def test_a_model_without_bfloat16_is_returned_itself():
    model = parse(RELU)
    assert widened(model) is model


def test_the_model_itself_stays_as_it_is():
    model = parse(TWO_STEPS, w=W)
    before = model.SerializeToString()
    widened(model)
    assert model.SerializeToString() == before


def test_weights_stay_as_they_are_in_the_file():
    model = parse(TWO_STEPS, w=W)
    assert [tensor.raw_data for tensor in widened(model).graph.initializer] == [W.tobytes()]


def test_weights_in_another_file_are_not_read(tmp_path):
    model = parse(TWO_STEPS, w=W)
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "weights.bin")
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    model.graph.initializer[0].ClearField("raw_data")
    wide = widened(model)  # before the file is there
    (tmp_path / "weights.bin").write_bytes(W.tobytes())
    session = Session(wide.SerializeToString(), Device("cpu"), threads=1, optimize=False, folder=tmp_path)
    np.testing.assert_array_equal(session.run({"x": X}, ["y"])[0], rounded(PRODUCT + X16))


def test_a_weight_that_is_declared_as_an_input_too_is_not_to_be_fed():
    text = "g (bfloat16[N, 3] x, bfloat16[3, 3] w) => (bfloat16[N, 3] y) { y = MatMul(x, w) }"
    wide = widened(parse(text, w=W))
    assert [value.name for value in wide.graph.input] == ["x"]
    np.testing.assert_array_equal(run(wide, {"x": X})[0], PRODUCT)


def test_a_tensor_that_bears_the_name_of_a_new_one_keeps_it():
    text = """g (bfloat16[N, 3] x) => (bfloat16[N, 3] y) {
        "x/rounded" = Neg(x)  "y/float32" = MatMul("x/rounded", w)  y = Add("y/float32", x) }"""
    np.testing.assert_array_equal(run(widened(parse(text, w=W)), {"x": X})[0], rounded(X16 - PRODUCT))


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        pytest.param("y = Cast <to = 16> (z)", rounded(X), id="a cast to it"),
        pytest.param(
            "a = Cast <to = 1> (x)  b = Mul(a, z)  y = Cast <to = 16> (b)", rounded(X16 * X), id="one from it"
        ),
        pytest.param("y = CastLike(z, x)", rounded(X), id="a cast to the type of another"),
        pytest.param(
            f"c = Constant <value = bfloat16[1] {{{THREE}}}> ()  y = Mul(x, c)", rounded(X16 * 3), id="a constant node"
        ),
        pytest.param("r = Relu(x)  y = Add(r, x)", rounded(np.maximum(X16, 0) + X16), id="an operator that is exact"),
        pytest.param(
            "e = EyeLike <dtype = 16> (z)  y = Sub(x, e)", rounded(X16 - np.eye(4, 3)), id="a type that is an attribute"
        ),
        pytest.param("y = Identity(x)", X16, id="no operator at all"),
        pytest.param("l, m = Split <axis = 1> (x, parts)  y = Concat <axis = 1> (m, l)", X16[:, [1, 2, 0]], id="moves"),
    ],
)
def test_every_way_into_and_out_of_bfloat16_is_followed(nodes, expected):
    text = f"g (bfloat16[N, 3] x, float[N, 3] z) => (bfloat16[N, 3] y) {{ {nodes} }}"
    found = run(widened(parse(text, parts=np.array([1, 2]))), {"x": X, "z": X})[0]
    np.testing.assert_array_equal(found, expected)


def test_a_filled_shape_is_float32():
    model = parse("g (bfloat16[N, 3] x) => (bfloat16[N, 3] y) { s = Shape(x)  f = ConstantOfShape(s)  y = Add(f, x) }")
    value = onnx.helper.make_tensor("value", onnx.TensorProto.BFLOAT16, [1], [2.0])
    model.graph.node[1].attribute.append(onnx.helper.make_attribute("value", value))
    np.testing.assert_array_equal(run(widened(model), {"x": X})[0], rounded(X16 + 2))


@pytest.mark.parametrize(("taken", "sign"), [(True, 1), (False, -1)])
def test_branches_compute_in_float32_too(taken, sign):
    text = """g (bfloat16[N, 3] x, bool c) => (bfloat16[N, 3] y) {
        y = If (c) <
            then_branch = t () => (bfloat16[N, 3] p) { a = MatMul(x, w)  p = Add(a, x) },
            else_branch = e () => (bfloat16[N, 3] q) { b = MatMul(x, w)  n = Neg(b)  q = Sub(n, x) }> }"""
    found = run(widened(parse(text, w=W)), {"x": X, "c": np.array(taken)})[0]
    np.testing.assert_array_equal(found, sign * rounded(PRODUCT + X16))


def test_a_loop_carries_rounded_numbers():
    text = """g (bfloat16[N, 3] x) => (bfloat16[N, 3] y) {
        y = Loop (three, yes, x) <body = b (int64 i, bool c, bfloat16[N, 3] s) => (bool d, bfloat16[N, 3] t) {
            d = Identity(c)  t = MatMul(s, w) }> }"""
    model = parse(text, w=W, three=np.array(3), yes=np.array(True))
    expected = rounded(rounded(PRODUCT @ W16) @ W16)
    np.testing.assert_array_equal(run(widened(model), {"x": X})[0], expected)


def test_what_an_unknown_type_comes_from_is_still_computed():
    text = "g (bfloat16[N, 3] x) => (bfloat16[N, 3] y) { a = com.microsoft.Gelu(x)  y = Mul(a, x) }"
    model = parse(text, domains=', "com.microsoft" : 1')
    assert np.isfinite(run(widened(model), {"x": X})[0]).all()
