"""The delete-a-group jackknife: standard error, bias and interval of a layer value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from onnxinv.statistics import State

LEVEL = 0.05
"""Chance that a 95 % interval does not hold the value."""

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


def jackknife(
    value: float,
    reference: float,
    replicates: Sequence[float],
    bounds: tuple[float, float],
    *,
    trials: int | None = None,
    other_se: float = 0.0,
    other_bias: float = 0.0,
) -> Estimate:
    """Return the jackknife estimate: `se^2 = (G-1)/G sum (v_-g - mean)^2`, `bias = (G-1) (mean(v_-g) - v_S)`.

    Equal replicates make an interval without width, as where every sample keeps its class. A proportion then gets the
    interval of Clopper and Pearson: the rates p for which as many successes, or fewer, and as many or more each have a
    chance of 2.5 % and above.

    Args:
        value: the plain value on all samples and units.
        reference: the value on all samples and the units that the replicates average, `v_S`.
        replicates: G values, each on the samples of all groups but one, `v_-g`.
        bounds: lowest and highest possible value.
        trials: for proportions, 0 to 1, the number of samples that they are shares of; else None.
        other_se: standard error that comes from elsewhere, and that these replicates do not show.
        other_bias: likewise.

    Source: Shao and Wu, The Jackknife and Bootstrap (1995), chapter 2; Clopper and Pearson, The Use of Confidence or
    Fiducial Limits Illustrated in the Case of the Binomial, Biometrika 26 (1934).
    """
    groups = len(replicates)
    if groups < LEAST_GROUPS:
        return Estimate(None, None, None, tuple(replicates))
    mean = math.fsum(replicates) / groups
    se = math.hypot(math.sqrt((groups - 1) / groups * math.fsum((one - mean) ** 2 for one in replicates)), other_se)
    bias = (groups - 1) * (mean - reference) + other_bias
    half = half_width(se, groups)
    ends = value - bias - half, value - bias + half
    if trials is not None and min(replicates) == max(replicates) and not other_se:
        ends = clopper_pearson(round(value * trials), trials)
    low, high = (min(max(end, bounds[0]), bounds[1]) for end in ends)
    return Estimate(se, bias, (low, high), tuple(replicates))


def half_width(se: float, groups: int, level: float = LEVEL) -> float:
    """Return half the width of the interval, before it is cut at the measure's range.

    Args:
        se: standard error.
        groups: how many groups it rests on.
        level: chance that the interval does not hold the value.
    """
    return _student(groups - 1, level) * se


def leave_one_out(groups: Sequence[State | None]) -> Iterator[State | None]:
    """Yield, for each group, the state of all the others: merged from prefixes and suffixes, never subtracted.

    Args:
        groups: the state of each group; None where it has no sample. Where the others have none, None is yielded.
    """
    suffixes = list(accumulate(reversed(groups[1:]), lambda late, early: _merge(early, late)))
    prefix: State | None = None
    for position, group in enumerate(groups):
        suffix = suffixes[len(groups) - 2 - position] if position < len(groups) - 1 else None
        yield _merge(prefix, suffix)
        prefix = _merge(prefix, group)


def _merge(one: State | None, other: State | None) -> State | None:
    return one.merge(other) if one and other else one or other


def clopper_pearson(successes: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of a share, in 0 to 1.

    Args:
        successes: how many of the trials count.
        trials: how many there are.
        level: chance that the interval does not hold the share, at most.
    """
    from scipy.special import betaincinv  # heavy libraries are imported where used

    failures = trials - successes
    low = float(betaincinv(successes, failures + 1, level / 2)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - level / 2)) if failures else 1.0
    return low, high


@lru_cache(maxsize=64)
def _student(degrees: int, level: float) -> float:
    from scipy.special import stdtrit  # heavy libraries are imported where used

    return float(stdtrit(degrees, 1 - level / 2))
