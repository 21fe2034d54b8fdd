"""Hands given variants to tmeasures, which would rather make its own: samples are numbers, transforms look them up."""

from __future__ import annotations

import torch
from tmeasures.pytorch import PyTorchTransformation, PyTorchTransformationSet


class Variant(PyTorchTransformation):
    """Looks up what one transform makes of a sample, which stands for itself as its number."""

    def __init__(self, every: torch.Tensor, transform: int) -> None:
        super().__init__()
        self._every, self._transform = every, transform

    def parameters(self) -> torch.Tensor:
        """Return the number of the transform."""
        return torch.tensor([self._transform])

    def __call__(self, sample: torch.Tensor) -> torch.Tensor:
        """Return the variant of a sample."""
        return self._every[int(sample), self._transform]


def lookups(every: torch.Tensor) -> PyTorchTransformationSet:
    """Return the transforms of all variants, (samples, transforms, *shape)."""
    return PyTorchTransformationSet([Variant(every, place) for place in range(every.shape[1])])
