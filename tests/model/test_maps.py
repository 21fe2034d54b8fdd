"""Which tensors are feature maps, in networks as exporters write them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from onnxinv.model.maps import follow_maps
from onnxinv.model.rewrite import expose
from tests.model.onnx_text import parse, run

FIRST, LAST = (2, 3, 6, 8), (2, 6, 8, 3)


def follow(
    body: str,
    weights: dict[str, np.ndarray] | None = None,
    *,
    shape: tuple[int, ...] = FIRST,
    inputs: dict[str, int] | None = None,
    others: dict[str, tuple[int, ...]] | None = None,
) -> set[str]:
    """Return what is followed from an image x, channels first, through nodes that make y; other inputs have ones."""
    feeds = {name: np.ones(each, np.float32) for name, each in {"x": shape, **(others or {})}.items()}
    given = ", ".join(f"float[{', '.join(map(str, array.shape))}] {name}" for name, array in feeds.items())
    model = parse(f"g ({given}) => (float[{', '.join('abcdef'[: len(shape)])}] y) {{ {body} }}")
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in (weights or {}).items())
    constants = {node.output[0] for node in model.graph.node if node.op_type == "Constant"}
    names = [*feeds, *(name for node in model.graph.node for name in node.output if name not in constants)]
    exposed = expose(model, names)
    found = run(exposed.proto, feeds, [exposed.outputs[name] for name in names])
    shapes = {name: array.shape for name, array in zip(names, found, strict=True)}
    return follow_maps(model.graph, {"x": 1} if inputs is None else inputs, shapes)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    "node",
    [
        "Conv<pads = [1, 1, 1, 1]>(x, w)",
        "Conv<strides = [2, 2]>(x, w)",
        "ConvTranspose<strides = [2, 2]>(x, w)",
        "MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(x)",
        "AveragePool<kernel_shape = [3, 3]>(x)",
        "BatchNormalization(x, c, c, c, c)",
        "InstanceNormalization(x, c, c)",
        "LayerNormalization(x, s)",
        "Relu(x)",
        "Softmax<axis = 1>(x)",
        "Add(x, x)",
        "Mul(x, s)",
        "Clip(x)",
        "Dropout(x)",
        "Identity(x)",
        "Cast<to = 1>(x)",
        "Concat<axis = 1>(x, x)",
        "Concat<axis = 3>(x, x)",
        'Resize<mode = "nearest">(x, , factors)',
    ],
    ids=lambda node: node.split("(")[0].split("<")[0],
)
def test_operators_that_leave_pixels_at_their_place_keep_maps(node: str) -> None:
    weights = {"w": ones(3, 3, 3, 3), "c": ones(3), "s": ones(8), "factors": np.array([1, 1, 2, 2], np.float32)}
    assert follow(f"y = {node}", weights) == {"x", "y"}


@pytest.mark.parametrize(
    "nodes",
    [
        "y = GlobalAveragePool(x)",
        "y = GlobalMaxPool(x)",
        "y = ReduceMean<axes = [2, 3]>(x)",
        "shape = Constant<value_ints = [0, 3, 8, 6]>() y = Reshape(x, shape)",
        "shape = Constant<value_ints = [0, 3, 2, 3, 2, 4]>() y = Reshape(x, shape)",
        "flat = Flatten(x) y = Gemm(flat, matrix)",
        "place = Constant<value_ints = [0, 0]>() y = Gather<axis = 2>(x, place)",
        "y = MatMul(x, other)",
        "y = MatMul(square, x)",
        "turned = Transpose<perm = [0, 1, 3, 2]>(x) y = MatMul(x, turned)",
        'y = Einsum<equation = "nchw,chk->nchk">(x, other3)',
    ],
)
def test_operators_after_which_a_place_means_nothing_lose_maps(nodes: str) -> None:
    weights = {"matrix": ones(144, 2), "other": ones(8, 8), "square": ones(6, 6), "other3": ones(3, 6, 5)}
    assert follow(nodes, weights) == {"x"}


def test_a_network_is_followed_until_its_head() -> None:
    body = """
    conv = Conv<pads = [1, 1, 1, 1]>(x, w) relu = Relu(conv)
    pool = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(relu)
    gate = GlobalAveragePool(pool) squeezed = Conv(gate, v) open = Sigmoid(squeezed) gated = Mul(pool, open)
    joined = Concat<axis = 1>(pool, gated) flat = Flatten(joined) dense = Gemm(flat, m)
    shape = Constant<value_ints = [2, 3, 1, 1]>() back = Reshape(dense, shape) y = Relu(back)
    """
    found = follow(body, {"w": ones(4, 3, 3, 3), "v": ones(4, 4, 1, 1), "m": ones(96, 3)})
    assert found == {"x", "conv", "relu", "pool", "gated", "joined"}


def test_tokens_and_attention_matrices_are_no_maps() -> None:
    body = """
    patches = Conv<strides = [2, 2]>(x, w) three = Constant<value_ints = [0, 4, -1]>() lying = Reshape(patches, three)
    tokens = Transpose<perm = [0, 2, 1]>(lying) four = Constant<value_ints = [0, 12, 2, 2]>()
    cut = Reshape(tokens, four) queries = Transpose<perm = [0, 2, 1, 3]>(cut) keys = Transpose<perm = [0, 2, 3, 1]>(cut)
    scores = MatMul(queries, keys) attention = Softmax(scores) y = MatMul(attention, queries)
    """
    assert follow(body, {"w": ones(4, 3, 2, 2)}) == {"x", "patches"}


def test_maps_with_channels_last_are_maps() -> None:
    body = """
    first = Transpose<perm = [0, 3, 1, 2]>(x) conv = Conv<pads = [1, 1, 1, 1]>(first, w)
    last = Transpose<perm = [0, 2, 3, 1]>(conv) biased = Add(last, b) y = Relu(biased)
    """
    found = follow(body, {"w": ones(4, 3, 3, 3), "b": ones(4)}, shape=LAST, inputs={"x": 3})
    assert found == {"x", "first", "conv", "last", "biased", "y"}


def test_dense_layers_on_channels_that_come_last_keep_maps() -> None:
    body = """
    last = Transpose<perm = [0, 2, 3, 1]>(x) wide = MatMul(last, w) soft = Erf(wide) narrow = MatMul(soft, v)
    first = Transpose<perm = [0, 3, 1, 2]>(narrow) y = Add(x, first)
    """
    assert follow(body, {"w": ones(3, 12), "v": ones(12, 3)}) == {"x", "last", "wide", "soft", "narrow", "first", "y"}


def test_weights_that_depend_on_the_input_mix_pixels() -> None:
    body = (
        "last = Transpose<perm = [0, 2, 3, 1]>(x) first = Transpose<perm = [0, 1, 3, 2]>(last) y = MatMul(last, first)"
    )
    assert follow(body) == {"x", "last", "first"}


@pytest.mark.parametrize(
    ("order", "is_map"),
    [
        ([0, 2, 3, 1], True),
        ([0, 2, 1, 3], True),
        ([2, 0, 3, 1], True),
        ([0, 1, 3, 2], False),
        ([0, 3, 2, 1], False),
        ([3, 2, 1, 0], False),
    ],
)
def test_where_columns_come_before_rows_a_map_is_mirrored_and_none(order: list[int], is_map: bool) -> None:
    back = [order.index(axis) for axis in range(4)]
    found = follow(f"t = Transpose<perm = {order}>(x) r = Relu(t) y = Transpose<perm = {back}>(r)")
    assert found == ({"x", "t", "r", "y"} if is_map else {"x", "y"})


def test_a_transpose_without_an_order_turns_the_axes_around() -> None:
    assert follow("t = Transpose(x) y = Transpose(t)") == {"x", "y"}


def test_nothing_is_followed_from_inputs_that_are_no_images() -> None:
    body = "r = Relu(x) s = Relu(z) y = Add(r, s)"
    assert follow(body, inputs={}, others={"z": FIRST}) == set()
    assert follow(body, inputs={"x": 1}, others={"z": FIRST}) == {"x", "r", "y"}
    assert follow("y = Relu(x)", shape=(2, 3, 8), inputs={"x": 1}) == set()


def test_what_a_body_makes_of_a_map_is_none() -> None:
    body = """
    total = ReduceSum<keepdims = 0>(x) large = Greater(total, zero)
    y = If (large) <
        then_branch = then () => (float[2, 3, 6, 8] a) { a = Relu(x) },
        else_branch = other () => (float[2, 3, 6, 8] b) { b = Neg(x) }
    >
    """
    assert follow(body, {"zero": np.array(0, np.float32)}) == {"x"}
