"""Resampled images against scikit-image, and what resampling commutes with."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.transform import resize

from onnxinv.transforms.resample import resample
from tests.transforms.warps import Move, Size, maps_of, pushed


@pytest.mark.parametrize("size", [(28, 28), (13, 20), (1, 5), (1, 1)])
@pytest.mark.parametrize("wanted", [(12, 12), (3, 3), (1, 1), (5, 40), (40, 7)])
def test_resampling_is_that_of_scikit_image(size: Size, wanted: Size) -> None:
    images = maps_of(*size)
    expected = [resize(one, wanted, order=1, mode="edge", preserve_range=True, clip=False) for one in images]
    np.testing.assert_allclose(resample(images, *wanted), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("size", "wanted"), [(28, 14), (28, 12), (28, 5), (28, 1), (28, 40), (100, 56), (100, 112)])
@pytest.mark.parametrize(
    "move",
    [lambda m: m[:, ::-1], lambda m: m[:, :, ::-1], lambda m: np.rot90(m, 1, (1, 2)), lambda m: np.rot90(m, 2, (1, 2))],
    ids=["vertical flip", "horizontal flip", "quarter turn", "half turn"],
)
def test_resampling_commutes_with_flips_and_quarter_turns(move: Move, size: int, wanted: int) -> None:
    images = maps_of(size, size)
    made = resample(move(images), wanted, wanted)
    np.testing.assert_allclose(made, move(resample(images, wanted, wanted)), rtol=0, atol=2e-15)


def test_resampling_to_half_the_size_commutes_with_shifts_by_two_pixels() -> None:
    images = maps_of(28, 28)
    before = resample(pushed(images, 2, 0), 14, 14)
    after = pushed(resample(images, 14, 14), 1, 0)
    # The rim is smoothed with what lies at the edge, which the shift has changed.
    np.testing.assert_allclose(before[:, :, 3:-3], after[:, :, 3:-3], rtol=0, atol=1e-14)


def test_resampling_leaves_an_even_image_even() -> None:
    np.testing.assert_allclose(resample(np.full((2, 28, 28), 3.0), 9, 31), 3, rtol=0, atol=1e-14)


def test_images_of_the_wanted_size_are_handed_back() -> None:
    images = maps_of(5, 7)
    assert resample(images, 5, 7) is images


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_dtype_is_kept(dtype: str) -> None:
    assert resample(maps_of(6, 6).astype(dtype), 4, 4).dtype == dtype
