"""Counts of firing against loops over samples and transforms, however the grid is cut, merged or taken."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.statistics import ColumnMoments, Extent, Statistic
from onnxinv.statistics.firing_counts import FiringCounts
from onnxinv.statistics.top_values import TopValues
from tests.statistics.grid import assert_same, draw, feed, whole_samples


def extent_of(reference: np.ndarray, transforms: int) -> Extent:
    """Return the extent of a run with these untransformed samples."""
    samples, units = reference.shape
    alone = Extent(1, units, np.arange(units), samples)
    kinds: tuple[type[Statistic], ...] = (TopValues, ColumnMoments)
    before = {kind: feed(kind.empty(alone), reference[:, None]) for kind in kinds}
    return Extent(transforms, units, np.arange(units), samples, untransformed=before)


def counts_of(
    grid: np.ndarray,
    reference: np.ndarray,
    samples: slice = slice(None),
    *,
    together: int = 16,
    width: int | None = None,
) -> FiringCounts:
    """Return the closed counts of some samples of a run."""
    some, known = grid[samples], reference[samples]
    empty = FiringCounts.empty(extent_of(reference, grid.shape[1]))
    return feed(empty, some, whole_samples(len(some), grid.shape[1], together), width, reference=known)


def counts_by_force(grid: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return |Z| and the firing variants of its samples by comparing one activation after the other."""
    samples, transforms, units = grid.shape
    most = min(max(1, -(-samples // 100)), samples - 1)
    fired, variants = np.zeros((2, units)), np.zeros((2, units))
    for unit in range(units):
        for side, sign in enumerate((1.0, -1.0)):
            threshold = sorted(sign * float(value) for value in reference[:, unit])[-1 - most]
            for sample in range(samples):
                if sign * float(reference[sample, unit]) > threshold:
                    fired[side, unit] += 1
                    for transform in range(transforms):
                        variants[side, unit] += sign * float(grid[sample, transform, unit]) > threshold
    return fired, variants


def related(samples: int, transforms: int, units: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a grid whose variants resemble their untransformed sample, and these samples."""
    reference = draw(samples, 1, units, seed=seed)
    return reference + draw(samples, transforms, units, seed=seed + 1) / 3, reference[:, 0]


@given(
    samples=st.integers(2, 210),
    transforms=st.integers(1, 5),
    units=st.integers(1, 4),
    kind=st.sampled_from(["smooth", "ties", "rectified"]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=40)
def test_equal_loops_over_the_grid(samples: int, transforms: int, units: int, kind: str, seed: int) -> None:
    grid, reference = related(samples, transforms, units, seed)
    if kind == "ties":
        grid, reference = np.round(grid), np.round(reference)
    elif kind == "rectified":
        grid, reference = np.maximum(grid, 0), np.maximum(reference, 0)
    found = counts_of(grid, reference)
    fired, variants = counts_by_force(grid, reference)
    np.testing.assert_array_equal(found.fired, fired)
    np.testing.assert_array_equal(found.variants, variants)
    assert found.count == samples


def test_as_many_samples_fire_as_asked_for_where_there_are_no_ties() -> None:
    grid, reference = related(1000, 1, 6)
    assert counts_of(grid, reference).fired.tolist() == [[10] * 6] * 2


def test_tell_how_much_the_untransformed_samples_vary() -> None:
    grid, reference = related(40, 3, 5)
    expected = reference.astype(np.float64).std(axis=0, ddof=1)
    np.testing.assert_allclose(counts_of(grid, reference).std, expected, rtol=1e-12)


@pytest.mark.parametrize("together", [1, 7, 16, 100])
@pytest.mark.parametrize("width", [None, 1, 4])
def test_do_not_depend_on_how_blocks_are_cut(together: int, width: int | None) -> None:
    grid, reference = related(130, 4, 6)
    assert_same(counts_of(grid, reference, together=together, width=width), counts_of(grid, reference), rtol=0)


def test_merging_groups_in_any_order_gives_the_counts_of_all_samples() -> None:
    grid, reference = related(120, 3, 5)
    parts = (slice(0, 1), slice(1, 70), slice(70, 120))
    for one, two, three in permutations(counts_of(grid, reference, part) for part in parts):
        assert_same(one.merge(two).merge(three), counts_of(grid, reference), rtol=0)


@pytest.mark.parametrize("units", [np.array([4, 0, 2]), slice(1, 4)], ids=["places", "slice"])
def test_counts_of_some_units_are_those_that_these_units_have_alone(units: np.ndarray | slice) -> None:
    grid, reference = related(60, 3, 5)
    assert_same(counts_of(grid, reference).take(units), counts_of(grid[..., units], reference[:, units]), rtol=1e-12)


def test_an_untransformed_sample_that_is_not_finite_shows_in_the_deviation() -> None:
    grid, reference = related(60, 3, 3)
    reference[5, 0], reference[50, 2] = np.nan, -np.inf
    with np.errstate(invalid="ignore"):
        assert np.isfinite(counts_of(grid, reference).std).tolist() == [False, True, False]
