"""Shapes that a layer has in large batches, and layers that hold no finite number."""

import numpy as np
import onnx
import pytest

from onnxinv import analyze
from onnxinv.errors import ModelError
from tests.model.onnx_text import parse


def test_a_layer_of_one_number_a_sample_is_measured(tmp_path):
    onnx.save(parse("g (float[N] x) => (float[N] y) { y = Neg(x) }"), tmp_path / "m.onnx")
    result = analyze(tmp_path / "m.onnx", "random:n=8", "scale-amplitude:steps=2")
    assert [(layer.name, layer.shape) for layer in result.layers] == [("x", [1]), ("y", [1])]


def test_a_layer_that_large_batches_cut_short_is_an_error_that_names_it(tmp_path):
    ends = {"start": np.array([0]), "end": np.array([5])}
    text = "g (float[N, 3] x) => (float[M, 3] y, float[N, 3] z) { y = Slice(x, start, end)  z = Neg(x) }"
    onnx.save(parse(text, **ends), tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="'y' has another shape in a batch of 8 than in a small one"):
        analyze(tmp_path / "m.onnx", "random:n=16", "identity", groups=2, select="all")


def test_activations_that_become_infinite_in_several_groups_raise_no_warning(tmp_path, recwarn):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 2, (12, 64)).astype(np.float32))
    onnx.save(parse("g (float[N, 64] x) => (float[N, 64] y) { l = Reciprocal(x)  y = Neg(x) }"), tmp_path / "m.onnx")
    result = analyze(tmp_path / "m.onnx", tmp_path / "x.npy", "identity", groups=3, select="all")
    (layer,) = (each for each in result.layers if each.name == "l")
    assert layer.measures["normalized-variance"].nan == 64
    assert [str(each.message) for each in recwarn] == []
