"""The affine step against an independent warp, a brute-force one, and exact array operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import AffineTransform, warp

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, Image, Step, expand
from onnxinv.transforms.affine import UNIT, Affine, Square

SIZES = [
    pytest.param((8, 8), id="even square"),
    pytest.param((7, 7), id="odd square"),
    pytest.param((6, 9), id="wide"),
    pytest.param((9, 4), id="tall"),
    pytest.param((1, 5), id="one row"),
    pytest.param((1, 1), id="one pixel"),
]


def turn(degrees: float) -> Square:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return ((c, s), (-s, c))


def shift(x: float, y: float) -> Square:
    return ((x, 0.0), (0.0, y))


def about_centre(map_: AffineTransform, height: int, width: int) -> npt.NDArray[np.float64]:
    """Return a pixel matrix made by scikit-image's own composition, as an independent reference."""
    x, y = (width - 1) / 2, (height - 1) / 2
    centred = AffineTransform(translation=(-x, -y)) + map_ + AffineTransform(translation=(x, y))
    return np.asarray(centred.params)


def brute_force(image: Image, matrix: npt.NDArray[np.float64], fill: float | Literal["edge"]) -> Image:
    """Return the bilinear warp, pixel by pixel, as in a textbook."""
    height, width, _ = image.shape
    inverse = np.linalg.inv(matrix)

    def value(row: int, column: int) -> npt.NDArray[np.float64]:
        if fill == "edge":
            row, column = min(max(row, 0), height - 1), min(max(column, 0), width - 1)
        elif not (0 <= row < height and 0 <= column < width):
            return np.full(image.shape[2], float(fill))
        return np.asarray(image[row, column])

    out = np.empty_like(image)
    for row in range(height):
        for column in range(width):
            x, y, _ = inverse @ (column, row, 1)
            left, top = math.floor(x), math.floor(y)
            right_share, low_share = x - left, y - top
            upper = (1 - right_share) * value(top, left) + right_share * value(top, left + 1)
            lower = (1 - right_share) * value(top + 1, left) + right_share * value(top + 1, left + 1)
            out[row, column] = (1 - low_share) * upper + low_share * lower
    return out


