"""Translations: magnitudes, directions, exact whole-pixel shifts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Image, expand


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_there_are_eight_a_step_and_the_identity(steps: int) -> None:
    transforms = expand([f"translation:steps={steps}"])
    assert len(transforms) == 8 * steps + 1
    assert [transform.is_identity for transform in transforms] == [True] + [False] * (8 * steps)


def test_each_magnitude_goes_in_eight_directions() -> None:
    shifts = [(t.parameters["translation_x"], t.parameters["translation_y"]) for t in expand(["translation:steps=6"])]
    assert shifts[0] == (0, 0)
    for step in range(6):
        size = [0.025, 0.05, 0.075, 0.1, 0.125, 0.15][step]
        around = {(x, y) for x in (-size, 0, size) for y in (-size, 0, size)} - {(0, 0)}
        assert set(shifts[1 + 8 * step : 9 + 8 * step]) == around


def test_names_say_both_shifts() -> None:
    names = [t.name for t in expand(["translation:steps=1,max=0.025"])]
    assert names[0] == "identity"
    assert "translation x0.025 y-0.025" in names
    assert "translation x0 y0.025" in names


def test_positive_x_moves_right_and_positive_y_moves_down() -> None:
    image = np.zeros((10, 20, 1))
    image[4, 8] = 1
    moved = {t.name: t(image) for t in expand(["translation:steps=1,max=0.1"])}
    assert np.argwhere(moved["translation x0.1 y0"]).tolist() == [[4, 10, 0]]
    assert np.argwhere(moved["translation x0 y0.1"]).tolist() == [[5, 8, 0]]
    assert np.argwhere(moved["translation x-0.1 y-0.1"]).tolist() == [[3, 6, 0]]


@pytest.mark.parametrize("size", [20, 40, 60, 100])
def test_shifts_by_whole_pixels_are_exact(draw: Callable[..., Image], size: int) -> None:
    image = draw(size, size, 3)
    for transform in expand(["translation:steps=3,max=0.15"])[1:]:
        right, down = (round(float(transform.parameters[f"translation_{a}"]) * size) for a in "xy")
        expected = np.zeros_like(image)
        rows, columns = slice(max(down, 0), size + min(down, 0)), slice(max(right, 0), size + min(right, 0))
        from_rows, from_columns = slice(max(-down, 0), size - max(down, 0)), slice(max(-right, 0), size - max(right, 0))
        expected[rows, columns] = image[from_rows, from_columns]
        np.testing.assert_array_equal(transform(image), expected, err_msg=transform.name)


def test_a_shift_by_half_a_pixel_is_the_mean_of_neighbours() -> None:
    image = np.array([1.0, 3.0, 7.0, 4.0, 2.0]).reshape(1, 5, 1)
    moved = {t.name: t(image) for t in expand(["translation:steps=1,max=0.1"])}["translation x0.1 y0"]
    np.testing.assert_allclose(moved.ravel(), [0.5, 2, 5, 5.5, 3], rtol=0, atol=1e-12)


def test_the_inverse_shift_restores_what_stayed_in_the_frame(draw: Callable[..., Image]) -> None:
    image = draw(10, 10)
    transform = {t.name: t for t in expand(["translation:steps=1,max=0.2"])}["translation x0.2 y0"]
    undone = transform.inverse()
    assert undone is not None
    np.testing.assert_array_equal(undone(transform(image))[:, :8], image[:, :8])


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param("translation:steps=0", "steps", id="no steps"),
        pytest.param("translation:max=0", "max", id="no shift"),
        pytest.param("translation:max=-0.1", "max", id="negative shift"),
        pytest.param("translation:max=1.5", "max", id="more than the whole image"),
        pytest.param("translation:max=nan", "max", id="not a number"),
    ],
)
def test_bad_parameters_are_refused(spec: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand([spec])
