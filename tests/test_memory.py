"""The layout covers all layers, once and in order, within the budget, or is refused."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv import memory
from onnxinv.errors import UsageError
from onnxinv.memory import KEPT_UNITS, lay_out
from onnxinv.model.layers import Layer

MIB = 1 << 20


def layer(index: int, units: int, dtype: str = "float32") -> Layer:
    found = Layer(
        index=index, name=f"layer{index}", label=f"layer{index}", op="Conv", shape=(1, units), channel_axis=0,
        dtype=dtype, batch_axis=memory_axis(),
    )  # fmt: skip
    assert found.units == units
    return found
