"""What a statistic is, and the block of activations that it is updated with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Reals = npt.NDArray[np.floating[Any]]

BLOCK_SAMPLES = 16
"""Consecutive samples of a group whose pairs are compared (MEASURES, distance measures and linear CKA)."""


@dataclass(frozen=True)
class Extent:
    """The grid that a statistic is made for.

    Attributes:
        transforms: m.
        units: how many.
        channel: (units,) the channel that each unit belongs to, whatever is made of channels later.
        samples: n of the whole run, all groups together.
        resolution: deviations up to `resolution` times the unit's root mean square are rounding; as for float32 where
            nothing else is said.
        untransformed: closed statistics of the untransformed samples, by kind; those that the statistic asked for.
        single: whether float32 holds the activations without loss.
    """

    transforms: int
    units: int
    channel: npt.NDArray[np.intp]
    samples: int = 0
    resolution: float = 4 * 2.0**-23
    untransformed: Mapping[type[Statistic], Statistic] = field(default_factory=dict)
    single: bool = False

    @classmethod
    def plain(cls, transforms: int, units: int) -> Self:
        """Return the extent of units that are each a channel of their own."""
        return cls(transforms, units, np.arange(units))


@dataclass(frozen=True)
class Block:
    """Activations of some units of one layer for k samples and a run of transforms.

    Attributes:
        values: (k, transforms of the run, units of the slice) float64; in the layer's own type for a statistic that
            wants the whole layer.
        transforms: which transforms; unless these are all of them, k is 1 and the runs of one sample follow each other.
        units: which units of the layer.
        before: samples of the group that come before the block's first.
        scale: largest magnitude of the layer's activations in the group's first run.
        scratch: of the shape of `values`, to be overwritten at will; large arrays that come and go cost page faults.
            Empty for a statistic that wants the whole layer, and flat where sums are taken in float32.
        reference: (k, units of the slice) activations of the untransformed samples, of the type of `values`; None
            where no statistic asked for it.
        labels: (k,) class of each sample; None where the samples have none.
        single: whether the layer is float32 or coarser, so that float32 holds the values without loss.
    """

    values: npt.NDArray[Any]
    transforms: slice
    units: slice
    before: int
    scale: float
    scratch: npt.NDArray[Any]
    reference: npt.NDArray[Any] | None = None
    labels: npt.NDArray[np.int64] | None = None
    single: bool = False

    @property
    def first(self) -> bool:
        """Whether the block begins with the group's first sample."""
        return self.before == 0

    def shifted_sums(self, pivot: Array, axis: Literal[0, 1]) -> tuple[Array, Array]:
        """Return the sums over samples (0) or transforms (1) of `values - pivot` and of its square."""
        shifted = np.subtract(self.values, pivot, out=self.scratch)
        kept = "mu" if axis == 0 else "ku"
        return shifted.sum(axis=axis), np.einsum(f"kmu,kmu->{kept}", shifted, shifted)


class Statistic(ABC):
    """Numbers accumulated for every unit of one layer over one group of samples.

    A statistic is updated block by block, closed once, and from then on only merged: `merge` and `take` return new
    objects, so closed states can be shared.

    Attributes:
        window: how many samples it wants in a block at once, each with all of its transforms: 0 for any block, also of
            part of a row; 1 for whole rows; 16 for runs of 16 consecutive samples, the last of a group shorter.
        whole: whether it wants all units of the layer in one block, in the layer's own type, not slices in float64.
        reference: whether it compares with the untransformed sample; only with a window.
        untransformed: statistics of the untransformed samples that must be closed before it begins.
    """

    window: ClassVar[Literal[0, 1, 16]] = 0
    whole: ClassVar[bool] = False
    reference: ClassVar[bool] = False
    untransformed: ClassVar[tuple[type[Statistic], ...]] = ()

    @classmethod
    @abstractmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the statistic of no samples, ready for updates."""

    @classmethod
    @abstractmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return the size in bytes of the closed state of one unit over that many samples."""

    @classmethod
    def open_bytes_per_unit(cls, transforms: int) -> int:
        """Return the bytes of one unit that are held only until the state is closed, beside twice the closed state."""
        return 0

    @abstractmethod
    def update(self, block: Block) -> None:
        """Account for a block; blocks of one group come in order, each slice of units in a thread of its own."""

    @abstractmethod
    def close(self, samples: int) -> None:
        """Finish the group of that many samples; no update may follow."""

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """Return the statistic of both sets of samples."""

    def settled(self) -> Self:
        """Return the closed statistic with all that it knows in float64, where it puts that off."""
        return self

    def absorb(self, other: Self) -> Self:
        """Return the statistic of both sets of samples; it may be this one, which is not to be used besides."""
        return self.merge(other)

    @abstractmethod
    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the statistic of some of the units; one that speaks of the layer as a whole returns itself."""
