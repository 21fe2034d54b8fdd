"""What every registered family is held to, whoever adds it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from onnxinv.transforms import Image, Transform, expand, families
from onnxinv.transforms.affine import Affine

SIZES = [pytest.param((12, 12, 3), id="square"), pytest.param((7, 10, 1), id="oblong")]

pytestmark = pytest.mark.parametrize("name", families.names())


def some(name: str, most: int = 40) -> tuple[Transform, ...]:
    """Return transforms spread over a family's default set."""
    transforms = expand([name])
    return transforms[:: max(1, len(transforms) // most)]


def test_is_documented(name: str) -> None:
    family = families.get(name)
    assert family.__doc__
    assert len(family.__doc__.splitlines()[0]) > 20
    assert inspect.getmodule(family).__doc__
    for key, field in family.model_fields.items():
        assert field.description, f"parameter {key}"


def test_is_named_in_kebab_case(name: str) -> None:
    assert name == name.lower().replace("_", "-").replace(" ", "-")


def test_expands_without_parameters_to_unique_names(name: str) -> None:
    transforms = families.build(name).expand()
    assert transforms
    assert len({transform.name for transform in transforms}) == len(transforms)


def test_expands_to_the_same_set_every_time(name: str) -> None:
    assert expand([name]) == expand([name])


def test_parameters_are_flat_and_alike(name: str) -> None:
    transforms = expand([name])
    assert len({tuple(transform.parameters) for transform in transforms}) == 1
    for transform in transforms:
        assert transform.parameters or not families.get(name).model_fields
        assert all(type(value) in (int, float, str) for value in transform.parameters.values())


def test_the_identity_is_marked_and_bit_exact(name: str, draw: Callable[..., Image]) -> None:
    image = draw(8, 8, 3)
    identities = [transform for transform in expand([name]) if transform.is_identity]
    assert len(identities) <= 1
    for transform in identities:
        assert transform.name == "identity"
        np.testing.assert_array_equal(transform(image, (0, 1)), image)


def test_only_the_identity_leaves_an_image_as_it_is(name: str, draw: Callable[..., Image]) -> None:
    image = draw(32, 32, 3)
    for transform in some(name):
        assert transform.is_identity == np.array_equal(transform(image, (0, 1)), image), transform.name


@pytest.mark.parametrize("shape", SIZES)
def test_keeps_shape_and_type(name: str, draw: Callable[..., Image], shape: tuple[int, int, int]) -> None:
    for transform in some(name):
        changed = transform(draw(*shape), (0, 1))
        assert changed.shape == shape
        assert changed.dtype == np.float64
        assert np.isfinite(changed).all()


@pytest.mark.parametrize("shape", SIZES)
def test_is_deterministic_and_leaves_its_input_alone(
    name: str, draw: Callable[..., Image], shape: tuple[int, int, int]
) -> None:
    image = draw(*shape)
    image.flags.writeable = False
    for transform in some(name):
        np.testing.assert_array_equal(transform(image, (0, 1)), transform(image, (0, 1)))


def test_stays_within_the_values_of_a_pixel(name: str, draw: Callable[..., Image]) -> None:
    image = draw(8, 8, 3)
    for transform in some(name):
        changed = transform(image, (0, 1))
        assert changed.min() >= 0, transform.name
        assert changed.max() <= 1 + 1e-12, transform.name


def test_an_inverse_inverts(name: str) -> None:
    rows, columns = np.mgrid[:48, :48] / 47
    image: Image = (rows + 2 * columns)[..., None] / 3
    for transform in some(name):
        undone = transform.inverse()
        if undone is None:
            continue
        # What left the frame is lost, so only a small middle is compared, on a plane that interpolation keeps.
        changed = undone(transform(image))
        np.testing.assert_allclose(changed[21:27, 21:27], image[21:27, 21:27], rtol=0, atol=1e-9)


def test_affine_neighbours_are_fused(name: str) -> None:
    for transform in some(name):
        kinds = [isinstance(step, Affine) for step in transform.steps]
        assert not any(first and second for first, second in pairwise(kinds))
