"""Row and column sums of float32 activations in one pass, compiled: what `single_sums` says step by step.

Importing this compiles it, or loads what an earlier process has compiled. Every loop is a function of its own over
flat arrays and unsigned offsets: so the compiler sees that it can work on several units at once. Offsets are only
added: as an unsigned one times a signed number is a float, products cost half the speed.
"""

from __future__ import annotations

import numpy as np
from numba import uintp

from onnxinv.statistics.compiling import compiled_function
from onnxinv.statistics.single_sums import FEW, LARGEST, SMALLEST

AT_ONCE = 2048
"""Units at a time: few enough that their sums stay in a cache, and enough that memory is read in long runs."""

_LARGEST_SQUARE, _SMALLEST_SQUARE = np.float32(LARGEST**2), np.float32(SMALLEST**2)

_FARTHEST = np.float32(4 * LARGEST)
"""Magnitude of a pivot up to which squared differences from it are in the range of float32."""

_ZERO = np.float32(0)


@compiled_function()
def _clear(sums, at, count):
    at = uintp(at)
    for unit in range(uintp(count)):
        sums[at + unit] = _ZERO


@compiled_function(fused=True)
def _add_variants(values, start, at, stride, total, squares, to, count):
    """Add four variants: what is summed is read and written once for all of them."""
    start, at, stride, to = uintp(start), uintp(at), uintp(stride), uintp(to)
    second = at + stride
    third = second + stride
    fourth = third + stride
    for unit in range(uintp(count)):
        pivot = values[start + unit]
        a, b = values[at + unit] - pivot, values[second + unit] - pivot
        c, d = values[third + unit] - pivot, values[fourth + unit] - pivot
        total[to + unit] += (a + b) + (c + d)
        squares[to + unit] += (a * a + b * b) + (c * c + d * d)


@compiled_function(fused=True)
def _add_variant(values, start, at, total, squares, to, count):
    start, at, to = uintp(start), uintp(at), uintp(to)
    for unit in range(uintp(count)):
        shifted = values[at + unit] - values[start + unit]
        total[to + unit] += shifted
        squares[to + unit] += shifted * shifted


@compiled_function(fused=True)
def _take_mean(total, squares, to, share, count):
    to = uintp(to)
    for unit in range(uintp(count)):
        squares[to + unit] = max(squares[to + unit] - total[to + unit] * (total[to + unit] * share), _ZERO)


@compiled_function()
def _add_totals(values, start, at, stride, total, to, count):
    """Add four variants, see `_add_variants`."""
    start, at, stride, to = uintp(start), uintp(at), uintp(stride), uintp(to)
    second = at + stride
    third = second + stride
    fourth = third + stride
    for unit in range(uintp(count)):
        pivot = values[start + unit]
        a, b = values[at + unit] - pivot, values[second + unit] - pivot
        c, d = values[third + unit] - pivot, values[fourth + unit] - pivot
        total[to + unit] += (a + b) + (c + d)


@compiled_function()
def _add_total(values, start, at, total, to, count):
    start, at, to = uintp(start), uintp(at), uintp(to)
    for unit in range(uintp(count)):
        total[to + unit] += values[at + unit] - values[start + unit]


@compiled_function(fused=True)
def _add_squares(values, start, at, stride, mean, squares, to, count):
    """Add those of four variants, see `_add_variants`."""
    start, at, stride, to = uintp(start), uintp(at), uintp(stride), uintp(to)
    second = at + stride
    third = second + stride
    fourth = third + stride
    for unit in range(uintp(count)):
        pivot, shift = values[start + unit], mean[unit]
        a, b = values[at + unit] - pivot - shift, values[second + unit] - pivot - shift
        c, d = values[third + unit] - pivot - shift, values[fourth + unit] - pivot - shift
        squares[to + unit] += (a * a + b * b) + (c * c + d * d)


@compiled_function(fused=True)
def _add_square(values, start, at, mean, squares, to, count):
    start, at, to = uintp(start), uintp(at), uintp(to)
    for unit in range(uintp(count)):
        shifted = values[at + unit] - values[start + unit] - mean[unit]
        squares[to + unit] += shifted * shifted


@compiled_function()
def _take_share(total, at, share, mean, count):
    at = uintp(at)
    for unit in range(uintp(count)):
        mean[unit] = total[at + unit] * share


