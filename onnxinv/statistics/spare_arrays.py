"""Arrays that one group of samples leaves to the next: memory that was never touched is dear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

_PIECE = 1 << 13
"""Units that are worked on at a time, so that what is worked out between stays in a cache."""

_SPARE: dict[tuple[tuple[int, ...], str], list[npt.NDArray[Any]]] = {}


def take_array(shape: tuple[int, ...], dtype: type[np.floating[Any]]) -> npt.NDArray[Any]:
    """Return an array with anything in it."""
    try:
        return _SPARE[shape, np.dtype(dtype).str].pop()
    except (KeyError, IndexError):
        return np.empty(shape, dtype)


def leave_array(array: npt.NDArray[Any]) -> None:
    """Leave an array to whoever takes one; it is not to be used any more."""
    _SPARE.setdefault((array.shape, array.dtype.str), []).append(array)


def forget_arrays() -> None:
    """Give the memory back."""
    _SPARE.clear()


def pieces(units: int) -> Iterator[slice]:
    """Yield slices of units to work on one after the other."""
    return (slice(start, start + _PIECE) for start in range(0, units, _PIECE))
