"""Row moments: how much each sample's activations vary over the transforms, summed over samples."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.faint_rows import MARGIN, FaintRows
from onnxinv.statistics.moments import combine, from_shifted_sums
from onnxinv.statistics.single_sums import Single, SingleSums
from onnxinv.statistics.spare_arrays import leave_array, pieces, take_array
from onnxinv.statistics.statistic import Array, Block, Extent, Reals, Statistic


class RowMoments(Statistic):
    """Moments of the rows of the samples x transforms matrix; the pivot of a row is its own first variant.

    Attributes:
        count: samples seen, n.
        std_sum: (units,) sum over samples of the row standard deviation `s_i` (ddof 1; 0 for one transform).
        std_max: (units,) largest row standard deviation.
        deviations_sum: (units,) sum over samples and transforms of `(a_ij - a_i.)^2`.
        mean: (units,) mean over samples of the row means `a_i.`.
        mean_deviations: (units,) sum over samples of `(a_i. - a..)^2`.
        faint: rows that may turn out to be rounding.
    """

    def __init__(
        self,
        count: int,
        std_sum: Array,
        std_max: Array,
        deviations_sum: Array,
        mean: Array,
        mean_deviations: Array,
        faint: FaintRows,
    ) -> None:
        self.count = count
        self.std_sum = std_sum
        self.std_max = std_max
        self.deviations_sum = deviations_sum
        self.mean = mean
        self.mean_deviations = mean_deviations
        self.faint = faint
        self._sums: Array | None = None
        self._pivot: Array | None = None
        self._single_pivot = np.zeros((2, 0), np.float32)
        self._open_row = np.zeros((3, 0))
        self._faint_parts: list[tuple[npt.NDArray[np.intp], Array]] = []
        self._transforms = 0
        self._resolution = 0.0

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the moments of no samples."""
        # While the group is open, `mean` and `mean_deviations` hold shifted sums of the row means.
        sums = take_array((5, extent.units), np.float64)
        sums.fill(0)
        self = cls(0, sums[0], sums[1], sums[2], sums[3], sums[4], FaintRows.none())
        self._sums = sums
        self._transforms = extent.transforms
        self._resolution = extent.resolution
        self._pivot = np.zeros(0 if extent.single else extent.units)
        self._single_pivot = take_array((2, extent.units if extent.single else 0), np.float32)
        self._open_row = np.zeros((3, extent.units))
        return self

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 104 bytes, whatever the number of transforms: five sums and, at most, four faint rows."""
        return 104

    @property
    def transforms(self) -> int:
        """Length of a row, known until it is closed."""
        return self._transforms

    def update(self, block: Block) -> None:
        """Add the block's rows; a row that spans several blocks is added when its last one comes."""
        run = block.transforms.stop - block.transforms.start
        start = block.values[:, 0] if block.transforms.start == 0 else self._open_row[:1, block.units]
        total, squares = block.shifted_sums(start[:, None], axis=1)
        shift, deviations = from_shifted_sums(run, np.zeros(1), total, squares)
        if (row := self._row(block, start, shift, deviations)) is not None:
            self._add_rows(block, row[0] + row[1], row[2])

    def start(self, block: Block) -> Single:
        """Return (k, units) the first variants of the rows that a block of float32 begins or continues."""
        if block.transforms.start == 0:
            first: Single = block.values[:, 0]
            return first
        return self._open_row[:1, block.units].astype(np.float32)

    def add_single(self, sums: SingleSums, block: Block) -> None:
        """Add sums that were taken in float32; see `update`."""
        run = block.transforms.stop - block.transforms.start
        if run < self._transforms:
            shift = sums.total * (1 / np.float64(run))
            if (row := self._row(block, sums.start, shift, sums.deviations)) is not None:
                self._add_rows(block, row[0] + row[1], row[2])
            return
        assert self._pivot is not None, "a closed statistic is not updated"
        units = block.units
        std = sums.deviations * np.float32(1 / max(run - 1, 1))
        np.sqrt(std, out=std)
        self.std_sum[units] += np.add.reduce(std, axis=0)
        self.std_max[units] = np.maximum(self.std_max[units], np.maximum.reduce(std, axis=0))
        self._keep_faint(std, block)
        self.deviations_sum[units] += np.add.reduce(sums.deviations, axis=0)
        # The pivot in two parts, each subtracted from its own: rows that are alike leave exactly nothing.
        mean = np.multiply(sums.total, np.float32(1 / run), out=std)
        if block.first:
            self._single_pivot[:, units] = sums.start[0], mean[0]
        start, beyond = self._single_pivot[:, units]
        mean -= beyond
        mean += sums.start - start
        self.mean[units] += np.add.reduce(mean, axis=0)
        self.mean_deviations[units] += np.einsum("ku,ku->u", mean, mean)

    @property
    def single_pivot(self) -> Single:
        """(2, units) first variant of the first row, and the mean of that row beyond it; of an open state."""
        return self._single_pivot

    def faint_limit(self, block: Block) -> float:
        """Return the standard deviation up to which a row may turn out to be rounding."""
        return MARGIN * self._resolution * block.scale

    def keep_faint(self, unit: npt.NDArray[np.intp], std: Reals) -> None:
        """Keep such rows, of these units and with these standard deviations, unless there are too many."""
        if unit.size and sum(part[0].size for part in self._faint_parts) <= FaintRows.most(self.mean.size):
            self._faint_parts.append((unit, std.astype(np.float64)))

    def close(self, samples: int) -> None:
        """Turn the shifted sums of the row means into their moments."""
        assert self._pivot is not None, "a statistic is closed once"
        self.count = samples
        for some in pieces(self.mean.size):
            self.mean[some], self.mean_deviations[some] = from_shifted_sums(
                samples, self._pivot_of(some), self.mean[some], self.mean_deviations[some]
            )
        self.faint = FaintRows.gathered(self._faint_parts, self.mean.size)
        self._pivot, self._open_row, self._faint_parts = None, np.zeros((3, 0)), []
        if self._single_pivot.size:
            leave_array(self._single_pivot)
        self._single_pivot = np.zeros((2, 0), np.float32)

    def merge(self, other: Self) -> Self:
        """Return the moments of both sets of samples."""
        mean, mean_deviations = combine(
            self.count, self.mean, self.mean_deviations, other.count, other.mean, other.mean_deviations
        )
        return type(self)(
            self.count + other.count,
            self.std_sum + other.std_sum,
            np.maximum(self.std_max, other.std_max),
            self.deviations_sum + other.deviations_sum,
            mean,
            mean_deviations,
            self.faint.merge(other.faint, self.mean.size),
        )

    def absorb(self, other: Self) -> Self:
        """Return the moments of both sets of samples, in place of these."""
        for some in pieces(self.mean.size):
            self.std_sum[some] += other.std_sum[some]
            np.maximum(self.std_max[some], other.std_max[some], out=self.std_max[some])
            self.deviations_sum[some] += other.deviations_sum[some]
            self.mean[some], self.mean_deviations[some] = combine(
                self.count, self.mean[some], self.mean_deviations[some],
                other.count, other.mean[some], other.mean_deviations[some],
            )  # fmt: skip
        self.count += other.count
        self.faint = self.faint.merge(other.faint, self.mean.size)
        if other._sums is not None:
            leave_array(other._sums)
        return self

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the moments of some units."""
        return type(self)(
            self.count,
            self.std_sum[units],
            self.std_max[units],
            self.deviations_sum[units],
            self.mean[units],
            self.mean_deviations[units],
            self.faint.take(units, self.mean.size),
        )

    def sums_above(self, limit: Array, transforms: int) -> tuple[Array, Array]:
        """Return `std_sum` and `deviations_sum` without the rows whose standard deviation is within a limit.

        Where a layer has too many such rows to keep, the rows of a unit count as zero together or not at all, which
        changes `std_sum` by less than the limit a row.

        Args:
            limit: (units,) largest standard deviation that counts as zero.
            transforms: m, the length of a row.
        """
        std, squares = self.faint.sums_up_to(limit)
        zero = self.std_max <= limit
        return (
            np.where(zero, 0.0, self.std_sum - std),
            np.where(zero, 0.0, self.deviations_sum - (transforms - 1) * squares),
        )

    def _row(self, block: Block, start: Reals, shift: Reals, deviations: Reals) -> tuple[Reals, Reals, Reals] | None:
        """Return start, mean beyond it and squared deviations of the rows that a block completes.

        Args:
            block: whole rows, or part of one.
            start: (k, units) first variant of each row.
            shift: (k, units) mean of the run's `a_ij - start_i`.
            deviations: (k, units) squared deviations from the run's mean.
        """
        first, last = block.transforms.start, block.transforms.stop
        if last - first == self._transforms:
            return start, shift, deviations
        row = self._open_row[:, block.units]
        if first == 0:
            row[0], row[1], row[2] = start[0], shift[0], deviations[0]
        else:
            row[1], row[2] = combine(first, row[1], row[2], last - first, shift[0], deviations[0])
        return (row[:1], row[1:2], row[2:3]) if last == self._transforms else None

    def _add_rows(self, block: Block, mean: Reals, deviations: Reals) -> None:
        assert self._pivot is not None, "a closed statistic is not updated"
        units = block.units
        std = np.sqrt(deviations / max(self._transforms - 1, 1))
        self.std_sum[units] += std.sum(axis=0)
        self.std_max[units] = np.maximum(self.std_max[units], std.max(axis=0))
        self._keep_faint(std, block)
        self.deviations_sum[units] += deviations.sum(axis=0)
        self._add_means(mean, block)

    def _add_means(self, mean: Reals, block: Block) -> None:
        assert self._pivot is not None, "a closed statistic is not updated"
        units = block.units
        if block.first and self._single_pivot.size:
            self._single_pivot[0, units] = mean[0]
            self._single_pivot[1, units] = mean[0] - self._single_pivot[0, units]
        elif block.first:
            self._pivot[units] = mean[0]
        shifted = mean - self._pivot_of(units)
        self.mean[units] += shifted.sum(axis=0)
        self.mean_deviations[units] += np.einsum("ku,ku->u", shifted, shifted)

    def _pivot_of(self, units: slice) -> Array:
        """Return the pivots of row means; where sums are taken in float32, they are of two parts."""
        assert self._pivot is not None, "a closed statistic is not updated"
        if self._single_pivot.size:
            return np.asarray(self._single_pivot[:, units].sum(axis=0, dtype=np.float64))
        return self._pivot[units]

    def _keep_faint(self, std: Reals, block: Block) -> None:
        faint = std <= self.faint_limit(block)
        if faint.any():
            sample, unit = np.nonzero(faint & (std > 0))
            self.keep_faint(unit + block.units.start, std[sample, unit])
