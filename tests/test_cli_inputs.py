"""Models whose inputs need a word more: free dimensions, constants, states, token ids, a fixed batch."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from onnxinv.api import analyze, plan
from onnxinv.errors import DataError, ModelError
from onnxinv.result import Result
from onnxinv.runtime import newest_ir_version
from tests.networks import save_text
from tests.reports.command import command

RNG = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def shape_of(result: Result, name: str) -> list[int]:
    return list(next(layer.shape for layer in result.layers if layer.name == name))


@pytest.fixture
def speech(tmp_path):
    """A model of sound with a rate, and a state whose batch axis is the second."""
    text = """g (float[N, T] sound, float[2, N, 1] state, int64 sr) => (float[N, T] y) {
        rate = Cast<to = 1>(sr)  a = Div(sound, rate)  h = ReduceSum<keepdims = 0>(state, zero)  b = Add(a, h)
        y = Tanh(b)
    }"""
    return save_text(tmp_path / "speech.onnx", text, zero=np.array([0]))


def run(capsys, model, *options, transform="permute:steps=3"):
    return command(capsys, "analyze", model, "--transform", transform, "--device", "cpu", *options)


def test_a_model_with_states_is_measured_once_they_are_set(capsys, tmp_path, speech):
    options = ("--shape", "sound:1,40", "--set-input", "state=zeros", "--set-input", "sr=16000")
    found = run(capsys, speech, "--data", "random:n=5", *options, "-o", tmp_path / "out", "-q")
    assert (found.status, found.err) == (0, "")
    result = Result.load(tmp_path / "out")
    assert [layer.name for layer in result.layers] == ["sound", "a", "b", "y"]
    assert shape_of(result, "b") == [40]
    assert result.meta.data.preprocessing == ["input 'state' held at zeros", "input 'sr' held at 16000"]
    constant = "it depends on inputs that are held constant, not on the data"
    assert {one.name: one.reason for one in result.document.skipped if one.reason == constant} == dict.fromkeys(
        ["state", "h"], constant
    )


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        pytest.param([], "--shape sound:1,16", id="a free length"),
        pytest.param(["--shape", "sound:1,40", "--set-input", "state=zeros"], "--set-input sr=VALUE", id="a number"),
    ],
)  # fmt: skip
def test_each_option_that_lacks_is_said_as_it_is_typed(capsys, speech, options, hint):
    found = run(capsys, speech, "--data", "random:n=5", *options)
    assert found.status == 2
    assert hint in found.err


def test_an_inspection_takes_the_same_options(capsys, speech):
    options = ("--shape", "sound:1,40", "--set-input", "state=zeros", "--set-input", "sr=16000")
    found = command(capsys, "inspect", speech, *options)
    assert found.status == 0
    assert "Tanh" in found.out


def test_arrays_win_over_nothing_and_constants_over_arrays(tmp_path, speech):
    sound, state = numbers(5, 8), numbers(5, 2, 1)
    np.savez(tmp_path / "x.npz", sound=sound, state=state, sr=np.full(5, 8000))
    given = plan(speech, tmp_path / "x.npz", "permute", set_input=["sr=16000"], device="cpu")
    np.testing.assert_array_equal(given.feeds.batch([1, 4], slice(0, 1))["state"], state[[1, 4]].transpose(1, 0, 2))
    found = plan(speech, tmp_path / "x.npz", "permute", set_input=["sr=16000", "state=ones"], device="cpu")
    batch = found.feeds.batch([1, 4], slice(0, 1))
    np.testing.assert_array_equal(batch["sound"], sound[[1, 4]])
    np.testing.assert_array_equal(batch["state"], np.ones((2, 2, 1), np.float32), strict=True)
    assert batch["sr"] == 16000


FIXED = """g (float[1, 3, 6, 6] image) => (float[1, 8] y) {
    a = Conv(image, w)  b = Relu(a)  c = Reshape(b, s)  y = Gemm(c, v)
}"""


def fixed(folder):
    weights = {"w": numbers(4, 3, 3, 3), "v": numbers(64, 8), "s": np.array([1, 64])}
    return save_text(folder / "fixed.onnx", FIXED, **weights)


@pytest.mark.parametrize("transform", ["rotation:steps=4", "permute:steps=3"])
def test_a_freed_batch_changes_no_measure(tmp_path, transform):
    model = fixed(tmp_path)
    freed = analyze(model, "random:n=12", transform, device="cpu")
    looped = analyze(model, "random:n=12", transform, device="cpu", batch=1)
    assert freed.meta.runtime.batch > looped.meta.runtime.batch == 1
    for one, other in zip(freed.layers, looped.layers, strict=True):
        assert (one.name, one.shape, one.channel_axis) == (other.name, other.shape, other.channel_axis)
        found, expected = (each.values("normalized-variance", layer) for each, layer in ((freed, one), (looped, other)))
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_it_is_said_whether_the_batch_was_freed(capsys, tmp_path):
    model = fixed(tmp_path)
    said = "The model's batch size is fixed at 1; it "
    freed = run(capsys, model, "--data", "random:n=5")
    assert f"{said}was freed, and gives the same numbers on 3 samples." in freed.err
    looped = run(capsys, model, "--data", "random:n=5", "--batch", "1")
    assert f"{said}is run 1 at a time, as asked." in looped.err


def test_inputs_of_one_row_count_as_a_batch_until_they_are_set(tmp_path):
    text = "g (float[N, 6] x, float[3, 6] bias) => (float[N, 6] y) { a = ReduceMean<axes = [0]>(bias)  y = Add(x, a) }"
    model = save_text(tmp_path / "m.onnx", text)
    set_to_one = analyze(model, "random:n=8", "permute:steps=3", set_input=["bias=1"], device="cpu")
    assert [layer.name for layer in set_to_one.layers] == ["x", "y"]
    text = text.replace("float[N, 6] x", "float[2, 6] x").replace("float[N, 6] y", "float[2, 6] y")
    model = save_text(tmp_path / "m.onnx", text)
    with pytest.raises(ModelError, match="different fixed batch sizes: 2 and 3") as caught:
        analyze(model, "random:n=8", "permute:steps=3", device="cpu")
    assert "--set-input bias=VALUE" in caught.value.hint


def test_tokens_stay_within_the_embedding_and_are_permuted(capsys, tmp_path):
    text = """g (int64[1, 5] ids, int64[1, 5] kinds) => (float[1, 5, 3] y) {
        a = Gather(words, ids)  b = Gather(types, kinds)  y = Add(a, b)
    }"""
    model = save_text(tmp_path / "m.onnx", text, words=numbers(30, 3), types=numbers(2, 3))
    result = analyze(model, "random:n=8", "permute:steps=3", device="cpu")
    assert shape_of(result, "y") == [5, 3]
    found = run(capsys, model, "--data", "random:n=4", transform="rotation:steps=4")
    assert found.status == 2
    assert "work on images, and the input 'ids' is none: its shape is (1, 5)" in found.err


def test_an_image_of_free_size_is_as_large_as_the_data(tmp_path):
    model = save_text(tmp_path / "m.onnx", "g (float[N, 1, h, w] x) => (float[N, 1, h, w] y) { y = Relu(x) }")
    np.savez(tmp_path / "x.npz", x=np.abs(numbers(4, 1, 7, 9)))
    assert shape_of(analyze(model, tmp_path / "x.npz", "flip", device="cpu"), "y") == [1, 7, 9]
    with pytest.raises(DataError, match="is 7 high and 9 wide, but the input 'x' takes 8 by 9"):
        plan(model, tmp_path / "x.npz", "flip", shape=["1,1,8,9"])
    stated = analyze(model, "random:n=4", "flip", shape=["1,1,5,6"], device="cpu")
    assert shape_of(stated, "y") == [1, 5, 6]


def test_a_sequence_first_input_is_batched_along_the_axis_that_is_called_so(tmp_path):
    text = """g (float[T, batch, 3] x) => (float[T, batch, 4] y) {
        a = GRU<hidden_size = 4>(x, w, r)  y = Squeeze(a, one)
    }"""
    weights = {"w": numbers(1, 12, 3), "r": numbers(1, 12, 4), "one": np.array([1])}
    model = save_text(tmp_path / "m.onnx", text, **weights)
    result = analyze(model, "random:n=12", "permute:steps=3", shape=["5,1,3"], device="cpu")
    assert shape_of(result, "x") == [5, 3]
    assert shape_of(result, "y") == [5, 4]


LSTM = """g (float[5, {batch}, 3] x, float[1, {batch}, 4] h, float[1, {batch}, 4] c) => (float[5, {batch}, 4] y) {{
    a = LSTM<hidden_size = 4>(x, w, r, , , h, c)  y = Squeeze(a, one)
}}"""
LSTM_WEIGHTS = {"w": numbers(1, 16, 3), "r": numbers(1, 16, 4), "one": np.array([1])}
MARKED = ["x:5,batch,3", "h:1,n,4", "c:1,n,4"]


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("batch", [pytest.param(None, id="freed"), pytest.param(True, id="kept")])
def test_a_marked_batch_of_fixed_length_gives_what_a_named_one_gives(tmp_path, size, batch):
    np.savez(tmp_path / "x.npz", x=numbers(12, 5, 3))
    fixed = save_text(tmp_path / "fixed.onnx", LSTM.format(batch=size), **LSTM_WEIGHTS)
    free = save_text(tmp_path / "free.onnx", LSTM.format(batch="batch"), **LSTM_WEIGHTS)
    common = {"set_input": ["h=zeros", "c=zeros"], "device": "cpu"}
    kept = size if batch else None
    found = analyze(fixed, tmp_path / "x.npz", "permute:steps=3", shape=MARKED, batch=kept, **common)
    expected = analyze(free, tmp_path / "x.npz", "permute:steps=3", **common)
    assert (found.meta.runtime.batch == size) is bool(batch)
    assert [(layer.name, layer.shape) for layer in found.layers] == [("x", [5, 3]), ("a", [5, 1, 4]), ("y", [5, 4])]
    for one, other in zip(found.layers, expected.layers, strict=True):
        values = [result.values("normalized-variance", layer) for result, layer in ((found, one), (expected, other))]
        np.testing.assert_allclose(*values, rtol=1e-4)


def test_random_data_leave_states_at_zero_and_say_so(capsys, tmp_path):
    model = save_text(tmp_path / "m.onnx", LSTM.format(batch="batch"), **LSTM_WEIGHTS)
    alone = analyze(model, "random:n=12", "permute:steps=3", device="cpu")
    told = analyze(model, "random:n=12", "permute:steps=3", set_input=["h=zeros", "c=zeros"], device="cpu")
    assert alone.meta.data.preprocessing == [
        f"input '{name}' held at zeros: a state, and the data have none" for name in "hc"
    ]
    for one, other in zip(alone.layers, told.layers, strict=True):
        values = [result.values("normalized-variance", layer) for result, layer in ((alone, one), (told, other))]
        np.testing.assert_array_equal(*values)
    np.savez(tmp_path / "x.npz", x=numbers(12, 5, 3))
    found = run(capsys, model, "--data", tmp_path / "x.npz")
    assert (found.status, "--set-input h=zeros" in found.err) == (2, True)


def test_an_input_without_a_shape_is_measured_once_it_is_stated(capsys, tmp_path):
    model = onnx.load(save_text(tmp_path / "m.onnx", "g (float[N, 3, 4] x) => (float[N, 3, 4] y) { y = Tanh(x) }"))
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.ClearField("shape")
    onnx.save(model, tmp_path / "bare.onnx")
    found = run(capsys, tmp_path / "bare.onnx", "--data", "random:n=12")
    assert found.status == 2
    assert "does not say what shape its input 'x' has" in found.err
    assert "--shape x:" in found.err
    results = [
        analyze(tmp_path / name, "random:n=12", "permute:steps=3", shape=shape, device="cpu")
        for name, shape in (("bare.onnx", ["1,3,4"]), ("m.onnx", []))
    ]
    values = [result.values("normalized-variance", result.layers[-1]) for result in results]
    np.testing.assert_array_equal(*values)


def test_a_newer_ir_version_is_read_as_an_older_one_and_the_user_is_told(capsys, tmp_path):
    newest = newest_ir_version()
    model = onnx.load(save_text(tmp_path / "m.onnx", "g (float[N, 4] x) => (float[N, 4] y) { y = Tanh(x) }"))
    if newest is None or newest >= onnx.IR_VERSION or onnx.IR_VERSION > 14:
        pytest.skip("this onnxruntime reads all that this onnx writes, or nothing is known of what it brought")
    model.ir_version = onnx.IR_VERSION
    onnx.save(model, tmp_path / "new.onnx")
    found = run(capsys, tmp_path / "new.onnx", "--data", "random:n=8")
    assert found.status == 0
    assert f"IR version {onnx.IR_VERSION} is read as {newest}" in " ".join(found.err.split())
    model.opset_import[0].version = onnx.defs.onnx_opset_version()
    onnx.save(model, tmp_path / "newer.onnx")
    refused = run(capsys, tmp_path / "newer.onnx", "--data", "random:n=8")
    assert refused.status == 2
    assert "opset" in refused.err
    assert "IR version" not in refused.err
