"""Saturation: the closed form, full colours and greys."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, Image, expand

UNIT = Context((0.0, 1.0))


def test_the_distance_from_the_brightest_channel_is_multiplied(draw: Callable[..., Image]) -> None:
    image = draw(5, 6, 3)
    brightest = image.max(axis=2, keepdims=True)
    for transform in expand(["saturation:steps=4,min=0,max=0.9"]):
        expected = brightest - transform.parameters["saturation"] * (brightest - image)
        np.testing.assert_allclose(transform(image, UNIT), expected, rtol=0, atol=1e-12)


def test_colours_become_no_fuller_than_full() -> None:
    pixel = np.array([[[200.0, 50.0, 125.0]]])
    tenfold = expand(["saturation:steps=1,min=10,max=10"])[0](pixel, Context((0, 255)))
    np.testing.assert_allclose(tenfold, [[[200, 0, 100]]], rtol=0, atol=1e-9)


def test_the_factor_one_is_the_identity_and_there_is_no_inverse() -> None:
    transforms = expand(["saturation:steps=3"])
    assert [t.name for t in transforms] == ["saturation 0", "identity", "saturation 2"]
    assert transforms[0].inverse() is None


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(UsageError, match="min is 3, above max, which is 2"):
        expand(["saturation:min=3"])
