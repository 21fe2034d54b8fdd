"""Count, mean and sum of squared deviations: how the moments of two sets of samples combine."""

from __future__ import annotations

import numpy as np

from onnxinv.statistics.statistic import Array


def from_shifted_sums(count: int, pivot: Array, total: Array, squares: Array) -> tuple[Array, Array]:
    """Return mean and sum of squared deviations from sums of `x - pivot` and of its square.

    The pivot is one of the values, so nothing cancels that the values themselves do not lack; equal values give
    exactly zero.
    """
    mean = total / count
    deviations = total * mean
    np.subtract(squares, deviations, out=deviations)
    np.maximum(deviations, 0.0, out=deviations)
    mean += pivot
    return mean, deviations


def combine(
    count: int, mean: Array, deviations: Array, other_count: int, other_mean: Array, other_deviations: Array
) -> tuple[Array, Array]:
    """Return mean and sum of squared deviations of the union (Chan, Golub and LeVeque 1979)."""
    total = count + other_count
    delta = other_mean - mean
    both_mean = delta * (other_count / total)
    both_mean += mean
    delta *= delta
    delta *= count * other_count / total
    both = deviations + other_deviations
    both += delta
    return both_mean, both
