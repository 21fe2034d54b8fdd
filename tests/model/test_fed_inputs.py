"""What a model is fed: stated shapes, constants, embeddings, and inputs that say nothing of their shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from onnxinv.data import open_source
from onnxinv.errors import UsageError
from onnxinv.model.fed_inputs import fed_inputs
from tests.model.onnx_text import loaded, parse


def test_constants_are_not_asked_of_the_data_and_shapes_are_stated(tmp_path):
    text = "g (float[N, T] x, int64 sr) => (float[N, T] y) { a = Cast<to = 1>(sr)  y = Mul(x, a) }"
    inputs, constants = fed_inputs(loaded(tmp_path, parse(text)), ["x:1,9"], ["sr=16000"])
    assert [(info.name, info.shape) for info in inputs] == [("x", ["N", 9])]
    assert constants["sr"].values == 16000


def test_random_whole_numbers_stay_within_the_embedding(tmp_path):
    text = "g (int64[N, 50] ids) => (float[N, 50, 4] y) { y = Gather(words, ids) }"
    inputs, _ = fed_inputs(loaded(tmp_path, parse(text, words=np.zeros((3, 4), np.float32))))
    assert set(open_source("random", inputs).read(0)["ids"]) == {0, 1, 2}
    assert set(open_source("random:integers=2", inputs).read(0)["ids"]) == {0, 1}


def unranked(folder):
    model = parse("g (float[N] x, float[N] z) => (float[N] y) { y = Add(x, z) }")
    known = loaded(folder, model)
    model.graph.input[0].type.tensor_type.ClearField("shape")
    bare = known.inputs[0].model_copy(update={"shape": []})
    return replace(known, proto=model, meta=known.meta.model_copy(update={"inputs": [bare, *known.inputs[1:]]}))


def test_an_input_of_unknown_shape_must_be_stated_or_held(tmp_path):
    model = unranked(tmp_path)
    with pytest.raises(UsageError, match=r"does not say what shape its input 'x' has.*--shape x:1,3,224,224"):
        fed_inputs(model)
    assert fed_inputs(model, ["x:1,2,2"])[0][0].shape == [None, 2, 2]
    inputs, constants = fed_inputs(model, [], ["x=3"])
    assert [info.name for info in inputs] == ["z"]
    assert constants["x"].batch(5).shape == ()
