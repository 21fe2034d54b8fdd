"""The check that data are finite."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.data import PRIMARY
from onnxinv.data.finite import check_finite
from onnxinv.errors import DataError


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_value_that_is_not_finite_is_refused(value, dtype):
    arrays = {"fine": np.zeros(3), "state": np.array([0, value, 1], dtype)}
    with pytest.raises(DataError, match=r"Sample 5 of 'a\.npz' for the input 'state' has 1 of 3 values"):
        check_finite(arrays, 5, "a.npz")


def test_the_primary_input_needs_no_name():
    with pytest.raises(DataError, match=r"Sample 0 of 'a\.npz' has 1 of 1 values"):
        check_finite({PRIMARY: np.array([np.nan])}, 0, "a.npz")


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64", "bool"])
def test_finite_data_pass(dtype):
    check_finite({"x": np.ones(4, dtype)}, 0, "a.npz")
