"""Which types of inputs can be fed, as numpy knows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from onnxinv.errors import DataError
from onnxinv.result import TensorInfo


def fed_type(info: TensorInfo) -> np.dtype[Any]:
    """Return the numpy type of an input: booleans, whole numbers or floats.

    Raises:
        DataError: the input takes something else, such as strings, complex numbers or bfloat16.
    """
    try:
        dtype: np.dtype[Any] = np.dtype(info.dtype)
    except TypeError:  # a type that numpy does not know, such as a sequence
        dtype = np.dtype(object)
    if dtype.kind == "V":  # bfloat16 and types of 8 bits and less, which only extensions of numpy know
        raise DataError(
            f"The input '{info.name}' takes {info.dtype}, which onnxruntime cannot be fed from numpy.",
            "Export the model with a float32 input and a Cast behind it.",
        )
    if dtype.kind not in "biuf":
        raise DataError(
            f"The input '{info.name}' takes {info.dtype}, not real numbers.",
            "Booleans, whole numbers and floats can be fed.",
        )
    return dtype
