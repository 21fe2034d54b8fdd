"""What the columns of each unit add up to: all that most measures want of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onnxinv.statistics.compiled import Compiled
from onnxinv.statistics.statistic import Array


@dataclass(frozen=True)
class ColumnSummary:
    """Sums over the transforms, each (units,).

    Attributes:
        within: of the squared deviations over samples, `sum_ij (a_ij - a_.j)^2`.
        size: of the squared means, `sum_j a_.j^2`.
        largest: largest squared deviations over samples under one transform.
        between: squared deviations of the means, `sum_j (a_.j - a_..)^2`; exactly zero where they are equal.
    """

    within: Array
    size: Array
    largest: Array
    between: Array


def summarize_columns(mean: Array, deviations: Array, code: Compiled | None) -> ColumnSummary:
    """Return what (transforms, units) moments of columns add up to."""
    if code is not None:
        *found, shifted = np.zeros((5, mean.shape[1]))
        code.columns.summarize(mean.reshape(-1), deviations.reshape(-1), *found, shifted)
        return ColumnSummary(*found)
    # Shifted by the first column first, so that equal columns give exactly zero.
    shifted = mean - mean[0]
    shifted -= shifted.mean(axis=0)
    return ColumnSummary(
        deviations.sum(axis=0), np.square(mean).sum(axis=0), deviations.max(axis=0), np.square(shifted).sum(axis=0)
    )


def mean_std_above(limit: Array, deviations: Array, samples: int, code: Compiled | None) -> Array:
    """Return the (units,) mean over transforms of the standard deviations over samples; those up to a limit are zero.

    Args:
        limit: (units,).
        deviations: (transforms, units) squared deviations over samples.
        samples: how many these are.
        code: does it where it is there.
    """
    share = 1 / max(samples - 1, 1)
    if code is not None:
        total = np.zeros(limit.size)
        code.columns.add_std(deviations.reshape(-1), share, limit, total)
        return total / len(deviations)
    std = np.sqrt(deviations * share)
    mean: Array = np.where(std <= limit, 0.0, std).mean(axis=0)
    return mean
