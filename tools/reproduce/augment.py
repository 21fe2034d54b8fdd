"""Augments with a transform set of onnxinv: each image gets a random member of it, by one bilinear look-up."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from onnxinv.transforms import expand
from onnxinv.transforms.affine import UNIT, ZERO, Affine


class Augmentation:
    """Random members of a set of affine transforms, the same maps that onnxinv measures with.

    Args:
        spec: the set in onnxinv's grammar.
        side: height and width of the images.

    Raises:
        ValueError: a member is not affine.
    """

    def __init__(self, spec: str, side: int) -> None:
        thetas = []
        for transform in expand((spec,)):
            steps = transform.steps or (Affine(UNIT, ZERO),)
            if len(steps) != 1 or not isinstance(steps[0], Affine):
                raise ValueError(f"{transform.name} is not affine, and cannot be trained with")
            thetas.append(_theta(steps[0].pixel_matrix(side, side), side))
        self._thetas = torch.from_numpy(np.stack(thetas)).float()

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the images (batch, colours, side, side), each under a transform drawn for it."""
        chosen = torch.randint(len(self._thetas), (len(images),), generator=generator)
        return self.applied(images, chosen)

    def applied(self, images: Tensor, chosen: Tensor) -> Tensor:
        """Return the images, each under the transform of the index chosen for it."""
        thetas = self._thetas[chosen].to(images.device)
        grid = functional.affine_grid(thetas, list(images.shape), align_corners=True)
        return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def _theta(matrix: np.ndarray, side: int) -> np.ndarray:
    """Turn a map of pixels into one from output to input places, where the corner pixels are at -1 and 1."""
    half = (side - 1) / 2
    places = np.array([[1 / half, 0, -1], [0, 1 / half, -1], [0, 0, 1]])
    return (places @ np.linalg.inv(matrix) @ np.linalg.inv(places))[:2]
