"""SimpleConv, the paper's own network: five convolutions and two fully connected layers."""

from __future__ import annotations

from torch import nn

from tools.reproduce.networks.normalise import Normalise
from tools.reproduce.networks.shape import Shape

ACTIVATIONS = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}


class SimpleConv(nn.Sequential):
    """conv(c) conv(c) pool conv(2c) conv(2c) pool conv(4c) fc fc, activations between them.

    Args:
        shape: its sizes.
        activation: `elu` (the paper's), `relu` or `tanh`.
        kernel: height and width of the convolutions.
        norm: `none` or `batch`: BatchNorm behind each convolution.
        pooling: `max`, `average`, or `stride`: the convolution before has stride 2 instead.
    """

    def __init__(
        self, shape: Shape, activation: str = "elu", kernel: str = "3", norm: str = "none", pooling: str = "max"
    ) -> None:
        super().__init__()
        self.add_module("normalise", Normalise(shape))
        make, size = ACTIVATIONS[activation], int(kernel)
        width, side, pools = shape.colours, shape.side, 0
        for place, factor in enumerate((1, 1, 2, 2, 4), 1):
            channels = factor * shape.channels
            halves = place in (2, 4)
            stride = 2 if halves and pooling == "stride" else 1
            self.add_module(f"conv{place}", nn.Conv2d(width, channels, size, stride=stride, padding=size // 2))
            if norm == "batch":
                self.add_module(f"norm{place}", nn.BatchNorm2d(channels))
            self.add_module(f"act{place}", make())
            if halves:
                pools, side = pools + 1, side // 2
                if pooling != "stride":
                    self.add_module(f"pool{pools}", nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2))
            width = channels
        self.add_module("flatten", nn.Flatten())
        self.add_module("fc1", nn.Linear(width * side * side, shape.hidden))
        self.add_module("act6", make())
        self.add_module("fc2", nn.Linear(shape.hidden, shape.classes))
