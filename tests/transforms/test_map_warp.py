"""Warped feature maps against the warp of images, brute force, and exact array operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from skimage.transform import resize

from onnxinv.transforms import Context, Image, Step, Transform, expand
from onnxinv.transforms.affine import UNIT, ZERO, Affine, Square
from onnxinv.transforms.map_warp import Alignment, Maps, MapWarp, align_maps, resample

Float = npt.NDArray[np.float64]
Size = tuple[int, int]
Move = Callable[[Maps], Maps]

each_size = pytest.mark.parametrize(
    "size", [(8, 8), (7, 7), (3, 3), (6, 9), (9, 4), (1, 5), (6, 1), (1, 1)], ids=lambda size: f"{size[0]} x {size[1]}"
)

QUARTER: Square = ((0.0, 1.0), (-1.0, 0.0))


@dataclass(frozen=True)
class Brighten(Step):
    """A step that is no affine map, though it can be undone."""

    amount: float = 0.25

    def apply(self, image: Image, context: Context) -> Image:
        return image + self.amount

    def inverse(self) -> Step:
        return Brighten(-self.amount)


def turn(degrees: float) -> Square:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return ((c, s), (-s, c))


def shift(x: float, y: float) -> Square:
    return ((x, 0.0), (0.0, y))


def transform(linear: Square = UNIT, offset: Square = ZERO, name: str = "t") -> Transform:
    return Transform(name, {}, (Affine(linear, offset),))


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


def alignment_of(transforms: list[Transform] | tuple[Transform, ...], height: int, width: int) -> Alignment:
    alignment = align_maps(transforms, height, width)
    assert isinstance(alignment, Alignment)
    return alignment


def maps_of(height: int, width: int, count: int = 3) -> Float:
    """Return maps of noise, (count, height, width)."""
    return np.random.default_rng(0).standard_normal((count, height, width))


def columns(maps: Maps) -> Maps:
    """Return maps (N, height, width) as (height * width, N)."""
    return np.ascontiguousarray(maps.reshape(len(maps), -1).T)


def warped(transform: Transform, maps: Maps) -> Maps:
    """Return warped maps of the shape of the maps, (N, height, width)."""
    made = warp_of(transform, *maps.shape[1:]).apply(columns(maps))
    return made.T.reshape(maps.shape)


def pushed(maps: Maps, right: int, down: int) -> Maps:
    """Return maps moved by whole pixels, zeros coming in."""
    far = 3
    padded = np.pad(maps, ((0, 0), (far, far), (far, far)))
    return padded[:, far - down : far - down + maps.shape[1], far - right : far - right + maps.shape[2]]


def as_images(affine: Affine, maps: Float) -> Float:
    """Return what the step for images makes of maps, one at a time."""
    return np.stack([affine.apply(one[..., None], Context())[..., 0] for one in maps])


def brute_force_frames(affine: Affine, height: int, width: int) -> list[npt.NDArray[np.bool_]]:
    """Return which pixels come from inside, and which go inside, point by point from the map's definition."""
    (a, b), (c, d) = affine.linear
    shift_x, shift_y = np.array(affine.offset) @ (width, height)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    come, go = np.zeros((2, height, width), np.bool_)
    for row, column in np.ndindex(height, width):
        x, y = column - middle_x, row - middle_y
        go[row, column] = max(abs(a * x + b * y + shift_x) - middle_x, abs(c * x + d * y + shift_y) - middle_y) < 1e-9
        x, y = (x - shift_x) / (a * d - b * c), (y - shift_y) / (a * d - b * c)
        come[row, column] = max(abs(d * x - b * y) - middle_x, abs(a * y - c * x) - middle_y) < 1e-9
    return [come, go]


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
        expected = as_images(one.steps[0], maps) if one.steps else maps  # type: ignore[arg-type]  # these families have affine steps alone
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
    assert resample(maps_of(6, 6).astype(dtype), 4, 4).dtype == dtype


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


@each_size
def test_the_common_pixels_are_in_frame_under_every_transform_and_every_inverse(size: Size) -> None:
    middle = [Affine(turn(15)), Affine(((1.1, 0), (0.1, 0.9))), Affine(((0.8, 0), (0, 0.8)))]
    common = np.all([brute_force_frames(affine, *size) for affine in middle], axis=(0, 1))
    made = align_maps([Transform("t", {}, (affine,)) for affine in middle], *size)
    if common.any():
        assert isinstance(made, Alignment)
        np.testing.assert_array_equal(made.pixels, np.flatnonzero(common))
    else:
        assert isinstance(made, str)


