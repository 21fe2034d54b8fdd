"""Feeds a samples x transforms x units grid to a statistic in pieces, as the engine does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from onnxinv.statistics import BLOCK_SAMPLES, Array, Block, State, Statistic
from onnxinv.statistics.faint_rows import FaintRows

Grid = npt.NDArray[Any]
Piece = tuple[slice, slice]
Accumulator = TypeVar("Accumulator", bound=State | Statistic)


def draw(samples: int, transforms: int, units: int, *, offset: float = 0.0, seed: int = 0) -> Grid:
    """Return normal float32 values of deviation 1 about an offset."""
    noise = np.random.default_rng(seed).standard_normal((samples, transforms, units))
    return (noise + offset).astype(np.float32)


def whole_samples(samples: int, transforms: int, together: int) -> list[Piece]:
    """Cut a grid into runs of whole samples."""
    starts = range(0, samples, together)
    return [(slice(start, min(start + together, samples)), slice(0, transforms)) for start in starts]


def split_rows(samples: int, bounds: Sequence[int]) -> list[Piece]:
    """Cut every row of a grid at the same bounds."""
    runs = [slice(low, high) for low, high in pairwise(bounds)]
    return [(slice(sample, sample + 1), run) for sample in range(samples) for run in runs]


def feed(
    into: Accumulator,
    grid: Grid,
    pieces: Iterable[Piece] | None = None,
    width: int | None = None,
    *,
    reference: Grid | None = None,
    labels: npt.NDArray[np.int64] | None = None,
) -> Accumulator:
    """Update an empty statistic or state with a grid, piece by piece and `width` units at a time, and close it.

    Args:
        into: what is updated.
        grid: (samples, transforms, units) activations.
        pieces: runs of samples and transforms; by default whole rows, 16 samples at a time.
        width: units at a time, for statistics that take slices.
        reference: (samples, units) activations of the untransformed samples.
        labels: (samples,) class of each sample.
    """
    samples, transforms, units = grid.shape
    single = grid.dtype != np.float64
    scale = float(np.max(np.abs(grid[0]), where=np.isfinite(grid[0]), initial=0))
    for rows, run in whole_samples(samples, transforms, BLOCK_SAMPLES) if pieces is None else pieces:
        told = None if labels is None else labels[rows]
        for start in range(0, units, width or units):
            some = slice(start, min(start + (width or units), units))
            values = np.ascontiguousarray(grid[rows, run, some], dtype=np.float64)
            scratch = np.full_like(values, np.nan)
            known = None if reference is None else reference[rows, some].astype(np.float64)
            _update(into, Block(values, run, some, rows.start, scale, scratch, known, told, single), whole=False)
        known = None if reference is None else reference[rows]
        everything = Block(grid[rows, run], run, slice(0, units), rows.start, scale, np.empty(0), known, told, single)
        _update(into, everything, whole=True)
    into.close(samples)
    return into


def _update(into: State | Statistic, block: Block, *, whole: bool) -> None:
    if isinstance(into, State):
        into.update(block, whole=whole)
    elif into.whole == whole:
        into.update(block)


def numbers(statistic: Statistic) -> dict[str, Array]:
    """Return the finished numbers of a statistic by name; rows kept one by one have tests of their own."""
    derived = {name for name in ("mean", "deviations") if isinstance(getattr(type(statistic), name, None), property)}
    names = derived | {name for name in vars(statistic) if not name.startswith("_")}
    found = {name: getattr(statistic, name) for name in sorted(names)}
    return {name: np.asarray(value) for name, value in found.items() if not isinstance(value, FaintRows)}


def assert_same(found: Statistic, expected: Statistic, rtol: float) -> None:
    """Assert that two statistics hold the same numbers."""
    assert numbers(found).keys() == numbers(expected).keys()
    for name, value in numbers(expected).items():
        np.testing.assert_allclose(numbers(found)[name], value, rtol=rtol, atol=1e-13, err_msg=name)
