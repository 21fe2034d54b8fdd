"""The channel axis of every tensor, counted with the batch axis, in networks as exporters write them."""

import numpy as np
import onnx
import pytest

from onnxinv.model.channels import follow_channels
from onnxinv.model.rewrite import expose
from tests.model.onnx_text import parse, run


def follow(model: onnx.ModelProto, *, inputs: dict[str, int] | None = None, **feeds: tuple[int, ...]) -> dict[str, int]:
    arrays = {name: np.ones(shape, np.float32) for name, shape in feeds.items()}
    constants = {node.output[0] for node in model.graph.node if node.op_type == "Constant"}
    names = [*feeds, *(name for node in model.graph.node for name in node.output if name not in constants)]
    outputs = expose(model, names).outputs
    found = run(expose(model, names).proto, arrays, [outputs[name] for name in names])
    return follow_channels(
        model.graph, inputs or {}, {name: array.shape for name, array in zip(names, found, strict=True)}
    )


def weights(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_channels_are_axis_1_of_convolutions_and_of_what_keeps_their_layout():
    model = parse(
        """g (float[N, 3, 6, 6] x) => (float[N, 10] y) {
            a = Conv<kernel_shape = [3, 3]>(x, w)  b = Relu(a)  c = MaxPool<kernel_shape = [2, 2]>(b)
            d = GlobalAveragePool(c)  e = Flatten(d)  y = Gemm(e, v)
        }""",
        w=weights(8, 3, 3, 3),
        v=weights(8, 10),
    )
    assert follow(model, x=(2, 3, 6, 6), inputs={"x": 1}) == dict.fromkeys("xabcdey", 1)


def test_flattened_feature_maps_have_no_channel_axis_of_their_own():
    model = parse(
        "g (float[N, 3, 6, 6] x) => (float[N, 10] y) { a = Conv(x, w)  b = Flatten(a)  y = Gemm(b, v) }",
        w=weights(8, 3, 3, 3),
        v=weights(128, 10),
    )
    found = follow(model, x=(2, 3, 6, 6))
    assert "b" not in found
    assert (found["a"], found["y"]) == (1, 1)


def test_tensorflow_layout_is_followed_through_transposes():
    model = parse(
        """g (float[N, 6, 6, 3] x) => (float[N, 10] y) {
            a = Transpose<perm = [0, 3, 1, 2]>(x)  b = Conv(a, w)  c = Transpose<perm = [0, 2, 3, 1]>(b)
            d = Add(c, bias)  e = Relu(d)  f = ReduceMean<axes = [1, 2], keepdims = 0>(e)  y = MatMul(f, v)
        }""",
        w=weights(8, 3, 3, 3),
        bias=weights(8),
        v=weights(8, 10),
    )
    found = follow(model, x=(2, 6, 6, 3), inputs={"x": 3})
    assert found == {"x": 3, "a": 1, "b": 1, "c": 3, "d": 3, "e": 3, "f": 1, "y": 1}


def test_an_input_whose_layout_nobody_stated_is_told_by_the_convolution_that_reads_it():
    text = "g (float[N, 3, 9] x) => (float[N, 8, 7] y) { a = Sub(x, m)  b = Div(a, m)  y = Conv(b, w) }"
    found = follow(parse(text, w=weights(8, 3, 3), m=weights(1, 3, 1)), x=(2, 3, 9))
    assert found == dict.fromkeys("xaby", 1)


@pytest.mark.parametrize("space", [(9,), (6, 6), (5, 5, 5)], ids=["1-D", "2-D", "3-D"])
def test_convolutions_of_any_dimension_have_channels_first(space):
    kernel = (3,) * len(space)
    free = ", ".join("?" for _ in space)
    text = f"g (float[N, 3, {free}] x) => (float[N, 8, {free}] y) {{ a = Conv(x, w)  y = Sigmoid(a) }}"
    found = follow(parse(text, w=weights(8, 3, *kernel)), x=(2, 3, *space))
    assert (found["a"], found["y"]) == (1, 1)


def test_patches_of_a_vision_transformer_become_tokens_with_features_last():
    model = parse(
        """g (float[N, 3, 8, 8] x) => (float[N, 16] y) {
            patches = Conv<strides = [4, 4]>(x, w)  flat = Reshape(patches, shape)
            tokens = Transpose<perm = [0, 2, 1]>(flat)  embedded = Add(tokens, position)
            norm = LayerNormalization<axis = -1>(embedded, scale)  hidden = MatMul(norm, v)
            zero = Constant<value = int64 {0}>()  y = Gather<axis = 1>(hidden, zero)
        }""",
        w=weights(16, 3, 4, 4),
        shape=integers(0, 16, 4),
        position=weights(1, 4, 16),
        scale=weights(16),
        v=weights(16, 16),
    )
    found = follow(model, x=(2, 3, 8, 8), inputs={"x": 1})
    assert (found["patches"], found["flat"]) == (1, 1)
    assert (found["tokens"], found["embedded"], found["norm"], found["hidden"]) == (2, 2, 2, 2)
    assert found["y"] == 1


def test_features_stay_last_when_attention_cuts_them_into_heads_and_joins_them():
    model = parse(
        """g (float[N, 5, 8] x) => (float[N, 5, 8] y) {
            q = MatMul(x, w)  heads = Reshape(q, split)  first = Transpose<perm = [0, 2, 1, 3]>(heads)
            turned = Transpose<perm = [0, 1, 3, 2]>(first)  scores = MatMul(first, turned)  shares = Softmax(scores)
            mixed = MatMul(shares, first)  back = Transpose<perm = [0, 2, 1, 3]>(mixed)  y = Reshape(back, join)
        }""",
        w=weights(8, 8),
        split=integers(0, 0, 2, 4),
        join=integers(0, 0, 8),
    )
    found = follow(model, x=(2, 5, 8))
    assert (found["q"], found["heads"], found["first"], found["scores"], found["mixed"]) == (2, 3, 3, 3, 3)
    assert "y" not in found, "the last axis of three is the answer where nothing was followed"


def test_dense_layers_and_tokens_have_features_last():
    model = parse("g (float[N, 5, 4] x) => (float[N, 5, 6] y) { a = MatMul(x, w)  y = Gelu(a) }", 20, w=weights(4, 6))
    assert follow(model, x=(2, 5, 4)) == {"a": 2, "y": 2}


@pytest.mark.parametrize(
    ("reduction", "channel"),
    [
        pytest.param("ReduceMean<axes = [2, 3], keepdims = 0>(a)", 1, id="space, removed"),
        pytest.param("ReduceMean<axes = [-1, -2], keepdims = 0>(a)", 1, id="space, counted from the end"),
        pytest.param("ReduceMean<axes = [3], keepdims = 0>(a)", 1, id="one axis of space, removed"),
        pytest.param("ReduceMean<axes = [2, 3], keepdims = 1>(a)", 1, id="space, kept"),
        pytest.param("ReduceMean<axes = [1], keepdims = 1>(a)", 1, id="channels, kept"),
        pytest.param("ReduceMean<axes = [1], keepdims = 0>(a)", None, id="channels, removed"),
        pytest.param("ReduceMean<axes = [2, 3]>(a)", 1, id="space, kept by default"),
        pytest.param("ReduceSum<keepdims = 0>(a, axes)", 1, id="axes as an input"),
    ],
)
def test_reductions_keep_channels_unless_they_remove_them(reduction, channel):
    text = f"g (float[N, 3, 6, 6] x) => (float[N] y) {{ a = Conv(x, w)  y = {reduction} }}"
    model = parse(text, w=weights(8, 3, 3, 3), axes=integers(2, 3))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    assert follow(model, x=(2, 3, 6, 6)).get("y") == channel


def test_reductions_with_axes_from_a_constant_node_are_followed():
    model = parse(
        """g (float[N, 6, 6, 3] x) => (float[N, 3] y) {
            a = Relu(x)  axes = Constant<value_ints = [1, 2]>()  y = ReduceMean<keepdims = 0>(a, axes)
        }""",
        18,
    )
    assert follow(model, x=(2, 6, 6, 3), inputs={"x": 3})["y"] == 1


@pytest.mark.parametrize(
    ("operation", "channel"),
    [
        pytest.param("Transpose(a)", 2, id="all axes turned round"),
        pytest.param("Reshape(a, pixels)", 1, id="space made one axis"),
        pytest.param("Unsqueeze(a, axes)", 2, id="an axis put in front of channels"),
        pytest.param("Gather<axis = 2>(a, one)", 1, id="one row"),
        pytest.param("Gather<axis = 1>(a, one)", None, id="one channel"),
        pytest.param("Gather<axis = 1>(a, some)", 1, id="some channels"),
        pytest.param("Concat<axis = 1>(a, a)", 1, id="more channels"),
        pytest.param("Slice(a, starts, ends)", 1, id="a slice"),
        pytest.param("Mul(gate, a)", 1, id="a gate that comes first"),
        pytest.param("Add(a, wide)", 2, id="broadcast to more axes"),
        pytest.param("Reshape(a, groups)", None, id="channels cut into groups"),
    ],
)
def test_channels_are_followed_through(operation, channel):
    model = parse(
        f"g (float[N, 3, 6, 6] x) => (float[N] y) {{ a = Conv(x, w)  y = {operation} }}",
        w=weights(8, 3, 3, 3),
        pixels=integers(0, 8, 16),
        axes=integers(1),
        one=np.array(1),
        some=integers(1, 2),
        starts=integers(0, 0),
        ends=integers(2, 2),
        gate=weights(1, 8, 1, 1),
        wide=weights(1, 1, 1, 1, 1),
        groups=integers(0, 4, 2, 16),
    )
    model.graph.output[0].type.tensor_type.ClearField("shape")
    assert follow(model, x=(2, 3, 6, 6)).get("y") == channel


def test_layer_normalisation_of_feature_maps_keeps_channels_first():
    text = "g (float[N, 3, 6, 6] x) => (float[N, 8, 4, 4] y) { a = Conv(x, w)  y = LayerNormalization<axis = 1>(a, s) }"
    assert follow(parse(text, w=weights(8, 3, 3, 3), s=weights(8, 4, 4)), x=(2, 3, 6, 6))["y"] == 1


def test_a_generators_dense_layer_becomes_feature_maps():
    model = parse(
        """g (float[N, 5] x) => (float[N, 3, 6, 6] y) {
            a = Gemm(x, v)  b = Reshape(a, s)  c = Relu(b)  y = ConvTranspose(c, w)
        }""",
        v=weights(5, 128),
        s=integers(-1, 8, 4, 4),
        w=weights(8, 3, 3, 3),
    )
    found = follow(model, x=(2, 5))
    assert (found["b"], found["c"], found["y"]) == (1, 1, 1)


def test_a_recurrent_network_has_features_last():
    model = parse(
        "g (float[T, N, 3] x) => (float[T, 1, N, 4] y) { y, h = LSTM<hidden_size = 4>(x, w, r) }",
        w=weights(1, 16, 3),
        r=weights(1, 16, 4),
    )
    assert follow(model, x=(5, 2, 3)) == {"y": 3, "h": 2}


def test_what_leaves_a_body_is_not_followed():
    model = parse(
        """g (float[N, 3, 6, 6] x) => (float[N, 8, 4, 4] y) {
            a = Conv(x, w)  c = Constant<value = bool {1}>()
            y = If(c) <then_branch = t () => (float[N, 8, 4, 4] p) { p = Relu(a) },
                       else_branch = e () => (float[N, 8, 4, 4] q) { q = Neg(a) }>
        }""",
        w=weights(8, 3, 3, 3),
    )
    assert follow(model, x=(2, 3, 6, 6)) == {"x": 1, "a": 1}


def test_the_state_of_a_loop_is_not_followed():
    model = parse("""g (float[N, 3] x) => (float[N, 3] y) {
        n = Constant<value = int64 {2}>()  k = Constant<value = bool {1}>()
        y = Loop(n, k, x) <body = l (int64 i, bool c, float[N, 3] s) => (bool c2, float[N, 3] t) {
            c2 = Identity(c)  t = Add(s, s)
        }>
    }""")
    assert follow(model, x=(2, 3), inputs={"x": 1}) == {"x": 1}


def test_an_embedding_does_not_take_the_axes_of_its_indices():
    text = "g (float[N, 3] x) => (float[N, 3, 5] y) { i = Cast<to = 7>(x)  y = Gather(table, i) }"
    assert "y" not in follow(parse(text, table=weights(4, 5)), x=(2, 3), inputs={"x": 1})


def test_a_single_channel_is_not_taken_for_another_axis_of_length_one():
    text = "g (float[N, 1, 1, 6] x) => (float[N, 1, 1, 2, 3] y) { y = Reshape(x, s) }"
    assert follow(parse(text, s=integers(0, 1, 1, 2, 3)), x=(2, 1, 1, 6), inputs={"x": 1})["y"] == 1


def test_scalars_and_vectors_have_no_channel_axis():
    model = parse(
        "g (float[N, 3] x) => (float y) { a = ReduceSum<keepdims = 0>(x, s)  y = ReduceMax<keepdims = 0>(a) }",
        s=integers(1),
    )
    assert follow(model, x=(2, 3), inputs={"x": 1}) == {"x": 1}


def test_features_stay_last_when_heads_are_folded_into_the_batch_and_taken_apart():
    model = parse(
        """g (float[5, N, 8] x) => (float[N, 2, 4, 5] y) {
            q = MatMul(x, w)  folded = Reshape(q, fold)  first = Transpose<perm = [1, 0, 2]>(folded)
            turned = Transpose<perm = [0, 2, 1]>(first)  apart = Reshape(first, heads)  y = Reshape(turned, keys)
        }""",
        w=weights(8, 8),
        fold=integers(5, -1, 4),
        heads=integers(-1, 2, 5, 4),
        keys=integers(-1, 2, 4, 5),
    )
    found = follow(model, x=(5, 3, 8))
    assert (found["folded"], found["first"], found["turned"]) == (2, 2, 1)
    assert (found["apart"], found["y"]) == (3, 2)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((-1, 5, 3), id="tokens mixed with features"),
        pytest.param((-1, 40, 1, 1), id="everything made a channel"),
    ],
)
def test_features_that_are_not_cut_into_equal_parts_are_left_to_the_shape(shape):
    free = ", ".join("?" for _ in shape)
    model = parse(
        f"g (float[N, 5, 8] x) => (float[{free}] y) {{ q = MatMul(x, w)  y = Reshape(q, s) }}",
        w=weights(8, 8),
        s=integers(*shape),
    )
    assert "y" not in follow(model, x=(3, 5, 8))


