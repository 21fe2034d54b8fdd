"""Images in another size: the identity network, seen at the size of a layer's maps."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.floating[Any]]


def resample(images: Images, height: int, width: int) -> Images:
    """Return images in another size.

    What `skimage.transform.resize(order=1, mode="edge")` does, smoothed first along an axis that shrinks. It commutes
    with flips, and with quarter turns of square images, up to the rounding of sums.

    Args:
        images: (N, rows, columns) float32 or float64.
        height: wanted, in pixels.
        width: wanted, in pixels.

    Returns:
        (N, height, width) of the same dtype; the input itself where the size is the same.
    """
    if images.shape[1:] == (height, width):
        return images
    down = _resizing(images.shape[1], height).astype(images.dtype)
    across = _resizing(images.shape[2], width).astype(images.dtype)
    resized: Images = down @ (images @ across.T)
    return resized


@lru_cache(maxsize=64)
def _resizing(size: int, wanted: int) -> npt.NDArray[np.float64]:
    """Return the (wanted, size) matrix that resizes a line of pixels."""
    from skimage.transform import resize  # scikit-image takes half a second to import

    matrix = resize(  # type: ignore[no-untyped-call]  # scikit-image annotates only some of its functions
        np.eye(size), (wanted, size), order=1, mode="edge", clip=False, preserve_range=True, anti_aliasing=wanted < size
    )
    # Rounding differs between the two ends of a line; the mean with the mirror image does not.
    mirrored: npt.NDArray[np.float64] = (matrix + matrix[::-1, ::-1]) / 2
    return mirrored
