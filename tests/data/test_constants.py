"""`--set-input` holds an input constant, in the shape and type that the model takes."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.data.constants import hold_constant, how_to_set
from onnxinv.data.fed_input import FedInput
from onnxinv.errors import DataError, UsageError
from onnxinv.provenance import TensorInfo


def info(name: str, *shape: int | str | None, dtype: str = "float32") -> TensorInfo:
    return TensorInfo(name=name, dtype=dtype, shape=list(shape))


AUDIO = info("audio", "n", 512)


def fed(target: TensorInfo, value: object, *others: TensorInfo, size: int = 3) -> np.ndarray:
    inputs = [*(others or (AUDIO,)), target]
    return hold_constant(inputs, [f"{target.name}={value}"])[target.name].batch(size)


@pytest.mark.parametrize(
    ("target", "value", "expected"),
    [
        pytest.param(info("sr", dtype="int64"), "16000", np.int64(16000), id="a single number"),
        pytest.param(info("sr", 1, dtype="int64"), "16000", np.array([16000]), id="a list of one number"),
        pytest.param(info("gain", "n", 2), "0.5,2", np.array([[0.5, 2]] * 3, np.float32), id="one value a feature"),
        pytest.param(info("gain", "m", 2), "1e-3", np.full((3, 2), 1e-3, np.float32), id="another name of the batch"),
        pytest.param(info("gain", 5, 2), "ones", np.ones((5, 2), np.float32), id="a fixed first axis"),
        pytest.param(info("state", 2, "n", 4), "zeros", np.zeros((2, 3, 4), np.float32), id="a batch in the middle"),
        pytest.param(info("state", 2, None, 4), "zeros", np.zeros((2, 3, 4), np.float32), id="the only free axis"),
        pytest.param(info("on", dtype="bool"), "true", np.bool_(True), id="yes"),
        pytest.param(info("mask", "n", 2, dtype="bool"), "1,0", np.array([[True, False]] * 3), id="bits"),
        pytest.param(info("half", "n", dtype="float16"), "0.5", np.full(3, 0.5, np.float16), id="half precision"),
    ],
)
def test_a_value_is_broadcast_to_the_input_and_repeated_along_its_batch_axis(target, value, expected):
    found = fed(target, value)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected, strict=True)


def test_a_list_of_one_number_has_no_batch_axis_even_where_the_batch_is_one():
    audio, rate = info("audio", 1, 512), info("sr", 1, dtype="int64")
    assert hold_constant([audio, rate], ["sr=16000"])["sr"].batch_axis is None


@pytest.mark.parametrize(
    ("target", "axis"),
    [
        pytest.param(info("state", 4, 2), 0, id="the fixed batch of the data's input"),
        pytest.param(info("state", 3, 2), None, id="another length"),
        pytest.param(info("scale", 4), 0, id="one number a sample"),
    ],
)
def test_a_fixed_first_axis_is_a_batch_where_it_has_the_batch_size_of_the_data(target, axis):
    audio = info("audio", 4, 512)
    assert hold_constant([audio, target], [f"{target.name}=0"])[target.name].batch_axis == axis


def test_files_give_one_variant_and_the_lengths_of_free_axes(tmp_path):
    stored = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "cond=1.npy", stored)
    found = fed(info("cond=x", "n", 2, "length"), tmp_path / "cond=1.npy")
    np.testing.assert_array_equal(found, np.stack([stored] * 3).astype(np.float32), strict=True)


def test_an_input_of_unknown_shape_takes_the_value_as_it_is():
    found = hold_constant([AUDIO, info("z")], ["z=1,2"], {"z"})["z"]
    assert (found.values.shape, found.batch_axis) == ((2,), None)


@pytest.mark.parametrize(
    ("inputs", "texts", "message"),
    [
        pytest.param([AUDIO, info("sr")], ["rs=1"], "no input 'rs'. Did you mean 'sr'?", id="misspelt"),
        pytest.param([AUDIO, info("sr")], ["sr"], "'sr' is not NAME=VALUE", id="no value"),
        pytest.param([AUDIO, info("sr")], ["sr= "], "is not NAME=VALUE", id="an empty value"),
        pytest.param([AUDIO, info("sr")], ["sr=1", "sr=2"], "given twice for the input 'sr'", id="twice"),
        pytest.param([AUDIO], ["audio=zeros"], "the only input of the model constant", id="nothing left for the data"),
        pytest.param([AUDIO, info("sr")], ["sr=fast"], "'fast' is not a value", id="a word"),
        pytest.param(
            [AUDIO, info("sr", dtype="int64")], ["sr=0.5"], "not a value of type int64", id="a fraction for integers"
        ),
        pytest.param(
            [AUDIO, info("sr", dtype="uint8")], ["sr=256"], "not a value of type uint8", id="too large for the type"
        ),
        pytest.param(
            [AUDIO, info("sr", dtype="float16")], ["sr=1e6"], "too large for float16", id="too large for half precision"
        ),
        pytest.param(
            [AUDIO, info("z", "n", 3)],
            ["z=1,2"],
            "shape (2) does not fit the input (n, 3)",
            id="values that do not fit",
        ),
        pytest.param(
            [AUDIO, info("past", "n", 12, "t", 64)],
            ["past=zeros"],
            "axis 2 has no fixed length: (n, 12, t, 64). State it, with --shape past:1,12,LENGTH,64",
            id="a free axis",
        ),
    ],
)
def test_what_cannot_be_held_is_refused(inputs, texts, message):
    with pytest.raises(UsageError) as caught:
        hold_constant(inputs, texts)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "no such file", id="missing"),
        pytest.param(b"nonsense", "cannot be read as a .npy file", id="broken"),
        pytest.param(np.array(["text"]), "not an array of real numbers", id="strings"),
        pytest.param(np.array([{}]), "cannot be read as a .npy file", id="pickled objects"),
    ],
)
def test_a_file_that_holds_no_numbers_is_refused(tmp_path, content, message):
    path = tmp_path / "z.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(DataError, match=message):
        fed(info("z", "n", 3), path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "zeros") for name in ("h0", "c_0", "hidden_state", "past_key_values.0.key", "onnx::initial_c", "h")),
        *((name, "VALUE") for name in ("sr", "image", "channel", "attention_mask", "x")),
    ],
)
def test_states_are_offered_to_be_held_at_zero(name, value):
    assert how_to_set(name) == f"--set-input {name}={value}"


def test_what_is_known_to_be_a_state_is_offered_at_zero_whatever_its_name():
    assert how_to_set("input.5", is_state=True) == "--set-input input.5=zeros"


@pytest.mark.parametrize(
    ("shape", "marked", "fed_shape"),
    [
        pytest.param([2, 1, 4], 1, (2, 6, 4), id="of length 1"),
        pytest.param([2, 3, 4], 0, (6, 3, 4), id="the first, whatever its length"),
        pytest.param([2, 3, 4], None, (2, 3, 4), id="none, as nothing says so"),
        pytest.param([None, "n", 4], 0, (6, 1, 4), id="another than the one of the batch's name"),
    ],
)
def test_the_marked_axis_of_a_constant_is_repeated(tmp_path, shape, marked, fed_shape):
    np.save(tmp_path / "z.npy", np.zeros([1, 1, 4]))
    value = tmp_path / "z.npy" if None in shape else "zeros"
    state = FedInput(name="state", dtype="float32", shape=shape, marked_batch=marked)
    assert fed(state, value, size=6).shape == fed_shape
