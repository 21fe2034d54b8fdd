"""The networks of the experiments, one architecture a file; each takes (batch, colours, side, side) pixels in 0..1."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from tools.reproduce.networks.all_convolutional import AllConvolutional
from tools.reproduce.networks.resnet import ResNet
from tools.reproduce.networks.shape import Shape
from tools.reproduce.networks.simple_conv import SimpleConv
from tools.reproduce.networks.ti_pooling import TIPooling
from tools.reproduce.networks.vgg import VGG

__all__ = ["NETWORKS", "Shape"]

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "simple-conv": SimpleConv,
    "all-conv": AllConvolutional,
    "vgg": VGG,
    "resnet": ResNet,
    "ti-pooling": TIPooling,
}
"""By name; each takes a `Shape` and the options of its variants, which are texts."""
