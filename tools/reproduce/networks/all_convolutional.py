"""AllConvolutional: no pooling layers, no fully connected ones (Springenberg et al. 2015)."""

from __future__ import annotations

from torch import nn

from tools.reproduce.networks.normalise import Normalise
from tools.reproduce.networks.shape import Shape


class AllConvolutional(nn.Sequential):
    """Nine convolutions, two of stride 2, with BatchNorm and ELU between them, and the mean over space."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        c = shape.channels
        plan = (
            (c, 3, 1),
            (c, 3, 1),
            (c, 3, 2),
            (2 * c, 3, 1),
            (2 * c, 3, 1),
            (2 * c, 3, 2),
            (2 * c, 3, 1),
            (2 * c, 1, 1),
        )
        self.add_module("normalise", Normalise(shape))
        width = shape.colours
        for place, (channels, kernel, stride) in enumerate(plan, 1):
            self.add_module(f"conv{place}", nn.Conv2d(width, channels, kernel, stride, padding=kernel // 2))
            self.add_module(f"norm{place}", nn.BatchNorm2d(channels))
            self.add_module(f"act{place}", nn.ELU())
            width = channels
        self.add_module("conv9", nn.Conv2d(width, shape.classes, 1))
        self.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
