"""Contrast: the closed form, clipping, refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, Image, expand


def test_the_distance_from_the_mean_is_multiplied_by_the_factor(draw: Callable[..., Image]) -> None:
    image = draw(4, 5, 3)
    mean = image.sum() / 60
    for transform in expand(["contrast:steps=7,min=0,max=3"]):
        expected = mean + float(transform.parameters["contrast"]) * (image - mean)
        np.testing.assert_allclose(transform(image), expected, rtol=0, atol=1e-14)


def test_a_factor_of_zero_is_even_grey(draw: Callable[..., Image]) -> None:
    grey = expand(["contrast:steps=1,min=0,max=0"])[0](draw(4, 5, 3))
    assert np.ptp(grey) == 0
    np.testing.assert_allclose(grey.max(), draw(4, 5, 3).mean(), rtol=1e-15)


@pytest.mark.parametrize(
    ("value_range", "expected"),
    [
        pytest.param((0.0, 1.0), [0.0, 0.5, 1.0], id="clipped where the range is known"),
        pytest.param(None, [-0.1, 0.5, 1.1], id="unclipped where it is not"),
    ],
)
def test_values_are_clipped_to_the_range_of_a_pixel(
    value_range: tuple[float, float] | None, expected: list[float]
) -> None:
    image = np.array([0.2, 0.5, 0.8]).reshape(1, 3, 1)
    doubled = expand(["contrast:steps=1,min=2,max=2"])[0]
    np.testing.assert_allclose(doubled(image, Context(value_range)).ravel(), expected, rtol=0, atol=1e-12)


def test_a_factor_of_one_is_the_identity() -> None:
    transforms = expand(["contrast:steps=5,min=0.6,max=1.4"])
    assert [t.name for t in transforms] == ["contrast 0.6", "contrast 0.8", "identity", "contrast 1.2", "contrast 1.4"]
    assert transforms[2].is_identity
    assert transforms[2].parameters == {"contrast": 1.0}


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param("contrast:steps=0", "steps", id="no steps"),
        pytest.param("contrast:min=-1", "min", id="negative factor"),
        pytest.param("contrast:min=2,max=1", "min is 2, above max", id="min above max"),
        pytest.param("contrast:max=inf", "max", id="infinite"),
    ],
)
def test_bad_parameters_are_refused(spec: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand([spec])
