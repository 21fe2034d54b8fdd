"""The identity: the sample as it is."""

from __future__ import annotations

from onnxinv.transforms import register
from onnxinv.transforms.transform import IDENTITY, Family, Transform


@register("identity")
class Identity(Family):
    """The set of one transform that changes nothing, for inputs of any kind; nothing varies under it."""

    def expand(self) -> tuple[Transform, ...]:
        """Return the identity."""
        return (Transform(IDENTITY),)
