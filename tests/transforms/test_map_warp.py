"""Warped feature maps against the warp of images, brute force, and exact array operations."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.transforms import Context, Transform, expand
from onnxinv.transforms.affine import UNIT, Affine
from onnxinv.transforms.map_warp import Maps, MapWarp
from tests.transforms.warps import (
    QUARTER,
    Float,
    Move,
    Size,
    brute_force_frames,
    columns,
    each_size,
    maps_of,
    pushed,
    shift,
    transform,
    turn,
)


def some_affines(count: int, seed: int = 0) -> list[Affine]:
    """Return invertible affine maps drawn at random: turned, scaled, sheared and shifted."""
    rng = np.random.default_rng(seed)
    drawn: list[Affine] = []
    while len(drawn) < count:
        linear = rng.uniform(-1.5, 1.5, (2, 2))
        if abs(np.linalg.det(linear)) > 0.2:
            rows, offset = linear.tolist(), rng.uniform(-0.2, 0.2, (2, 2)).tolist()
            drawn.append(Affine((tuple(rows[0]), tuple(rows[1])), (tuple(offset[0]), tuple(offset[1]))))
    return drawn


def warp_of(transform: Transform, height: int, width: int) -> MapWarp:
    warp = MapWarp.of(transform, height, width)
    assert warp is not None
    return warp


def warped(transform: Transform, maps: Maps) -> Maps:
    """Return warped maps of the shape of the maps, (N, height, width)."""
    made = warp_of(transform, *maps.shape[1:]).apply(columns(maps))
    return made.T.reshape(maps.shape)


def as_images(affine: Affine, maps: Float) -> Float:
    """Return what the step for images makes of maps, one at a time."""
    return np.stack([affine.apply(one[..., None], Context())[..., 0] for one in maps])


@each_size
def test_maps_are_warped_as_images_of_their_size_are(size: Size) -> None:
    maps = maps_of(*size)
    for affine in some_affines(40):
        made = warped(Transform("t", {}, (affine,)), maps)
        np.testing.assert_allclose(made, as_images(affine, maps), rtol=0, atol=1e-12)


@each_size
@pytest.mark.parametrize("spec", ["rotation:steps=12", "scale:steps=3", "translation:steps=3,max=0.3", "shear", "flip"])
def test_every_geometric_family_acts_on_maps_as_on_images(spec: str, size: Size) -> None:
    maps = maps_of(*size)
    for one in expand([spec]):
        expected = as_images(one.steps[0], maps) if one.steps else maps
        np.testing.assert_allclose(warped(one, maps), expected, rtol=0, atol=1e-12)


@each_size
def test_single_precision_maps_are_warped_to_single_precision(size: Size) -> None:
    maps = maps_of(*size).astype(np.float32)
    for affine in some_affines(20):
        made = warped(Transform("t", {}, (affine,)), maps)
        np.testing.assert_allclose(made, as_images(affine, maps.astype(np.float64)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    "one", [transform(turn(20)), transform(QUARTER), transform()], ids=["turned", "moved", "left alone"]
)
def test_the_dtype_is_kept(one: Transform, dtype: str) -> None:
    maps = columns(maps_of(6, 6).astype(dtype))
    assert warp_of(one, 6, 6).apply(maps).dtype == dtype
    assert warp_of(one, 6, 6).at(np.array([3])).apply(maps).dtype == dtype


@pytest.mark.parametrize(
    ("one", "move"),
    [
        pytest.param(transform(((-1, 0), (0, 1))), lambda m: m[:, :, ::-1], id="horizontal flip"),
        pytest.param(transform(((1, 0), (0, -1))), lambda m: m[:, ::-1], id="vertical flip"),
        pytest.param(transform(((-1, 0), (0, -1))), lambda m: m[:, ::-1, ::-1], id="half turn"),
        pytest.param(transform(QUARTER), lambda m: np.rot90(m, 1, (1, 2)), id="quarter turn"),
        pytest.param(transform(((0, -1), (1, 0))), lambda m: np.rot90(m, -1, (1, 2)), id="quarter turn clockwise"),
        pytest.param(transform(offset=shift(2 / 28, 0)), lambda m: pushed(m, 1, 0), id="shift right"),
        pytest.param(transform(offset=shift(2 / 28, -4 / 28)), lambda m: pushed(m, 1, -2), id="shift right and up"),
        pytest.param(transform(offset=shift(3, 0)), np.zeros_like, id="shift out of the frame"),
    ],
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_pixel_exact_transforms_copy_bit_for_bit(one: Transform, move: Move, dtype: str) -> None:
    # The shifts are by two and four pixels of a 28 x 28 input.
    maps: Maps = maps_of(14, 14).astype(dtype)
    np.testing.assert_array_equal(warped(one, maps), move(maps), strict=True)


def test_a_non_finite_value_spreads_no_further_than_interpolation_reaches() -> None:
    maps = maps_of(9, 9, 1)
    maps[0, 4, 5] = np.nan
    for one, reached in ((transform(QUARTER), [[3, 4]]), (transform(offset=shift(0.5 / 9, 0)), [[4, 5], [4, 6]])):
        assert np.argwhere(np.isnan(warped(one, maps)[0])).tolist() == reached


def test_the_identity_hands_back_its_input() -> None:
    maps = columns(maps_of(4, 6))
    assert warp_of(Transform("identity"), 4, 6).apply(maps) is maps
    there_and_back = transform(QUARTER).followed_by(transform(((0, -1), (1, 0))))
    assert warp_of(there_and_back, 4, 6).apply(maps) is maps


@pytest.mark.parametrize(
    "one",
    [transform(turn(20)), transform(QUARTER), transform(offset=shift(0.25, 0)), Transform("identity")],
    ids=["turned", "moved", "shifted", "left alone"],
)
def test_a_choice_of_pixels_is_the_whole_at_those_pixels(one: Transform) -> None:
    maps = columns(maps_of(8, 8))
    warp = warp_of(one, 8, 8)
    for pixels in (np.arange(64), np.array([50, 3, 3, 17]), np.array([], dtype=np.intp)):
        np.testing.assert_array_equal(warp.at(pixels).apply(maps), warp.apply(maps)[pixels], strict=True)


def test_maps_are_left_as_they_are_and_may_lie_in_memory_either_way() -> None:
    maps = columns(maps_of(6, 6))
    maps.flags.writeable = False
    for one in (transform(turn(20)), transform(offset=shift(1 / 6, 0))):
        made = warp_of(one, 6, 6).apply(maps)
        assert not np.shares_memory(made, maps)
        np.testing.assert_array_equal(warp_of(one, 6, 6).apply(np.asfortranarray(maps)), made)
    np.testing.assert_array_equal(maps, columns(maps_of(6, 6)))


@pytest.mark.parametrize(("shape", "dtype"), [((35, 2), "f8"), ((37, 2), "f8"), ((36, 2, 1), "f8"), ((36, 2), "f2")])
def test_other_arrays_are_refused(shape: tuple[int, ...], dtype: str) -> None:
    for one in (Transform("identity"), transform(QUARTER), transform(turn(20))):
        with pytest.raises(ValueError, match="is not"):
            warp_of(one, 6, 6).apply(np.zeros(shape, dtype))


@each_size
def test_in_frame_is_where_a_pixel_comes_from_inside(size: Size) -> None:
    exact = [Affine(), Affine(QUARTER), Affine(((-1, 0), (0, 1))), Affine(offset=shift(1 / size[1], -1 / size[0]))]
    for affine in (*some_affines(30), *exact, Affine(turn(45)), Affine(((0.5, 0), (0, 2)))):
        frame = warp_of(Transform("t", {}, (affine,)), *size).in_frame
        np.testing.assert_array_equal(frame, brute_force_frames(affine, *size)[0].ravel())


@each_size
def test_nothing_in_frame_comes_from_outside(size: Size) -> None:
    ones = np.ones((1, *size))
    for affine in some_affines(30):
        warp = warp_of(Transform("t", {}, (affine,)), *size)
        made = warp.apply(columns(ones))[:, 0]
        np.testing.assert_allclose(made[warp.in_frame], 1, rtol=0, atol=1e-12)
        assert (made[~warp.in_frame] < 1).all()


def test_rounding_does_not_push_the_rim_out_of_frame() -> None:
    # Eight turns by 45 degrees bring the corners back, but for rounding.
    (a, b), (c, d) = np.linalg.matrix_power(np.array(turn(45)), 8).tolist()
    assert ((a, b), (c, d)) != UNIT
    warp = warp_of(transform(((a, b), (c, d))), 7, 7)
    assert warp.in_frame.all()
    maps = maps_of(7, 7)
    np.testing.assert_allclose(warp.apply(columns(maps)), columns(maps), rtol=0, atol=1e-12)


def test_the_inverse_of_a_turn_and_a_shift_first_undoes_the_shift() -> None:
    maps = maps_of(6, 6)
    turned_then_shifted = transform(QUARTER).followed_by(transform(offset=shift(1 / 6, 0)))
    np.testing.assert_array_equal(warped(turned_then_shifted, maps), pushed(np.rot90(maps, 1, (1, 2)), 1, 0))
    expected = np.rot90(pushed(maps, -1, 0), -1, (1, 2))
    inverse = warp_of(turned_then_shifted, 6, 6).inverse()
    np.testing.assert_array_equal(inverse.apply(columns(maps)), columns(expected))


@each_size
def test_the_inverse_is_that_of_the_transform(size: Size) -> None:
    maps = columns(maps_of(*size))
    for one in expand(["rotation:steps=5", "scale:steps=1", "translation:steps=1,max=0.2"])[::7]:
        undone = one.inverse()
        assert undone is not None
        expected = warp_of(undone, *size).apply(maps)
        np.testing.assert_allclose(warp_of(one, *size).inverse().apply(maps), expected, rtol=0, atol=1e-12)


def test_steps_that_fill_differently_are_one_matrix_on_maps() -> None:
    apart = Transform("t", {}, (Affine(turn(30), fill=1.0), Affine(offset=shift(0.1, 0), fill="edge")))
    fused = transform(turn(30)).followed_by(transform(offset=shift(0.1, 0)))
    assert len(fused.steps) == 1
    maps = maps_of(9, 9)
    np.testing.assert_array_equal(warped(apart, maps), warped(fused, maps))
