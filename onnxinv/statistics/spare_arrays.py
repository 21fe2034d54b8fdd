"""Arrays that one group of samples, or one chunk of layers, leaves to the next: memory never touched before is dear."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

_PIECE = 1 << 13
"""Units that are worked on at a time, so that what is worked out between stays in a cache."""

_ALIGNED = 64
"""Bytes that an array in a slab begins at a multiple of."""

_SPARE: dict[tuple[tuple[int, ...], str], list[npt.NDArray[Any]]] = {}


class _Slab:
    """Memory that arrays are cut from, from its beginning again once none of them is in use any more.

    Args:
        size: bytes.
    """

    def __init__(self, size: int) -> None:
        self._bytes = np.empty(size + _ALIGNED, np.uint8)
        self._begin = -self._bytes.ctypes.data % _ALIGNED
        self._taken = 0
        self._taking = Lock()
        self._unused = self._uses()

    def take(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any] | None:
        """Return an array with anything in it, None where there is no room for it."""
        kind = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        with self._taking:
            if self._uses() == self._unused:
                self._taken = 0
            begin = self._begin + self._taken
            if begin + size > self._bytes.size:
                return None
            self._taken += size + -size % _ALIGNED
            return self._bytes[begin : begin + size].view(kind).reshape(shape)

    def _uses(self) -> int:
        # Every array that was cut from it, and every view of such an array, refers to it.
        return sys.getrefcount(self._bytes)


_SLABS: list[_Slab] = []


@contextmanager
def slab(size: int) -> Iterator[None]:
    """Have arrays of up to that many bytes together cut from the same memory, chunk after chunk."""
    try:
        _SLABS.append(_Slab(size))
    except MemoryError:  # then what comes first may still find room
        yield
        return
    try:
        yield
    finally:
        _SLABS.pop()


def take_array(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an array with anything in it."""
    try:
        return _SPARE[shape, np.dtype(dtype).str].pop()
    except (KeyError, IndexError):
        found = _SLABS[-1].take(shape, dtype) if _SLABS else None
        return np.empty(shape, dtype) if found is None else found


def leave_array(array: npt.NDArray[Any]) -> None:
    """Leave an array to whoever takes one; it is not to be used any more."""
    _SPARE.setdefault((array.shape, array.dtype.str), []).append(array)


def forget_arrays() -> None:
    """Give the memory back."""
    _SPARE.clear()


def pieces(units: int) -> Iterator[slice]:
    """Yield slices of units to work on one after the other."""
    return (slice(start, start + _PIECE) for start in range(0, units, _PIECE))
