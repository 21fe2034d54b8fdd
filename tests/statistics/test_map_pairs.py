"""Distances between maps against loops over pairs, for maps of every size and however near each other."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from onnxinv.statistics.map_pairs import pair_sums, runs_of_channels
from tests.statistics.grid import Grid

SIZES = [1, 2, 9, 24, 25, 100, 5000]
axes = pytest.mark.parametrize("axis", [0, 1], ids=["samples", "transforms"])
sizes = pytest.mark.parametrize("size", SIZES)


def draw(samples: int, transforms: int, channels: int, size: int, *, offset: float = 0, seed: int = 0) -> Grid:
    noise = np.random.default_rng(seed).standard_normal((samples, transforms, channels, size))
    return (noise + offset).astype(np.float32)


def by_hand(maps: Grid, axis: int, normalized: bool = False, squared: bool = False) -> Grid:
    lines = np.moveaxis(maps.astype(np.float64), axis, 0)
    if normalized:
        norms = np.linalg.norm(lines, axis=-1, keepdims=True)
        lines = np.where(norms > 0, lines / np.where(norms > 0, norms, 1), 0)
    distances = [np.linalg.norm(x - y, axis=-1) for x, y in combinations(lines, 2)]
    return sum((each ** (2 if squared else 1)).sum(axis=0) for each in distances)


def farthest_from_first(maps: Grid, axis: int) -> Grid:
    lines = np.moveaxis(maps.astype(np.float64), axis, 0)
    return np.linalg.norm(lines - lines[0], axis=-1).max(axis=(0, 1))


@axes
@sizes
@pytest.mark.parametrize("normalized", [False, True], ids=["as they are", "of norm 1"])
@pytest.mark.parametrize("squared", [False, True], ids=["distance", "squared"])
def test_equal_the_sum_over_pairs(axis: int, size: int, normalized: bool, squared: bool) -> None:
    maps = draw(5, 4, 3, size, offset=1)
    maps[2, :, 1] = 0
    maps[:, 1, 2] = 0
    total, farthest = pair_sums(maps, axis, normalized=normalized, squared=squared)
    np.testing.assert_allclose(total, by_hand(maps, axis, normalized, squared), rtol=1e-12)
    if not normalized:
        np.testing.assert_allclose(farthest, farthest_from_first(maps, axis), rtol=1e-12)


@axes
@pytest.mark.parametrize("size", [3, 40])
def test_many_maps_are_compared_in_pieces(axis: int, size: int) -> None:
    shape = (90, 2) if axis == 0 else (2, 90)
    maps = draw(*shape, 40, size, offset=1)
    total, _ = pair_sums(maps, axis, normalized=False, squared=False)
    np.testing.assert_allclose(total, by_hand(maps, axis), rtol=1e-12)


@pytest.mark.parametrize("size", [8, 32])
def test_hundreds_of_maps_are_compared_in_pieces_too(size: int) -> None:
    maps = draw(700, 1, 1, size).astype(np.float64)
    maps[1::2] = maps[::2] * (1 + 1e-4)
    total, _ = pair_sums(maps, 0, normalized=False, squared=False)
    np.testing.assert_allclose(total, pdist(maps[:, 0, 0]).sum(), rtol=1e-13)


@axes
@sizes
def test_maps_near_each_other_and_far_from_the_first_lose_no_digits(axis: int, size: int) -> None:
    """What the near pairs add is known from the difference to what the same maps add without the nearness."""
    shape = (4, 1) if axis == 0 else (1, 4)
    maps = np.broadcast_to(draw(1, 1, 2, size, offset=2).astype(np.float64), (*shape, 2, size)).copy()
    lines = np.moveaxis(maps, axis, 0)
    lines[0] *= -1
    lines[2] *= 1 + 1e-6
    found = pair_sums(maps, axis, normalized=False, squared=False)[0]
    far = sum(np.linalg.norm(lines[0] - line, axis=-1).sum(axis=0) for line in lines[1:])
    near = np.linalg.norm(lines[1] - lines[2], axis=-1).sum(axis=0)
    np.testing.assert_allclose(found - far, 2 * near, rtol=1e-7)


@axes
@sizes
@pytest.mark.parametrize("normalized", [False, True], ids=["as they are", "of norm 1"])
def test_equal_maps_are_at_distance_zero_exactly(axis: int, size: int, normalized: bool) -> None:
    shape = (6, 1) if axis == 0 else (1, 6)
    maps = np.broadcast_to(draw(1, 1, 3, size, offset=5) / np.float32(3), (*shape, 3, size))
    total, farthest = pair_sums(maps, axis, normalized=normalized, squared=False)
    assert not total.any()
    assert not farthest.any()


@axes
@pytest.mark.parametrize("size", [4, 64])
def test_only_the_pairs_with_the_odd_one_count_where_all_others_are_equal(axis: int, size: int) -> None:
    shape = (6, 1) if axis == 0 else (1, 6)
    maps = np.broadcast_to(draw(1, 1, 1, size, offset=5), (*shape, 1, size)).copy()
    np.moveaxis(maps, axis, 0)[0] += 3
    total, farthest = pair_sums(maps, axis, normalized=False, squared=True)
    assert total[0] == pytest.approx(5 * 9 * size, rel=1e-6)
    np.testing.assert_allclose(total, by_hand(maps, axis, squared=True), rtol=1e-14)
    assert farthest[0] == pytest.approx(3 * np.sqrt(size), rel=1e-6)


@axes
@pytest.mark.parametrize("size", [1, 4, 64])
@pytest.mark.parametrize("normalized", [False, True], ids=["as they are", "of norm 1"])
@pytest.mark.parametrize("bad", [np.nan, np.inf], ids=str)
def test_a_value_that_is_not_finite_stays_in_its_channel(axis: int, size: int, normalized: bool, bad: float) -> None:
    maps = draw(4, 3, 3, size)
    clean, _ = pair_sums(maps, axis, normalized=normalized, squared=False)
    maps[2, 1, 1, 0] = bad
    with np.errstate(all="ignore"):
        found, _ = pair_sums(maps, axis, normalized=normalized, squared=False)
    assert not np.isfinite(found[1])
    np.testing.assert_array_equal(found[[0, 2]], clean[[0, 2]])


@pytest.mark.parametrize(
    "channel",
    [
        pytest.param(np.repeat(np.arange(3), 4), id="channels first"),
        pytest.param(np.tile(np.arange(3), 4), id="channels last"),
        pytest.param(np.array([2, 0, 0, 1, 0, 2]), id="of different sizes"),
        pytest.param(np.repeat(np.arange(500), 100), id="more than one run"),
        pytest.param(np.tile(np.arange(500), 100), id="more than one run, channels last"),
    ],
)
def test_runs_hold_every_channel_once_with_its_units(channel: np.ndarray) -> None:
    values = np.arange(2 * 3 * channel.size).reshape(2, 3, -1)
    seen = 0
    for run in runs_of_channels(channel):
        maps = run.maps(values)
        assert run.places.start == seen
        for place in range(run.places.start, run.places.stop):
            np.testing.assert_array_equal(maps[:, :, place - seen], values[:, :, channel == place])
        seen = run.places.stop
    assert seen == channel.max() + 1
