"""Activations of samples x transforms x units, with effects of either, of both, and of neither."""

from __future__ import annotations

import numpy as np


def draw(samples: int, transforms: int, units: int, seed: int = 0) -> np.ndarray:
    """Return activations with effects of sample, transform and both, of a strength that differs between units."""
    generator = np.random.default_rng(seed)
    strength = generator.random((3, units)) * 3
    sample = generator.standard_normal((samples, 1, units)) * strength[0]
    transform = generator.standard_normal((1, transforms, units)) * strength[1]
    both = generator.standard_normal((samples, transforms, units)) * strength[2]
    return (sample + transform + both + generator.standard_normal(units)).astype(np.float32)


def with_special_units(samples: int, transforms: int, seed: int = 0) -> np.ndarray:
    """Return 12 units: constant, zero, of the sample alone, of the transform alone, and eight common ones."""
    grid = draw(samples, transforms, 12, seed)
    grid[..., 0] = 0.1
    grid[..., 1] = 0
    grid[..., 2] = grid[:, :1, 2]
    grid[..., 3] = grid[:1, :, 3]
    return grid


def shaped(grid: np.ndarray, kind: str) -> np.ndarray:
    """Return activations as they are (`smooth`), rounded so that many are equal (`ties`), or `rectified`."""
    shapes: dict[str, np.ndarray] = {"smooth": grid, "ties": np.round(grid), "rectified": np.maximum(grid, 0)}
    return shapes[kind]


def as_doubles(grid: np.ndarray) -> np.ndarray:
    return grid.astype(np.float64)
