"""Feature maps in the hands of a user's callables: sample by sample, whatever the type, finite or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Image, Transform
from onnxinv.transforms.map_warp import Maps
from onnxinv.transforms.python import UserStep
from onnxinv.transforms.user_warp import UserWarp

HEIGHT, WIDTH = 3, 4


def rolled(by: int) -> Callable[[Image], Image]:
    return lambda image: np.roll(image, by, axis=(0, 1))


def step(function: Callable[[Image], object], undo: Callable[[Image], object] = np.copy) -> UserStep:
    return UserStep(function, "callable 0", undo)


def warp(*steps: UserStep) -> UserWarp:
    return UserWarp(Transform("t", {}, steps), HEIGHT, WIDTH)


def stacks(samples: int, channels: int, dtype: str = "f8") -> npt.NDArray[Any]:
    """Return the maps of some samples as images, (samples, height, width, channels)."""
    return np.random.default_rng(0).standard_normal((samples, HEIGHT, WIDTH, channels)).astype(dtype)


def columns(images: Maps) -> Maps:
    """Return images as (height * width, samples x channels)."""
    return np.ascontiguousarray(images.reshape(len(images), HEIGHT * WIDTH, -1).transpose(1, 0, 2)).reshape(
        HEIGHT * WIDTH, -1
    )


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_the_maps_of_a_sample_are_an_image(channels: int, dtype: str) -> None:
    def lit_from_channel_to_channel(image: Image) -> Image:
        assert image.shape == (HEIGHT, WIDTH, channels)
        assert image.dtype == np.float64
        return np.cumsum(image[::-1], axis=2)

    images = stacks(4, channels, dtype)
    made = warp(step(lit_from_channel_to_channel)).apply(columns(images), channels)
    expected = np.cumsum(images[:, ::-1].astype(np.float64), axis=3).astype(dtype)
    np.testing.assert_array_equal(made, columns(expected), strict=True)


def test_without_a_number_of_channels_each_map_is_by_itself() -> None:
    images = stacks(1, 6)
    made = warp(step(lambda image: image * image.shape[2])).apply(columns(images))
    np.testing.assert_array_equal(made, columns(images))


def test_the_inverse_undoes_the_callables_from_last_to_first() -> None:
    double, flip = step(lambda image: image * 2 + 1, lambda image: (image - 1) / 2), step(rolled(1), rolled(-1))
    there = warp(double, flip)
    maps = columns(stacks(3, 2))
    np.testing.assert_allclose(there.inverse().apply(there.apply(maps, 2), 2), maps, rtol=0, atol=1e-15)
    squash, shift = (
        step(lambda image: image * 2, lambda image: image / 2),
        step(lambda image: image + 1, lambda image: image - 1),
    )
    np.testing.assert_array_equal(warp(squash, shift).inverse().apply(maps, 2), (maps - 1) / 2)


def test_a_choice_of_pixels_is_the_whole_at_those_pixels() -> None:
    maps = columns(stacks(2, 3))
    whole = warp(step(rolled(1)))
    for pixels in (np.arange(12), np.array([7, 2, 2]), np.array([], dtype=np.intp)):
        np.testing.assert_array_equal(whole.at(pixels).apply(maps, 3), whole.apply(maps, 3)[pixels], strict=True)


def test_the_inverse_of_a_choice_of_pixels_is_about_all_of_them() -> None:
    maps = columns(stacks(1, 1))
    assert warp(step(rolled(1), rolled(-1))).at(np.array([3])).inverse().apply(maps).shape == maps.shape


def test_every_pixel_is_in_frame() -> None:
    assert warp(step(rolled(1))).in_frame.tolist() == [True] * 12


def test_maps_are_left_as_they_are() -> None:
    maps = columns(stacks(2, 2))
    maps.flags.writeable = False

    def blacken(image: Image) -> Image:
        image[:] = 0
        return image

    assert not warp(step(blacken)).apply(maps, 2).any()
    np.testing.assert_array_equal(maps, columns(stacks(2, 2)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_computed_from_a_number_that_is_not_finite_is_nan(value: float) -> None:
    images = stacks(2, 2)
    images[1, 0, 0, 1] = value
    made = warp(step(rolled(1))).apply(columns(images), 2)
    expected = np.roll(images, 1, axis=(1, 2))
    expected[1, 1, 1, 1] = np.nan
    np.testing.assert_array_equal(made, columns(expected))
    blurred = warp(step(lambda image: image + 3 * np.roll(image, 1, axis=1))).apply(columns(images), 2)
    assert np.argwhere(np.isnan(blurred)).tolist() == [[0, 3], [1, 3]]


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        pytest.param(lambda image: image[1:], r"changes the shape from \(3, 4, 2\) to \(2, 4, 2\)", id="crops"),
        pytest.param(lambda image: image[..., 7], "raises IndexError", id="raises"),
        pytest.param(lambda image: np.log(image - 100), "values that are not finite", id="returns nan"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in log")
def test_a_callable_that_cannot_take_the_maps_is_a_problem_and_an_error(
    function: Callable[[Image], object], complaint: str
) -> None:
    bad = warp(step(rolled(1)), step(function))
    with pytest.raises(UsageError, match=f"callable 0 .*{complaint}"):
        bad.apply(columns(stacks(1, 2)), 2)
    assert bad.problem(2).startswith("on 3 x 4 maps of 2 channels, callable 0 ")
    assert not bad.problem(2).endswith(".")
    assert warp(step(rolled(1))).problem(2) == ""


@pytest.mark.parametrize(("shape", "dtype"), [((11, 2), "f8"), ((12, 2, 1), "f8"), ((12, 2), "f2")])
def test_other_arrays_are_refused(shape: tuple[int, ...], dtype: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        warp(step(rolled(1))).apply(np.zeros(shape, dtype))
