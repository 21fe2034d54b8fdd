"""Which types of inputs can be fed, as numpy knows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo

OPTIONAL = "optional"
"""What the type of an input is called that may be left out."""

_TENSOR_INSTEAD = (
    "Export the model without this input, or with a tensor in its place; it cannot be held constant either."
)
_KINDS = {
    "string": ("texts", "Export the model from behind its tokeniser, so that it takes numbers."),
    "sequence": ("a sequence of tensors", _TENSOR_INSTEAD),
    "map": ("a map from keys to values", _TENSOR_INSTEAD),
    "sparse_tensor": ("a sparse tensor", _TENSOR_INSTEAD),
    "opaque": ("a type of its own", _TENSOR_INSTEAD),
    OPTIONAL: (
        "an optional value",
        "It can only be left out, by a model that has other inputs and does without it: export the model with a tensor "
        "in its place.",
    ),
}
"""In words what is no tensor of numbers, and what to do about it."""


def fed_type(info: TensorInfo) -> np.dtype[Any]:
    """Return the numpy type of an input: booleans, whole numbers or floats.

    Raises:
        DataError: the input takes something else, such as strings, sequences, complex numbers or floats of 8 bits.
    """
    if info.dtype in _KINDS:
        what, hint = _KINDS[info.dtype]
        raise DataError(
            f"The input '{info.name}' takes {what}, which cannot be fed: a batch of samples is one tensor of numbers.",
            hint,
        )
    try:
        dtype: np.dtype[Any] = np.dtype(info.dtype)
    except TypeError:  # a type that numpy does not know, such as a sequence
        dtype = np.dtype(object)
    if dtype.kind == "V":  # types that only extensions of numpy know
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
