"""TI-pooling over quarter turns: the largest feature over turned copies of the image (Laptev et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tools.reproduce.networks.normalise import Normalise
from tools.reproduce.networks.shape import Shape


class TIPooling(nn.Module):
    """One set of convolutions on four turned copies, the maximum over the copies, and fully connected layers.

    The pooled features are invariant to quarter turns by construction, whatever the weights are.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        c, side = shape.channels, shape.side // 4
        self.normalise = Normalise(shape)
        self.features = nn.Sequential(
            nn.Conv2d(shape.colours, c, 3, padding=1),
            nn.ELU(),
            nn.MaxPool2d(2),
            nn.Conv2d(c, 2 * c, 3, padding=1),
            nn.ELU(),
            nn.MaxPool2d(2),
            nn.Conv2d(2 * c, 4 * c, 3, padding=1),
            nn.ELU(),
            nn.Flatten(),
            nn.Linear(4 * c * side * side, shape.hidden),
        )
        self.head = nn.Sequential(nn.ELU(), nn.Linear(shape.hidden, shape.classes))

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits."""
        upright = self.normalise(image)
        copies = [self.features(_turned(upright, turns)) for turns in range(4)]
        pooled = torch.maximum(torch.maximum(copies[0], copies[1]), torch.maximum(copies[2], copies[3]))
        logits: Tensor = self.head(pooled)
        return logits


def _turned(maps: Tensor, turns: int) -> Tensor:
    """Turn by quarters, in operators that ONNX has: a transposition and flips."""
    if turns % 2:
        maps = maps.transpose(2, 3)
    axes = {0: (), 1: (2,), 2: (2, 3), 3: (3,)}[turns]
    return maps.flip(axes) if axes else maps
