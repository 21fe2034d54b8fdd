"""Shapes that a layer has in large batches."""

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
