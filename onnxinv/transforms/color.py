"""What families that change colours share: the way from red, green and blue to hue, saturation and value, and back."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from onnxinv.errors import UsageError
from onnxinv.transforms.pixel_range import from_unit, known, to_unit
from onnxinv.transforms.transform import Context, Image, Step


class ColorStep(Step):
    """A step on hue, saturation and value.

    Attributes:
        family: the registered name, for messages.
    """

    needs_color: ClassVar[bool] = True
    family: ClassVar[str]

    @abstractmethod
    def change(self, hue: Image, saturation: Image) -> tuple[Image, Image]:
        """Return the changed hue, of which only the fraction counts, and saturation, which is clipped to 0..1.

        Args:
            hue: (height, width), as a share of the circle, in 0..1.
            saturation: (height, width), in 0..1.
        """

    def apply(self, image: Image, context: Context) -> Image:
        """Return the image in other colours; see `Step.apply`.

        Raises:
            UsageError: the image has not three channels, or the range of a pixel is not known.
        """
        if image.ndim != 3 or image.shape[2] != 3:
            channels = f"has {image.shape[2]} channels" if image.ndim == 3 else f"has the shape {image.shape}"
            raise UsageError(
                f"'{self.family}' changes colours, and an image {channels} where red, green and blue were expected.",
                "Leave it out for this model.",
            )
        value_range = known(context.value_range, self.family)

        from skimage.color import hsv2rgb, rgb2hsv  # scikit-image takes half a second to import

        colors = rgb2hsv(to_unit(image, value_range))
        hue, saturation = self.change(colors[..., 0], colors[..., 1])
        changed = np.stack([hue % 1.0, np.clip(saturation, 0.0, 1.0), colors[..., 2]], axis=-1)
        return from_unit(hsv2rgb(changed), value_range)
