"""All measures of one layer: slices of channels, kept units, and an order of samples and transforms without effect."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.measures import DEFAULT, Units, measures
from onnxinv.measures import layer as layer_module
from onnxinv.measures.layer import measure_layer, spread_subset
from tests.measures.grids import draw, with_special_units
from tests.measures.states import collected, state_of

SHAPE = (4, 3)
BOTH = (*DEFAULT, "normalized-variance:dispersion=var", "normalized-variance:unbiased=true")


def values_of(grid: np.ndarray, units: Units) -> dict[str, np.ndarray]:
    state = state_of(grid)
    found = measure_layer([measures.build(text) for text in BOTH], collected([state]), units)
    return {key: values.values for key, (values, _) in found.items()}


def test_measures_everything_that_was_asked_for_by_key() -> None:
    assert list(values_of(draw(4, 3, 12), Units.of(SHAPE, 0, "float32", per_unit=True))) == [
        "normalized-variance",
        "transformational-variance",
        "sample-variance",
        "variance-share-sample",
        "variance-share-transform",
        "variance-share-interaction",
        "normalized-variance:dispersion=var",
        "normalized-variance:unbiased=true",
    ]


@pytest.mark.parametrize("axis", [0, 1], ids=["samples", "transforms"])
@pytest.mark.parametrize("whole", [True, False], ids=["units", "channels"])
def test_the_order_of_samples_and_transforms_changes_no_value(axis: int, whole: bool) -> None:
    grid, units = with_special_units(9, 7), Units.of(SHAPE, 0, "float32", per_unit=whole)
    expected = values_of(grid, units)
    order = np.random.default_rng(1).permutation(grid.shape[axis])
    for key, values in values_of(grid.take(order, axis=axis), units).items():
        np.testing.assert_allclose(values, expected[key], rtol=1e-9, atol=1e-15, err_msg=key)


@pytest.mark.parametrize("width", [1, 3, 5, 11, 12, 100])
@pytest.mark.parametrize(("axis", "whole"), [(0, False), (1, False), (0, True)], ids=["first", "last", "units"])
def test_finishing_slice_by_slice_changes_no_value(
    width: int, axis: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, units = with_special_units(9, 7), Units.of(SHAPE, axis, "float32", per_unit=whole)
    expected = values_of(grid, units)
    monkeypatch.setattr(layer_module, "SLICE_UNITS", width)
    for key, values in values_of(grid, units).items():
        np.testing.assert_allclose(values, expected[key], rtol=1e-14, err_msg=key)


def test_where_all_units_fit_all_are_kept() -> None:
    units = Units.of((4, 5), 0, "float32", per_unit=False)
    assert spread_subset(units, 20, 0) is None
    assert spread_subset(units, 19, 0) is not None


@pytest.mark.parametrize(
    ("shape", "axis", "size"), [((4, 50), 0, 20), ((4, 50), 0, 22), ((50, 4), 1, 30), ((7, 9, 9), 0, 100)]
)
def test_kept_units_are_spread_evenly_over_channels(shape: tuple[int, ...], axis: int, size: int) -> None:
    units = Units.of(shape, axis, "float32", per_unit=False)
    kept = spread_subset(units, size, 0)
    assert kept is not None
    assert len(np.unique(kept)) == len(kept) == size - size % units.count
    assert np.all(np.diff(kept) > 0)
    counts = np.bincount(units.channel[kept], minlength=units.count)
    assert counts.max() == counts.min()


def test_kept_units_are_the_same_in_another_order_of_axes_and_channels() -> None:
    first, last = (Units.of(shape, axis, "float32", per_unit=False) for shape, axis in (((6, 30), 0), ((30, 6), 1)))
    kept = [spread_subset(units, 64, 5) for units in (first, last)]
    assert kept[0] is not None
    assert kept[1] is not None
    places = [{*zip(*np.unravel_index(kept[0], (6, 30)), strict=True)}]
    places.append({(channel, place) for place, channel in zip(*np.unravel_index(kept[1], (30, 6)), strict=True)})
    assert places[0] == places[1]
    assert len({place for _, place in places[0]}) == 10


def test_fewer_kept_units_than_channels_are_of_different_channels() -> None:
    units = Units.of((40, 5), 0, "float32", per_unit=False)
    kept = spread_subset(units, 10, 0)
    assert kept is not None
    assert len(np.unique(units.channel[kept])) == 10


def test_channels_that_run_out_leave_their_places_to_others() -> None:
    units = Units(np.array([0] + [1] * 30 + [2] * 30), 3, 0.0)
    kept = spread_subset(units, 21, 0)
    assert kept is not None
    assert np.bincount(units.channel[kept]).tolist() == [1, 10, 10]


def test_the_choice_of_kept_units_is_seeded() -> None:
    units = Units.of((4, 50), 0, "float32", per_unit=False)
    first, again, other = (spread_subset(units, 40, seed) for seed in (0, 0, 1))
    assert first is not None
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("units", "size"),
    [
        pytest.param(Units.of((2, 10), 0, "float32", per_unit=False), 10, id="every channel gets the same"),
        pytest.param(Units.of((2, 10), 0, "float32", per_unit=False), 9, id="one channel gets more"),
        pytest.param(Units.of((20, 1), 0, "float32", per_unit=False), 10, id="more channels than places"),
        pytest.param(Units.of((2, 10), 0, "float32", per_unit=True), 10, id="every unit its own value"),
    ],
)
def test_a_unit_is_kept_as_often_as_any_other(units: Units, size: int) -> None:
    times = np.zeros(20)
    for seed in range(400):
        times[spread_subset(units, size, seed)] += 1
    # 400 draws with probability of about one half: a deviation of 10, and 50 is five of them.
    assert np.all(np.abs(times - 400 * size / 20) < 50)
