"""Gamma: the closed form, with and without a known range of a pixel, the inverse, refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, Image, expand


def test_every_value_is_raised_to_the_power(draw: Callable[..., Image]) -> None:
    image = draw(4, 5, 3)
    for transform in expand(["gamma:steps=5,min=0.5,max=2.5"]):
        np.testing.assert_array_equal(transform(image), image ** transform.parameters["gamma"])
        np.testing.assert_allclose(transform(image, Context((0, 1))), transform(image), rtol=1e-15)


def test_the_power_is_of_the_share_of_the_range() -> None:
    image = np.array([0.0, 51.0, 255.0, 300.0]).reshape(1, 4, 1)
    squared = expand(["gamma:steps=1,min=2,max=2"])[0]
    np.testing.assert_allclose(squared(image, Context((0, 255))).ravel(), [0, 0.04 * 255, 255, 255], rtol=1e-14)


def test_the_exponent_one_is_the_identity() -> None:
    names = [t.name for t in expand(["gamma"])]
    assert names == ["gamma 0.5", "gamma 0.75", "identity", *(f"gamma {g}" for g in ("1.25", "1.5", "1.75", "2"))]


def test_the_inverse_restores_the_image(draw: Callable[..., Image]) -> None:
    image = draw(4, 5, 3) * 255
    for transform in expand(["gamma"]):
        undone = transform.inverse()
        assert undone is not None
        context = Context((0, 255))
        np.testing.assert_allclose(undone(transform(image, context), context), image, rtol=1e-12)


def test_negative_values_are_refused_where_the_range_is_not_known() -> None:
    image = np.array([-0.25, 0.5]).reshape(1, 2, 1)
    with pytest.raises(UsageError, match=r"a pixel has the negative value -0\.25"):
        expand(["gamma"])[0](image)
    assert expand(["gamma"])[0](image, Context((0, 1))).min() == 0


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param("gamma:min=0", "min", id="the power of zero"),
        pytest.param("gamma:max=1000", "max", id="too large an exponent"),
        pytest.param("gamma:min=2,max=1", "min is 2, above max, which is 1", id="min above max"),
        pytest.param("gamma:steps=0", "steps", id="no steps"),
    ],
)
def test_bad_parameters_are_refused(spec: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand([spec])
