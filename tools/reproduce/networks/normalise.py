"""Standardises pixels inside the graph, so that the exported network takes plain ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tools.reproduce.networks.shape import Shape


class Normalise(nn.Module):
    """Pixels to zero mean and unit deviation over the training images."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, shape: Shape) -> None:
        """Hold mean and deviation as buffers, which export under their names."""
        super().__init__()
        self.register_buffer("mean", torch.tensor(shape.mean))
        self.register_buffer("deviation", torch.tensor(shape.deviation))

    def forward(self, image: Tensor) -> Tensor:
        """Return the standardised image."""
        return (image - self.mean) / self.deviation
