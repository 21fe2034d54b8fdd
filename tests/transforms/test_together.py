"""Samples that are transformed together are what each would be by itself, warps as scikit-image does them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from skimage.transform import warp

from onnxinv.transforms import Context, Image, Transform, expand
from onnxinv.transforms.affine import Affine
from onnxinv.transforms.image_operator import ImageOperator
from onnxinv.transforms.together import Stack, Together

SIZES = [(1, 1), (1, 7), (28, 28), (33, 20), (64, 64)]
FILLS = [
    pytest.param(0.0, id="zeros outside"),
    pytest.param(0.3, id="a number outside"),
    pytest.param("edge", id="the nearest pixel outside"),
]
RANGES = [
    pytest.param((0.0, 1.0), id="shares"),
    pytest.param((0.0, 255.0), id="bytes"),
    pytest.param((-3.0, -1.0), id="negative"),
]
SETS = ["rotation:steps=7", "scale:steps=2,min=0.5,max=1.3", "translation:steps=2,max=0.21", "shear", "flip"]
PRESETS = ["paper-rotation", "paper-scale", "paper-translation", "paper-affine"]


def pictures(count: int, shape: tuple[int, ...], between: tuple[float, float] = (0.0, 1.0)) -> tuple[Image, ...]:
    return tuple(np.random.default_rng(7).uniform(*between, (count, *shape)))


def together(transforms: Sequence[Transform], images: tuple[Image, ...], most_bytes: int = 1 << 30) -> list[Image]:
    """Return (transforms) of (samples, *shape)."""
    made = Together(transforms, images[0].shape, most_bytes)
    contexts = [[Context((0.0, 1.0), (5, index, place)) for index in range(len(images))] for place in
                range(len(transforms))]  # fmt: skip
    return [made.apply(place, Stack(images), contexts[place]) for place in range(len(transforms))]


def reference(transform: Transform, image: Image) -> Image:
    """Return what scikit-image makes of an image under a transform of one affine step."""
    (step,) = transform.steps or (Affine(),)
    assert isinstance(step, Affine)
    inverse = np.linalg.inv(step.pixel_matrix(*image.shape[:2]))
    outside = {"mode": "edge"} if step.fill == "edge" else {"mode": "constant", "cval": step.fill}
    return np.asarray(warp(image, inverse, order=1, clip=False, preserve_range=True, **outside))


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("spec", SETS)
def test_warps_are_those_of_scikit_image(
    spec: str, size: tuple[int, int], channels: int, fill: float | Literal["edge"]
) -> None:
    outside = "" if spec == "flip" else f"{',' if ':' in spec else ':'}fill={fill}"
    transforms = expand([spec + outside])
    images = pictures(3, (*size, channels))
    for transform, made in zip(transforms, together(transforms, images), strict=True):
        for image, found in zip(images, made, strict=True):
            np.testing.assert_allclose(found, reference(transform, image), rtol=0, atol=1e-9, err_msg=transform.name)


@pytest.mark.parametrize("between", RANGES)
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_those_of_scikit_image_in_every_range(preset: str, between: tuple[float, float]) -> None:
    transforms = expand([preset])
    transforms = transforms[:: max(1, len(transforms) // 40)]
    images = pictures(2, (28, 28, 1), between)
    for transform, made in zip(transforms, together(transforms, images), strict=True):
        found = [reference(transform, image) for image in images]
        np.testing.assert_allclose(made, found, rtol=0, atol=1e-9 * (between[1] - between[0]), err_msg=transform.name)


@pytest.mark.parametrize("fill", FILLS)
def test_large_images_are_warped_as_scikit_image_does(fill: float | Literal["edge"]) -> None:
    transforms = expand([f"rotation:steps=3,degrees=77,fill={fill}", f"scale:steps=1,fill={fill}"])[1:9]
    images = pictures(2, (224, 224, 3))
    for transform, made in zip(transforms, together(transforms, images), strict=True):
        np.testing.assert_allclose(made[1], reference(transform, images[1]), rtol=0, atol=1e-9)


EXACT = [
    pytest.param("rotation:steps=4", (28, 28, 3), id="quarter turns"),
    pytest.param("rotation:steps=4", (1, 1, 1), id="quarter turns of one pixel"),
    pytest.param("flip", (33, 20, 3), id="flips"),
    pytest.param("translation:steps=2,max=0.5,fill=0.3", (28, 20, 1), id="shifts by whole pixels"),
    pytest.param("translation:steps=2,max=0.5,fill=edge", (28, 20, 1), id="shifts of what repeats its edge"),
]


@pytest.mark.parametrize(("spec", "shape"), EXACT)
def test_exact_maps_copy_pixels_bit_for_bit(spec: str, shape: tuple[int, ...]) -> None:
    transforms = expand([spec])
    images = pictures(3, shape, (-5.0, 9.0))
    for transform, made in zip(transforms, together(transforms, images), strict=True):
        np.testing.assert_array_equal(made, [transform(image) for image in images], err_msg=transform.name)


def test_the_identity_hands_back_the_samples() -> None:
    for shape in [(5,), (4, 4), (6, 6, 3)]:
        images = pictures(2, shape)
        (made,) = together(expand(["identity"]), images)
        np.testing.assert_array_equal(made, images)


def test_what_lies_wholly_outside_is_the_fill_itself() -> None:
    far = ImageOperator(Affine(offset=((3.3, 0.0), (0.0, 0.0)), fill=0.3), 5, 7)
    np.testing.assert_array_equal(far.apply(np.random.default_rng(0).random((35, 2))), np.full((35, 2), 0.3))


@pytest.mark.parametrize("fill", [0.7, "edge"])
def test_a_picture_of_one_colour_stays_so_where_it_is_filled_alike(fill: float | Literal["edge"]) -> None:
    (made,) = together(expand([f"rotation:steps=2,degrees=50,fill={fill}"])[:1], (np.full((20, 33, 3), 0.7),))
    np.testing.assert_allclose(made[0], 0.7, rtol=0, atol=1e-15)


MIXED = [
    pytest.param(["rotation:steps=3", "brightness:steps=3"], id="a warp and a change of colours"),
    pytest.param(["brightness:steps=3", "rotation:steps=3"], id="a change of colours and a warp"),
    pytest.param(["rotation:steps=3", "rotation:steps=3,degrees=50,fill=edge"], id="two warps that fill differently"),
    pytest.param(["rotation:steps=3", "noise:steps=2"], id="a warp and noise"),
    pytest.param(["blur:steps=2", "scale:steps=1", "contrast:steps=2"], id="a warp in between"),
]


@pytest.mark.parametrize("specs", MIXED)
def test_products_do_step_by_step_what_each_transform_does(specs: list[str]) -> None:
    transforms = expand(specs)
    images = pictures(3, (9, 12, 3))
    for place, (transform, made) in enumerate(zip(transforms, together(transforms, images), strict=True)):
        found = [transform(image, Context((0.0, 1.0), (5, index, place))) for index, image in enumerate(images)]
        np.testing.assert_allclose(made, found, rtol=0, atol=1e-11, err_msg=transform.name)


@pytest.mark.parametrize("shape", [(28, 28, 1), (33, 20, 3), (1, 7, 2)])
@pytest.mark.parametrize("fill", FILLS)
def test_a_variant_has_the_same_bits_whatever_is_beside_it(
    shape: tuple[int, ...], fill: float | Literal["edge"]
) -> None:
    transforms = expand([f"rotation:steps=5,fill={fill}", "brightness:steps=2"])
    images = pictures(9, shape, (-2.0, 2.0))
    whole = together(transforms, images)
    for first, last in [(0, 1), (3, 5), (2, 9)]:
        made = Together(transforms, shape)
        for place in range(len(transforms)):
            contexts = [Context((0.0, 1.0), (5, index, place)) for index in range(first, last)]
            part = made.apply(place, Stack(images).of(range(first, last)), contexts)
            np.testing.assert_array_equal(part, whole[place][first:last])


def test_operators_that_no_room_is_left_for_are_done_image_by_image() -> None:
    transforms = expand(["rotation:steps=6"])
    images = pictures(2, (12, 12, 1))
    room = 2 * ImageOperator.most_bytes(12, 12)
    assert Together(transforms, images[0].shape, room).operator_bytes == room
    assert Together(transforms, images[0].shape).operator_bytes == 5 * ImageOperator.most_bytes(12, 12)
    made = together(transforms, images, room)
    for place, transform in enumerate(transforms):
        found = [transform(image) for image in images]
        np.testing.assert_allclose(made[place], found, rtol=0, atol=1e-11)
        if place > 2:
            np.testing.assert_array_equal(made[place], found)


def test_an_operator_keeps_no_more_than_it_says() -> None:
    for affine in (Affine(((0.9, 0.1), (0.2, 1.1)), fill=0.5), Affine(((0.5, 0.0), (0.0, 0.5)), fill=1.0)):
        operator = ImageOperator(affine, 30, 40)
        operator.apply(np.zeros((1200, 1)))
        weights = operator._weights
        kept = [weights.data, weights.indices, weights.indptr, operator._outside, operator._filled]
        assert sum(array.nbytes for array in kept) <= ImageOperator.most_bytes(30, 40) + 8


def test_samples_are_not_changed() -> None:
    images = pictures(2, (6, 6, 3))
    for image in images:
        image.flags.writeable = False
    before = np.array(images)
    together(expand(["rotation:steps=3,fill=0.4", "brightness:steps=2"]), images)
    np.testing.assert_array_equal(images, before)
