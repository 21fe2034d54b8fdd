"""Transformational, sample and normalized distance against loops over pairs, with every combination of parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.errors import UsageError
from onnxinv.measures import Units, measures
from onnxinv.measures.needs import Facts
from onnxinv.statistics import ColumnMoments, RowMoments, State, merge_states
from tests.measures import brute_force
from tests.measures.brute_force import channels_of
from tests.measures.grids import draw, with_special_units
from tests.measures.states import state_of

TD, SD, ND = "transformational-distance", "sample-distance", "normalized-distance"
SHAPES = [
    pytest.param((3, 2, 2), 0, id="feature maps, channels first"),
    pytest.param((2, 2, 3), 2, id="feature maps, channels last"),
    pytest.param((4, 3), 1, id="tokens"),
    pytest.param((12,), 0, id="dense"),
]


@dataclass(frozen=True)
class Rule:
    squared: bool = False
    map: bool = False
    normalize: bool = False
    every: bool = False

    def __str__(self) -> str:
        chosen = {
            "distance=euclidean-squared": self.squared,
            "map=true": self.map,
            "normalize=true": self.normalize,
            "pairs=all": self.every,
        }
        return ",".join(text for text, wanted in chosen.items() if wanted)

    def named(self, measure: str) -> str:
        return f"{measure}:{self}" if str(self) else measure


RULES = [Rule(*flags) for flags in product((False, True), repeat=4) if flags[1] or not flags[2]]
rules = pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule) or "default")
by_unit = pytest.mark.parametrize(
    "rule", [rule for rule in RULES if not rule.map], ids=lambda rule: str(rule) or "default"
)


def pairs_of_samples(groups: list[np.ndarray], rule: Rule) -> list[tuple[np.ndarray, np.ndarray]]:
    if rule.every:
        return list(combinations(np.concatenate(groups), 2))
    blocks = [group[start : start + 16] for group in groups for start in range(0, len(group), 16)]
    return [pair for block in blocks for pair in combinations(block, 2)]


def by_hand(groups: list[np.ndarray], channel: np.ndarray, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Return TD and SD of every channel, of values without rounding; each group is (samples, transforms, units)."""

    def between(x: np.ndarray, y: np.ndarray) -> float:
        if not rule.map:
            return float(np.mean(np.abs(x - y) ** (2 if rule.squared else 1)))
        if rule.normalize:
            x, y = (map_ / np.linalg.norm(map_) if map_.any() else map_ for map_ in (x, y))
        return float(np.linalg.norm(x - y) ** (2 if rule.squared else 1))

    found = []
    for place in np.unique(channel):
        cut = [group[..., channel == place].astype(np.float64) for group in groups]
        rows = [between(*pair) for row in np.concatenate(cut) for pair in combinations(row, 2)]
        columns = [between(a, b) for x, y in pairs_of_samples(cut, rule) for a, b in zip(x, y, strict=True)]
        found.append((np.mean(rows) if rows else 0.0, np.mean(columns)))
    td, sd = np.array(found).T
    return td, sd


def state(measure: str, groups: list[np.ndarray], channel: np.ndarray) -> State:
    return merge_states(state_of(group, measures.build(measure), channel=channel) for group in groups)


def compute(measure: str, grid: np.ndarray | list[np.ndarray], units: Units | None = None) -> np.ndarray:
    return evaluated(measure, grid, units)[0]


def dead(measure: str, grid: np.ndarray | list[np.ndarray], units: Units | None = None) -> list[bool]:
    return evaluated(measure, grid, units)[1].tolist()


def evaluated(
    measure: str, grid: np.ndarray | list[np.ndarray], units: Units | None = None
) -> tuple[np.ndarray, np.ndarray]:
    groups = grid if isinstance(grid, list) else [grid]
    units = units or Units.of((groups[0].shape[2],), 0, "float32", per_unit=True)
    built = measures.build(measure)
    found = built.compute(state(measure, groups, units.channel), units)
    assert list(found) == built.result_keys() == [measure]
    return found[measure].values, found[measure].dead


