"""How two values differ, how sure that is, and whether it is for the better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from onnxinv.comparison import Overall, Verdict
from onnxinv.measures.jackknife import LEAST_GROUPS, Estimate, half_width, jackknife
from onnxinv.measures.measure import Bounds, Direction
from onnxinv.result import MeasureSummary, OutputValue

_LEVEL = 0.05

_NUMERICALLY = 1e-6
"""Relative difference up to which values count as the same although nothing says how sure they are."""


@dataclass(frozen=True)
class Known:
    """A value with what is known of its uncertainty.

    Attributes:
        value: on all samples.
        se: its standard error.
        bias: its estimated bias.
        replicates: the leave-one-group-out values.
        share: whether it may be a share of samples.
        lasting_se: the part of the standard error that more samples do not take away.
    """

    value: float | None
    se: float | None
    bias: float | None
    replicates: tuple[float, ...]
    share: bool = False
    lasting_se: float = 0.0


@dataclass(frozen=True)
class Change:
    """The difference of two values.

    Attributes:
        difference: second - first; None where one has no value.
        interval: 95 % interval; None where one has no uncertainty.
        p: of the hypothesis that there is no difference; None without interval.
    """

    difference: float | None
    interval: tuple[float, float] | None
    p: float | None


def known(found: MeasureSummary | OutputValue) -> Known:
    """Return what a result says of a value: the mean over channels, or that of a class output."""
    if isinstance(found, OutputValue):
        return Known(found.value, found.se, found.bias, tuple(found.loo or ()), share=True)
    of_positions = (found.position_se or {}).get("mean", 0.0)
    return Known(found.mean, found.se, found.bias, tuple(found.loo.get("mean") or ()), lasting_se=of_positions)


def located(
    found: MeasureSummary | OutputValue, location: str = "mean", bounds: Bounds = (-math.inf, math.inf)
) -> Known:
    """Return what a result says of the mean, median, 95th percentile or maximum over channels.

    Where every value is infinite, so are they, and the maximum is where one value is.

    Args:
        found: of a layer; of a class output there is one value.
        location: `mean`, `median`, `p95` or `max`, which has no uncertainty.
        bounds: the measure's range, at which intervals are cut.
    """
    if isinstance(found, OutputValue):
        return known(found)
    if found.inf and (location == "max" or not found.finite):
        return Known(math.inf, None, None, ())
    value, replicates, interval = getattr(found, location), found.loo.get(location), found.ci.get(location)
    if location == "mean" or value is None or not replicates or interval is None:
        return known(found) if location == "mean" else Known(value, None, None, ())
    of_positions = (found.position_se or {}).get(location, 0.0)
    se = jackknife(value, value, replicates, (-math.inf, math.inf), other_se=of_positions).se
    assert se is not None, "an interval rests on enough groups"
    half = half_width(se, len(replicates))
    # One end of the interval is where it was before it was cut, and tells its middle.
    middle = interval[1] - half if interval[0] <= bounds[0] else interval[0] + half
    return Known(value, se, value - middle, tuple(replicates), lasting_se=of_positions)


def change(first: Known, second: Known, *, paired: bool) -> Change:
    """Return how the second differs from the first.

    Paired, the leave-one-group-out values are subtracted group by group: what the samples do to both cancels. Unpaired,
    the variances add up, with the fewer degrees of freedom.
    """
    if first.value is None or second.value is None:
        return Change(None, None, None)
    difference = second.value - first.value
    estimate = estimated(first, second, paired=paired)
    if estimate is None or estimate.se is None or estimate.bias is None:
        return Change(difference, None, None)
    groups = min(len(first.replicates), len(second.replicates))
    return Change(difference, estimate.interval, _p_value(difference - estimate.bias, estimate.se, groups))


def estimated(first: Known, second: Known, *, paired: bool) -> Estimate | None:
    """Return standard error, bias and 95 % interval of the difference; None where nothing is known of them.

    Where every group has the same share of both, groups say nothing of its error.
    """
    if all(each.share and len(set(each.replicates)) == 1 for each in (first, second)):
        return None
    return _paired(first, second) if paired else _unpaired(first, second)


def judge(
    first: Known, second: Known, found: Change, direction: Direction, margin: float, floor: float = 0.0
) -> Verdict | None:
    """Say what a difference means.

    `same`: the interval lies within the margin, which is relative to the larger value. Else `better` or `worse` where
    it excludes 0, and `uncertain` where it does not. Without interval only what is numerically equal is the same.

    Args:
        first: one value.
        second: the other.
        found: their difference.
        direction: whether lower or higher values are more invariant; neither has no verdict.
        margin: relative difference that counts as none.
        floor: smallest value that differences are held against: of values near 0, rounding alone makes others.
    """
    if direction == "neither":
        return None
    if found.difference is None or first.value is None or second.value is None:
        return "uncertain"
    size = max(abs(first.value), abs(second.value), floor)
    if found.interval is None:
        return "same" if abs(found.difference) <= _NUMERICALLY * size else "uncertain"
    low, high = found.interval
    if -margin * size <= low and high <= margin * size:
        return "same"
    if low <= 0 <= high:
        return "uncertain"
    return "better" if (high < 0) == (direction == "lower") else "worse"


def overall(verdicts: Sequence[Verdict], p_values: Sequence[float | None]) -> Overall:
    """Return the verdict over several layers: those count whose difference survives Holm's correction.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    surviving = _holm(p_values)
    told = {verdict for place, verdict in enumerate(verdicts) if place in surviving}
    if {"better", "worse"} <= told:
        return "mixed"
    for verdict in ("better", "worse"):
        if verdict in told:
            return verdict
    return "same" if verdicts and set(verdicts) == {"same"} else "uncertain"


def _holm(p_values: Sequence[float | None]) -> set[int]:
    """Return the places whose hypotheses are rejected at a family-wise level of 5 %."""
    tested = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    rejected: set[int] = set()
    for rank, (p, place) in enumerate(tested):
        if p > _LEVEL / (len(tested) - rank):
            break
        rejected.add(place)
    return rejected


def _paired(first: Known, second: Known) -> Estimate | None:
    groups = len(first.replicates)
    if first.value is None or second.value is None or first.bias is None or second.bias is None:
        return None
    if groups != len(second.replicates) or groups < LEAST_GROUPS:
        return None
    differences = [two - one for one, two in zip(first.replicates, second.replicates, strict=True)]
    reference = math.fsum(differences) / groups - (second.bias - first.bias) / (groups - 1)
    return jackknife(second.value - first.value, reference, differences, (-math.inf, math.inf))


def _unpaired(first: Known, second: Known) -> Estimate | None:
    if first.value is None or second.value is None or first.se is None or second.se is None:
        return None
    groups = min(len(first.replicates), len(second.replicates))
    if groups < LEAST_GROUPS:
        return None
    se = math.hypot(first.se, second.se)
    bias = (second.bias or 0.0) - (first.bias or 0.0)
    half = half_width(se, groups)
    middle = second.value - first.value - bias
    return Estimate(se, bias, (middle - half, middle + half), ())


def _p_value(difference: float, se: float, groups: int) -> float:
    from scipy.special import stdtr  # heavy libraries are imported where used

    if se == 0:
        return float(difference == 0)
    return float(2 * stdtr(groups - 1, -abs(difference) / se))
