"""Batch and channel axes of whole small networks in the layouts that exporters write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from onnxinv.model.axes import BatchAxis
from onnxinv.model.layers import Layer, candidates, locate, split_by_type
from onnxinv.model.rewrite import expose
from onnxinv.runtime import Device, Session
from tests.model.onnx_text import loaded, parse


def weight(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32) / 2


def layers_of(
    folder: Path, proto: onnx.ModelProto, batch_axis: int = 0, channels: dict[str, int] | None = None
) -> dict[str, Layer]:
    """Locate all floating-point tensors from two runs that share their first and last sample."""
    model = loaded(folder, proto)
    found, _ = candidates(model)
    names = [one.name for one in found]
    exposed = expose(model.proto, names)
    session = Session(exposed.proto.SerializeToString(), Device("cpu"), threads=1, optimize=False, folder=folder)
    one, other = _batches([5 if isinstance(size, str) else size for size in model.inputs[0].shape], batch_axis)
    wanted = [exposed.outputs[name] for name in names]
    runs = tuple(
        dict(zip(names, session.run({model.inputs[0].name: batch}, wanted), strict=True)) for batch in (one, other)
    )
    types = {name: session.output_types()[output] for name, output in exposed.outputs.items()}
    kept, _ = split_by_type(found, types)
    shapes = {name: array.shape for name, array in runs[0].items()}
    located, _ = locate(model, kept, runs, (2, 3), channels or {}, {}, shapes)
    return {layer.name: layer for layer in located}


def _batches(shape: list[int], axis: int) -> tuple[np.ndarray, np.ndarray]:
    shape = [size for place, size in enumerate(shape) if place != axis]
    first, second, third = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    return np.stack([first, second], axis), np.stack([first, third, second], axis)


def axes_of(layers: dict[str, Layer], *names: str) -> list[tuple[tuple[int, ...], int, int]]:
    """Return unit shape, channel axis in it, and raw batch axis of each layer."""
    assert all(layers[name].batch.repeats == 1 for name in names)
    return [(layers[name].shape, layers[name].channel_axis, layers[name].batch.axis) for name in names]


def test_a_tensorflow_network_has_channels_last_outside_and_first_between_its_transposes(tmp_path):
    model = parse(
        """g (float[N, 6, 6, 3] x) => (float[N, 2] y) {
            a = Transpose <perm = [0, 3, 1, 2]> (x)  b = Conv <pads = [1, 1, 1, 1]> (a, w)  c = Relu(b)
            d = Transpose <perm = [0, 2, 3, 1]> (c)  e = Add(d, bias)  f = Sigmoid(e)  g1 = Mul(e, f)
            h = ReduceMean <axes = [1, 2], keepdims = 0> (g1)  y = MatMul(h, v) }""",
        w=weight(4, 3, 3, 3), bias=weight(4), v=weight(4, 2),
    )  # fmt: skip
    layers = layers_of(tmp_path, model, channels={"x": 3})
    assert axes_of(layers, "x", "a", "b", "c") == [((6, 6, 3), 2, 0), ((3, 6, 6), 0, 0), *[((4, 6, 6), 0, 0)] * 2]
    assert axes_of(layers, "d", "e", "f", "g1") == [((6, 6, 4), 2, 0)] * 4
    assert axes_of(layers, "h", "y") == [((4,), 0, 0), ((2,), 0, 0)]


ATTENTION = """
    q = MatMul(x, wq)  k = MatMul(x, wk)  v = MatMul(x, wv)
    q4 = Reshape(q, heads)  k4 = Reshape(k, heads)  v4 = Reshape(v, heads)
    qh = Transpose <perm = [{heads_first}]> (q4)  kh = Transpose <perm = [{keys}]> (k4)
    vh = Transpose <perm = [{heads_first}]> (v4)
    scores = MatMul(qh, kh)  p = Softmax <axis = -1> (scores)  mixed = MatMul(p, vh)
    back = Transpose <perm = [{back}]> (mixed)  flat = Reshape(back, tokens)  o = MatMul(flat, wo)
    r = Add(x, o)  y = LayerNormalization <axis = -1> (r, scale)
