"""Which axis of a sample a transform of arrays works along."""

from __future__ import annotations

from onnxinv.errors import UsageError
from onnxinv.transforms.transform import Image

MOST_AXES = 16
"""No sample has more axes; a number beyond is a slip of the keyboard."""


def size_along(sample: Image, axis: int, what: str) -> int:
    """Return the size of a sample along an axis.

    Args:
        sample: array of any shape, without the batch axis.
        axis: counted from 0, or from the end where it is negative.
        what: the family that works along it, for the message.

    Raises:
        UsageError: the sample has no such axis, or nothing to move along it.
    """
    if not -sample.ndim <= axis < sample.ndim:
        raise UsageError(
            f"'{what}' works along axis {axis}, and a sample of shape {sample.shape} has no such axis.",
            "Axes are counted from 0 without the batch axis; -1 is the last.",
        )
    size = int(sample.shape[axis])
    if size < 2:
        raise UsageError(
            f"'{what}' has nothing to move along axis {axis} of a sample of shape {sample.shape}.", "Name another axis."
        )
    return size
