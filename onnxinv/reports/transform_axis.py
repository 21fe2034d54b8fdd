"""Where the transforms of a result lie on an axis, and what that axis says."""

from __future__ import annotations

import re

from onnxinv.result import Result

_ANGLES = re.compile(r"(rotation|hue|shear_[xy])(_\d+)?")
"""Parameters that are angles in degrees."""

NUMBERED = "number of the transform"
"""What the axis says where no parameter tells the transforms apart."""


def transform_axis(result: Result, count: int) -> tuple[list[float], str]:
    """Return where the transforms lie, in the order of the set, and what that says.

    Args:
        result: the result.
        count: how many there are on the axis.

    Returns:
        The values of a parameter that alone tells them apart, and its name; or else their numbers and `NUMBERED`.
    """
    items = result.meta.transforms.items
    if len(items) == count:
        for name in dict.fromkeys(key for item in items for key in item):
            values = [item.get(name) for item in items]
            numbers = [float(value) for value in values if isinstance(value, int | float)]
            if len(set(numbers)) == count:
                return numbers, f"{name} (degrees)" if _ANGLES.fullmatch(name) else name
    return [float(place) for place in range(count)], NUMBERED
