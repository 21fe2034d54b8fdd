"""Measures of one unit in exact arithmetic: activations are whole numbers of a power of two, roots have 50 digits."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

DIGITS = Context(prec=50, Emin=-9999, Emax=9999)

Q = TypeVar("Q", Decimal, Fraction)

Blocks = Sequence[npt.NDArray[np.intp]]
"""Samples whose pairs are compared."""


@dataclass(frozen=True)
class Layout:
    """What a measure depends on beside the activations.

    Attributes:
        resolution: deviations up to this many root mean squares of the unit are rounding.
        blocks: samples whose pairs are compared, block by block.
    """

    resolution: float
    blocks: Blocks


def exact_values(grid: npt.NDArray[np.floating[Any]], layout: Layout) -> dict[str, float]:
    """Return every measure of a (samples, transforms) matrix of finite numbers, by key, each rounded once.

    Args:
        grid: the activations of one unit.
        layout: the rest.
    """
    samples, transforms = grid.shape
    rows, step = _whole(grid)
    columns = list(zip(*rows, strict=True))
    cells = samples * transforms
    energy = sum(value * value for row in rows for value in row)
    limit = Fraction(layout.resolution) ** 2 * Fraction(energy, cells)
    row_variances, column_variances = [_variance(row) for row in rows], [_variance(column) for column in columns]
    tv, sv = _mean_root(row_variances, limit) * step, _mean_root(column_variances, limit) * step
    tv_var = sum(_above(each, limit) for each in row_variances) / samples
    sv_var = sum(_above(each, limit) for each in column_variances) / transforms
    total = sum(sum(row) for row in rows)
    grand = Fraction(total * total, cells)
    between_samples = Fraction(sum(sum(row) ** 2 for row in rows), transforms) - grand
    between = Fraction(sum(sum(column) ** 2 for column in columns), samples) - grand
    rest = energy - grand - between_samples - between
    still_rows, still_columns = max(row_variances) <= limit, max(column_variances) <= limit
    sample, transform = between_samples * (not still_columns), between * (not still_rows)
    interaction = rest * (not still_rows and not still_columns)
    shares = sample + transform + interaction
    effect, residual = transforms - 1, (transforms - 1) * (samples - 1)
    shift, reaction = _above(transform / effect, limit), _above(interaction / residual, limit)
    td = Fraction(0) if still_rows else _mean_difference(rows, [range(transforms)])
    sd = Fraction(0) if still_columns else _mean_difference(columns, layout.blocks)
    step_squared = Fraction(step) ** 2
    return {
        "transformational-variance": _nearest(tv),
        "sample-variance": _nearest(sv),
        "normalized-variance": _quotient(tv, sv),
        "normalized-variance:dispersion=var": _quotient(tv_var, sv_var),
        "transformational-variance:dispersion=var": _nearest(tv_var * step_squared),
        "sample-variance:dispersion=var": _nearest(sv_var * step_squared),
        "variance-share-sample": _nearest(sample / shares) if shares else math.nan,
        "variance-share-transform": _nearest(transform / shares) if shares else math.nan,
        "variance-share-interaction": _nearest(interaction / shares) if shares else math.nan,
        "anova-f": _quotient(transform / effect, (sample + interaction) / (transforms * (samples - 1)), dead=0.0),
        "anova-repeated-f": _quotient(shift, reaction, dead=0.0),
        "anova-repeated-eta2": _quotient(shift * effect, shift * effect + reaction * residual, dead=0.0),
        "transformational-distance": _nearest(td * Fraction(step)),
        "sample-distance": _nearest(sd * Fraction(step)),
        "normalized-distance": _quotient(td, sd),
    }


def expected_of(grid: npt.NDArray[np.floating[Any]], layout: Layout) -> list[Mapping[str, float]]:
    """Return the values of each unit; nothing but nan of one that is not finite."""
    broken: Mapping[str, float] = defaultdict(lambda: math.nan)
    units = np.moveaxis(grid, 2, 0)
    return [exact_values(unit, layout) if np.isfinite(unit).all() else broken for unit in units]


def error_of(found: float, expected: float, *, relative: bool = True) -> float:
    """Return how far off a value is; infinite where zero, infinity or nan is not where it should be."""
    if found == expected or (math.isnan(found) and math.isnan(expected)):
        return 0
    if not (math.isfinite(found) and math.isfinite(expected)) or 0 in (found, expected):
        return math.inf
    return abs(found - expected) / (abs(expected) if relative else 1)


def blocks_of(groups: Iterable[npt.NDArray[np.intp]]) -> Blocks:
    """Return runs of 16 consecutive samples of each group, the last of a group shorter."""
    return [group[start : start + 16] for group in groups for start in range(0, len(group), 16)]


def _whole(grid: npt.NDArray[np.floating[Any]]) -> tuple[list[list[int]], Decimal]:
    """Return the numbers as whole multiples of a power of two, and that power."""
    ratios = [[float(value).as_integer_ratio() for value in row] for row in grid]
    finest = max(denominator for row in ratios for _, denominator in row)
    rows = [[numerator * (finest // denominator) for numerator, denominator in row] for row in ratios]
    return rows, DIGITS.divide(Decimal(1), Decimal(finest))


def _variance(values: Sequence[int]) -> Fraction:
    count = len(values)
    squares, total = sum(value * value for value in values), sum(values)
    return Fraction(count * squares - total * total, count * (count - 1))


def _above(variance: Fraction, limit: Fraction) -> Fraction:
    return Fraction(0) if variance <= limit else variance


def _mean_root(variances: Sequence[Fraction], limit: Fraction) -> Decimal:
    total = Decimal(0)
    for each in variances:
        kept = _above(each, limit)
        square = DIGITS.divide(Decimal(kept.numerator), Decimal(kept.denominator))
        total = DIGITS.add(total, DIGITS.sqrt(square))
    return DIGITS.divide(total, Decimal(len(variances)))


def _mean_difference(lines: Sequence[Sequence[int]], blocks: Sequence[Iterable[int]]) -> Fraction:
    total, pairs = 0, 0
    for line in lines:
        for block in blocks:
            values = sorted(line[place] for place in block)
            count = len(values)
            pairs += count * (count - 1) // 2
            gaps = (high - low for low, high in pairwise(values))
            total += sum(gap * below * (count - below) for below, gap in enumerate(gaps, start=1))
    return Fraction(total, pairs)


def _quotient(over: Q, under: Q, dead: float = 1.0) -> float:
    if not under:
        return math.inf if over else dead
    if isinstance(over, Decimal):
        return _nearest(DIGITS.divide(over, Decimal(under)))
    return _nearest(over / Fraction(under))


def _nearest(value: Decimal | Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
