"""The batch axis is the first one, unless the model calls another so."""

from __future__ import annotations

import pytest

from onnxinv.data.batch_axis import batch_axis, batch_length, marked_axis
from onnxinv.data.fed_input import FedInput
from onnxinv.provenance import TensorInfo


@pytest.mark.parametrize(
    ("shape", "names", "axis"),
    [
        pytest.param(["N", 3, 8], (), 0, id="batch first"),
        pytest.param([1, 3, "length"], (), 0, id="a fixed batch and a free length"),
        pytest.param([35, "batch_size", 10], (), 1, id="a length, then the batch"),
        pytest.param(["T", "Batch", 10], (), 1, id="a free length, then the batch"),
        pytest.param(["batch", "subbatch"], (), 0, id="two that are called so"),
        pytest.param([2, "N", 64], ("N",), 1, id="a state with the batch of another input"),
        pytest.param([2, "N", 64], ("M",), 0, id="a name of its own"),
        pytest.param([2, 1, 64], (1,), 0, id="lengths are no names"),
        pytest.param([None, "N"], ("N", None), 1, id="an axis without a name is none that is called so"),
        pytest.param([], (), 0, id="a single number"),
    ],
)
def test_names_tell_the_batch_axis(shape, names, axis):
    assert batch_axis(TensorInfo(name="x", dtype="float32", shape=shape), names) == axis


def test_a_mark_wins_over_names():
    info = FedInput(name="x", dtype="float32", shape=["batch", 5, "N"], marked_batch=1)
    assert (batch_axis(info, ["N"]), batch_length(info), marked_axis(info)) == (1, 5, 1)
    assert marked_axis(info.model_copy(update={"marked_batch": None})) is None


def test_the_batch_length_is_a_number_or_a_name():
    lengths = [
        batch_length(TensorInfo(name="x", dtype="float32", shape=shape)) for shape in ([4, 2], [4, "batch"], [None], [])
    ]
    assert lengths == [4, "batch", None, None]
