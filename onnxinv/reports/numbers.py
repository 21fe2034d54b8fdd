"""Numbers and intervals as people read them: few characters, the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence

from onnxinv.result import GlobalValue, Interval, MeasureSummary

_EXACT = 6
"""Digits beyond the usual ones that a bound is given to be what was written."""

_CLOSE = 3
"""Digits beyond the usual ones that the end of an interval is given to lie on its side of a bound."""

_DOUBLE = 17
"""Digits that tell any two numbers apart."""


def number(value: float | None, more: int = 0) -> str:
    """Return a number in few characters: three decimals, or two digits where it is very large or small.

    Args:
        value: the number.
        more: how many further digits are wanted.
    """
    if value is None:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.{3 + more}f}" if abs(value) < 100 else f"{value:.{1 + more}f}"
    return f"{value:.{1 + more}e}"


def numbers_beside(bound: float, values: Sequence[float], *, exact: bool) -> tuple[str, list[str]]:
    """Return a bound and numbers with as many digits as it takes to read on which side of the bound each lies.

    Args:
        bound: what the others are held against.
        values: the others; the first is told apart from the bound however close it is, the rest up to a few digits.
        exact: whether the bound was written by someone, who wants to see it again as it was written.
    """
    written = range(_EXACT + 1)
    least = next((digits for digits in written if float(number(bound, digits)) == bound), 0) if exact else 0
    for told, most in ((len(values), _CLOSE), (1, _DOUBLE)):
        for more in range(most + 1):
            shown, texts = number(bound, max(more, least)), [number(value, more) for value in values]
            pairs = list(zip(texts, values, strict=True))[:told]
            if all(_side(float(text), float(shown)) == _side(value, bound) for text, value in pairs):
                return shown, texts
    return shown, texts


def interval_text(interval: Interval | None) -> str:
    """Return an interval, empty where there is none."""
    return f"[{number(interval[0])}, {number(interval[1])}]" if interval else ""


def global_text(whole: GlobalValue) -> str:
    """Return the two global values with the interval of the first."""
    if whole.mean_of_layers is None:
        return "no finite value"
    interval = f" {interval_text(whole.ci)}" if whole.ci else ""
    return f"mean of layers {number(whole.mean_of_layers)}{interval}, of all values {number(whole.mean_of_units)}"


def counts_text(summary: MeasureSummary) -> str:
    """Return how many values are dead, infinite or no number; empty where none is."""
    counts = {"dead": summary.dead, "inf": summary.inf, "nan": summary.nan}
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _side(value: float, bound: float) -> int:
    return (value > bound) - (value < bound)