def test_rotations_keep_what_stays_inside_at_every_angle() -> None:
    rows, columns_ = np.indices((24, 24)) - 11.5
    angles = np.arange(16) * np.pi / 8
    furthest = np.max([np.abs(columns_ * np.cos(a) + rows * np.sin(a)) for a in angles], axis=0)
    made = alignment_of(expand(["rotation:steps=16"]), 24, 24)
    np.testing.assert_array_equal(made.pixels, np.flatnonzero(furthest <= 11.5))
    assert len(made.pixels) == 432


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_scaling_by_half_or_by_two_keeps_the_middle_half(factor: float) -> None:
    made = alignment_of([transform(((factor, 0), (0, factor)))], 8, 8)
    middle = np.zeros((8, 8), np.bool_)
    middle[2:6, 2:6] = True
    np.testing.assert_array_equal(made.pixels, np.flatnonzero(middle))


def test_a_smaller_scale_keeps_fewer_pixels() -> None:
    kept = [len(alignment_of([transform(((s, 0), (0, s)))], 20, 20).pixels) for s in (1.0, 0.9, 0.7, 0.5, 0.3)]
    assert all(after < before for before, after in pairwise(kept))


def test_shifts_to_both_sides_take_a_rim_from_both_sides() -> None:
    made = alignment_of([transform(offset=shift(2 / 10, 0))], 10, 10)
    expected = np.zeros((10, 10), np.bool_)
    # Right by two leaves the two columns at the left empty, and undoing it the two at the right.
    expected[:, 2:-2] = True
    np.testing.assert_array_equal(made.pixels, np.flatnonzero(expected))


def test_no_transforms_keep_every_pixel() -> None:
    assert alignment_of([], 3, 4).pixels.tolist() == list(range(12))


@pytest.mark.parametrize("size", [(14, 14), (6, 10), (9, 9)])
def test_the_inverse_recovers_the_common_pixels_of_exact_transforms(size: Size) -> None:
    height, width = size
    one_pixel = [(x / width, y / height) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    exact = [transform(((sign, 0), (0, 1)), shift(*by)) for sign in (1, -1) for by in one_pixel]
    if height == width:
        exact += [transform(QUARTER, shift(*by)) for by in one_pixel]
    maps = columns(maps_of(height, width))
    made = alignment_of(exact, height, width)
    for warp, back in zip(made.forward, made.back, strict=True):
        whole = MapWarp(warp.affine, height, width).apply(maps)
        np.testing.assert_array_equal(back.apply(whole), maps[made.pixels], strict=True)


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


@pytest.mark.parametrize(
    "steps",
    [(Brighten(),), (Affine(QUARTER), Brighten()), (Brighten(), Affine(QUARTER))],
    ids=["alone", "last", "first"],
)
def test_a_transform_that_is_not_geometric_is_the_reason(steps: tuple[Step, ...]) -> None:
    one = Transform("brighter by a quarter", {}, steps)
    assert MapWarp.of(one, 4, 4) is None
    made = align_maps([transform(QUARTER), one], 4, 4)
    assert made == "'brighter by a quarter' is no affine map of the image, so it has no counterpart on feature maps"


@pytest.mark.parametrize("linear", [((1.0, 0.0), (0.0, 0.0)), ((0.1, 0.3), (0.2, 0.6))], ids=["zero", "by rounding"])
def test_a_transform_without_inverse_is_the_reason(linear: Square) -> None:
    made = align_maps([transform(QUARTER), transform(linear, name="squash")], 4, 4)
    assert made == "'squash' has no inverse: it flattens the image"


def test_a_set_that_leaves_no_pixel_is_the_reason() -> None:
    far = [transform(QUARTER, name="quarter"), transform(offset=shift(0.75, 0), name="far right")]
    made = align_maps(far, 4, 4)
    assert made == (
        "no pixel of 4 x 4 maps stays in frame under all transforms and their inverses; 'far right' alone keeps 0 of 16"
    )


@pytest.mark.parametrize("size", [(28, 28), (13, 20), (1, 5), (1, 1)])
@pytest.mark.parametrize("wanted", [(12, 12), (3, 3), (1, 1), (5, 40), (40, 7)])
def test_resampling_is_that_of_scikit_image(size: Size, wanted: Size) -> None:
    images = maps_of(*size)
    expected = [
        resize(one, wanted, order=1, mode="edge", preserve_range=True, clip=False)  # type: ignore[no-untyped-call]  # scikit-image annotates only some of its functions
        for one in images
    ]
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
    right = transform(offset=shift(2 / 28, 0))
    before = resample(warped(right, images), 14, 14)
    after = warped(right, resample(images, 14, 14))
    # The rim is smoothed with what lies at the edge, which the shift has changed.
    np.testing.assert_allclose(before[:, :, 3:-3], after[:, :, 3:-3], rtol=0, atol=1e-14)


def test_resampling_leaves_an_even_image_even() -> None:
    np.testing.assert_allclose(resample(np.full((2, 28, 28), 3.0), 9, 31), 3, rtol=0, atol=1e-14)


def test_images_of_the_wanted_size_are_handed_back() -> None:
    images = maps_of(5, 7)
    assert resample(images, 5, 7) is images
