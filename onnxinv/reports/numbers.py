"""Numbers and intervals as people read them: few characters, the same everywhere."""

from __future__ import annotations

from onnxinv.result import GlobalValue, Interval


def number(value: float | None) -> str:
    """Return a number in few characters: three decimals, or four digits where it is very large or small."""
    if value is None:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"
    return f"{value:.1e}"


def interval_text(interval: Interval | None) -> str:
    """Return an interval, empty where there is none."""
    return f"[{number(interval[0])}, {number(interval[1])}]" if interval else ""


def global_text(whole: GlobalValue) -> str:
    """Return the two global values with the interval of the first."""
    if whole.mean_of_layers is None:
        return "no finite value"
    interval = f" {interval_text(whole.ci)}" if whole.ci else ""
    return f"mean of layers {number(whole.mean_of_layers)}{interval}, of all values {number(whole.mean_of_units)}"
