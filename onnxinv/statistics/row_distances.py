"""Row distances: how far apart each sample's activations are under two transforms."""

from __future__ import annotations

from typing import ClassVar, Literal

from onnxinv.statistics.pair_distances import PairDistances, pairs_within
from onnxinv.statistics.sorted_differences import difference_sums
from onnxinv.statistics.statistic import Block


class RowDistances(PairDistances):
    """Absolute differences `|a_ij - a_ij'|` over samples and pairs of transforms."""

    window: ClassVar[Literal[0, 1, 16]] = 1

    @staticmethod
    def pairs_of(samples: int, transforms: int) -> int:
        """Return how many pairs of transforms all samples have."""
        return samples * pairs_within(transforms)

    def update(self, block: Block) -> None:
        """Add the block's rows."""
        self.total[block.units] += difference_sums(block.values, 1, single=block.single, scratch=block.scratch)
