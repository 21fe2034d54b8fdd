"""Shears: angles, axis, direction."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from skimage.transform import AffineTransform, warp

from onnxinv.errors import UsageError
from onnxinv.transforms import Image, expand


@pytest.mark.parametrize("axis", ["x", "y"])
def test_angles_are_spread_around_zero(axis: str) -> None:
    transforms = expand([f"shear:steps=5,degrees=40,axis={axis}"])
    assert [t.parameters[f"shear_{axis}"] for t in transforms] == [-20, -10, 0, 10, 20]
    assert [t.name for t in transforms] == [
        f"shear {axis}-20",
        f"shear {axis}-10",
        "identity",
        f"shear {axis}10",
        f"shear {axis}20",
    ]
    assert [t.is_identity for t in transforms] == [False, False, True, False, False]


def test_shears_along_the_rows_equal_those_of_scikit_image(draw: Callable[..., Image]) -> None:
    image = draw(9, 11, 2)
    centre = (5.0, 4.0)
    for transform in expand(["shear:steps=7,degrees=80"]):
        angle = math.radians(float(transform.parameters["shear_x"]))
        map_ = (
            AffineTransform(translation=(-centre[0], -centre[1]))
            + AffineTransform(shear=(angle, 0))
            + AffineTransform(translation=centre)
        )
        expected = warp(image, np.linalg.inv(map_.params), order=1, clip=False, preserve_range=True)
        np.testing.assert_allclose(transform(image), expected, rtol=0, atol=1e-9)


def test_a_positive_angle_leans_the_top_to_the_right() -> None:
    image = np.zeros((9, 9, 1))
    image[:, 4] = 1
    leaning = expand(["shear:steps=2,degrees=90"])[1](image)
    np.testing.assert_allclose(leaning[..., 0], np.fliplr(np.eye(9)), rtol=0, atol=1e-12)


def test_a_positive_angle_along_the_columns_lifts_the_right() -> None:
    image = np.zeros((9, 9, 1))
    image[4] = 1
    leaning = expand(["shear:steps=2,degrees=90,axis=y"])[1](image)
    np.testing.assert_allclose(leaning[..., 0], np.fliplr(np.eye(9)), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param("shear:steps=0", "steps", id="no steps"),
        pytest.param("shear:degrees=0", "degrees", id="no range"),
        pytest.param("shear:degrees=180", "degrees: Input should be less than 180", id="flat"),
        pytest.param("shear:degrees=nan", "degrees", id="not a number"),
        pytest.param("shear:axis=z", "axis: Input should be 'x' or 'y'", id="unknown axis"),
    ],
)
def test_bad_parameters_are_refused(spec: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand([spec])