@compiled_function()
def _sum_row(values, start, stride, transforms, total, squares, to, mean, share, count):
    """Sum a row of each unit, about its first variant or, of many, about its mean."""
    _clear(total, to, count)
    _clear(squares, to, count)
    fours = transforms - transforms % 4
    if transforms <= FEW:
        for place in range(0, fours, 4):
            _add_variants(values, start, start + place * stride, stride, total, squares, to, count)
        for place in range(fours, transforms):
            _add_variant(values, start, start + place * stride, total, squares, to, count)
        _take_mean(total, squares, to, share, count)
    else:
        for place in range(0, fours, 4):
            _add_totals(values, start, start + place * stride, stride, total, to, count)
        for place in range(fours, transforms):
            _add_total(values, start, start + place * stride, total, to, count)
        _take_share(total, to, share, mean, count)
        for place in range(0, fours, 4):
            _add_squares(values, start, start + place * stride, stride, mean, squares, to, count)
        for place in range(fours, transforms):
            _add_square(values, start, start + place * stride, mean, squares, to, count)


@compiled_function()
def _add_size(values, start, total, squares, at, size, there, count):
    start, at = uintp(start), uintp(at)
    for unit in range(uintp(count)):
        first = values[start + unit]
        size[unit] += first * first + squares[at + unit]
        there[unit] += abs(first) + abs(total[at + unit])


@compiled_function()
def _out_of_range(size, there, count):
    lost = 0
    for unit in range(uintp(count)):
        held = size[unit] < _LARGEST_SQUARE  # nor where it is not a number
        vanishes = (size[unit] < _SMALLEST_SQUARE) & (there[unit] > 0)
        lost += (not held) | vanishes
    return lost


@compiled_function()
def _far(pivot, at, count):
    at = uintp(at)
    far = 0
    for unit in range(uintp(count)):
        far += not abs(pivot[at + unit]) <= _FARTHEST
    return far


@compiled_function()
def _begin_column(values, at, pivot, total, squares, to, count):
    at, to = uintp(at), uintp(to)
    for unit in range(uintp(count)):
        pivot[to + unit] = values[at + unit]
        total[to + unit] = _ZERO
        squares[to + unit] = _ZERO


@compiled_function(fused=True)
def _add_samples(values, at, stride, pivot, total, squares, to, count):
    """Add two samples to a column: what is summed is read and written once for both."""
    at, stride, to = uintp(at), uintp(stride), uintp(to)
    second = at + stride
    for unit in range(uintp(count)):
        a, b = values[at + unit] - pivot[to + unit], values[second + unit] - pivot[to + unit]
        total[to + unit] += a + b
        squares[to + unit] += a * a + b * b


@compiled_function(fused=True)
def _add_sample(values, at, pivot, total, squares, to, count):
    at, to = uintp(at), uintp(to)
    for unit in range(uintp(count)):
        shifted = values[at + unit] - pivot[to + unit]
        total[to + unit] += shifted
        squares[to + unit] += shifted * shifted


@compiled_function()
def _sum_column(values, start, stride, samples, pivot, total, squares, to, first, count):
    """Add samples to a column of each unit."""
    done = 0
    if first:
        _begin_column(values, start, pivot, total, squares, to, count)
        done = 1
    for sample in range(done, samples - 1, 2):
        _add_samples(values, start + sample * stride, stride, pivot, total, squares, to, count)
    if (samples - done) % 2:
        _add_sample(values, start + (samples - 1) * stride, pivot, total, squares, to, count)


@compiled_function()
def _begin_mean(values, start, mean, pivot, beyond, to, count):
    start, to = uintp(start), uintp(to)
    for unit in range(uintp(count)):
        pivot[to + unit] = values[start + unit]
        beyond[to + unit] = mean[unit]


@compiled_function()
def _add_mean(values, start, mean, pivot, beyond, total, squares, to, count):
    """Both parts of the pivot are subtracted from their own, rounded alike: rows that are alike leave nothing."""
    start, to = uintp(start), uintp(to)
    for unit in range(uintp(count)):
        mean[unit] -= beyond[to + unit]
    for unit in range(uintp(count)):
        mean[unit] += values[start + unit] - pivot[to + unit]
    for unit in range(uintp(count)):
        total[to + unit] += mean[unit]
    for unit in range(uintp(count)):
        squares[to + unit] += np.float64(mean[unit]) * mean[unit]


