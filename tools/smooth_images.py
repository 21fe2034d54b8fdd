"""Makes seeded images that can sensibly be rotated: noise of low frequencies."""

from __future__ import annotations

import numpy as np

_FREQUENCIES = 8
"""Cosines along each axis that an image is the sum of; more would blur into grey when it is turned."""

_TOGETHER = 64
"""Images that are computed at a time."""


def smooth_images(count: int, side: int, seed: int) -> np.ndarray:
    """Return noise of low frequencies as images, (count, side, side, 3) uint8, each from black to white."""
    random = np.random.default_rng(seed)
    frequency = np.arange(_FREQUENCIES)
    cosines = np.cos(np.pi * np.outer((np.arange(side) + 0.5) / side, frequency))
    strength = 1 / (1 + frequency[:, None] + frequency[None, :])
    images = np.empty((count, side, side, 3), np.uint8)
    for start in range(0, count, _TOGETHER):
        part = images[start : start + _TOGETHER]
        drawn = random.standard_normal((len(part), 3, _FREQUENCIES, _FREQUENCIES)) * strength
        smooth = cosines @ drawn @ cosines.T
        low = smooth.min(axis=(1, 2, 3), keepdims=True)
        part[:] = np.rint(255 * (smooth - low) / np.ptp(smooth - low, axis=(1, 2, 3), keepdims=True)).transpose(
            0, 2, 3, 1
        )
    return images
