"""The pixels of a transform set that count against brute force, its inverses, and the reasons that there are none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from onnxinv.transforms import Context, Image, Step, Transform, expand
from onnxinv.transforms.affine import Affine, Square
from onnxinv.transforms.alignment import Alignment, align_maps
from onnxinv.transforms.map_warp import MapWarp
from onnxinv.transforms.python import UserStep
from onnxinv.transforms.user_warp import UserWarp
from tests.transforms.warps import (
    QUARTER,
    Size,
    brute_force_frames,
    columns,
    each_size,
    maps_of,
    shift,
    transform,
    turn,
)


@dataclass(frozen=True)
class Brighten(Step):
    """A step that is no affine map, though it can be undone."""

    amount: float = 0.25

    def apply(self, image: Image, context: Context) -> Image:
        return image + self.amount

    def inverse(self) -> Step:
        return Brighten(-self.amount)


def alignment_of(transforms: list[Transform] | tuple[Transform, ...], height: int, width: int) -> Alignment:
    alignment = align_maps(transforms, height, width)
    assert isinstance(alignment, Alignment)
    return alignment


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
    for one, back in zip(exact, made.back, strict=True):
        forward = MapWarp.of(one, height, width)
        assert forward is not None
        whole = forward.apply(maps)
        np.testing.assert_array_equal(back.apply(whole), maps[made.pixels], strict=True)


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


def test_callables_keep_every_pixel_and_take_none_from_the_others() -> None:
    roll = Transform("roll", {}, (UserStep(partial(np.roll, shift=1), "roll", partial(np.roll, shift=-1)),))
    assert alignment_of([roll], 3, 4).pixels.tolist() == list(range(12))
    right = transform(offset=shift(2 / 10, 0))
    both = alignment_of([roll, right], 10, 10)
    np.testing.assert_array_equal(both.pixels, alignment_of([right], 10, 10).pixels)
    assert [type(warp) for warp in both.forward] == [type(warp) for warp in both.back] == [UserWarp, MapWarp]


def test_a_callable_without_inverse_is_the_reason() -> None:
    made = align_maps([Transform("f[1]", {}, (UserStep(np.flipud, "callable 1"),))], 4, 4)
    assert made == "'f[1]' has no inverse: its callable has no .inverse"


@pytest.mark.parametrize("other", [Affine(QUARTER), Brighten()], ids=["geometric", "not geometric"])
def test_callables_among_other_steps_are_the_reason(other: Step) -> None:
    made = align_maps([Transform("f[0], t", {}, (UserStep(np.flipud, "callable 0", np.flipud), other))], 4, 4)
    assert made == "'f[0], t' mixes callables with other transforms, which is not followed on feature maps"


def test_the_first_callable_that_cannot_take_so_many_maps_is_the_problem() -> None:
    def color(image: Image) -> Image:
        return image[..., [2, 1, 0]] if image.shape[2] == 3 else image[..., :1]

    made = alignment_of([transform(QUARTER), Transform("c", {}, (UserStep(color, "callable 5", color),))], 4, 4)
    assert made.problem(3) == ""
    assert made.problem(2) == "on 4 x 4 maps of 2 channels, callable 5 changes the shape from (4, 4, 2) to (4, 4, 1)"


def test_a_set_that_leaves_no_pixel_is_the_reason() -> None:
    far = [transform(QUARTER, name="quarter"), transform(offset=shift(0.75, 0), name="far right")]
    made = align_maps(far, 4, 4)
    assert made == (
        "no pixel of 4 x 4 maps stays in frame under all transforms and their inverses; 'far right' alone keeps 0 of 16"
    )
