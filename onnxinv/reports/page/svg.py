"""Drawings as SVG text: every name in them is escaped, every number short."""

from __future__ import annotations

import math
from collections.abc import Mapping

from markupsafe import Markup


def element(tag: str, attributes: Mapping[str, str | float], *inner: str) -> Markup:
    """Return an element; what stands in it is escaped unless it is markup already."""
    told = Markup("").join(
        Markup(' {}="{}"').format(name, value if isinstance(value, str) else short(value))
        for name, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(tag, told, Markup("").join(inner))


def short(number: float) -> str:
    """Return a coordinate with a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers between two ends, at most so many or one more."""
    span = high - low
    if not (span > 0 and math.isfinite(span)):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * times for times in (1, 2, 5, 10) if span <= power * times * most * (1 + 1e-9))
    return [step * place for place in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def tick_text(value: float) -> str:
    """Return the text of a tick."""
    return f"{value:.10g}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.1e}"
