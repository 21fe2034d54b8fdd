"""Activations as they are, or reduced over space: which unit is where, of which channel, and how values are stored."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.config import Aggregate
from onnxinv.views import PlainView
from tests.views.layers import layer_of

REDUCED: tuple[Aggregate, ...] = ("activation-mean", "activation-max")
SHAPES = {
    "maps": ((4, 2, 3), 0),
    "channels last": ((2, 3, 4), 2),
    "channels between": ((2, 4, 3), 1),
    "tokens": ((6, 4), 1),
    "dense": ((4,), 0),
}

every_shape = pytest.mark.parametrize(("shape", "axis"), SHAPES.values(), ids=SHAPES)
every_reduction = pytest.mark.parametrize("aggregate", REDUCED)


def draw(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@every_shape
@pytest.mark.parametrize("aggregate", ["channel", "unit"])
def test_units_lie_in_the_order_of_the_layer(shape: tuple[int, ...], axis: int, aggregate: Aggregate) -> None:
    view = PlainView(layer_of(shape, axis), aggregate)
    raw = draw(5, 3, *shape)
    grid, reference = view.look(raw, slice(0, 3), 1).flat()
    assert reference is not None
    for place, index in enumerate(np.ndindex(*shape)):
        np.testing.assert_array_equal(grid[:, :, place], raw[:, :, *index])
        np.testing.assert_array_equal(reference[:, place], raw[:, 1, *index])
        assert view.channel[place] == index[axis]
    assert view.units.count == (len(view.channel) if aggregate == "unit" else 4)


@every_shape
@every_reduction
def test_reduced_activations_are_one_a_channel(shape: tuple[int, ...], axis: int, aggregate: Aggregate) -> None:
    view = PlainView(layer_of(shape, axis), aggregate)
    raw = draw(5, 3, *shape)
    grid, reference = view.look(raw, slice(0, 3), 2).flat()
    assert reference is not None
    space = np.moveaxis(raw, axis + 2, 2).reshape(5, 3, 4, -1).astype(np.float64)
    expected = space.mean(axis=3) if aggregate == "activation-mean" else space.max(axis=3)
    np.testing.assert_allclose(grid, expected, rtol=1e-12)
    np.testing.assert_allclose(reference, expected[:, 2], rtol=1e-12)
    assert view.channel.tolist() == view.units.channel.tolist() == [0, 1, 2, 3]
    assert view.units.count == 4


def test_means_of_half_precision_are_not_rounded_to_it() -> None:
    raw = np.full((1, 1, 1, 2, 2), 1, dtype=np.float16)
    raw[0, 0, 0, 0, 0] = 1 + 2.0**-10
    view = PlainView(layer_of((1, 2, 2), dtype="float16"), "activation-mean")
    assert view.look(raw, slice(0, 1), None).grid.item() == 1 + 2.0**-12
    assert view.units.resolution == 2.0**-10


def test_only_the_transforms_that_are_asked_for_are_shown() -> None:
    raw = draw(2, 4, 3, 2, 2)
    view = PlainView(layer_of((3, 2, 2)), "channel")
    # Three transforms of a run, from the fourth on, and the untransformed sample.
    look = view.look(raw, slice(3, 6), 3)
    assert look.grid.shape == (2, 3, 12, 1)
    assert look.inner == 1
    np.testing.assert_array_equal(look.flat()[0], raw[:, :3].reshape(2, 3, 12))
    assert look.reference is not None
    np.testing.assert_array_equal(look.reference[..., 0], raw[:, 3].reshape(2, 12))


def test_without_a_need_for_it_there_is_no_reference() -> None:
    for aggregate in ("channel", *REDUCED):
        assert PlainView(layer_of((3, 2, 2)), aggregate).look(draw(2, 4, 3, 2, 2), slice(0, 4), None).flat()[1] is None


def test_activations_are_shown_where_they_lie() -> None:
    raw = draw(2, 4, 3, 2, 2)
    view = PlainView(layer_of((3, 2, 2)), "channel")
    assert np.shares_memory(view.look(raw, slice(0, 3), None).grid, raw)
    assert view.bytes_per_variant() == 0


def test_values_of_units_are_stored_in_the_shape_of_the_layer() -> None:
    layer = layer_of((2, 3, 4), 2)
    view = PlainView(layer, "unit")
    assert view.arrange(np.arange(24.0)).tolist() == np.arange(24.0).reshape(2, 3, 4).tolist()
    # A measure of the whole layer has one value.
    assert view.arrange(np.array([5.0])).tolist() == [5.0]
    assert PlainView(layer, "channel").arrange(np.arange(4.0)).tolist() == [0, 1, 2, 3]
    assert PlainView(layer, "activation-max").arrange(np.arange(4.0)).tolist() == [0, 1, 2, 3]


@every_reduction
def test_a_map_with_a_number_that_is_not_finite_has_no_finite_reduction(aggregate: Aggregate) -> None:
    raw = np.zeros((1, 1, 3, 1, 2), dtype=np.float32)
    raw[0, 0, 0, 0] = [np.inf, -np.inf]
    raw[0, 0, 1, 0] = [np.nan, 1]
    shown = PlainView(layer_of((3, 1, 2)), aggregate).look(raw, slice(0, 1), None).flat()[0].ravel()
    assert np.isfinite(shown).tolist() == [False, False, True]