def feature_maps(channels: int, size: int, dtype: str = "float32") -> Units:
    return Units.of((channels, size), 0, dtype, per_unit=False)


@rules
@given(
    sizes=st.lists(st.integers(2, 19), min_size=1, max_size=2), transforms=st.integers(2, 6), seed=st.integers(0, 999)
)
@settings(max_examples=5)
def test_equal_the_loops_over_pairs(rule: Rule, sizes: list[int], transforms: int, seed: int) -> None:
    groups = [draw(samples, transforms, 6, seed + place) for place, samples in enumerate(sizes)]
    units = feature_maps(3, 2)
    td, sd = by_hand(groups, units.channel, rule)
    np.testing.assert_allclose(compute(rule.named(TD), groups, units), td, rtol=1e-10)
    np.testing.assert_allclose(compute(rule.named(SD), groups, units), sd, rtol=1e-10)
    np.testing.assert_allclose(compute(rule.named(ND), groups, units), td / sd, rtol=1e-10)


@rules
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_equal_the_loops_over_pairs_in_every_layout(rule: Rule, shape: tuple[int, ...], axis: int) -> None:
    grid = draw(18, 5, 12)
    units, channel = Units.of(shape, axis, "float32", per_unit=False), channels_of(shape, axis)
    td, sd = by_hand([grid], channel, rule)
    np.testing.assert_allclose(compute(rule.named(TD), grid, units), td, rtol=1e-10)
    np.testing.assert_allclose(compute(rule.named(SD), grid, units), sd, rtol=1e-10)
    np.testing.assert_allclose(compute(rule.named(ND), grid, units), td / sd, rtol=1e-10)


@by_unit
def test_without_maps_every_unit_can_keep_its_own_value(rule: Rule) -> None:
    grid = draw(18, 5, 12)
    td, sd = by_hand([grid], np.arange(12), rule)
    units = Units.of((3, 4), 0, "float32", per_unit=True)
    np.testing.assert_allclose(compute(rule.named(ND), grid, units), td / sd, rtol=1e-10)


@rules
def test_a_mean_of_ten_thousand_deviations_costs_six_digits_at_most(rule: Rule) -> None:
    grid = draw(18, 5, 12) + np.float32(1e4)
    units = feature_maps(3, 4)
    td, sd = by_hand([grid], units.channel, rule)
    np.testing.assert_allclose(compute(rule.named(ND), grid, units), td / sd, rtol=1e-6)


@rules
def test_special_channels_have_the_values_of_the_quotient_rule(rule: Rule) -> None:
    grid = with_special_units(18, 5)
    units = feature_maps(12, 1)
    if rule.normalize:  # of a map of one unit its sign is left
        grid[..., 4:] = np.sign(grid[..., 4:]) * (1 + np.abs(grid[..., 4:]))
        grid[:, :, 2] = np.where(np.arange(18) % 2, 1, -1)[:, None]
        grid[:, :, 3] = np.where(np.arange(5) % 2, 1, -1)
    nd = compute(rule.named(ND), grid, units)
    assert nd[:4].tolist() == [1, 1, 0, math.inf]
    assert np.all(np.isfinite(nd[4:]))
    assert compute(rule.named(TD), grid, units)[:3].tolist() == [0, 0, 0]
    assert compute(rule.named(SD), grid, units)[[0, 1, 3]].tolist() == [0, 0, 0]
    for measure in (TD, SD, ND):
        assert dead(rule.named(measure), grid, units)[:4] == [True, True, False, False]


@rules
def test_an_ulp_of_jitter_is_rounding_and_a_hundred_are_not(rule: Rule) -> None:
    """Of the second channel one unit jitters; the others are still, so that maps have something to be normalized by."""
    for ulps, seen in ((1, False), (100, True)):
        jitter = 1 + np.float32(ulps * 2.0**-23) * (np.arange(4) % 2)
        grid = np.ones((4, 4, 6), dtype=np.float32)
        grid[:, :, 3] = jitter
        assert (compute(rule.named(TD), grid, feature_maps(2, 3))[1] > 0) == seen
        assert compute(rule.named(ND), grid, feature_maps(2, 3)).tolist() == ([1, math.inf] if seen else [1, 1])
        grid[:, :, 3] = jitter[:, None]
        assert (compute(rule.named(SD), grid, feature_maps(2, 3))[1] > 0) == seen
        assert dead(rule.named(ND), grid, feature_maps(2, 3)) == [True, not seen]


