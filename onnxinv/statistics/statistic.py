"""What a statistic is, and the block of activations that it is updated with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """Activations of some units of one layer for k samples and a run of transforms.

    Attributes:
        values: (k, transforms of the run, units of the slice) float64.
        transforms: which transforms; unless these are all of them, k is 1 and the runs of one sample follow each other.
        units: which units of the layer.
        first: whether the block begins with the group's first sample.
        scale: largest magnitude of the layer's activations in the group's first run.
        scratch: of the shape of `values`, to be overwritten at will; large arrays that come and go cost page faults.
    """

    values: Array
    transforms: slice
    units: slice
    first: bool
    scale: float
    scratch: Array

    def shifted_sums(self, pivot: Array, axis: Literal[0, 1]) -> tuple[Array, Array]:
        """Return the sums over samples (0) or transforms (1) of `values - pivot` and of its square."""
        shifted = np.subtract(self.values, pivot, out=self.scratch)
        kept = "mu" if axis == 0 else "ku"
        return shifted.sum(axis=axis), np.einsum(f"kmu,kmu->{kept}", shifted, shifted)


class Statistic(ABC):
    """Numbers accumulated for every unit of one layer over one group of samples.

    A statistic is updated block by block, closed once, and from then on only merged: `merge` and `take` return new
    objects, so closed states can be shared.
    """

    @classmethod
    @abstractmethod
    def empty(cls, transforms: int, units: int) -> Self:
        """Return the statistic of no samples, ready for updates."""

    @classmethod
    @abstractmethod
    def bytes_per_unit(cls, transforms: int) -> int:
        """Return the size in bytes of the closed state of one unit."""

    @abstractmethod
    def update(self, block: Block) -> None:
        """Account for a block; blocks of one group come in order, each slice of units separately."""

    @abstractmethod
    def close(self, samples: int) -> None:
        """Finish the group of that many samples; no update may follow."""

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """Return the statistic of both sets of samples."""

    @abstractmethod
    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the statistic of some of the units."""
