"""Blur: against a convolution written out, at the edges, across channels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Image, expand


def convolved(image: Image, sigma: float) -> Image:
    """Return the blurred image by its definition: weights to four sigma, rows then columns, the edge going on."""
    reach = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        padding = [(reach, reach) if each == axis else (0, 0) for each in range(3)]
        image = np.apply_along_axis(np.convolve, axis, np.pad(image, padding, mode="edge"), weights, "valid")
    return image


@pytest.mark.parametrize("shape", [(9, 12, 3), (5, 5, 1)])
def test_each_channel_is_convolved_with_a_gaussian(draw: Callable[..., Image], shape: tuple[int, int, int]) -> None:
    image = draw(*shape) * 255
    for transform in expand(["blur:steps=3,max=3"])[1:]:
        expected = convolved(image, float(transform.parameters["blur"]))
        np.testing.assert_allclose(transform(image), expected, rtol=0, atol=1e-9)


def test_an_even_image_stays_as_it_is() -> None:
    even = np.full((6, 6, 3), 0.1)
    np.testing.assert_array_equal(expand(["blur"])[-1](even), even)


def test_the_set_begins_with_the_identity() -> None:
    transforms = expand(["blur"])
    assert [t.name for t in transforms] == ["identity", "blur 0.5", "blur 1", "blur 1.5", "blur 2"]
    assert [t.is_identity for t in transforms] == [True] + [False] * 4
    assert transforms[1].inverse() is None


@pytest.mark.parametrize("spec", ["blur:max=0", "blur:max=101", "blur:steps=0", "blur:min=1"])
def test_bad_parameters_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be used|no parameter"):
        expand([spec])
