"""Hue: colours with known answers, the sets, the inverse, refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, Image, expand

UNIT = Context((0.0, 1.0))


def test_a_third_of_the_circle_moves_the_channels_on(draw: Callable[..., Image]) -> None:
    image = draw(5, 6, 3)
    same, third, two_thirds = (t(image, UNIT) for t in expand(["hue:steps=3,degrees=360"]))
    np.testing.assert_array_equal(same, image)
    np.testing.assert_allclose(third, np.roll(image, 1, axis=-1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(two_thirds, np.roll(image, 2, axis=-1), rtol=0, atol=1e-12)


def test_greys_stay_in_pixels_of_any_range() -> None:
    grey = np.repeat(np.arange(0.0, 256.0, 5).reshape(4, -1, 1), 3, axis=2)
    for transform in expand(["hue"]):
        np.testing.assert_allclose(transform(grey, Context((0, 255))), grey, rtol=0, atol=1e-9)


def test_the_inverse_turns_back(draw: Callable[..., Image]) -> None:
    image = draw(5, 6, 3)
    for transform in expand(["hue:steps=7,degrees=360"]):
        undone = transform.inverse()
        assert undone is not None
        np.testing.assert_allclose(undone(transform(image, UNIT), UNIT), image, rtol=0, atol=1e-12)


def test_sets() -> None:
    assert [t.parameters["hue"] for t in expand(["hue:steps=4,degrees=360"])] == [0, 90, 180, 270]
    around = expand(["hue:steps=3,degrees=40"])
    assert [t.name for t in around] == ["hue -20", "identity", "hue 20"]


@pytest.mark.parametrize("name", ["hue", "saturation"])
@pytest.mark.parametrize(
    ("shape", "context", "complaint"),
    [
        pytest.param((4, 4, 1), UNIT, "has 1 channels where red, green and blue", id="grey"),
        pytest.param((4, 4, 4), UNIT, "has 4 channels where red, green and blue", id="four channels"),
        pytest.param((4, 3), UNIT, r"has the shape \(4, 3\)", id="no image"),
        pytest.param((4, 4, 3), Context(), "needs to know the range of a pixel", id="range unknown"),
    ],
)
def test_what_has_no_colours_is_refused(name: str, shape: tuple[int, ...], context: Context, complaint: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' .*{complaint}"):
        expand([name])[0](np.zeros(shape), context)


@pytest.mark.parametrize("spec", ["hue:degrees=0", "hue:degrees=361", "hue:steps=0"])
def test_bad_parameters_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        expand([spec])
