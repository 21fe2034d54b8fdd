"""What every registered family is held to, whoever adds it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, Image, Step, Transform, expand, families
from onnxinv.transforms.affine import Affine

Draw = Callable[[tuple[int, ...]], Image]

IMAGES = {"square": (12, 12, 3), "oblong": (7, 10, 3), "grey": (7, 10, 1)}
ARRAYS = {"sequence": (40,), "sequences": (2, 30), "sequence of matrices": (20, 3, 25)}

pytestmark = pytest.mark.parametrize("name", families.names())


@cache
def steps_of(name: str) -> list[Step]:
    """Return every step of a family's default set."""
    return [step for transform in expand([name]) for step in transform.steps]


def works_on_arrays(name: str) -> bool:
    """Return whether a family is for samples of any shape."""
    return bool(steps_of(name)) and not any(step.needs_image for step in steps_of(name))


def shapes(name: str) -> list[tuple[int, ...]]:
    """Return the shapes of samples that a family takes."""
    if works_on_arrays(name):
        return list(ARRAYS.values())
    color = any(step.needs_color for step in steps_of(name))
    return [shape for shape in IMAGES.values() if shape[2] == 3 or not color]


def context_of(name: str, transform: int = 1) -> Context:
    """Return what a family knows of a sample: the range of a pixel, if it is for images."""
    return Context(None if works_on_arrays(name) else (0.0, 1.0), (0, 5, transform))


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


def test_the_identity_is_marked_and_bit_exact(name: str, sample: Draw) -> None:
    identities = [transform for transform in expand([name]) if transform.is_identity]
    assert len(identities) <= 1
    for transform in identities:
        assert transform.name == "identity"
        for shape in shapes(name):
            np.testing.assert_array_equal(transform(sample(shape), context_of(name)), sample(shape))


def test_only_the_identity_leaves_a_sample_as_it_is(name: str, sample: Draw) -> None:
    for shape in shapes(name) if works_on_arrays(name) else [(32, 32, 3)]:
        for transform in some(name):
            changed = transform(sample(shape), context_of(name))
            assert transform.is_identity == np.array_equal(changed, sample(shape)), transform.name


def test_keeps_shape_and_type(name: str, sample: Draw) -> None:
    for shape in shapes(name):
        for transform in some(name):
            changed = transform(sample(shape), context_of(name))
            assert changed.shape == shape
            assert changed.dtype == np.float64
            assert np.isfinite(changed).all()


def test_is_deterministic_and_leaves_its_input_alone(name: str, sample: Draw) -> None:
    for shape in shapes(name):
        given = sample(shape)
        given.flags.writeable = False
        for transform in some(name):
            once, again = (transform(given, context_of(name)) for _ in range(2))
            np.testing.assert_array_equal(once, again)


def test_what_is_random_depends_on_each_part_of_the_seed(name: str, sample: Draw) -> None:
    given = sample(shapes(name)[0])
    last = expand([name])[-1]
    value_range = context_of(name).value_range
    seeds = [(1, 2, 3), (4, 2, 3), (1, 4, 3), (1, 2, 4)]
    drawn = {last(given, Context(value_range, seed)).tobytes() for seed in seeds}
    assert len(drawn) in (1, 4)  # either nothing is random, or everything is drawn anew


def test_a_family_of_images_stays_within_the_values_of_a_pixel(name: str, sample: Draw) -> None:
    for transform in () if works_on_arrays(name) else some(name):
        changed = transform(sample((8, 8, 3)), context_of(name))
        assert changed.min() >= 0, transform.name
        assert changed.max() <= 1 + 1e-12, transform.name


def test_what_is_for_colours_refuses_greys(name: str, sample: Draw) -> None:
    for transform in some(name):
        if any(step.needs_color for step in transform.steps):
            with pytest.raises(UsageError, match="has 1 channels"):
                transform(sample((8, 8, 1)), context_of(name))


def test_an_inverse_inverts(name: str, sample: Draw) -> None:
    rows, columns = np.mgrid[:48, :48] / 47
    plane = np.stack([rows, columns, rows + columns], axis=-1) / 2
    for transform in some(name):
        undone = transform.inverse()
        if undone is None:
            continue
        if works_on_arrays(name):
            for shape in shapes(name):
                back = undone(transform(sample(shape), context_of(name)), context_of(name))
                np.testing.assert_allclose(back, sample(shape), rtol=0, atol=1e-12)
            continue
        # What left the frame is lost, so only a small middle is compared, on a plane that interpolation keeps.
        back = undone(transform(plane, context_of(name)), context_of(name))
        np.testing.assert_allclose(back[21:27, 21:27], plane[21:27, 21:27], rtol=0, atol=1e-9)


def test_affine_neighbours_are_fused(name: str) -> None:
    for transform in some(name):
        kinds = [isinstance(step, Affine) for step in transform.steps]
        assert not any(first and second for first, second in pairwise(kinds))
