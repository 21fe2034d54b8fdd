"""A small ResNet: one residual block a stage (He et al. 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from tools.reproduce.networks.normalise import Normalise
from tools.reproduce.networks.shape import Shape


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the size changes."""

    def __init__(self, width: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.act2 = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or width != channels:
            convolution = nn.Conv2d(width, channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps of the block."""
        inner = self.norm2(self.conv2(self.act1(self.norm1(self.conv1(maps)))))
        activated: Tensor = self.act2(inner + self.shortcut(maps))
        return activated


class ResNet(nn.Sequential):
    """A convolution, blocks of c, 2c and 4c channels, the mean over space and one fully connected layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        c = shape.channels
        self.add_module("normalise", Normalise(shape))
        self.add_module("conv", nn.Conv2d(shape.colours, c, 3, padding=1, bias=False))
        self.add_module("norm", nn.BatchNorm2d(c))
        self.add_module("act", nn.ReLU())
        for place, (width, channels) in enumerate(((c, c), (c, 2 * c), (2 * c, 4 * c)), 1):
            self.add_module(f"block{place}", Block(width, channels, 1 if width == channels else 2))
        self.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        self.add_module("fc", nn.Linear(4 * c, shape.classes))
