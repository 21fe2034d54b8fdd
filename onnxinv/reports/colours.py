"""The colours of values: dark violet for the lowest to yellow for the highest, told apart also by the colour-blind."""

from __future__ import annotations

from onnxinv.result import Result

PALETTE = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""Red, green and blue, from the lowest value to the highest at even distances; the page draws channels in the same."""

_BRIGHT = 0.18
"""Luminance from which black letters are read better than white ones."""


def mean_scale(result: Result, measure: str) -> tuple[float, float]:
    """Return the values at both ends of the colours of layers: 0 and the highest mean, or the lowest where negative."""
    means = [mean for layer in result.layers if (mean := layer.measures[measure].mean) is not None]
    low, high = min([0.0, *means]), max([0.0, *means])
    return (low, high) if high > low else (low, low + 1)


def share_of(value: float, scale: tuple[float, float]) -> float:
    """Return where a value lies between both ends of a scale, 0 to 1."""
    low, high = scale
    return min(max((value - low) / (high - low), 0.0), 1.0)


def colour(share: float) -> str:
    """Return the colour at a place from 0 to 1, as `#rrggbb`."""
    place = share * (len(PALETTE) - 1)
    first = min(int(place), len(PALETTE) - 2)
    mixed = (
        round(one + (other - one) * (place - first))
        for one, other in zip(PALETTE[first], PALETTE[first + 1], strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def letters_on(background: str) -> str:
    """Return the colour of letters that are read well on a colour."""
    red, green, blue = ((int(background[at : at + 2], 16) / 255) ** 2.2 for at in (1, 3, 5))
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > _BRIGHT else "#ffffff"
