"""Statistics whose replicates are networks that differ in their seed alone, not units or layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

ENUMERATED = 20_000
"""Most ways to divide networks into two sets that the permutation test looks at; of 8 and 8 there are 12,870."""


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


@dataclass(frozen=True)
class Apart:
    """How far two sets of profiles are from each other.

    Attributes:
        between: mean distance of a profile of one set from one of the other.
        within: 95th percentile of the distances of profiles of the same set.
        pvalue: of the permutation test of whether the sets differ at all.
    """

    between: float
    within: float
    pvalue: float

    @property
    def ratio(self) -> float:
        """Distance between the sets over that within them; infinite where nothing differs within, nan nor between."""
        if self.within == 0:
            return math.inf if self.between else math.nan
        return self.between / self.within


def mean_correlation(values: Sequence[float] | Array) -> Estimate:
    """Return the mean of independent correlations, with its t interval, which ends at -1 and 1 at the latest."""
    told = np.asarray(values, np.float64)
    if len(told) == 1:
        return Estimate(float(told[0]), -1.0, 1.0)
    if np.ptp(told) == 0:
        return Estimate(float(told[0]), float(told[0]), float(told[0]))
    interval = stats.ttest_1samp(told, 0).confidence_interval()
    # What is not a number stays so, which Python's max and min would not see to.
    low, high = np.clip([interval.low, interval.high], -1, 1)
    return Estimate(float(told.mean()), float(low), float(high))


def jackknife(count: int, statistic: Callable[[NDArray[np.intp]], float]) -> Estimate:
    """Return a statistic of `count` replicates with its delete-one jackknife interval.

    Args:
        count: of the replicates, at least 3.
        statistic: of the replicates whose indices it is given.
    """
    everything = np.arange(count)
    value = statistic(everything)
    left_out = np.array([statistic(np.delete(everything, each)) for each in range(count)])
    error = np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum())
    half = float(stats.t.ppf(0.975, count - 1) * error)
    return Estimate(value, value - half, value + half)


def distances(a: Array, b: Array) -> Array:
    """Return the root mean square difference of every profile of a from every one of b, (len(a), len(b))."""
    return np.sqrt(((a[:, np.newaxis] - b[np.newaxis]) ** 2).mean(axis=2))


def pairs(profiles: Array) -> Array:
    """Return the distances of all pairs of different profiles."""
    return distances(profiles, profiles)[np.triu_indices(len(profiles), 1)]


def pairwise_spearman(profiles: Array) -> float:
    """Return the mean rank correlation of all pairs of different profiles; nan where one has no ranks to correlate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        correlations = np.corrcoef(stats.rankdata(profiles, axis=1))
    return float(correlations[np.triu_indices(len(profiles), 1)].mean())


def apart(a: Array, b: Array) -> Apart:
    """Compare two sets of profiles, (networks, layers) each.

    The test permutes which networks belong to which set; its statistic is the mean distance between the sets less the
    mean distances within them (the energy distance of Székely and Rizzo). Where the ways to do so are few enough, it
    takes them all, and the p-value is exact. All is nan where a profile has a gap.
    """
    both = np.concatenate([a, b])
    every = distances(both, both)
    if np.isnan(every).any():
        return Apart(math.nan, math.nan, math.nan)

    def energy(first: Array, second: Array, axis: int) -> Array:
        one, other = (np.moveaxis(rows, axis, -1).astype(int) for rows in (first, second))

        def gap(left: NDArray[np.int_], right: NDArray[np.int_]) -> Array:
            found: Array = every[left[..., :, np.newaxis], right[..., np.newaxis, :]].mean(axis=(-2, -1))
            return found

        return 2 * gap(one, other) - gap(one, one) - gap(other, other)

    rows = np.arange(len(both), dtype=float)
    test = stats.permutation_test(
        (rows[: len(a)], rows[len(a) :]),
        energy,
        vectorized=True,
        n_resamples=ENUMERATED,
        batch=1000,
        alternative="greater",
        # The name that every supported scipy knows it by.
        random_state=np.random.default_rng(0),
    )
    within = np.concatenate([pairs(a), pairs(b)])
    return Apart(float(distances(a, b).mean()), float(np.percentile(within, 95)), float(test.pvalue))


def holm(pvalues: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979)."""
    order = np.argsort(pvalues)
    scaled = np.asarray(pvalues)[order] * np.arange(len(pvalues), 0, -1)
    corrected = np.empty(len(pvalues))
    corrected[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return [float(each) for each in corrected]


def hedges(a: Array, b: Array) -> Array:
    """Return how many deviations between seeds lie between the means of two sets, a less b, by layer.

    Hedges' g: Cohen's d with the correction for few replicates. Infinite where neither set varies, nan where they are
    equal besides.
    """
    freedom = len(a) + len(b) - 2
    pooled = ((len(a) - 1) * a.var(axis=0, ddof=1) + (len(b) - 1) * b.var(axis=0, ddof=1)) / freedom
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = (a.mean(axis=0) - b.mean(axis=0)) / np.sqrt(pooled) * (1 - 3 / (4 * freedom - 1))
    return found
