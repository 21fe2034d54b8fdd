"""Real numbers and booleans can be fed; what else a model takes is refused with its name."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.data.fed_types import fed_type
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo


@pytest.mark.parametrize("name", ["bool", "uint8", "int64", "float16", "float32", "float64"])
def test_real_numbers_can_be_fed(name):
    assert fed_type(TensorInfo(name="x", dtype=name, shape=["n"])) == np.dtype(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "onnxruntime cannot be fed from numpy") for name in ("bfloat16", "float8_e4m3fn", "int4")),
        *((name, "not real numbers") for name in ("complex64", "object")),
    ],
)
def test_other_types_are_refused(name, reason):
    with pytest.raises(DataError) as caught:
        fed_type(TensorInfo(name="x", dtype=name, shape=["n"]))
    assert f"takes {name}, " in caught.value.message
    assert reason in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("string", "takes texts", "from behind its tokeniser"),
        ("sequence", "takes a sequence of tensors", "cannot be held constant either"),
        ("map", "takes a map from keys to values", "without this input, or with a tensor in its place"),
        ("sparse_tensor", "takes a sparse tensor", "with a tensor in its place"),
        ("opaque", "takes a type of its own", "with a tensor in its place"),
        ("optional", "takes an optional value", "can only be left out, by a model that has other inputs"),
    ],
)
def test_what_is_no_tensor_of_numbers_is_refused_in_words(name, what, hint):
    with pytest.raises(DataError) as caught:
        fed_type(TensorInfo(name="x", dtype=name, shape=[]))
    assert caught.value.message == (
        f"The input 'x' {what}, which cannot be fed: a batch of samples is one tensor of numbers."
    )
    assert hint in caught.value.hint
