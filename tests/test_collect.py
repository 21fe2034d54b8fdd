"""The states of groups are kept as they come: for all units or some, for all classes or those that a group has."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.collect import Collector
from onnxinv.measures.layer import Collected
from onnxinv.measures.normalized_variance import NormalizedVariance
from onnxinv.model.axes import BatchAxis
from onnxinv.model.layers import Layer
from onnxinv.statistics import ColumnMoments, RowMoments, State, merge_states
from onnxinv.subjects import Subject
from onnxinv.views import PlainView
from tests.measures.states import state_of
from tests.statistics.grid import assert_same, draw

UNITS, TRANSFORMS = 40, 3
SIZES = (5, 4, 4, 6)
MEASURE = NormalizedVariance.model_validate({})


def subject() -> Subject:
    """Return a layer of 4 channels of 10 units."""
    layer = Layer(0, "t", "layer", "Conv", (4, 10), 0, BatchAxis(), "float32")
    return Subject(layer, "layer", PlainView(layer, "channel"), (MEASURE,))


def grids(seed: int = 0) -> list[np.ndarray]:
    return [draw(size, TRANSFORMS, UNITS, seed=seed + number) for number, size in enumerate(SIZES)]


def assert_same_states(found: State, expected: State) -> None:
    assert found.samples == expected.samples
    assert found.kinds == expected.kinds
    for kind in (RowMoments, ColumnMoments):
        assert_same(found[kind], expected[kind], rtol=1e-12)


def collected_of(kept_units: int | None) -> Collected:
    collector = Collector(subject(), kept_units, (), seed=3)
    for grid in grids():
        collector.begin_group()
        collector.add(0, state_of(grid))
    return collector.collected()


@pytest.mark.parametrize("kept_units", [None, 15])
def test_the_states_of_all_samples_are_those_of_the_groups_together(kept_units: int | None) -> None:
    found = collected_of(kept_units)
    assert len(found.full) == 1
    assert_same_states(found.full[0], merge_states(map(state_of, grids())))
    assert found.samples == sum(SIZES)
    assert found.classes == ()


def test_all_units_of_every_group_are_kept_where_they_fit() -> None:
    for kept_units in (None, UNITS):
        found = collected_of(kept_units)
        assert found.kept is None
        for (state,), grid in zip(found.groups, grids(), strict=True):
            assert state is not None
            assert_same_states(state, state_of(grid))


def test_of_kept_units_each_group_has_the_same_ones() -> None:
    found = collected_of(15)
    assert found.kept is not None
    # The same three places in each of the four channels: a fourth would be 16 units.
    places = np.unique(found.kept % 10)
    assert places.size == 3
    assert found.kept.tolist() == np.add.outer(10 * np.arange(4), places).ravel().tolist()
    for (state,), grid in zip(found.groups, grids(), strict=True):
        assert state is not None
        assert_same_states(state, state_of(grid[:, :, found.kept]))
    assert_same_states(found.kept_full[0], found.full[0].take(found.kept))


@pytest.mark.parametrize("kept_units", [None, 15])
def test_classes_are_kept_apart_and_may_be_missing_from_a_group(kept_units: int | None) -> None:
    collector = Collector(subject(), kept_units, ("a", "b"), seed=3)
    one, other = grids(), grids(seed=10)
    missing = {(0, 1), (2, 0), (3, 1)}
    for number in range(len(SIZES)):
        collector.begin_group()
        for place, grid in enumerate((one, other)):
            if (number, place) not in missing:
                collector.add(place, state_of(grid[number]))
    found = collector.collected()
    assert found.classes == ("a", "b")
    assert_same_states(found.full[0], merge_states(state_of(one[number]) for number in (0, 1, 3)))
    assert_same_states(found.full[1], merge_states(state_of(other[number]) for number in (1, 2)))
    absent = {
        (number, place) for number, states in enumerate(found.groups) for place, state in enumerate(states) if not state
    }
    assert absent == missing
    for full, kept in zip(found.full, found.kept_full, strict=True):
        assert_same_states(kept, full if found.kept is None else full.take(found.kept))


@pytest.mark.parametrize("kept_units", [None, 15])
def test_a_group_may_come_in_pieces(kept_units: int | None) -> None:
    collector = Collector(subject(), kept_units, (), seed=3)
    collector.begin_group()
    for grid in grids()[:2]:
        collector.add(0, state_of(grid))
    collector.begin_group()
    collector.add(0, state_of(grids()[2]))
    found = collector.collected()
    together = merge_states(map(state_of, grids()[:2]))
    (first,), (second,) = found.groups
    assert first is not None
    assert second is not None
    places = slice(None) if found.kept is None else found.kept
    assert_same_states(first, together.take(places))
    assert_same_states(second, state_of(grids()[2]).take(places))
    assert_same_states(found.full[0], together.merge(state_of(grids()[2])))


@pytest.mark.parametrize("kept_units", [None, 15])
def test_it_can_be_asked_after_every_group(kept_units: int | None) -> None:
    collector = Collector(subject(), kept_units, (), seed=3)
    for number, grid in enumerate(grids(), start=1):
        collector.begin_group()
        collector.add(0, state_of(grid))
        for _ in range(2):
            found = collector.collected()
            assert len(found.groups) == number
            assert found.samples == sum(SIZES[:number])
            assert_same_states(found.full[0], merge_states(map(state_of, grids()[:number])))


def test_what_is_cleared_is_forgotten() -> None:
    collector = Collector(subject(), None, (), seed=3)
    collector.begin_group()
    collector.add(0, state_of(grids()[0]))
    found = collector.collected()
    collector.clear()
    collector.begin_group()
    collector.add(0, state_of(grids()[1]))
    assert collector.collected().samples == SIZES[1]
    assert found.samples == SIZES[0]
