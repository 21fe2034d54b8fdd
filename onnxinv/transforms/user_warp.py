"""What a user's callables do to feature maps: they are handed the maps of a sample like an image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from onnxinv.errors import UsageError
from onnxinv.transforms.gather import Indices, Mask
from onnxinv.transforms.map_warp import Maps, Warp, check_maps
from onnxinv.transforms.transform import Image, Transform


@dataclass(frozen=True, eq=False)
class UserWarp(Warp):
    """What a user's callables do to feature maps: those of one sample are an image of that many channels.

    Nothing is known of what they do, so every pixel is in frame: callables that move pixels have to wrap around, and
    to take distances from the size of what they are handed.

    Attributes:
        transform: of callables alone, each with an `.inverse`.
        height: of the maps, in pixels.
        width: of the maps, in pixels.
        pixels: (outputs,) flat indices of the output pixels wanted, None for all of them in order.
    """

    transform: Transform
    height: int
    width: int
    pixels: Indices | None = None

    @property
    def in_frame(self) -> Mask:
        """(height * width,) whether an output pixel comes from inside the map: all do."""
        return np.ones(self.height * self.width, np.bool_)

    def at(self, pixels: Indices) -> UserWarp:
        """Return the same warp that keeps only some output pixels; see `Warp.at`."""
        return replace(self, pixels=pixels)

    def inverse(self) -> UserWarp:
        """Return the warp, for all output pixels, of the callables' inverses in reverse order."""
        undone = self.transform.inverse()
        assert undone is not None, "callables without an inverse make no warp"
        return UserWarp(undone, self.height, self.width)

    def apply(self, maps: Maps, channels: int = 1) -> Maps:
        """Return the changed maps, those of one sample together; see `Warp.apply`.

        What is computed from a number that is not finite is nan.

        Raises:
            ValueError: the array is not maps of that size and of those dtypes.
            UsageError: a callable raises, or returns no array of finite numbers of the same shape.
        """
        check_maps(maps, self.height, self.width)
        made = np.empty_like(maps)
        for start in range(0, maps.shape[1], channels):
            some = slice(start, start + channels)
            image = maps[:, some].reshape(self.height, self.width, -1).astype(np.float64)
            made[:, some] = self._changed(image).reshape(len(maps), -1)
        return made if self.pixels is None else made[self.pixels]

    def problem(self, channels: int) -> str:
        """Return what is wrong with what the callables make of noise, empty where nothing is."""
        noise = np.random.default_rng(0).standard_normal((self.height, self.width, channels))
        try:
            self.transform(noise)
        except UsageError as error:
            return f"on {self.height} x {self.width} maps of {channels} channels, {error.message.rstrip('.')}"
        return ""

    def _changed(self, image: Image) -> Image:
        unknown = ~np.isfinite(image)
        if not unknown.any():
            return self.transform(image)
        # Callables are held to finite numbers; a marked image tells where the others would come to.
        made = self.transform(np.where(unknown, 0.0, image))
        reached = self.transform(unknown.astype(np.float64)) != self.transform(np.zeros_like(image))
        return np.where(reached, np.nan, made)
