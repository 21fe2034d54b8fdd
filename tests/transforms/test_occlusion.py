"""Occlusion: where the squares lie, what they are filled with, refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Image, expand


def test_squares_that_just_touch_cover_every_pixel_once() -> None:
    image = np.ones((8, 8, 3))
    covered = sum(1 - transform(image) for transform in expand(["occlusion"]))
    np.testing.assert_array_equal(covered, image)


def test_places_reach_from_edge_to_edge_of_oblong_images(draw: Callable[..., Image]) -> None:
    image = draw(6, 11) + 1
    starts = []
    for transform in expand(["occlusion:size=0.5,steps=3"])[1:]:
        rows, columns = np.nonzero(transform(image)[..., 0] == 0)
        assert (np.ptp(rows), np.ptp(columns), len(rows)) == (2, 2, 9)
        starts.append((rows.min(), columns.min()))
    assert starts == [(row, column) for row in (0, 2, 3) for column in (0, 4, 8)]


def test_one_step_covers_the_middle(draw: Callable[..., Image]) -> None:
    image = draw(7, 9) + 1
    expected = image.copy()
    expected[2:5, 3:6] = 0
    np.testing.assert_array_equal(expand(["occlusion:size=0.4,steps=1"])[1](image), expected)


@pytest.mark.parametrize(
    ("fill", "expected"),
    [pytest.param("0.5", [0.5, 0.5], id="a value"), pytest.param("mean", [1.0, 3.0], id="the mean of each channel")],
)
def test_the_square_is_filled(fill: str, expected: list[float]) -> None:
    image = np.array([[0.0, 2.0], [2.0, 0.0]])[..., None] + [0.0, 2.0]
    covered = expand([f"occlusion:size=0.5,steps=2,fill={fill}"])[1](image)
    np.testing.assert_array_equal(covered[0, 0], expected)
    np.testing.assert_array_equal(covered[1], image[1])


def test_sets() -> None:
    transforms = expand(["occlusion:steps=2"])
    assert [t.name for t in transforms][:3] == ["identity", "occlusion row 1 column 1", "occlusion row 1 column 2"]
    assert [tuple(t.parameters.values()) for t in transforms] == [(0, 0), (1, 1), (1, 2), (2, 1), (2, 2)]
    assert transforms[1].inverse() is None


def test_an_image_without_room_for_different_squares_is_refused() -> None:
    steps_of_four = expand(["occlusion:steps=4"])[1]
    steps_of_four(np.zeros((4, 9, 1)))
    with pytest.raises(UsageError, match="An image of 3 x 9 pixels has no room for 4 different squares of 1 pixels"):
        steps_of_four(np.zeros((3, 9, 1)))


@pytest.mark.parametrize(
    "spec",
    ["occlusion:size=0", "occlusion:size=1.1", "occlusion:steps=0", "occlusion:fill=black", "occlusion:fill=inf"],
)
def test_bad_parameters_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        expand([spec])
