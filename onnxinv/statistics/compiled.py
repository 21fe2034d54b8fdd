"""Compiled code, where there is any: the moments of rows and columns in a fraction of the time."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

import numpy as np


@dataclass(frozen=True)
class Compiled:
    """Compiled code, ready to be called.

    Attributes:
        sums: `compiled_sums`, which takes sums of activations.
        columns: `compiled_columns`, which makes something of them.
    """

    sums: ModuleType
    columns: ModuleType


@functools.cache
def compiled() -> Compiled | str:
    """Return the compiled code, or why there is none.

    The first process on a machine takes some seconds for it, later ones half of one.
    """
    if find_spec("numba") is None:
        return "numba is not installed (pip install onnxinv[fast])"
    try:
        from onnxinv.statistics import compiled_columns, compiled_sums

        code = Compiled(compiled_sums, compiled_columns)
        _try(code)
    except Exception as error:  # a version that does not go with this numpy or this Python raises what it likes
        return f"numba does not work here: {type(error).__name__}: {error}"
    return code


def _try(code: Compiled) -> None:
    """Call everything once, as it will be called."""
    single, double, places = np.zeros(1, np.float32), np.zeros(1), np.zeros(1, np.intp)
    sums, rows = (single,) * 3, (single, single, *(double,) * 5)
    code.sums.reduce_units(single, 1, 1, 1, 1, 1, *sums, 1, 0, True, False, *rows, np.float32(0), places, single)
    code.columns.absorb_sums(double, double, 1, *sums, 1)
    code.columns.settle(*sums, 1, 0, 1, double, double, 1)
    code.columns.combine(double, double, 1, double, double, 1, double, double)
    code.columns.summarize(*(double,) * 7)
    code.columns.add_std(double, 1.0, double, double)
