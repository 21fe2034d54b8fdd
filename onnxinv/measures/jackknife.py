"""The delete-a-group jackknife: standard error, bias and interval of a layer value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from onnxinv.result import MeasureSummary
from onnxinv.statistics import State

LEAST_GROUPS = 3
"""With fewer groups a standard error says nothing."""


@dataclass(frozen=True)
class Estimate:
    """What the leave-one-out values say about a value; all None under three groups.

    Attributes:
        se: standard error.
        bias: estimated bias of the plain value.
        interval: 95 % interval around the bias-corrected value, inside the measure's range.
        replicates: the leave-one-group-out values.
    """

    se: float | None
    bias: float | None
    interval: tuple[float, float] | None
    replicates: tuple[float, ...]


def jackknife(value: float, reference: float, replicates: Sequence[float], bounds: tuple[float, float]) -> Estimate:
    """Return the jackknife estimate: `se^2 = (G-1)/G sum (v_-g - mean)^2`, `bias = (G-1) (mean(v_-g) - v_S)`.

    Args:
        value: the plain value on all samples and units.
        reference: the value on all samples and the units that the replicates average, `v_S`.
        replicates: G values, each on the samples of all groups but one, `v_-g`.
        bounds: lowest and highest possible value.

    Source: Shao and Wu, The Jackknife and Bootstrap (1995), chapter 2.
    """
    groups = len(replicates)
    if groups < LEAST_GROUPS:
        return Estimate(None, None, None, tuple(replicates))
    mean = math.fsum(replicates) / groups
    se = math.sqrt((groups - 1) / groups * math.fsum((one - mean) ** 2 for one in replicates))
    bias = (groups - 1) * (mean - reference)
    half = _student(groups - 1) * se
    low, high = (min(max(bound, bounds[0]), bounds[1]) for bound in (value - bias - half, value - bias + half))
    return Estimate(se, bias, (low, high), tuple(replicates))


def paired_difference(one: MeasureSummary, other: MeasureSummary) -> Estimate | None:
    """Return the estimate of `other - one` for two means over the same samples in the same groups.

    What the groups do to both cancels, so the interval is narrower than the two intervals suggest.

    Returns:
        None where one of them has no value or no leave-one-out values, or their groups differ.
    """
    first, second = one.loo["mean"], other.loo["mean"]
    if one.mean is None or other.mean is None or not first or not second or len(first) != len(second):
        return None
    if one.bias is None or other.bias is None:
        return None
    groups = len(first)
    differences = [after - before for before, after in zip(first, second, strict=True)]
    reference = math.fsum(differences) / groups - (other.bias - one.bias) / (groups - 1)
    return jackknife(other.mean - one.mean, reference, differences, (-math.inf, math.inf))


def leave_one_out(groups: Sequence[State]) -> Iterator[State]:
    """Yield, for each group, the state of all the others: merged from prefixes and suffixes, never subtracted."""
    suffixes = list(accumulate(reversed(groups[1:]), lambda late, early: early.merge(late)))
    prefix: State | None = None
    for position, group in enumerate(groups):
        suffix = suffixes[len(groups) - 2 - position] if position < len(groups) - 1 else None
        others = prefix.merge(suffix) if prefix and suffix else prefix or suffix
        if others is not None:
            yield others
        prefix = group if prefix is None else prefix.merge(group)


@lru_cache(maxsize=8)
def _student(degrees: int) -> float:
    from scipy.special import stdtrit  # heavy libraries are imported where used

    return float(stdtrit(degrees, 0.975))
