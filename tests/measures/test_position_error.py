"""The error of measuring some positions: a jackknife over them, against its definition and against draws by force."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from onnxinv.measures import Units
from onnxinv.measures.position_error import Replicates, missed, position_errors, remaining
from onnxinv.measures.summary import LOCATIONS

MEAN = {"mean": LOCATIONS["mean"]}


def drawn(channels: int, positions: int, every: int) -> Units:
    """Return the units of so many positions, drawn of so many."""
    plain = Units.of((channels, positions), 0, "float32", per_unit=False)
    return replace(plain, whole=channels * every, drawn=positions)


def replicates_of(values: np.ndarray, units: Units) -> Replicates:
    """Return the spatial means of (channels, positions) values without one fold after the other."""
    flat = values.reshape(-1)
    parts = [units.take(left).mean(flat[left]) for left in remaining(units)]
    return Replicates(np.stack(parts), missed(units))


@pytest.mark.parametrize(("channels", "most"), [(3, 16), (15, 16), (16, 8), (60, 8)])
@pytest.mark.parametrize("positions", [4, 16, 37])
def test_each_position_is_left_out_once_and_every_channel_keeps_some(channels, most, positions):
    units = drawn(channels, positions, 100)
    kept = remaining(units)
    assert len(kept) == min(positions, most)
    left_out = [np.setdiff1d(np.arange(channels * positions), each) for each in kept]
    np.testing.assert_array_equal(np.sort(np.concatenate(left_out)), np.arange(channels * positions))
    sizes = {tuple(np.bincount(units.channel[each], minlength=channels)) for each in left_out}
    assert all(len(set(size)) == 1 for size in sizes)
    assert max(size[0] for size in sizes) - min(size[0] for size in sizes) <= 1


def test_nothing_is_left_out_where_nothing_was_drawn():
    assert remaining(Units.of((3, 8), 0, "float32", per_unit=False)) == []
    assert remaining(drawn(3, 8, 100).take(slice(0, 16))) == []


def test_the_error_of_a_mean_is_that_of_a_stratified_sample():
    values = np.random.default_rng(0).standard_normal((5, 12))
    units = drawn(5, 12, 48)
    found = position_errors(values.mean(axis=1), replicates_of(values, units), MEAN)["mean"]
    by_channel = (1 - 12 / 48) * values.var(axis=1, ddof=1) / 12
    assert found.se == pytest.approx(math.sqrt(by_channel.sum()) / 5, rel=1e-12)
    assert found.bias == pytest.approx(0, abs=1e-15)


def test_nothing_is_unsure_where_positions_do_not_differ():
    values = np.repeat(np.random.default_rng(0).standard_normal((20, 1)), 8, axis=1)
    found = position_errors(values[:, 0], replicates_of(values, drawn(20, 8, 100)), LOCATIONS)
    assert set(found) == {"mean", "median", "p95"}
    for each in found.values():
        assert (each.se, each.bias) == pytest.approx((0, 0), abs=1e-12)


def test_channels_without_a_finite_value_all_along_are_left_out():
    values = np.random.default_rng(0).standard_normal((4, 6))
    units = drawn(4, 6, 60)
    whole, parts = values.mean(axis=1), replicates_of(values, units)
    broken = Replicates(parts.values.copy(), parts.missed)
    broken.values[2, 1] = math.inf
    kept = [0, 2, 3]
    expected = position_errors(whole[kept], Replicates(parts.values[:, kept], parts.missed), LOCATIONS)
    assert position_errors(whole, broken, LOCATIONS) == expected
    assert position_errors(np.full(4, math.nan), parts, LOCATIONS) == {}


@pytest.fixture(scope="module")
def population() -> np.ndarray:
    """Two positive quantities of 60 channels at 200 positions, whose means over positions are divided."""
    generator = np.random.default_rng(5)
    scale = np.exp(0.15 * generator.standard_normal((60, 1)))
    return np.stack([scale * generator.gamma(2, size=(60, 200)), generator.gamma(2, size=(60, 200))])


@pytest.mark.parametrize(
    ("name", "least"),
    [
        pytest.param("mean", 0.9, id="mean"),
        pytest.param("median", 0.9, id="median"),
        pytest.param("p95", 0.85, id="p95"),
    ],
)
def test_intervals_hold_the_quotient_of_all_positions_and_do_not_without_the_error(population, name, least):
    """Quotients are biased, and errors spread the channels: both must be taken off for the interval to hold."""
    truth = LOCATIONS[name](population[0].mean(axis=1) / population[1].mean(axis=1))
    units, generator = drawn(60, 10, 200), np.random.default_rng(9)
    held, biased = [], []
    for _ in range(300):
        chosen = np.argsort(generator.random((60, 200)), axis=1)[:, :10]
        top, bottom = (np.take_along_axis(each, chosen, axis=1) for each in population)
        whole = top.mean(axis=1) / bottom.mean(axis=1)
        parts = replicates_of(top, units).values / replicates_of(bottom, units).values
        found = position_errors(whole, Replicates(parts, missed(units)), LOCATIONS)[name]
        error = LOCATIONS[name](whole) - truth
        held.append(abs(error - found.bias) <= 1.96 * found.se)
        biased.append(abs(error) <= 1.96 * found.se)
    assert np.mean(held) >= least
    if name != "median":
        assert np.mean(biased) < 0.87
