"""Real numbers and booleans can be fed; what else a model takes is refused with its name."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.data.fed_types import fed_type
from onnxinv.errors import DataError
from onnxinv.result import TensorInfo


@pytest.mark.parametrize("name", ["bool", "uint8", "int64", "float16", "float32", "float64"])
def test_real_numbers_can_be_fed(name):
    assert fed_type(TensorInfo(name="x", dtype=name, shape=["n"])) == np.dtype(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "onnxruntime cannot be fed from numpy") for name in ("bfloat16", "float8_e4m3fn", "int4")),
        *((name, "not real numbers") for name in ("complex64", "string", "sequence", "object", "optional")),
    ],
)
def test_other_types_are_refused(name, reason):
    with pytest.raises(DataError) as caught:
        fed_type(TensorInfo(name="x", dtype=name, shape=["n"]))
    assert f"takes {name}, " in caught.value.message
    assert reason in caught.value.message
    assert caught.value.hint
