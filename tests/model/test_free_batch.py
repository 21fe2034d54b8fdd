"""Graphs that were exported with one batch size, freed of it: same numbers at that size, sample by sample at others."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from onnxinv.model.free_batch import free_batch, reached
from tests.model.onnx_text import RELU, parse, run

RNG = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def assert_freed(model: onnx.ModelProto, unit: tuple[int, ...], size: int = 1, axis: int = 0) -> None:
    """Run the original on single batches of `size` and the freed model on other sizes; every sample must agree."""
    before = model.SerializeToString()
    freed = free_batch(model, {"x": axis}, size)
    assert model.SerializeToString() == before
    samples = [numbers(*unit) for _ in range(size * 3)]
    batches = [samples[start : start + size] for start in range(0, len(samples), size)]
    expected = np.concatenate([run(model, {"x": np.stack(batch, axis)})[0] for batch in batches], axis)
    for count in (size, size * 3):
        found = run(freed, {"x": np.stack(samples[:count], axis)})[0]
        np.testing.assert_allclose(found, np.take(expected, range(count), axis), rtol=1e-5, atol=1e-6)


def reshaped(shape: list[int], head: str = "float[1, 4, 6] x", options: str = "") -> onnx.ModelProto:
    text = f"g ({head}) => (float[1, Z] y) {{ a = Relu(x)  y = Reshape{options}(a, s) }}"
    return parse(text, s=np.array(shape))


@pytest.mark.parametrize(
    ("model", "size"),
    [
        pytest.param(reshaped([1, 24]), 1, id="all lengths stated"),
        pytest.param(reshaped([1, -1]), 1, id="the other length inferred"),
        pytest.param(reshaped([1, -1], options="<allowzero = 1>"), 1, id="inferred where zero is a length"),
        pytest.param(reshaped([2, 3, 8], "float[2, 4, 6] x"), 2, id="a batch of two"),
        pytest.param(reshaped([2, -1], "float[2, 4, 6] x"), 2, id="a batch of two, the other length inferred"),
        pytest.param(reshaped([-1, 24]), 1, id="free already"),
    ],
)
def test_a_reshape_to_the_batch_size_follows_the_batch(model, size):
    assert_freed(model, (4, 6), size)


def test_a_reshape_of_the_first_opsets_follows_the_batch():
    text = "g (float[1, 4, 6] x) => (float[1, 24] y) { y = Reshape<shape = [1, 24]>(x) }"
    freed = free_batch(parse(text, opset=4), {"x": 0}, 1)
    assert [*freed.graph.node[0].attribute[0].ints] == [-1, 24]


def test_a_shape_that_stands_in_a_node_follows_the_batch():
    text = """g (float[1, 4, 6] x) => (float[1, 24] y) {
        s = Constant<value = int64[2] {1, 24}>()  y = Reshape(x, s)
    }"""
    assert_freed(parse(text), (4, 6))


HEADS = """g (float[{size}, 6, 8] x) => (float[{size}, 6, 8] y) {{
    q = MatMul(x, w)  a = Reshape(q, apart)  b = Transpose<perm = [0, 2, 1, 3]>(a)  c = Reshape(b, folded)
    d = Transpose<perm = [0, 2, 1]>(c)  e = MatMul(c, d)  f = Softmax<axis = -1>(e)  h = MatMul(f, c)
    i = Reshape(h, unfolded)  j = Transpose<perm = [0, 2, 1, 3]>(i)  y = Reshape(j, whole)
}}"""


@pytest.mark.parametrize("folded", [lambda size: [2 * size, 6, 4], lambda size: [2 * size, -1, 4]])
@pytest.mark.parametrize("size", [1, 4])
def test_heads_that_are_folded_with_the_batch_follow_it(size, folded):
    shapes = {"apart": [size, 6, 2, 4], "folded": folded(size), "unfolded": [size, 2, 6, 4], "whole": [size, 6, 8]}
    weights = {name: np.array(shape) for name, shape in shapes.items()}
    assert_freed(parse(HEADS.format(size=size), w=numbers(8, 8), **weights), (6, 8), size)


@pytest.mark.parametrize("size", [1, 4])
def test_heads_that_are_folded_with_a_batch_on_the_second_axis_follow_it(size):
    text = f"""g (float[6, {size}, 8] x) => (float[6, {size}, 8] y) {{
        a = Reshape(x, folded)  b = Transpose<perm = [1, 0, 2]>(a)  c = Transpose<perm = [1, 2, 0]>(a)
        d = MatMul(b, c)  e = MatMul(d, b)  f = Transpose<perm = [1, 0, 2]>(e)  y = Reshape(f, whole)
    }}"""
    shapes = {"folded": np.array([6, 2 * size, 4]), "whole": np.array([6, size, 8])}
    assert_freed(parse(text, **shapes), (6, 8), size, axis=1)


@pytest.mark.parametrize("size", [1, 4])
def test_steps_that_are_folded_with_the_batch_follow_it(size):
    text = f"""g (float[6, {size}, 8] x) => (float[6, {size}, 3] y) {{
        a = Reshape(x, rows)  b = MatMul(a, w)  y = Reshape(b, steps)
    }}"""
    shapes = {"rows": np.array([6 * size, 8]), "steps": np.array([6, size, 3])}
    assert_freed(parse(text, w=numbers(8, 3), **shapes), (6, 8), size, axis=1)


def test_a_shape_of_listed_numbers_follows_the_batch():
    text = "g (float[2, 4, 6] x) => (float[2, 24] y) { s = Constant<value_ints = [2, 24]>()  y = Reshape(x, s) }"
    assert_freed(parse(text), (4, 6), 2)


@pytest.mark.parametrize("axes", [[0], []])
def test_a_slice_of_the_whole_batch_takes_the_whole_of_any_batch(axes):
    options = ", axes" if axes else ""
    text = f"g (float[4, 3] x) => (float[4, 3] y) {{ a = Slice(x, start, end{options})  y = Relu(a) }}"
    bounds = {"start": np.array([0]), "end": np.array([4])} | ({"axes": np.array(axes)} if axes else {})
    assert_freed(parse(text, **bounds), (3,), 4)


def test_a_slice_of_a_part_of_the_batch_stays():
    text = "g (float[4, 3] x) => (float[2, 3] y) { y = Slice(x, start, end) }"
    model = parse(text, start=np.array([0]), end=np.array([2]))
    assert free_batch(model, {"x": 0}, 4).graph.node == model.graph.node


def test_a_reshape_of_weights_stays():
    text = "g (float[1, 3] x) => (float[1, 2] y) { v = Reshape(w, s)  y = MatMul(x, v) }"
    model = parse(text, w=numbers(2, 3), s=np.array([3, 2]))
    assert_freed(model, (3,))
    assert list(free_batch(model, {"x": 0}, 3).graph.node[0].input) == ["w", "s"]


def test_one_shape_may_serve_weights_and_activations():
    text = "g (float[1, 4] x) => (float[1, 2, 2] y) { v = Reshape(w, s)  a = Reshape(x, s)  y = Add(a, v) }"
    assert_freed(parse(text, w=numbers(4), s=np.array([1, 2, 2])), (4,))


@pytest.mark.parametrize("constant", ["initialiser", "node"])
def test_a_class_token_is_repeated_for_each_sample(constant):
    made = "t = Constant<value = float[1, 1, 2] {3, 4}>()" if constant == "node" else ""
    text = f"g (float[1, 3, 2] x) => (float[1, 4, 2] y) {{ {made} y = Concat<axis = 1>(t, x) }}"
    assert_freed(parse(text, **({} if made else {"t": numbers(1, 1, 2)})), (3, 2))


def test_a_class_token_with_a_copy_for_each_sample_follows_the_batch():
    text = "g (float[4, 3, 2] x) => (float[4, 4, 2] y) { y = Concat<axis = 1>(t, x) }"
    assert_freed(parse(text, t=np.repeat(numbers(1, 1, 2), 4, 0)), (3, 2), 4)


@pytest.mark.parametrize("size", [1, 4])
def test_a_class_token_that_is_expanded_follows_the_batch(size):
    text = f"g (float[{size}, 3, 2] x) => (float[{size}, 4, 2] y) {{ e = Expand(t, s)  y = Concat<axis = 1>(e, x) }}"
    assert_freed(parse(text, t=numbers(1, 1, 2), s=np.array([size, 1, 2])), (3, 2), size)


def test_a_position_code_with_a_copy_for_each_sample_follows_the_batch():
    text = "g (float[4, 3, 2] x) => (float[4, 3, 2] y) { y = Add(x, p) }"
    assert_freed(parse(text, p=np.repeat(numbers(1, 3, 2), 4, 0)), (3, 2), 4)


def test_constants_that_differ_from_sample_to_sample_stay():
    text = "g (float[4, 3] x) => (float[4, 4] y) { a = Add(x, p)  y = Concat<axis = 1>(c, a) }"
    model = parse(text, p=numbers(4, 3), c=numbers(4, 1))
    assert free_batch(model, {"x": 0}, 4).graph.node == model.graph.node


def test_an_upsampling_to_a_size_follows_the_batch():
    text = 'g (float[1, 2, 3, 3] x) => (float[1, 2, 6, 6] y) { y = Resize<mode = "nearest">(x, , , s) }'
    assert_freed(parse(text, s=np.array([1, 2, 6, 6])), (2, 3, 3))


@pytest.mark.parametrize("states", ["initialisers", "filled"])
def test_recurrent_states_of_zero_follow_the_batch(states):
    made = "h = ConstantOfShape(z)  c = ConstantOfShape(z)" if states == "filled" else ""
    text = f"""g (float[5, 1, 3] x) => (float[5, 1, 4] y) {{
        {made} steps = LSTM<hidden_size = 4>(x, w, r, , , h, c)  y = Squeeze(steps, one)
    }}"""
    zero = {"z": np.array([1, 1, 4])} if made else dict.fromkeys("hc", np.zeros((1, 1, 4), np.float32))
    model = parse(text, w=numbers(1, 16, 3), r=numbers(1, 16, 4), one=np.array([1]), **zero)
    assert_freed(model, (5, 3), axis=1)


def test_states_that_are_not_zero_stay():
    text = "g (float[5, 1, 3] x) => (float[5, 1, 1, 4] y) { y = GRU<hidden_size = 4>(x, w, r, , , h) }"
    model = parse(text, w=numbers(1, 12, 3), r=numbers(1, 12, 4), h=numbers(1, 1, 4))
    assert free_batch(model, {"x": 1}, 1).graph.node[0].input[5] == "h"


def test_stale_shapes_are_forgotten_and_the_batch_gets_a_name_of_its_own():
    model = parse("g (float[1, batch] x, float[batch] z) => (float[1, batch] y) { a = Add(x, z)  y = Relu(a) }")
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("a", 1, [1, 4]))
    freed = free_batch(model, {"x": 0}, 1).graph
    shapes = {
        value.name: [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]
        for value in (*freed.input, *freed.output, *freed.value_info)
    }
    assert shapes == {"x": ["batch_1", "batch"], "z": ["batch"], "y": []}


def test_new_tensors_take_names_that_are_free():
    model = parse("g (float[1, 2, 2] x) => (float[1, 4] y) { a = Relu(x)  y = Reshape(a, s) }", s=np.array([1, 4]))
    model.graph.node[0].output[0] = model.graph.node[1].input[0] = "freed_batch/Constant"
    assert_freed(model, (2, 2))


def test_what_depends_on_lengths_alone_is_not_reached():
    text = """g (float[N, 3] x, float[N, 3] z) => (float[N, 3] y) {
        a = Shape(x)  b = Cast<to = 1>(a)  c = Relu(z)  y = Add(x, c)
    }"""
    assert reached(parse(text).graph, ["x"]) == {"x", "y"}
    assert reached(parse(RELU).graph, ["x"]) == {"x", "y"}