@rules
def test_a_channel_is_dead_only_where_all_its_units_are(rule: Rule) -> None:
    grid = with_special_units(7, 5)[..., [0, 1, 0, 4, 2, 0]]
    units = feature_maps(3, 2)
    for measure in (TD, SD, ND):
        assert dead(rule.named(measure), grid, units) == [True, False, False]
    assert compute(rule.named(ND), grid, units)[[0, 2]].tolist() == [1, 0]


@rules
def test_with_one_transform_nothing_varies_with_it(rule: Rule) -> None:
    grid = draw(6, 1, 12)
    grid[..., :4] = 3
    units = feature_maps(3, 4)
    assert not compute(rule.named(TD), grid, units).any()
    assert compute(rule.named(ND), grid, units).tolist() == [1, 0, 0]
    np.testing.assert_allclose(
        compute(rule.named(SD), grid, units)[1:], by_hand([grid], units.channel, rule)[1][1:], rtol=1e-11
    )


@rules
def test_one_sample_has_a_transformational_distance_and_two_have_all(rule: Rule) -> None:
    units = feature_maps(3, 2)
    grid = draw(1, 5, 6)
    exact = [np.concatenate([grid, grid])]
    np.testing.assert_allclose(compute(rule.named(TD), grid, units), by_hand(exact, units.channel, rule)[0], rtol=1e-11)
    two = draw(2, 5, 6)
    td, sd = by_hand([two], units.channel, rule)
    np.testing.assert_allclose(compute(rule.named(ND), two, units), td / sd, rtol=1e-11)


def test_without_two_samples_in_any_group_blocks_say_nothing_of_columns_and_all_pairs_do() -> None:
    groups = [draw(1, 5, 4, seed) for seed in range(2)]
    assert np.isnan(compute(SD, groups)).all()
    assert np.isnan(compute(ND, groups)).all()
    assert (compute(f"{SD}:pairs=all", groups) > 0).all()


@rules
def test_the_order_of_transforms_does_not_matter(rule: Rule) -> None:
    grid = draw(18, 5, 6)
    units = feature_maps(3, 2)
    shuffled = compute(rule.named(ND), grid[:, [3, 0, 4, 2, 1]], units)
    np.testing.assert_allclose(shuffled, compute(rule.named(ND), grid, units), rtol=1e-12)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.every], ids=str)
def test_with_all_pairs_neither_the_order_of_samples_nor_their_groups_matter(rule: Rule) -> None:
    grid = draw(18, 5, 6)
    units = feature_maps(3, 2)
    expected = compute(rule.named(ND), grid, units)
    mixed = np.random.default_rng(0).permutation(grid)
    np.testing.assert_allclose(compute(rule.named(ND), [mixed[:1], mixed[1:12], mixed[12:]], units), expected, 1e-12)


