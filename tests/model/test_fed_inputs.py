"""What a model is fed: stated shapes, constants, embeddings, and inputs that say nothing of their shape."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.data import open_source
from onnxinv.data.batch_axis import batch_axis
from onnxinv.errors import DataError, UsageError
from onnxinv.model.fed_inputs import fed_inputs
from tests.model.onnx_text import loaded, parse, run


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
    model.graph.input[0].type.tensor_type.ClearField("shape")
    return loaded(folder, model)


def test_an_input_of_unknown_shape_must_be_stated_or_held(tmp_path):
    model = unranked(tmp_path)
    with pytest.raises(UsageError, match=r"does not say what shape its input 'x' has.*--shape x:1,3,224,224"):
        fed_inputs(model)
    assert fed_inputs(model, ["x:1,2,2"])[0][0].shape == [None, 2, 2]
    assert batch_axis(fed_inputs(model, ["x:2,n"])[0][0]) == 1
    inputs, constants = fed_inputs(model, [], ["x=3"])
    assert [info.name for info in inputs] == ["z"]
    assert constants["x"].batch(5).shape == ()


STATES = """g (float[5, N, 3] h, float[2, N, 4] cut, float[2, N, 4] c, float[N, 2] other) => (float[N, 2] y) {
    a, b = Split<axis = 0>(cut)  d, e = Split<axis = 0>(c)  f = LSTM<hidden_size = 4>(h, w, r, , , a, d)
    y = Relu(other)
}"""


def test_states_are_known_by_what_reads_them_and_marks_stay(tmp_path):
    weights = {"w": np.ones((1, 16, 3), np.float32), "r": np.ones((1, 16, 4), np.float32)}
    inputs, _ = fed_inputs(loaded(tmp_path, parse(STATES, opset=17, **weights)), ["cut:2,n,4", "h:5,n,3"])
    assert [info.name for info in inputs if info.is_state] == ["cut", "c"]
    assert [batch_axis(info) for info in inputs] == [1, 1, 0, 0]


OPTIONAL = """g (float[N, 3] x, optional(float[N, 3]) h) => (float[N, 3] y) {
    e = OptionalHasElement(h)
    y = If(e) <
        then_branch = a () => (float[N, 3] p) { q = OptionalGetElement(h)  p = Add(x, q) },
        else_branch = b () => (float[N, 3] r) { r = Neg(x) }
    >
}"""


def test_an_optional_input_is_left_out_and_it_is_said(tmp_path):
    model = loaded(tmp_path, parse(OPTIONAL, opset=18))
    inputs, constants = fed_inputs(model)
    assert ([info.name for info in inputs], constants) == (["x"], {})
    assert model.notices == ("The optional input 'h' is left out.",)
    x = np.array([[1, -2, 3]], np.float32)
    np.testing.assert_array_equal(run(model.proto, {"x": x})[0], -x)
    with pytest.raises(DataError, match="'h' takes an optional value, which cannot be fed"):
        fed_inputs(model, [], ["h=zeros"])


def test_an_optional_input_that_is_taken_for_granted_is_refused(tmp_path):
    text = "g (float[N, 3] x, optional(float[N, 3]) h) => (float[N, 3] y) { q = OptionalGetElement(h)  y = Add(x, q) }"
    inputs, _ = fed_inputs(loaded(tmp_path, parse(text, opset=18)))
    with pytest.raises(DataError, match="'h' takes an optional value, which cannot be fed"):
        open_source("random", inputs)


def test_a_model_of_nothing_but_optional_inputs_has_none_to_feed(tmp_path):
    text = "g (optional(float[3]) h) => (bool y) { y = OptionalHasElement(h) }"
    with pytest.raises(DataError, match="'h' takes an optional value, which cannot be fed"):
        fed_inputs(loaded(tmp_path, parse(text, opset=18)))
