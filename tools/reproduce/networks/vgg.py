"""A small VGG: pairs of convolutions with BatchNorm between poolings (Simonyan and Zisserman 2015)."""

from __future__ import annotations

from torch import nn

from tools.reproduce.networks.normalise import Normalise
from tools.reproduce.networks.shape import Shape


class VGG(nn.Sequential):
    """Three pairs of 3x3 convolutions of c, 2c and 4c channels, and two fully connected layers."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.add_module("normalise", Normalise(shape))
        width, side, place = shape.colours, shape.side, 0
        for block, factor in enumerate((1, 2, 4), 1):
            channels = factor * shape.channels
            for _ in range(2):
                place += 1
                self.add_module(f"conv{place}", nn.Conv2d(width, channels, 3, padding=1))
                self.add_module(f"norm{place}", nn.BatchNorm2d(channels))
                self.add_module(f"act{place}", nn.ReLU())
                width = channels
            self.add_module(f"pool{block}", nn.MaxPool2d(2))
            side //= 2
        self.add_module("flatten", nn.Flatten())
        self.add_module("fc1", nn.Linear(width * side * side, shape.hidden))
        self.add_module(f"act{place + 1}", nn.ReLU())
        self.add_module("fc2", nn.Linear(shape.hidden, shape.classes))