"""


def transformer(tokens_first: bool) -> onnx.ModelProto:
    order = {"heads_first": "0, 2, 1, 3", "keys": "0, 2, 3, 1", "back": "0, 2, 1, 3"}
    if tokens_first:
        order = {"heads_first": "1, 2, 0, 3", "keys": "1, 2, 3, 0", "back": "2, 0, 1, 3"}
    shape = "5, N, 8" if tokens_first else "N, 5, 8"
    return parse(
        f"g (float[{shape}] x) => (float[{shape}] y) {{ {ATTENTION.format(**order)} }}",
        wq=weight(8, 8), wk=weight(8, 8), wv=weight(8, 8), wo=weight(8, 8), scale=weight(8),
        heads=np.array([5, -1, 2, 4] if tokens_first else [-1, 5, 2, 4]),
        tokens=np.array([5, -1, 8] if tokens_first else [-1, 5, 8]),
    )  # fmt: skip


@pytest.mark.parametrize("tokens_first", [False, True])
def test_a_transformer_has_features_last_and_its_batch_where_it_was_put(tmp_path, tokens_first):
    batch = int(tokens_first)
    layers = layers_of(tmp_path, transformer(tokens_first), batch)
    assert axes_of(layers, "x", "q", "v", "o", "r", "y") == [((5, 8), 1, batch)] * 6
    assert axes_of(layers, "scores", "p") == [((2, 5, 5), 2, 0)] * 2
    assert axes_of(layers, "mixed") == [((2, 5, 4), 2, 0)]


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_recurrent_layer_has_its_batch_third_and_hidden_units_last(tmp_path, kind):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    model = parse(
        f"""g (float[5, N, 3] x) => (float[5, 2, N, 4] y, float[2, N, 4] last, float[5, N, 8] s) {{
            y, last = {kind} <hidden_size = 4, direction = "bidirectional"> (x, w, r)
            t = Transpose <perm = [0, 2, 1, 3]> (y)  f = Reshape(t, shape)  s = Sigmoid(f) }}""",
        w=weight(2, 4 * gates, 3), r=weight(2, 4 * gates, 4), shape=np.array([5, -1, 8]),
    )  # fmt: skip
    layers = layers_of(tmp_path, model, batch_axis=1)
    assert axes_of(layers, "x", "y", "last") == [((5, 3), 1, 1), ((5, 2, 4), 2, 2), ((2, 4), 1, 1)]
    assert axes_of(layers, "s") == [((5, 8), 1, 1)]


def test_convolutions_over_sequences_and_volumes_have_channels_first(tmp_path):
    flat = parse(
        "g (float[N, 3, 9] x) => (float[N, 4] y) { a = Conv(x, w)  b = Relu(a)  c = MaxPool <kernel_shape = [2]> (b)"
        "  p = GlobalAveragePool(c)  y = Flatten(p) }",
        w=weight(4, 3, 3),
    )  # fmt: skip
    layers = layers_of(tmp_path, flat)
    assert axes_of(layers, "x", "a", "b") == [((3, 9), 0, 0), ((4, 7), 0, 0), ((4, 7), 0, 0)]
    assert axes_of(layers, "c", "p", "y") == [((4, 6), 0, 0), ((4, 1), 0, 0), ((4,), 0, 0)]
    text = "g (float[N, 2, 4, 5, 6] x) => (float[N, 4, 3, 4, 5] y) { a = Conv(x, w)  y = Relu(a) }"
    solid = parse(text, w=weight(4, 2, 2, 2, 2))
    layers = layers_of(tmp_path, solid)
    assert axes_of(layers, "x", "a", "y") == [((2, 4, 5, 6), 0, 0), *[((4, 3, 4, 5), 0, 0)] * 2]


def test_a_segmentation_head_keeps_channels_first_through_upsampling_and_skips(tmp_path):
    model = parse(
        """g (float[N, 3, 8, 8] x) => (float[N, 2, 8, 8] y) {
            a = Conv <pads = [1, 1, 1, 1]> (x, w)  d = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a)
            u = Resize <mode = "nearest"> (d, , scales)  c = Concat <axis = 1> (a, u)
            z = Conv(c, v)  y = Softmax <axis = 1> (z) }""",
        w=weight(4, 3, 3, 3), v=weight(2, 8, 1, 1), scales=np.array([1, 1, 2, 2], np.float32),
    )  # fmt: skip
    layers = layers_of(tmp_path, model)
    assert axes_of(layers, "d", "u", "c") == [((4, 4, 4), 0, 0), ((4, 8, 8), 0, 0), ((8, 8, 8), 0, 0)]
    assert axes_of(layers, "z", "y") == [((2, 8, 8), 0, 0)] * 2


def test_a_detection_head_turns_maps_into_anchors_with_features_last(tmp_path):
    model = parse(
        """g (float[N, 3, 4, 4] x) => (float[N, 32, 5] boxes, float[N, 32, 1] scores) {
            a = Conv(x, w)  split = Reshape(a, cut)  t = Transpose <perm = [0, 3, 4, 1, 2]> (split)
            flat = Reshape(t, anchors)  boxes = Sigmoid(flat)  scores = ReduceMax <axes = [2]> (boxes) }""",
        w=weight(10, 3, 1, 1), cut=np.array([-1, 2, 5, 4, 4]), anchors=np.array([-1, 32, 5]),
    )  # fmt: skip
    layers = layers_of(tmp_path, model)
    assert axes_of(layers, "a") == [((10, 4, 4), 0, 0)]
    assert axes_of(layers, "boxes", "scores") == [((32, 5), 1, 0), ((32, 1), 1, 0)]


def test_heads_folded_into_the_batch_are_taken_apart_with_features_last(tmp_path):
    model = parse(
        """g (float[N, 5, 8] x) => (float[M, 5, 4] y) {
            a = Reshape(x, heads)  t = Transpose <perm = [0, 2, 1, 3]> (a)  f = Reshape(t, fold)  y = MatMul(f, w) }""",
        heads=np.array([-1, 5, 2, 4]), fold=np.array([-1, 5, 4]), w=weight(4, 4),
    )  # fmt: skip
    layer = layers_of(tmp_path, model)["y"]
    assert layer.batch == BatchAxis(0, 2)
    assert (layer.shape, layer.channel_axis) == ((2, 5, 4), 2)


def test_queries_and_keys_of_folded_heads_have_their_features_as_channels(tmp_path):
    model = parse(
        """g (float[N, 5, 6] x) => (float[N, 3, 5, 5] y) {
            seq = Transpose <perm = [1, 0, 2]> (x)  q = MatMul(seq, w)  fold = Reshape(q, folded)
            t = Transpose <perm = [1, 0, 2]> (fold)  heads = Reshape(t, apart)  scaled = Mul(heads, half)
            k = Transpose <perm = [0, 1, 3, 2]> (heads)  keys = Mul(k, half)  y = MatMul(scaled, keys) }""",
        w=weight(6, 6), folded=np.array([5, -1, 2]), apart=np.array([-1, 3, 5, 2]), half=np.float32(0.5),
    )  # fmt: skip
    layers = layers_of(tmp_path, model)
    assert axes_of(layers, "scaled", "keys") == [((3, 5, 2), 2, 0), ((3, 2, 5), 1, 0)]
