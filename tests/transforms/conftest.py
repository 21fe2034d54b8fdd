"""Pictures to transform."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.transforms import Image

Draw = Callable[[tuple[int, ...]], Image]


@pytest.fixture
def draw() -> Callable[..., Image]:
    """Return a function that makes a picture of noise in [0, 1]: `draw(height, width, channels=1, seed=0)`."""

    def make(height: int, width: int, channels: int = 1, seed: int = 0) -> Image:
        return np.random.default_rng(seed).random((height, width, channels))

    return make


@pytest.fixture
def sample() -> Draw:
    """Return a function that makes a sample of noise in [0, 1], always the same: `sample(shape)`."""

    def make(shape: tuple[int, ...]) -> Image:
        return np.random.default_rng(0).random(shape)

    return make
