"""Random numbers as samples."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.data import open_source
from onnxinv.data.fed_input import FedInput
from onnxinv.errors import DataError, UsageError
from onnxinv.provenance import TensorInfo


def info(dtype="float32", shape=("N", 3, 4), name="x"):
    return TensorInfo(name=name, dtype=dtype, shape=list(shape))


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        pytest.param("float32", 0, 1, id="float32 in [0, 1)"),
        pytest.param("float16", 0, 1, id="float16"),
        pytest.param("int64", 0, 9, id="integers from 0 to 9"),
        pytest.param("uint8", 0, 9, id="bytes from 0 to 9"),
        pytest.param("bool", False, True, id="booleans"),
    ],
)
def test_values_fill_the_range_of_their_type(dtype, low, high):
    samples = open_source("random:n=3", [info(dtype, ("N", 50, 60))])
    values = samples.read(2)["x"]
    assert values.dtype == dtype
    assert values.shape == (50, 60)
    assert values.min() == pytest.approx(low, abs=0.01)
    assert values.max() == pytest.approx(high, abs=0.01)


def test_the_range_of_floats_can_be_set():
    values = open_source("random:low=-3,high=5", [info(shape=("N", 10_000))]).read(0)["x"]
    assert values.min() == pytest.approx(-3, abs=0.01)
    assert values.max() == pytest.approx(5, abs=0.01)
    assert values.mean() == pytest.approx(1, abs=0.1)


def test_whole_numbers_fit_their_type_and_the_table_that_they_are_looked_up_in():
    long = info("int8", ("N", 10_000))
    assert open_source("random:integers=1000", [long]).read(0)["x"].max() == 127
    tokens = FedInput(name="x", dtype="int64", shape=["N", 10_000], entries=4)
    assert set(open_source("random", [tokens]).read(0)["x"]) == {0, 1, 2, 3}
    assert open_source("random:integers=50", [info("int64", ("N", 10_000))]).read(0)["x"].max() == 49


def test_a_sample_depends_on_seed_and_index_alone():
    inputs = [info(), info("int64", ("N", 5), "ids")]
    first, second = open_source("random:n=9,seed=4", inputs), open_source("random:n=5,seed=4", inputs)
    first.read(0)
    for name in ("x", "ids"):
        np.testing.assert_array_equal(first.read(3)[name], second.read(3)[name])
    assert not np.array_equal(first.read(3)["x"], first.read(4)["x"])
    assert not np.array_equal(first.read(3)["x"], open_source("random:seed=5", inputs).read(3)["x"])


def test_there_is_one_array_an_input_and_64_samples_by_default():
    samples = open_source("random", [info(), info(name="z", shape=(1,))])
    assert (samples.count, samples.labels, samples.source) == (64, None, "random")
    assert {name: array.shape for name, array in samples.read(0).items()} == {"x": (3, 4), "z": ()}


def test_states_are_left_at_zero_and_change_nothing_else():
    state = FedInput(name="h", dtype="float32", shape=[2, "N", 4], is_state=True)
    alone, beside = open_source("random", [info()]), open_source("random", [info(), state])
    assert beside.held_at_zero([info(), state]) == ("h",)
    assert alone.held_at_zero([info()]) == ()
    assert list(beside.read(3)) == ["x"]
    np.testing.assert_array_equal(beside.read(3)["x"], alone.read(3)["x"])


def test_something_is_drawn_where_all_inputs_are_states():
    states = [FedInput(name=name, dtype="float32", shape=["N", 4], is_state=True) for name in "hc"]
    samples = open_source("random", states)
    assert (list(samples.read(0)), samples.held_at_zero(states)) == (["h", "c"], ())


def test_a_marked_axis_is_that_of_the_samples():
    marked = FedInput(name="x", dtype="float32", shape=[5, 1, 3], marked_batch=1)
    assert open_source("random", [marked]).read(0)["x"].shape == (5, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(info(shape=("N", 3, "height", None)), "free dimensions.*(N, 3, height, ?).*--shape x:", id="free"),
        pytest.param(
            info(shape=("N", "c", "h", 3), name="i"), "--shape i:1,224,224,3.", id="free image, channels last"
        ),
        pytest.param(
            info(shape=("N", "t"), name="h0"),
            "--shape h0:1,16, or hold it at zero with --set-input h0=zeros",
            id="free state",
        ),
        pytest.param(
            info(shape=("N", 5, "a", 2, "b", 1)), "--shape x:1,5,16,2,16,1", id="free beyond the axes of an image"
        ),
        pytest.param(info(shape=()), "The model takes single numbers only.*nothing to take samples of", id="no axes"),
        pytest.param(info("object"), "takes object, not real numbers", id="strings"),
        pytest.param(info("bfloat15"), "takes bfloat15, not real numbers", id="unknown type"),
        pytest.param(info("complex64"), "takes complex64, not real numbers", id="complex"),
    ],
)
def test_an_input_that_cannot_be_filled_is_refused(given, message):
    with pytest.raises(DataError) as caught:
        open_source("random", [given])
    for part in message.split(".*"):
        assert part in str(caught.value)


def test_a_single_number_beside_other_inputs_is_to_be_set():
    with pytest.raises(DataError) as caught:
        open_source("random", [info(), info(shape=(), name="k")])
    assert "'k' is a single number without a batch axis. Set it with --set-input k=VALUE" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("random:n=0", "n: ", id="no samples"),
        pytest.param("random:seed=-1", "seed: ", id="negative seed"),
        pytest.param("random:low=2,high=1", "low must be below high", id="empty range"),
        pytest.param("random:low=nan", "low: ", id="NaN"),
        pytest.param("random:sede=1", "no parameter 'sede'. Did you mean 'seed'", id="misspelt"),
    ],
)
def test_a_bad_parameter_is_refused(text, message):
    with pytest.raises(UsageError) as caught:
        open_source(text, [info()])
    assert message in str(caught.value)


@pytest.mark.parametrize("lengths", [(2**30,), (2**31, 2**31), (2**62,) * 300])
def test_a_sample_too_large_to_be_made_is_refused(lengths):
    with pytest.raises(DataError, match="too large to be made at random"):
        open_source("random", [info(shape=("N", *lengths))])