@pytest.mark.parametrize(
    ("before", "axis", "after", "expected"),
    [
        pytest.param((2, 1, 6, 5), 1, (2, 6, 5, 1), 3, id="to the end"),
        pytest.param((2, 6, 5, 1), 3, (2, 1, 6, 5), 1, id="from the end"),
        pytest.param((1, 1, 6, 5), 1, (1, 6, 5, 1), 3, id="beside a batch of one"),
        pytest.param((1, 6, 5, 1), 3, (1, 1, 6, 5), 1, id="back beside a batch of one"),
        pytest.param((2, 1, 6, 1), 1, (2, 6, 1, 1), 3, id="past an axis of length 1"),
        pytest.param((2, 1, 6, 1), 3, (2, 1, 1, 6), 1, id="back past an axis of length 1"),
        pytest.param((2, 1, 6, 5), 1, (2, 5, 6, 1), None, id="not where other axes change"),
        pytest.param((2, 1, 6, 5), 1, (2, 30), None, id="not where it is gone"),
        pytest.param((2, 1, 6, 5), 1, (2, 1, 30), 1, id="not where it stays"),
    ],
)
def test_a_reshape_in_place_of_a_transpose_moves_a_single_channel(before, axis, after, expected):
    sizes = ", ".join(str(size) for size in before)
    free = ", ".join("?" for _ in after)
    model = parse(f"g (float[{sizes}] x) => (float[{free}] y) {{ y = Reshape(x, s) }}", s=integers(*after))
    assert follow(model, x=before, inputs={"x": axis}).get("y") == expected


def test_a_mean_over_features_made_with_a_pool_keeps_them_as_channels():
    model = parse(
        """g (float[N, 5, 8] x) => (float[N, 5, 8] y) {
            a = MatMul(x, w)  mean = GlobalAveragePool(a)  centred = Sub(a, mean)  scaled = Mul(mean, scale)
            y = Add(centred, scaled)
        }""",
        w=weights(8, 8),
        scale=weights(8),
    )
    found = follow(model, x=(3, 5, 8))
    assert (found["mean"], found["centred"], found["scaled"], found["y"]) == (2, 2, 2, 2)


def test_a_pool_of_what_nobody_followed_has_channels_first():
    model = parse("g (float[N, 3, 9] x) => (float[N, 3, 8] y) { a = Relu(x)  y = MaxPool<kernel_shape = [2]>(a) }")
    assert follow(model, x=(2, 3, 9)) == {"x": 1, "a": 1, "y": 1}


def test_a_convolution_has_channels_first_whatever_was_followed():
    model = parse("g (float[N, 3, 9] x) => (float[N, 8, 7] y) { y = Conv(x, w) }", w=weights(8, 3, 3))
    assert follow(model, x=(2, 3, 9), inputs={"x": 2})["y"] == 1
