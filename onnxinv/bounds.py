"""Whether values keep to their bounds, surely do not, or cannot be told apart from them; no file is read or written."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onnxinv.differences import Known
from onnxinv.findings import Status
from onnxinv.measures.jackknife import LEAST_GROUPS, LEVEL, clopper_pearson, half_width
from onnxinv.result import Interval

INTERIM_LEVEL = 0.001
"""Level at which a limit is decided before all samples are measured.

So much stricter, looks at the data on the way hardly add to the errors of the last one. Source: Haybittle, Repeated
assessment of results in clinical trials of cancer treatment, Brit. J. Radiol. 44 (1971); Peto et al., Brit. J. Cancer
34 (1976).
"""

MOST_TIMES = 100
"""Times the samples at hand above which it is not said how many would decide."""

_NUMERICALLY = 1e-6
"""Share of the values by which machines that compute the same differ: so much beyond a bound is still on it."""


@dataclass(frozen=True)
class Excess:
    """By how much a value is beyond its bound: above what is allowed, or below what is demanded.

    Attributes:
        value: bias-corrected; negative on the right side of the bound, infinite where the value is.
        se: its standard error; None or 0 where it has none and is taken as it is.
        groups: how many groups that rests on.
        interval: for a level, where the interval has no standard error behind it.
        lasting_se: the part of the standard error that more samples do not take away.
    """

    value: float
    se: float | None
    groups: int
    interval: Callable[[float], Interval] | None = None
    lasting_se: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What is known of a value and its bound.

    Attributes:
        status: held, broken or uncertain.
        samples_needed: how many samples would decide it; None unless it is uncertain.
    """

    status: Status
    samples_needed: int | str | None = None


def slack(*numbers: float) -> float:
    """Return the difference of numbers that is rounding."""
    return _NUMERICALLY * max(map(abs, numbers))


def is_equal_share(known: Known) -> bool:
    """Whether a value is a share of samples that every group agrees on, so that groups say nothing of its error."""
    return known.share and len(known.replicates) >= LEAST_GROUPS and len(set(known.replicates)) == 1


def excess(known: Known, bound: float, *, below: bool, samples: int) -> Excess:
    """Return by how much a value is beyond a bound.

    Args:
        known: the value.
        bound: what it is held against.
        below: whether the value must be at most the bound; else it must be at least that.
        samples: how many were measured.
    """
    assert known.value is not None, "there is nothing to hold against a bound"
    side, share = (1.0 if below else -1.0), known.value
    if math.isinf(share):
        return Excess(side * share, None, 0)
    rounding = slack(share, bound)
    if is_equal_share(known):

        def interval(level: float) -> Interval:
            ends = clopper_pearson(round(share * samples), samples, level)
            low, high = sorted(side * (end - bound) for end in ends)
            return low - rounding, high - rounding

        return Excess(side * (share - bound) - rounding, None, 0, interval)
    value = side * (share - (known.bias or 0.0) - bound) - rounding
    return Excess(value, known.se, len(known.replicates), lasting_se=known.lasting_se)


def judge(excesses: Sequence[Excess], samples: int, level: float = LEVEL) -> list[Verdict]:
    """Say for each value of a family whether it keeps to its bound.

    It is broken where its interval lies beyond the bound, at a level that keeps the chance of any false alarm in the
    family at `level` by Holm's procedure. It is held where its own interval, at `level`, lies on the right side. What
    has no interval is taken as it is.

    Args:
        excesses: one for each layer that a limit covers.
        samples: how many were measured.
        level: chance of an error; 0.05 for 95 % intervals.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    alarms = [_chance(-each.value, each) for each in excesses]
    tested = sorted((chance, place) for place, chance in enumerate(alarms) if chance is not None)
    broken: set[int] = set()
    for rank, (chance, place) in enumerate(tested):
        if chance > level / 2 / (len(tested) - rank):
            break
        broken.add(place)
    return [
        Verdict("broken") if place in broken else _verdict(each, samples, level, len(tested))
        for place, each in enumerate(excesses)
    ]


def _verdict(found: Excess, samples: int, level: float, family: int) -> Verdict:
    """Return what is known of a value that no test says is beyond its bound."""
    if found.interval is not None:
        low, high = found.interval(level)
        if high <= 0 or low > 0:
            return Verdict("held" if high <= 0 else "broken")
        return Verdict("uncertain", _needed((high - low) / 2, found.value, samples))
    if not found.se:
        return Verdict("held" if found.value <= 0 else "broken")
    chance = _chance(found.value, found)
    if chance is not None and chance <= level / 2:
        return Verdict("held")
    half = half_width(found.se, found.groups, level / family if found.value > 0 else level)
    return Verdict("uncertain", _needed(half, found.value, samples, half * found.lasting_se / found.se))


def _chance(distance: float, found: Excess) -> float | None:
    """Return the chance of a value at least so far on that side where it is at the bound; None without an interval."""
    from scipy.special import stdtr  # heavy libraries are imported where used

    return float(stdtr(found.groups - 1, distance / found.se)) if found.se else None


def _needed(half: float, distance: float, samples: int, lasting: float = 0.0) -> int | str:
    """Return how many samples make an interval of so half a width that does not reach the bound.

    Args:
        half: half the width of the interval.
        distance: from the bound.
        samples: that were measured.
        lasting: what half the width would be on any number of samples.
    """
    shrinking, room = half**2 - lasting**2, distance**2 - lasting**2
    if room * MOST_TIMES < shrinking or room <= 0:
        return f"more than {MOST_TIMES * samples}"
    return math.ceil(samples * (shrinking / room))
