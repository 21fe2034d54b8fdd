"""A transform set on several samples of one size at once: warps by operators, the rest step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.transforms.affine import Affine
from onnxinv.transforms.image_operator import ImageOperator, Pixels
from onnxinv.transforms.transform import Context, Step, Transform

Array = npt.NDArray[Any]

MOST_BYTES = 128 << 20
"""What the operators of a set may take; the steps beyond are done image by image."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Samples of one shape that are transformed together.

    Attributes:
        samples: (*shape) float64 each, not to be changed; images are (height, width, channels).
    """

    samples: tuple[Array, ...]

    @cached_property
    def pixels(self) -> Pixels:
        """(height * width, samples * channels) the images side by side."""
        height, width, channels = self.samples[0].shape
        count = len(self.samples)
        if count == 1:
            return np.ascontiguousarray(self.samples[0]).reshape(height * width, channels)
        side_by_side = np.empty((height * width, count, channels))
        for place, image in enumerate(self.samples):
            side_by_side[:, place] = image.reshape(-1, channels)
        return side_by_side.reshape(height * width, count * channels)

    def of(self, places: Sequence[int]) -> Stack:
        """Return only some of the samples."""
        return self if list(places) == list(range(len(self.samples))) else Stack(tuple(self.samples[i] for i in places))


class Together:
    """A transform set on samples of one shape.

    The affine steps that a transform begins with are operators, computed once, where all that came before them in the
    set leave room; which ones is decided beforehand, so that a variant is the same whenever it is made.

    Args:
        transforms: the set.
        shape: of the samples; transforms that need images get (height, width, channels).
        most_bytes: what the operators may take.

    Attributes:
        operator_bytes: what the operators take at most, once they are all in use.
    """

    def __init__(self, transforms: Sequence[Transform], shape: tuple[int, ...], most_bytes: int = MOST_BYTES) -> None:
        self._transforms = transforms
        self._operators: dict[Step, ImageOperator] = {}
        self.operator_bytes = 0
        if len(shape) != 3 or 0 in shape:
            return
        height, width, _ = shape
        each = ImageOperator.most_bytes(height, width)
        for transform in transforms:
            for step in transform.steps:
                if not isinstance(step, Affine) or (
                    step not in self._operators and self.operator_bytes + each > most_bytes
                ):
                    break
                if step not in self._operators:
                    self._operators[step] = ImageOperator(step, height, width)
                    self.operator_bytes += each

    def apply(self, transform: int, stack: Stack, contexts: Sequence[Context]) -> Array:
        """Return samples under one transform.

        Args:
            transform: place in the set.
            stack: the samples.
            contexts: what a step may know of each of them.

        Returns:
            (samples, *shape) float64, in any order in memory; it may be the stack's own numbers, not to be changed.

        Raises:
            UsageError: a step cannot be done to such samples.
        """
        steps = self._transforms[transform].steps
        known = next((place for place, step in enumerate(steps) if step not in self._operators), len(steps))
        images: Sequence[Array] = stack.samples
        if known:
            pixels = stack.pixels
            for step in steps[:known]:
                pixels = self._operators[step].apply(pixels)
            height, width, channels = stack.samples[0].shape
            warped = pixels.reshape(height, width, -1, channels).transpose(2, 0, 1, 3)
            if known == len(steps):
                return warped
            images = [np.ascontiguousarray(image) for image in warped]
        left = Transform("", steps=steps[known:])
        changed = [left(image, context) for image, context in zip(images, contexts, strict=True)]
        return changed[0][np.newaxis] if len(changed) == 1 else np.stack(changed)
