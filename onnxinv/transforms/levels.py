"""The parameter values of a set: evenly spaced, free of rounding noise, written short."""

from __future__ import annotations

import numpy as np

DECIMALS = 12
"""Values are rounded to this many decimals, so that 0.15 / 2 is 0.075 in a result and a factor of 1 is exactly 1."""

MOST_STEPS = 10_000
"""No family expands to more steps; a longer set is a slip of the keyboard."""


def evenly(low: float, high: float, steps: int) -> list[float]:
    """Return `linspace(low, high, steps)` without its rounding noise; one step is `low`."""
    # Adding 0.0 turns -0.0, which rounding makes of tiny negative numbers, into 0.0.
    return [round(float(value), DECIMALS) + 0.0 for value in np.linspace(low, high, steps)]


def angles_of(degrees: float, steps: int) -> list[float]:
    """Return the angles `i * 360 / steps` of the whole circle, or those within a smaller range of degrees."""
    if degrees == 360:
        return [index * 360 / steps for index in range(steps)]
    return angles_within(degrees, steps)


def angles_within(degrees: float, steps: int) -> list[float]:
    """Return `linspace(-degrees / 2, degrees / 2, steps)`: symmetric, and exactly 0 in the middle of an odd number."""
    return evenly(-degrees / 2, degrees / 2, steps)


def short(value: float) -> str:
    """Return a number as names show it: six significant digits, no trailing zeros."""
    return f"{value:.6g}"
