"""What is made of the moments of columns, compiled: each number is read once, and nothing lies between.

Importing this compiles it, or loads what an earlier process has compiled. Arrays of transforms and units are flat, one
transform after the other.
"""

from __future__ import annotations

import numpy as np
from numba import uintp

from onnxinv.statistics.compiling import compiled_function

AT_ONCE = 512
"""Units at a time: their moments stay in the cache that is next to the processor."""


@compiled_function()
def absorb_sums(mean, deviations, count, pivot, total, squares, other_count):
    """Combine moments in float64 with the sums of a group, in place; flat arrays of the same columns and units.

    Args:
        mean: means of what was known.
        deviations: squared deviations from these.
        count: how many samples were known.
        pivot: of the group.
        total: sums over its samples of `a_ij - pivot_j`.
        squares: sums of their squares.
        other_count: how many samples it has.
    """
    both = count + other_count
    share, weight, own = other_count / both, count * other_count / both, 1 / other_count
    for place in range(mean.size):
        beyond = np.float64(total[place]) * own
        more = max(np.float64(squares[place]) - np.float64(total[place]) * beyond, 0.0)
        apart = pivot[place] + beyond - mean[place]
        mean[place] += apart * share
        deviations[place] += more + apart * apart * weight


@compiled_function()
def settle(pivot, total, squares, units, start, count, mean, deviations, samples):
    """Bring sums of some units into float64, as mean and squared deviations.

    Args:
        pivot: (transforms * units) of all units.
        total: (transforms * units) sums of `a_ij - pivot_j`.
        squares: (transforms * units) sums of their squares.
        units: how many there are.
        start: the first of them that is wanted.
        count: how many are wanted.
        mean: (transforms * count) overwritten.
        deviations: (transforms * count) overwritten.
        samples: how many were added up.
    """
    own = 1 / samples
    for column in range(mean.size // count):
        source, target = uintp(column * units + start), uintp(column * count)
        for unit in range(uintp(count)):
            beyond = np.float64(total[source + unit]) * own
            left = np.float64(squares[source + unit]) - np.float64(total[source + unit]) * beyond
            deviations[target + unit] = max(left, 0.0)
            mean[target + unit] = beyond + pivot[source + unit]


@compiled_function()
def combine(mean, deviations, count, other_mean, other_deviations, other_count, both_mean, both_deviations):
    """Combine the moments of two sets of samples; the last two are overwritten."""
    both = count + other_count
    share, weight = other_count / both, count * other_count / both
    for place in range(mean.size):
        apart = other_mean[place] - mean[place]
        both_mean[place] = apart * share + mean[place]
        both_deviations[place] = deviations[place] + other_deviations[place] + apart * apart * weight


@compiled_function()
def _add_column(mean, deviations, at, first, to, within, size, largest, shifted, count):
    at, first, to = uintp(at), uintp(first), uintp(to)
    for unit in range(uintp(count)):
        within[to + unit] += deviations[at + unit]
        size[to + unit] += mean[at + unit] * mean[at + unit]
    for unit in range(uintp(count)):
        largest[to + unit] = max(largest[to + unit], deviations[at + unit])
        shifted[to + unit] += mean[at + unit] - mean[first + unit]


@compiled_function()
def _add_between(mean, at, first, to, shifted, share, between, count):
    at, first, to = uintp(at), uintp(first), uintp(to)
    for unit in range(uintp(count)):
        apart = mean[at + unit] - mean[first + unit] - shifted[to + unit] * share
        between[to + unit] += apart * apart


@compiled_function()
def summarize(mean, deviations, within, size, largest, between, shifted):
    """Add up what is asked for of the columns of each unit; see `ColumnSummary`.

    Args:
        mean: (transforms * units)
        deviations: (transforms * units)
        within: (units,) zeros; sums of the squared deviations.
        size: (units,) zeros; sums of the squared means.
        largest: (units,) zeros; the largest squared deviations.
        between: (units,) zeros; squared deviations of the means from their mean.
        shifted: (units,) zeros; room to work in.
    """
    count = within.size
    share = count / mean.size
    for to in range(0, count, AT_ONCE):
        width = min(AT_ONCE, count - to)
        for at in range(to, mean.size, count):
            _add_column(mean, deviations, at, to, to, within, size, largest, shifted, width)
        for at in range(to, mean.size, count):
            _add_between(mean, at, to, to, shifted, share, between, width)


@compiled_function()
def _add_std(deviations, at, share, limit, total, to, count):
    at, to = uintp(at), uintp(to)
    for unit in range(uintp(count)):
        std = np.sqrt(deviations[at + unit] * share)
        total[to + unit] += 0.0 if std <= limit[to + unit] else std


@compiled_function()
def add_std(deviations, share, limit, total):
    """Add up the standard deviations of the columns of each unit that are above a limit.

    Args:
        deviations: (transforms * units)
        share: one over the samples that it divides by.
        limit: (units,)
        total: (units,) zeros; the sums.
    """
    count = total.size
    for to in range(0, count, AT_ONCE):
        for at in range(to, deviations.size, count):
            _add_std(deviations, at, share, limit, total, to, min(AT_ONCE, count - to))
