"""F statistics: the mean square of an effect in units of the mean square of what it leaves, and when it is variant."""

from __future__ import annotations

import math

import numpy as np

from onnxinv.statistics import Array


def f_statistic(effect: Array, residual: Array) -> Array:
    """Return F for (units,) mean squares: 0 without an effect, infinite where nothing else varies, nan spreads."""
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic: Array = np.where((effect == 0) & (residual == 0), 0.0, effect / residual)
    return statistic


def critical_value(chance: float, effect: int, residual: int) -> float:
    """Return the F that is exceeded with a probability of `chance` where there is no effect.

    It is computed from the upper tail, so that the small chances of a Bonferroni correction lose no digits. Without
    degrees of freedom nothing can be concluded, and it is infinite.

    Args:
        chance: probability to exceed it, between 0 and 1.
        effect: degrees of freedom of the effect.
        residual: degrees of freedom of what it leaves.
    """
    from scipy.special import betaincinv  # heavy libraries are imported where used

    if effect < 1 or residual < 1:
        return math.inf
    # residual / (residual + effect F) follows a beta distribution.
    remaining = float(betaincinv(residual / 2, effect / 2, chance))
    return residual * (1 - remaining) / (effect * remaining) if remaining else math.inf
