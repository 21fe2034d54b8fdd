"""The measures straight from their definitions: numpy float64 on the whole samples x transforms grid.

Grids are (samples, transforms, units). Nothing of onnxinv is imported, and no number is accumulated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln
from scipy.stats import t as student

Grid = npt.NDArray[np.float64]
Values = npt.NDArray[np.float64]


def rounding(dtype: str) -> float:
    """Return the deviation, in root mean squares of the unit, that counts as none."""
    if dtype == "bfloat16":
        return 2.0**-7  # numpy does not know it
    factor = 1 if dtype == "float16" else 4
    return float(factor * np.finfo(dtype).eps)


def c4(count: int) -> float:
    return float(np.sqrt(2 / (count - 1)) * np.exp(gammaln(count / 2) - gammaln((count - 1) / 2)))


def zeroed(deviations: Grid, grid: Grid, dtype: str) -> Grid:
    """Set each (rows or columns, units) deviation that is rounding to exactly zero."""
    scale = np.sqrt((grid**2).mean(axis=(0, 1)))
    return np.where(deviations <= rounding(dtype) * scale, 0.0, deviations)


@dataclass(frozen=True)
class Rule:
    """How rows and columns become numbers."""

    dtype: str = "float32"
    dispersion: str = "std"
    unbiased: bool = False


def transformational_variance(grid: Grid, rule: Rule = Rule()) -> Values:
    transforms = grid.shape[1]
    if transforms == 1:
        return np.zeros(grid.shape[2])
    deviations = zeroed(grid.std(axis=1, ddof=1), grid, rule.dtype)
    if rule.dispersion == "var":
        return (deviations**2).mean(axis=0)
    return deviations.mean(axis=0) / (c4(transforms) if rule.unbiased else 1)


def sample_variance(grid: Grid, rule: Rule = Rule()) -> Values:
    samples = grid.shape[0]
    deviations = zeroed(grid.std(axis=0, ddof=1), grid, rule.dtype)
    if rule.dispersion == "var":
        return (deviations**2).mean(axis=0)
    return deviations.mean(axis=0) / (c4(samples) if rule.unbiased else 1)


def quotient(tv: Values, sv: Values) -> Values:
    values = []
    for above, below in zip(tv.tolist(), sv.tolist(), strict=True):
        if above == 0 and below == 0:
            values.append(1.0)
        elif below == 0:
            values.append(math.inf)
        else:
            values.append(above / below)
    return np.array(values)


def channels_of(shape: tuple[int, ...], axis: int) -> npt.NDArray[np.intp]:
    """Return the channel of every unit, in C order."""
    return np.array([index[axis] for index in np.ndindex(*shape)], dtype=np.intp)


def spatial(values: Values, channels: npt.NDArray[np.intp], add: bool = False) -> Values:
    """Return the mean (or the sum) of the units of every channel that has any."""
    parts = [values[channels == channel] for channel in np.unique(channels)]
    return np.array([math.fsum(part) if add else math.fsum(part) / len(part) for part in parts])


def normalized_variance(grid: Grid, channels: npt.NDArray[np.intp] | None = None, rule: Rule = Rule()) -> Values:
    """Return NV of every unit, or of every channel: means over space, then the quotient."""
    tv, sv = transformational_variance(grid, rule), sample_variance(grid, rule)
    if channels is not None:
        tv, sv = spatial(tv, channels), spatial(sv, channels)
    return quotient(tv, sv)


def sums_of_squares(grid: Grid) -> dict[str, Values]:
    samples, transforms, _ = grid.shape
    grand = grid.mean(axis=(0, 1))
    rows, columns = grid.mean(axis=1), grid.mean(axis=0)
    rest = grid - rows[:, None] - columns[None] + grand
    return {
        "sample": transforms * ((rows - grand) ** 2).sum(axis=0),
        "transform": samples * ((columns - grand) ** 2).sum(axis=0),
        "interaction": (rest**2).sum(axis=(0, 1)),
    }


def variance_shares(grid: Grid, channels: npt.NDArray[np.intp] | None = None) -> dict[str, Values]:
    parts = sums_of_squares(grid)
    if channels is not None:
        parts = {name: spatial(part, channels, add=True) for name, part in parts.items()}
    total = sum(parts.values())
    with np.errstate(invalid="ignore"):
        return {name: part / total for name, part in parts.items()}


def reduced_over_space(raw: npt.NDArray[np.float64], axis: int, how: str) -> Grid:
    """Return (samples, transforms, channels): mean or max over space of (samples, transforms, *shape) activations."""
    moved = np.moveaxis(raw, axis + 2, 2).reshape(*raw.shape[:2], raw.shape[axis + 2], -1)
    return moved.mean(axis=3) if how == "activation-mean" else moved.max(axis=3)


@dataclass(frozen=True)
class Interval:
    se: float
    bias: float
    low: float
    high: float


def jackknife(
    value: float, reference: float, left_out: list[float], bounds: tuple[float, float] = (0, math.inf)
) -> Interval:
    groups = len(left_out)
    spread = sum((each - sum(left_out) / groups) ** 2 for each in left_out)
    se = math.sqrt((groups - 1) / groups * spread)
    bias = (groups - 1) * (sum(left_out) / groups - reference)
    half = float(student.ppf(0.975, groups - 1)) * se
    low, high = value - bias - half, value - bias + half
    return Interval(se, bias, min(max(low, bounds[0]), bounds[1]), min(max(high, bounds[0]), bounds[1]))
