"""Where the batch axis of a tensor is, observed on real samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[Any]

_TOLERANCE = 1e-3
_COARSE_TOLERANCE = 2e-2
"""Difference, in root mean squares of the tensor, that rounding may make between two batches."""


@dataclass(frozen=True)
class BatchAxis:
    """How to bring a raw tensor to (batch, ...).

    Attributes:
        axis: the axis of the raw tensor whose length is batch x `repeats`.
        repeats: how many entries of that axis one sample has.
        outer: whether the repeats, not the samples, vary slowest along that axis.
    """

    axis: int = 0
    repeats: int = 1
    outer: bool = False

    def to_front(self, raw: Tensor) -> Tensor:
        """Return the tensor as (batch, ...); repeats become the first axis of the unit shape."""
        if self.repeats > 1:
            batch = raw.shape[self.axis] // self.repeats
            split = (self.repeats, batch) if self.outer else (batch, self.repeats)
            raw = raw.reshape(*raw.shape[: self.axis], *split, *raw.shape[self.axis + 1 :])
            batch_axis, repeats_axis = (self.axis + 1, self.axis) if self.outer else (self.axis, self.axis + 1)
            return np.moveaxis(raw, (batch_axis, repeats_axis), (0, 1))
        return np.moveaxis(raw, self.axis, 0) if self.axis else raw

    def channel_axis(self, raw_shape: tuple[int, ...], followed: int | None) -> int:
        """Return the channel axis as an index of the unit shape (without batch axis).

        Args:
            raw_shape: shape of the tensor as the runtime hands it out.
            followed: its channel axis counted with the batch axis, None where the graph does not tell: then feature
                maps (four axes and more) have channels first, everything else has features last.
        """
        rank = len(raw_shape)
        grouped = int(self.repeats > 1)
        last = max(rank - 2 + grouped, 0)
        if followed is None:
            followed = 1 if rank >= 4 else -1
        axis = followed % rank if -rank <= followed < rank else rank - 1
        return last if axis == self.axis else axis - int(axis > self.axis) + grouped


def observe(one: Tensor, other: Tensor, batches: tuple[int, int], *, coarse: bool = False) -> BatchAxis | str:
    """Find the batch axis of a tensor from two runs whose batches share a sample.

    Args:
        one: the tensor of the first run.
        other: the tensor of the second run, whose batch has other companions for the shared sample. Batches of
            different sizes both begin with it, and both end with another; of batches of one size the first begins with
            it and the second ends with it, so that what runs along the batch is not taken for it.
        batches: the two batch sizes; equal ones where the model takes no other.
        coarse: whether the model computes with few bits, so that its numbers depend more on the batch.

    Returns:
        The batch axis, or the reason why the tensor has none that can be used.
    """
    if one.ndim != other.ndim:
        return "its number of axes depends on the batch"
    if one.ndim == 0:
        return "it has no batch axis"
    found = _of_equal_batches(one, other, batches[0]) if batches[0] == batches[1] else _of_shapes(one, other, batches)
    if isinstance(found, str):
        return found
    if one.size == 0:
        return "it is empty"
    # Batches of different sizes share their first and last sample; of equal ones the first is the other's last.
    ends = ((0, -1),) if batches[0] == batches[1] else ((0, 0), (-1, -1))
    for candidate in found:
        ours, theirs = candidate.to_front(one), candidate.to_front(other)
        if all(_agree(ours[here], theirs[there], coarse) for here, there in ends):
            return candidate
    return "it depends on the rest of the batch"


def _of_shapes(one: Tensor, other: Tensor, batches: tuple[int, int]) -> list[BatchAxis] | str:
    """Return what the lengths allow: the one axis whose length grows with the batch."""
    changed = [axis for axis in range(one.ndim) if one.shape[axis] != other.shape[axis]]
    if not changed:
        return "it has no batch axis"
    repeats, rest = divmod(one.shape[changed[0]], batches[0])
    if len(changed) > 1 or rest or not repeats or other.shape[changed[0]] != repeats * batches[1]:
        return "its shape depends on the samples"
    return list(_orders(changed[0], repeats))


def _of_equal_batches(one: Tensor, other: Tensor, batch: int) -> list[BatchAxis] | str:
    """Return what the lengths allow, axes of just the batch's length before those with several entries a sample."""
    if one.shape != other.shape:
        return "its shape depends on the samples"
    if batch == 1:
        # All of the tensor belongs to the one sample; without an axis of length 1 its first axis is the sample's.
        axis = one.shape.index(1) if 1 in one.shape else 0
        return [BatchAxis(axis, max(one.shape[axis], 1))]
    exact = [BatchAxis(axis) for axis, length in enumerate(one.shape) if length == batch]
    multiple = [
        (axis, length // batch) for axis, length in enumerate(one.shape) if length > batch and not length % batch
    ]
    found = exact + [order for axis, repeats in multiple for order in _orders(axis, repeats)]
    return found or "it has no batch axis"


def _orders(axis: int, repeats: int) -> Iterator[BatchAxis]:
    yield BatchAxis(axis, repeats)
    if repeats > 1:
        yield BatchAxis(axis, repeats, outer=True)


def _agree(one: Tensor, other: Tensor, coarse: bool) -> bool:
    tolerance = _COARSE_TOLERANCE if coarse or one.dtype == np.float16 else _TOLERANCE
    return relative_difference(one, other) <= tolerance


def relative_difference(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference, in root mean squares of the expected array.

    Infinite where shapes differ, or where one is finite and the other is not; equal non-finite numbers agree.
    """
    if found.shape != expected.shape:
        return float("inf")
    one, other = found.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(one) & np.isfinite(other)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        return float("inf")
    one, other = one[finite], other[finite]
    scale = float(max(np.max(np.abs(one), initial=0), np.max(np.abs(other), initial=0)))
    if scale == 0:
        return 0.0
    one, other = one / scale, other / scale  # squares of the largest doubles would overflow
    largest = float(np.max(np.abs(one - other)))
    rms = float(np.sqrt(np.mean(np.square(other))))
    return largest / rms if rms else (float("inf") if largest else 0.0)
