"""A transform set on feature maps of one size: what it does, what undoes it, and the pixels that all of it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onnxinv.transforms.gather import Indices
from onnxinv.transforms.map_warp import MapWarp, Warp
from onnxinv.transforms.python import UserStep
from onnxinv.transforms.transform import Transform
from onnxinv.transforms.user_warp import UserWarp


def warp_of(transform: Transform, height: int, width: int) -> Warp | str:
    """Return what a transform does to maps of one size, or why there is nothing that could be undone.

    Args:
        transform: affine maps of the image, or callables of a user's file.
        height: of the maps, in pixels.
        width: of the maps, in pixels.
    """
    warp = MapWarp.of(transform, height, width)
    if warp is not None:
        return warp if warp.is_invertible else f"'{transform.name}' has no inverse: it flattens the image"
    written = [isinstance(step, UserStep) for step in transform.steps]
    if not any(written):
        return f"'{transform.name}' is no affine map of the image, so it has no counterpart on feature maps"
    if not all(written):
        return f"'{transform.name}' mixes callables with other transforms, which is not followed on feature maps"
    if transform.inverse() is None:
        return f"'{transform.name}' has no inverse: its callable has no .inverse"
    return UserWarp(transform, height, width)


@dataclass(frozen=True, eq=False)
class Alignment:
    """A transform set and its inverses on maps of one size, at the pixels that count.

    A pixel counts only where it is in frame under every transform and under every inverse: the points that it comes
    from and goes to lie inside the map. A warp after a warp can still reach beyond by the one pixel of interpolation.

    Attributes:
        pixels: (outputs,) flat indices of the pixels that count, ascending.
        forward: `t_j` of each transform, computing those pixels.
        back: `t_j^-1` of each transform, computing those pixels.
    """

    pixels: Indices
    forward: tuple[Warp, ...]
    back: tuple[Warp, ...]

    def problem(self, channels: int) -> str:
        """Return why samples of that many maps cannot be aligned, empty where they can."""
        return next(filter(None, (warp.problem(channels) for warp in (*self.forward, *self.back))), "")


def align_maps(transforms: Sequence[Transform], height: int, width: int) -> Alignment | str:
    """Return the warps of a transform set on maps of one size, or why there are none.

    Args:
        transforms: in order.
        height: of the maps, in pixels.
        width: of the maps, in pixels.

    Returns:
        The alignment; or a reason that names a transform which `warp_of` refuses, or the one that keeps the fewest
        pixels where the set leaves none.
    """
    forward = []
    for transform in transforms:
        warp = warp_of(transform, height, width)
        if isinstance(warp, str):
            return warp
        forward.append(warp)
    back = [warp.inverse() for warp in forward]
    common = np.ones(height * width, np.bool_)
    counts = []
    for warp, undone in zip(forward, back, strict=True):
        kept = warp.in_frame & undone.in_frame
        common &= kept
        counts.append(int(kept.sum()))
    if not common.any():
        least = int(np.argmin(counts))
        return (
            f"no pixel of {height} x {width} maps stays in frame under all transforms and their inverses; "
            f"'{transforms[least].name}' alone keeps {counts[least]} of {height * width}"
        )
    pixels = np.flatnonzero(common)
    return Alignment(pixels, tuple(warp.at(pixels) for warp in forward), tuple(warp.at(pixels) for warp in back))
