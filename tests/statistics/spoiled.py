"""What is done to activations, (samples, transforms, units) float32, so that float32 does not hold their sums."""

from __future__ import annotations

import numpy as np
import pytest


def with_unit(grid: np.ndarray, value: float) -> np.ndarray:
    """Return the grid with one value in all of unit 3."""
    return np.where(np.arange(grid.shape[-1]) == 3, np.float32(value), grid)


NOT_HELD = [
    pytest.param(lambda grid: grid * np.float32(1e-25), id="squares would vanish"),
    pytest.param(lambda grid: grid * np.float32(1e25), id="squares would overflow"),
    pytest.param(lambda grid: with_unit(grid, 1e-30), id="one tiny constant unit"),
    pytest.param(lambda grid: with_unit(grid, np.nan), id="not a number"),
    pytest.param(lambda grid: with_unit(grid, np.inf), id="one infinite unit"),
]
