"""Rotations: angles, direction, exact quarter turns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from skimage.transform import rotate

from onnxinv.errors import UsageError
from onnxinv.transforms import Image, expand


@pytest.mark.parametrize(
    ("spec", "angles"),
    [
        pytest.param("rotation:steps=4", [0, 90, 180, 270], id="all around without the end point"),
        pytest.param("rotation:steps=16,degrees=360", [i * 22.5 for i in range(16)], id="sixteen all around"),
        pytest.param("rotation:steps=5,degrees=90", [-45, -22.5, 0, 22.5, 45], id="less than all around, with ends"),
        pytest.param("rotation:steps=2,degrees=30", [-15, 15], id="even number has no identity"),
        pytest.param("rotation:steps=1", [0], id="one step all around is the identity"),
    ],
)
def test_angles(spec: str, angles: list[float]) -> None:
    transforms = expand([spec])
    assert [transform.parameters["rotation"] for transform in transforms] == angles
    assert [transform.is_identity for transform in transforms] == [angle == 0 for angle in angles]


def test_names_say_the_angle() -> None:
    assert [t.name for t in expand(["rotation:steps=3,degrees=45"])] == ["rotation -22.5", "identity", "rotation 22.5"]


@pytest.mark.parametrize("size", [1, 2, 5, 8, 27, 28])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_quarter_turns_of_squares_equal_rot90(draw: Callable[..., Image], size: int, turns: int) -> None:
    image = draw(size, size, 3)
    np.testing.assert_array_equal(expand(["rotation:steps=4"])[turns](image), np.rot90(image, turns))


def test_a_negative_quarter_turn_is_clockwise(draw: Callable[..., Image]) -> None:
    image = draw(6, 6)
    clockwise, counter_clockwise = expand(["rotation:steps=2,degrees=180"])
    np.testing.assert_array_equal(clockwise(image), np.rot90(image, -1))
    np.testing.assert_array_equal(counter_clockwise(image), np.rot90(image))


@pytest.mark.parametrize("fill", ["0", "0.4", "edge"])
@pytest.mark.parametrize("size", [(9, 9), (8, 13)])
def test_rotations_equal_those_of_scikit_image(draw: Callable[..., Image], size: tuple[int, int], fill: str) -> None:
    image = draw(*size, 3)
    outside = {"mode": "edge"} if fill == "edge" else {"mode": "constant", "cval": float(fill)}
    for transform in expand([f"rotation:steps=7,fill={fill}"]):
        angle = float(transform.parameters["rotation"])
        expected = rotate(image, angle, order=1, clip=False, preserve_range=True, **outside)
        np.testing.assert_allclose(transform(image), expected, rtol=0, atol=1e-9)


def test_a_small_positive_angle_lifts_what_is_on_the_right() -> None:
    image = np.zeros((21, 21, 1))
    image[10, 18] = 1
    turned = expand(["rotation:steps=2,degrees=60"])[1](image)
    assert np.argwhere(turned == turned.max()).tolist() == [[6, 17, 0]]


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param("rotation:steps=0", "steps", id="no steps"),
        pytest.param("rotation:steps=-3", "steps", id="negative steps"),
        pytest.param("rotation:steps=2.5", "steps", id="half a step"),
        pytest.param("rotation:steps=1000000000", "steps", id="far too many steps"),
        pytest.param("rotation:degrees=0", "degrees", id="no range"),
        pytest.param("rotation:degrees=361", "degrees", id="more than all around"),
        pytest.param("rotation:degrees=nan", "degrees", id="range not a number"),
        pytest.param("rotation:fill=nan", "finite number or 'edge'", id="fill not a number"),
        pytest.param("rotation:fill=inf", "finite number or 'edge'", id="infinite fill"),
        pytest.param("rotation:fill=mirror", "finite number or 'edge'", id="unknown fill"),
        pytest.param("rotation:step=3", "Did you mean 'steps'", id="misspelt parameter"),
    ],
)
def test_bad_parameters_are_refused(spec: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand([spec])
