"""Weights are told apart whatever their order, and followed through whatever stands between them and a tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from onnxinv.model.weights import ModelWeights, Weights
from tests.model.onnx_text import loaded, parse

RNG = np.random.default_rng(0)
W = RNG.normal(size=(4, 3)).astype(np.float32)
B = RNG.normal(size=4).astype(np.float32)
LINEAR = "g (float[N, 3] x) => (float[N, 4] y) {{ {} }}"


@pytest.fixture
def weights(tmp_path: Path):
    def read(text: str, tensor: str = "y", opset: int = 17, **stored: np.ndarray) -> Weights | None:
        return ModelWeights(loaded(tmp_path, parse(text, opset, **stored))).upstream([tensor]).get(tensor)

    return read


@pytest.fixture
def linear(weights):
    def read(body: str, **stored: np.ndarray) -> Weights | None:
        return weights(LINEAR.format(body), **stored)

    return read


def test_a_dense_layer_has_its_weights_however_it_is_written(linear):
    expected = linear("y = Gemm<transB = 1>(x, w, b)", w=W, b=B)
    assert expected is not None
    assert expected.count == 16
    turned = np.ascontiguousarray(W.T)
    written = {
        "Gemm": linear("y = Gemm(x, w, b)", w=turned, b=B),
        "MatMul, Add": linear("m = MatMul(x, w) y = Add(m, b)", w=turned, b=B),
        "Add, MatMul": linear("m = MatMul(x, w) y = Add(b, m)", w=turned, b=B),
        "Transpose": linear("t = Transpose(w) y = Gemm(x, t, b)", w=W, b=B),
        "Identity": linear("i = Identity(w) t = Transpose(i) y = Gemm(x, t, b)", w=W, b=B),
        "Reshape": linear(
            "r = Reshape(w, s) y = Gemm(x, r, b)", w=turned.reshape(-1), b=B, s=np.array([3, 4], np.int64)
        ),
        "Cast": linear("c = Cast<to = 1>(w) y = Gemm(x, c, b)", w=turned.astype(np.float64), b=B),
    }
    assert {name: found == expected for name, found in written.items()} == dict.fromkeys(written, True)


def test_a_half_precision_weight_is_that_of_its_values(linear):
    half = W.T.astype(np.float16)
    cast = linear("c = Cast<to = 1>(w) y = MatMul(x, c)", w=half)
    assert cast == linear("y = MatMul(x, w)", w=half.astype(np.float32))
    assert cast != linear("y = MatMul(x, w)", w=np.ascontiguousarray(W.T))


def test_a_weight_in_a_constant_is_found(linear):
    values = ", ".join(map(str, range(1, 13)))
    found = linear(f"c = Constant<value = float[3, 4] {{{values}}}>() y = MatMul(x, c)")
    stored = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    assert found is not None
    assert found == linear("y = MatMul(x, w)", w=stored)


def test_a_convolution_in_another_layout_has_the_same_weights(weights):
    kernel = RNG.normal(size=(2, 3, 3, 3)).astype(np.float32)
    plain = weights("g (float[N,3,8,8] x) => (float[N,2,6,6] y) { y = Conv(x, w, b) }", w=kernel, b=B[:2])
    moved = weights(
        """g (float[N,8,8,3] x) => (float[N,6,6,2] y) {
            c = Transpose<perm = [0,3,1,2]>(x) k = Transpose<perm = [3,2,0,1]>(w)
            d = Conv(c, k, b) y = Transpose<perm = [0,2,3,1]>(d) }""",
        w=np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)),
        b=B[:2],
    )
    assert plain == moved
    assert plain is not None


@given(
    arrays.arrays(np.float32, st.integers(2, 60), elements=st.floats(-4, 4, width=32)),
    st.randoms(use_true_random=False),
)
def test_only_the_values_count_and_not_their_order(tmp_path_factory, values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    folder = tmp_path_factory.mktemp("net")
    text = f"g (float[N, {len(values)}] x) => (float[N, {len(values)}] y) {{ y = Mul(x, w) }}"
    found = [ModelWeights(loaded(folder, parse(text, w=each))).upstream(["y"])["y"] for each in (values, values[order])]
    assert found[0] == found[1]
    assert found[0].count == np.count_nonzero(values)


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(0.01, id="by a hundredth of the mean size"),
        pytest.param(1e-6, id="by a millionth of the mean size"),
        pytest.param(0.0, id="to the next number of float32"),
    ],
)
@pytest.mark.parametrize("place", [0, 4321, 9999])
def test_a_change_of_one_value_in_ten_thousand_is_seen(weights, step, place):
    text = "g (float[N, 100] x) => (float[N, 100] y) { y = MatMul(x, w) }"
    values = RNG.normal(size=10_000).astype(np.float32)
    changed = values.copy()
    changed[place] = 0.5
    values[place] = 0.5 + step * np.abs(values).mean() if step else np.nextafter(np.float32(0.5), np.float32(1))
    assert values[place] != changed[place]
    one, other = (weights(text, w=each.reshape(100, 100)) for each in (values, changed))
    assert one is not None
    assert one != other


def test_a_change_that_float32_cannot_hold_is_not_seen(linear):
    double = RNG.normal(size=(3, 4)).astype(np.float32).astype(np.float64)
    one, other = (linear("c = Cast<to = 1>(w) y = MatMul(x, c)", w=each) for each in (double, double * (1 + 1e-12)))
    assert one == other


def test_changes_that_leave_all_sums_alike_are_seen(linear):
    """The sums of these values, of their squares and of their cubes are equal (Prouhet, Tarry, Escott)."""
    one, other = [0, 4, 7, 11] * 3, [1, 2, 9, 10] * 3
    assert [sum(x**k for x in one) for k in (1, 2, 3)] == [sum(x**k for x in other) for k in (1, 2, 3)]
    found = [linear("y = MatMul(x, w)", w=np.array(each, np.float32).reshape(3, 4) + 1) for each in (one, other)]
    assert found[0] != found[1]


def test_steps_up_and_down_do_not_cancel(linear):
    values = W.T.copy()
    stepped = values.copy()
    stepped[0, 0] = np.nextafter(values[0, 0], np.float32(np.inf) * np.sign(values[0, 0]))
    stepped[0, 1] = np.nextafter(values[0, 1], np.float32(0))
    bits = [int(each.view(np.uint32).astype(np.uint64).sum()) for each in (values, stepped)]
    assert bits[0] == bits[1]
    assert linear("y = MatMul(x, w)", w=values) != linear("y = MatMul(x, w)", w=stepped)


def test_a_bias_counts_unless_it_is_zero(linear):
    bare = linear("y = MatMul(x, w)", w=W.T.copy())
    assert linear("y = Gemm(x, w, b)", w=W.T.copy(), b=B) != bare
    assert linear("y = Gemm(x, w, b)", w=W.T.copy(), b=np.array([0, -0.0, 0, 0], np.float32)) == bare


def test_every_parameter_of_a_normalisation_counts(weights):
    text = "g (float[N,4,5] x) => (float[N,4,5] y) { y = BatchNormalization(x, s, b, m, v) }"
    names = "sbmv"
    plain = {name: np.ones(4, np.float32) for name in names}
    expected = weights(text, **plain)
    for name in names:
        assert weights(text, **plain | {name: np.full(4, 1.01, np.float32)}) != expected


def test_weights_count_from_the_inputs_on_and_no_further(tmp_path):
    body = "a = MatMul(x, u) r = Relu(a) b = MatMul(r, v) s = Softmax(b) y = Add(s, r)"
    text = f"g (float[N, 3] x) => (float[N, 3] y) {{ {body} }}"
    first, second = (RNG.normal(size=(3, 3)).astype(np.float32) for _ in range(2))
    names = ["x", "a", "r", "b", "s", "y"]
    plain, later, earlier = (
        ModelWeights(loaded(tmp_path, parse(text, u=u, v=v))).upstream(names)
        for u, v in ((first, second), (first, second + 1), (first + 1, second))
    )
    assert [name for name in names if name not in plain] == ["x"]
    assert [name for name in plain if plain[name] == later[name]] == ["a", "r"]
    assert [name for name in plain if plain[name] == earlier[name]] == []


def test_a_weight_that_is_stored_twice_counts_once(linear):
    square = RNG.normal(size=(3, 3)).astype(np.float32)
    shared = linear("a = MatMul(x, w) b = MatMul(a, w) y = MatMul(b, v)", w=square, v=W.T.copy())
    copied = linear("a = MatMul(x, w) b = MatMul(a, u) y = MatMul(b, v)", w=square, u=square, v=W.T.copy())
    assert shared == copied


@pytest.mark.parametrize(
    ("nchw", "nhwc"),
    [
        pytest.param("y = ReduceMean<keepdims = 0>(c, axes)", [[2, 3], [1, 2]], id="axes"),
        pytest.param("y = Reshape(c, axes)", [[0, -1], [-1, 16]], id="a shape"),
    ],
)
def test_shapes_and_axes_are_no_weights(weights, nchw, nhwc):
    text = f"g (float[N,4,2,2] x) => (float[N,c] y) {{ c = Mul(x, w) {nchw} }}"
    scale = B.reshape(1, 4, 1, 1)
    found = [weights(text, opset=18, w=scale, axes=np.array(axes, np.int64)) for axes in nhwc]
    assert found[0] == found[1]
    assert found[0].count == 4


def test_the_scales_of_a_resize_are_no_weights(weights):
    text = "g (float[N,a,b,c] x) => (float[N,d,e,f] y) { y = Resize(x, , s) }"
    assert weights(text, s=np.array([1, 1, 2, 2], np.float32)) is None


def test_a_model_without_weights_has_none(tmp_path):
    model = loaded(tmp_path, parse("g (float[N, 3] x) => (float[N, 3] y) { y = Relu(x) }"))
    assert ModelWeights(model).upstream(["x", "y"]) == ModelWeights(model).own(["x", "y"]) == {}


def test_constants_of_a_formula_are_no_weights(linear):
    half = linear("m = MatMul(x, w) y = Mul(m, h)", w=W.T.copy(), h=np.array([0.5], np.float32))
    assert half == linear("y = MatMul(x, w)", w=W.T.copy())


def test_quantised_weights_are_not_those_they_came_from(linear):
    text = "d = DequantizeLinear(q, s) y = MatMul(x, d)"
    q = np.round(W.T * 20).astype(np.int8)
    quantised = linear(text, q=q, s=np.array(0.05, np.float32))
    assert quantised is not None
    assert quantised != linear("y = MatMul(x, w)", w=W.T.copy())
    assert quantised != linear(text, q=q + np.int8(1), s=np.array(0.05, np.float32))


def test_large_weights_are_told_piece_by_piece(weights):
    text = "g (float[N, 700] x) => (float[N, 700] y) { y = MatMul(x, w) }"
    values = RNG.normal(size=(700, 700)).astype(np.float32)
    last = values.copy()
    last[-1, -1] += 1
    assert weights(text, w=values) == weights(text, w=values[::-1].copy())
    assert weights(text, w=values) != weights(text, w=last)


def test_external_weights_are_read(tmp_path):
    text = LINEAR.format("y = MatMul(x, w)")
    inside = ModelWeights(loaded(tmp_path, parse(text, w=W.T.copy()))).upstream(["y"])
    model = parse(text, w=W.T.copy())
    onnx.external_data_helper.convert_model_to_external_data(model, location="w.bin", size_threshold=0)
    onnx.external_data_helper.write_external_data_tensors(model, str(tmp_path))
    found = loaded(tmp_path, model)
    assert not found.proto.graph.initializer[0].raw_data
    assert ModelWeights(found).upstream(["y"]) == inside != {}


def test_a_single_value_counts_where_an_operator_has_learned_it(weights):
    text = "g (float[N, 1] x) => (float[N, 1] y) {{ y = {}(x, w) }}"
    two, three = (np.array([[value]], np.float32) for value in (2, 3))
    assert weights(text.format("MatMul"), w=two) != weights(text.format("MatMul"), w=three)
    assert weights(text.format("Mul"), w=two) is None