@pytest.mark.parametrize(
    ("step", "reference"),
    [
        pytest.param(Affine(turn(30)), AffineTransform(rotation=math.radians(-30)), id="rotation"),
        pytest.param(Affine(((1.2, 0), (0, 0.7))), AffineTransform(scale=(1.2, 0.7)), id="scale"),
        pytest.param(Affine(((1, -math.tan(0.3)), (0, 1))), AffineTransform(shear=(0.3, 0)), id="shear along the rows"),
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_pixel_matrix_is_that_of_scikit_image(step: Affine, reference: AffineTransform, size: tuple[int, int]) -> None:
    np.testing.assert_allclose(step.pixel_matrix(*size), about_centre(reference, *size), rtol=0, atol=1e-8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fill", [0.0, 0.3, "edge"])
def test_a_warp_is_one_call_of_scikit_image(
    draw: Callable[..., Image], size: tuple[int, int], fill: float | Literal["edge"]
) -> None:
    image = draw(*size, 3)
    matrix = about_centre(AffineTransform(rotation=math.radians(-33), translation=(1.3, -0.4)), *size)
    outside = {"mode": "edge"} if fill == "edge" else {"mode": "constant", "cval": fill}
    expected = warp(image, np.linalg.inv(matrix), order=1, clip=False, preserve_range=True, **outside)
    step = Affine(turn(33), shift(1.3 / size[1], -0.4 / size[0]), fill)
    np.testing.assert_allclose(step.apply(image, Context()), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("fill", [0.0, 0.3, "edge"])
def test_a_warp_equals_bilinear_interpolation_by_hand(
    draw: Callable[..., Image], fill: float | Literal["edge"]
) -> None:
    image = draw(6, 8, 2)
    step = Affine(turn(25), shift(0.07, -0.11), fill)
    expected = brute_force(image, step.pixel_matrix(6, 8), fill)
    np.testing.assert_allclose(step.apply(image, Context()), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fill", ["0", "0.5", "edge"])
def test_a_product_is_one_warp_with_the_product_matrix(draw: Callable[..., Image], fill: str) -> None:
    image = draw(9, 12, 3)
    specs = [f"rotation:steps=5,fill={fill}", f"scale:steps=1,fill={fill}", f"translation:steps=1,fill={fill}"]
    value: float | str = fill if fill == "edge" else float(fill)
    outside = {"mode": "edge"} if fill == "edge" else {"mode": "constant", "cval": value}
    products = expand(specs)
    assert len(products) == 5 * 7 * 9
    for transform in products[1::13]:
        got = transform.parameters
        x, y = float(got["translation_x"]) * 12, float(got["translation_y"]) * 9
        map_ = (
            AffineTransform(rotation=-math.radians(float(got["rotation"])))
            + AffineTransform(scale=(float(got["scale_x"]), float(got["scale_y"])))
            + AffineTransform(translation=(x, y))
        )
        inverse = np.linalg.inv(about_centre(map_, 9, 12))
        expected = warp(image, inverse, order=1, clip=False, preserve_range=True, **outside)
        assert len(transform.steps) == 1
        np.testing.assert_allclose(transform(image), expected, rtol=0, atol=1e-9, err_msg=transform.name)


numbers = st.floats(-2, 2).map(lambda value: round(value, 3))
squares = st.tuples(st.tuples(numbers, numbers), st.tuples(numbers, numbers))


@given(st.tuples(squares, squares), st.tuples(squares, squares), st.integers(1, 40), st.integers(1, 40))
def test_the_pixel_matrix_of_a_product_is_the_product_of_the_pixel_matrices(
    first_map: tuple[Square, Square], second_map: tuple[Square, Square], height: int, width: int
) -> None:
    first, second = Affine(*first_map), Affine(*second_map)
    both = first.then(second)
    assert isinstance(both, Affine)
    expected = second.pixel_matrix(height, width) @ first.pixel_matrix(height, width)
    np.testing.assert_allclose(both.pixel_matrix(height, width), expected, rtol=0, atol=1e-7)


@given(st.floats(-180, 180), st.floats(0.3, 3), st.tuples(numbers, numbers), st.integers(1, 40), st.integers(1, 40))
def test_the_inverse_has_the_inverse_pixel_matrix(
    degrees: float, scale: float, by: tuple[float, float], height: int, width: int
) -> None:
    step = Affine(((scale, 0.2), (0.0, 1.0)), shift(*by)).then(Affine(turn(degrees)))
    assert isinstance(step, Affine)
    product = step.inverse().pixel_matrix(height, width) @ step.pixel_matrix(height, width)
    np.testing.assert_allclose(product, np.eye(3), rtol=0, atol=1e-7)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("linear", "expected"),
    [
        pytest.param(((-1, 0), (0, 1)), np.fliplr, id="left and right swapped"),
        pytest.param(((1, 0), (0, -1)), np.flipud, id="top and bottom swapped"),
        pytest.param(((-1, 0), (0, -1)), lambda image: image[::-1, ::-1], id="half turn"),
    ],
)
def test_flips_and_half_turns_are_exact_at_every_size(
    draw: Callable[..., Image], size: tuple[int, int], linear: Square, expected: np.ufunc
) -> None:
    image = draw(*size, 3)
    np.testing.assert_array_equal(Affine(linear).apply(image, Context()), expected(image))


@pytest.mark.parametrize("size", [1, 2, 5, 8, 27, 28])
@pytest.mark.parametrize(
    ("linear", "expected"),
    [
        pytest.param(((0, 1), (-1, 0)), lambda image: np.rot90(image, 1), id="quarter turn"),
        pytest.param(((0, -1), (1, 0)), lambda image: np.rot90(image, 3), id="three quarter turn"),
        pytest.param(((0, 1), (1, 0)), lambda image: image.swapaxes(0, 1), id="main diagonal"),
        pytest.param(((0, -1), (-1, 0)), lambda image: np.rot90(image, 2).swapaxes(0, 1), id="other diagonal"),
    ],
)
def test_turns_and_transpositions_of_squares_are_exact(
    draw: Callable[..., Image], size: int, linear: Square, expected: np.ufunc
) -> None:
    image = draw(size, size, 3)
    np.testing.assert_array_equal(Affine(linear).apply(image, Context()), expected(image))


@pytest.mark.parametrize("size", [(4, 8), (8, 4), (5, 9), (4, 7)])
@pytest.mark.parametrize("fill", [0.25, "edge"])
def test_a_quarter_turn_of_an_oblong_image_is_the_warp(
    draw: Callable[..., Image], size: tuple[int, int], fill: float | Literal["edge"]
) -> None:
    image = draw(*size, 2)
    step = Affine(((0, 1), (-1, 0)), fill=fill)
    expected = brute_force(image, step.pixel_matrix(*size), fill)
    np.testing.assert_allclose(step.apply(image, Context()), expected, rtol=0, atol=1e-12)


def moved(image: Image, right: int, down: int, fill: float | Literal["edge"]) -> Image:
    mode = {"mode": "edge"} if fill == "edge" else {"constant_values": fill}
    margin = max(abs(right), abs(down))
    padded = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), **mode)
    top, left = margin - down, margin - right
    return np.asarray(padded[top : top + image.shape[0], left : left + image.shape[1]])


@pytest.mark.parametrize("fill", [0.0, 0.7, "edge"])
@pytest.mark.parametrize("size", [(20, 28), (7, 3)])
@pytest.mark.parametrize(("right", "down"), [(1, 0), (0, 1), (-2, 3), (3, -3), (40, 0), (0, -40)])
def test_shifts_by_whole_pixels_are_exact(
    draw: Callable[..., Image], size: tuple[int, int], right: int, down: int, fill: float | Literal["edge"]
) -> None:
    image = draw(*size, 2)
    step = Affine(offset=shift(right / size[1], down / size[0]), fill=fill)
    np.testing.assert_array_equal(step.apply(image, Context()), moved(image, right, down, fill))


def test_rounding_noise_does_not_blur_a_whole_pixel_shift(draw: Callable[..., Image]) -> None:
    image = draw(20, 10)
    noisy = Affine(offset=shift(0.1 + 0.2, 0.7 + 0.1))  # 0.30000000000000004 and 0.7999999999999999
    np.testing.assert_array_equal(noisy.apply(image, Context()), moved(image, 3, 16, 0.0))


def test_eight_turns_by_45_degrees_are_the_identity(draw: Callable[..., Image]) -> None:
    step: Step | None = Affine(turn(45))
    for _ in range(7):
        assert step is not None
        step = step.then(Affine(turn(45)))
    assert isinstance(step, Affine)
    assert step.is_identity
    image = draw(6, 6)
    assert step.apply(image, Context()) is image


def test_two_turns_by_45_degrees_are_a_quarter_turn_bit_for_bit(draw: Callable[..., Image]) -> None:
    step = Affine(turn(45)).then(Affine(turn(45)))
    assert step is not None
    image = draw(6, 6)
    np.testing.assert_array_equal(step.apply(image, Context()), np.rot90(image))


@pytest.mark.parametrize(
    ("first", "second", "fill"),
    [
        pytest.param(Affine(turn(9), fill=1), Affine(turn(5), fill=1), 1, id="the same number"),
        pytest.param(Affine(turn(9), fill="edge"), Affine(turn(5), fill="edge"), "edge", id="both edge"),
        pytest.param(Affine(((-1, 0), (0, 1))), Affine(turn(5), fill="edge"), "edge", id="a flip before takes edge"),
        pytest.param(Affine(turn(5), fill="edge"), Affine(((-1, 0), (0, 1))), "edge", id="a flip after takes edge"),
    ],
)
def test_affine_steps_fuse_where_they_fill_alike(first: Affine, second: Affine, fill: float | Literal["edge"]) -> None:
    both = first.then(second)
    assert isinstance(both, Affine)
    assert both.fill == fill


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(Affine(turn(5), fill="edge"), id="edge after a number"),
        pytest.param(Affine(((-1, 0), (0, 1)), shift(0.1, 0), fill=2.0), id="a flip with a shift uncovers something"),
    ],
)
def test_affine_steps_that_fill_differently_stay_apart(second: Affine) -> None:
    assert Affine(turn(9)).then(second) is None


def test_a_read_only_image_can_be_warped(draw: Callable[..., Image]) -> None:
    image = draw(5, 5)
    image.flags.writeable = False
    assert Affine(turn(9)).apply(image, Context()).shape == (5, 5, 1)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((16,), id="a signal"),
        pytest.param((4, 4), id="an image without channel axis"),
        pytest.param((2, 4, 4, 3), id="a batch"),
        pytest.param((0, 4, 3), id="an image without rows"),
    ],
)
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="is no image"):
        Affine(turn(9)).apply(np.zeros(shape), Context())


def test_a_single_precision_image_stays_so(draw: Callable[..., Image]) -> None:
    image = draw(5, 5).astype(np.float32)
    for linear in (turn(9), ((0.0, 1.0), (-1.0, 0.0)), UNIT):
        assert Affine(linear).apply(image, Context()).dtype == np.float32
