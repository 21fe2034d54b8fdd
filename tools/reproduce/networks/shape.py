"""What a network must fit: its images, its classes and how wide it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Sizes of a network.

    Attributes:
        side: height and width of its images, in pixels.
        colours: channels of its images.
        classes: how many it tells apart.
        channels: channels of its first convolutions, the paper's c.
        hidden: units of its hidden fully connected layer.
        mean: of the pixels of the training images.
        deviation: likewise.
    """

    side: int
    colours: int
    classes: int
    channels: int
    hidden: int
    mean: float
    deviation: float
