"""Brightness: the closed form, clipping, refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, Image, expand


def test_every_value_is_multiplied_by_the_factor(draw: Callable[..., Image]) -> None:
    image = draw(4, 5, 3)
    for transform in expand(["brightness:steps=7,min=0,max=3"]):
        np.testing.assert_array_equal(transform(image), image * transform.parameters["brightness"])


@pytest.mark.parametrize(
    ("value_range", "expected"),
    [
        pytest.param((0.0, 1.0), [0.0, 1.0, 1.0], id="clipped where the range is known"),
        pytest.param((0.0, 255.0), [0.0, 1.2, 1.6], id="untouched within the range"),
        pytest.param(None, [-0.4, 1.2, 1.6], id="unclipped where it is not"),
    ],
)
def test_values_are_clipped_to_the_range_of_a_pixel(
    value_range: tuple[float, float] | None, expected: list[float]
) -> None:
    image = np.array([-0.2, 0.6, 0.8]).reshape(1, 3, 1)
    doubled = expand(["brightness:steps=1,min=2,max=2"])[0]
    np.testing.assert_allclose(doubled(image, Context(value_range)).ravel(), expected, rtol=0, atol=1e-15)


def test_a_factor_of_one_is_the_identity_in_spite_of_rounding() -> None:
    transforms = expand(["brightness:steps=9,min=0.6,max=1.4"])
    assert [t.is_identity for t in transforms] == [index == 4 for index in range(9)]
    assert transforms[4].name == "identity"
    assert transforms[4].parameters == {"brightness": 1.0}
    assert [t.name for t in transforms][:2] == ["brightness 0.6", "brightness 0.7"]


def test_a_sample_that_is_no_image_can_be_brightened() -> None:
    np.testing.assert_array_equal(expand(["brightness:steps=1,min=2,max=2"])[0](np.arange(4.0)), [0, 2, 4, 6])


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param("brightness:steps=0", "steps", id="no steps"),
        pytest.param("brightness:min=-1", "min", id="negative factor"),
        pytest.param("brightness:min=2,max=1", "min is 2, above max, which is 1", id="min above max"),
        pytest.param("brightness:min=1,max=1", "would all be the same", id="no range"),
        pytest.param("brightness:max=nan", "max", id="not a number"),
        pytest.param("brightness:fill=0", "no parameter 'fill'", id="nothing to fill"),
    ],
)
def test_bad_parameters_are_refused(spec: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand([spec])