@rules
def test_some_units_say_the_same_of_their_channel_as_all_where_maps_are_compared(rule: Rule) -> None:
    """Group states may be kept for a part of the units; by units, their own mean is what is left."""
    grid = draw(18, 5, 12)
    grid[..., 4:8] = grid[..., 4:5]
    some = np.array([1, 4, 5, 8, 10, 11])
    units = feature_maps(3, 4)
    for measure in (TD, SD, ND):
        found = state(rule.named(measure), [grid], units.channel).take(some)
        values = measures.build(rule.named(measure)).compute(found, units.take(some))[rule.named(measure)].values
        whole = compute(rule.named(measure), grid, units)
        np.testing.assert_allclose(values[1], whole[1], rtol=1e-12)
        if rule.map and (rule.normalize or not rule.squared):
            np.testing.assert_allclose(values, whole, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@rules
@pytest.mark.parametrize(("bad", "transforms"), [(np.nan, 1), (np.inf, 1), (np.nan, 4), (-np.inf, 4)])
def test_non_finite_activations_end_as_nan_in_their_channel_alone(rule: Rule, bad: float, transforms: int) -> None:
    clean = with_special_units(6, transforms)
    grid = clean.copy()
    grid[2, -1, 5] = bad
    units = feature_maps(6, 2)
    for measure in (TD, SD, ND):
        found, expected = compute(rule.named(measure), grid, units), compute(rule.named(measure), clean, units)
        assert np.isnan(found).tolist() == [False, False, True, False, False, False]
        np.testing.assert_array_equal(np.delete(found, 2), np.delete(expected, 2))
        assert not dead(rule.named(measure), grid, units)[2]


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
@rules
def test_activations_whose_squares_are_no_numbers_are_unknown_not_dead(rule: Rule) -> None:
    grid = 1e200 * draw(6, 4, 6).astype(np.float64)
    units = feature_maps(3, 2, "float64")
    for measure in (TD, SD, ND):
        assert np.isnan(compute(rule.named(measure), grid, units)).all()
        assert dead(rule.named(measure), grid, units) == [False] * 3


def test_float16_layers_have_the_resolution_of_float16() -> None:
    grid = np.ones((4, 4, 1), dtype=np.float16)
    grid[::2] += np.float16(2.0**-10)
    assert compute(SD, grid, Units.of((1,), 0, "float16", per_unit=True)).tolist() == [0]
    assert compute(SD, grid.astype(np.float32))[0] > 0


@rules
def test_only_what_is_needed_is_accumulated(rule: Rule) -> None:
    of_rows = set(measures.build(rule.named(TD)).kinds())
    of_columns = set(measures.build(rule.named(SD)).kinds())
    assert set(measures.build(rule.named(ND)).kinds()) == of_rows | of_columns
    assert {RowMoments, ColumnMoments} <= of_rows & of_columns
    if rule.squared and rule.every and not rule.map:
        assert of_rows == of_columns == {RowMoments, ColumnMoments}


def test_maps_are_normalized_and_units_are_not() -> None:
    for measure in (TD, SD, ND):
        with pytest.raises(UsageError, match="goes with map=true"):
            measures.build(f"{measure}:normalize=true")


def test_maps_have_one_value_a_channel_and_blocks_need_two_samples_of_a_group() -> None:
    def lacking(measure: str, facts: Facts) -> list[str]:
        return [each.lacking(facts) for each in measures.build(measure).needed() if each.lacking(facts)]

    by_channel, by_unit_alone = Facts(9, 5, together=9), Facts(9, 5, together=1, aggregate="unit")
    for measure in (TD, SD, ND):
        assert not lacking(f"{measure}:map=true", by_channel)
        assert any("one value a channel" in text for text in lacking(f"{measure}:map=true", by_unit_alone))
        assert bool(lacking(measure, by_unit_alone)) == (measure != TD)
        assert not lacking(f"{measure}:pairs=all", by_unit_alone)


@pytest.mark.parametrize("measure", [TD, SD, ND])
def test_directions_and_fewest_samples(measure: str) -> None:
    built = measures.build(measure)
    assert built.direction == ("neither" if measure == SD else "lower")
    assert built.samples_needed == (1 if measure == TD else 2)
    assert built.interval
    assert built.stratifies
    assert built.bounds == (0, math.inf)


def test_a_brute_force_of_variances_agrees_with_squared_distances() -> None:
    """The loops of this file and those of the variances: two independent ways to one number."""
    grid = draw(9, 5, 6)
    td, sd = by_hand([grid], np.arange(6), Rule(squared=True, every=True))
    exact = grid.astype(np.float64)
    rule = brute_force.Rule(dispersion="var")
    np.testing.assert_allclose(td, 2 * brute_force.transformational_variance(exact, rule), rtol=1e-12)
    np.testing.assert_allclose(sd, 2 * brute_force.sample_variance(exact, rule), rtol=1e-12)