@compiled_function()
def _add_deviations(squares, at, share, std, std_sum, std_max, deviations_sum, to, count):
    at, to = uintp(at), uintp(to)
    for unit in range(uintp(count)):
        deviations_sum[to + unit] += squares[at + unit]
    for unit in range(uintp(count)):
        std[unit] = np.sqrt(squares[at + unit] * share)
    for unit in range(uintp(count)):
        std_sum[to + unit] += std[unit]
    for unit in range(uintp(count)):
        std_max[to + unit] = max(std_max[to + unit], np.float64(std[unit]))


@compiled_function()
def _count_faint(std, limit, count):
    faint = 0
    for unit in range(uintp(count)):
        faint += (std[unit] <= limit) & (std[unit] > 0)
    return faint


@compiled_function()
def _note_faint(std, limit, first, unit_of, std_of, found, count):
    for unit in range(count):
        if 0 < std[unit] <= limit:
            unit_of[found] = first + unit
            std_of[found] = std[unit]
            found += 1
    return found


@compiled_function()
def reduce_units(
    values, sample_stride, column_stride, samples, transforms, count,
    pivot, total, squares, units, to, first, doubtful,
    row_pivot, row_beyond, std_sum, std_max, deviations_sum, mean_total, mean_squares,
    limit, faint_unit, faint_std,
):  # fmt: skip
    """Add whole rows of some units to the sums of a group.

    Args:
        values: flat activations; those of a sample under a transform, of neighbouring units, lie side by side.
        sample_stride: from a sample to the next.
        column_stride: from a transform to the next.
        samples: k.
        transforms: m, at least one.
        count: how many units.
        pivot: (transforms * units) first value of each column.
        total: (transforms * units) sum over samples of `a_ij - pivot_j`.
        squares: (transforms * units) sum over samples of its square.
        units: of the layer.
        to: the first unit.
        first: whether the sums begin with these samples.
        doubtful: whether the pivots may be too large or not finite.
        row_pivot: (units) first variant of the group's first row.
        row_beyond: (units) mean of that row, beyond it.
        std_sum: (units) see `RowMoments`, here and below.
        std_max: (units)
        deviations_sum: (units)
        mean_total: (units) sum of the row means, beyond that of the first row.
        mean_squares: (units) sum of their squares.
        limit: standard deviation up to which a row is faint.
        faint_unit: (samples * count) which units such rows belong to, counted from `to`; overwritten.
        faint_std: (samples * count) their standard deviations; overwritten.

    Returns:
        How many units were added, all or `AT_ONCE` times some number: float32 does not hold the sums of the next ones.
        And how many rows are faint.
    """
    totals, deviations = np.empty(samples * AT_ONCE, np.float32), np.empty(samples * AT_ONCE, np.float32)
    size, there = np.empty(AT_ONCE, np.float32), np.empty(AT_ONCE, np.float32)
    one = np.empty(AT_ONCE, np.float32)
    share, unbiased = np.float32(1 / transforms), np.float32(1 / max(transforms - 1, 1))
    faint = 0
    for done in range(0, count, AT_ONCE):
        width, place = min(AT_ONCE, count - done), to + done
        _clear(size, 0, width)
        _clear(there, 0, width)
        for sample in range(samples):
            start, row = done + sample * sample_stride, sample * AT_ONCE
            _sum_row(values, start, column_stride, transforms, totals, deviations, row, one, share, width)
            _add_size(values, start, totals, deviations, row, size, there, width)
        lost = _out_of_range(size, there, width)
        if doubtful:
            for column in range(transforms):
                lost += _far(pivot, column * units + place, width)
        if lost:
            return done, faint
        for column in range(transforms):
            source, target = done + column * column_stride, column * units + place
            _sum_column(values, source, sample_stride, samples, pivot, total, squares, target, first, width)
        for sample in range(samples):
            start, row = done + sample * sample_stride, sample * AT_ONCE
            _take_share(totals, row, share, one, width)
            if first and sample == 0:
                _begin_mean(values, start, one, row_pivot, row_beyond, place, width)
            else:
                _add_mean(values, start, one, row_pivot, row_beyond, mean_total, mean_squares, place, width)
            _add_deviations(deviations, row, unbiased, one, std_sum, std_max, deviations_sum, place, width)
            if _count_faint(one, limit, width):
                faint = _note_faint(one, limit, done, faint_unit, faint_std, faint, width)
    return count, faint
