"""Column distances: how far apart two samples of a block are under the same transform."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from onnxinv.statistics.pair_distances import PairDistances, pairs_in_blocks
from onnxinv.statistics.sorted_differences import difference_sums
from onnxinv.statistics.statistic import Block


class ColumnDistances(PairDistances):
    """Absolute differences `|a_ij - a_i'j|` over transforms and pairs of samples in blocks of 16 consecutive ones."""

    window: ClassVar[Literal[0, 1, 16]] = 16

    @staticmethod
    def pairs_of(samples: int, transforms: int) -> int:
        """Return how many pairs of samples all transforms have."""
        return transforms * pairs_in_blocks(samples)

    def update(self, block: Block) -> None:
        """Add the pairs of the block."""
        self.total[block.units] += difference_sums(block.values, 0, single=block.single, scratch=block.scratch)


class SquaredColumnDistances(ColumnDistances):
    """Squared differences `(a_ij - a_i'j)^2` over transforms and pairs of samples in blocks of 16 consecutive ones."""

    def update(self, block: Block) -> None:
        """Add the pairs of the block, `k sum_i x_i^2 - (sum_i x_i)^2` with x counted from the block's first sample.

        That is at least `sum_i x_i^2`, since the first x is 0, so the difference cancels little.
        """
        total, squares = block.shifted_sums(block.values[:1], axis=0)
        self.total[block.units] += (len(block.values) * squares - np.square(total)).sum(axis=0)
