"""Counts above a normal fit against comparing the whole grid, however it is cut, merged or taken."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from onnxinv.statistics import ColumnMoments, Extent
from onnxinv.statistics.firing_rates import FiringRates
from tests.statistics.grid import assert_same, draw, feed, whole_samples


def rates_of(
    grid: np.ndarray,
    reference: np.ndarray,
    samples: slice = slice(None),
    *,
    together: int = 16,
    width: int | None = None,
) -> FiringRates:
    """Return the closed counts of some samples of a run."""
    units, some = grid.shape[2], grid[samples]
    alone = Extent(1, units, np.arange(units), len(reference))
    moments = feed(ColumnMoments.empty(alone), reference[:, None])
    empty = FiringRates.empty(
        Extent(grid.shape[1], units, np.arange(units), len(reference), untransformed={ColumnMoments: moments})
    )
    pieces = whole_samples(len(some), grid.shape[1], together)
    return feed(empty, some, pieces, width, reference=reference[samples])


@given(samples=st.integers(2, 90), transforms=st.integers(1, 40), units=st.integers(1, 4), seed=st.integers(0, 2**31))
@settings(max_examples=40)
def test_equal_the_whole_grid_compared(samples: int, transforms: int, units: int, seed: int) -> None:
    grid, reference = draw(samples, transforms, units, seed=seed) + 5, draw(samples, 1, units, seed=seed + 1)[:, 0] + 4
    known = reference.astype(np.float64)
    limit = norm.ppf(0.99, loc=known.mean(axis=0), scale=known.std(axis=0, ddof=1))
    found = rates_of(grid, reference)
    np.testing.assert_array_equal(found.variants, (grid > limit).sum(axis=(0, 1)))
    np.testing.assert_array_equal(found.samples, (reference > limit).sum(axis=0))
    np.testing.assert_allclose(found.mean, known.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.std, known.std(axis=0, ddof=1), rtol=1e-12)


def test_count_more_variants_than_a_byte_holds() -> None:
    reference = draw(16, 1, 3)[:, 0]
    grid = np.full((16, 100, 3), 50, dtype=np.float32)
    assert rates_of(grid, reference).variants.tolist() == [1600] * 3


@pytest.mark.parametrize("together", [1, 7, 100])
@pytest.mark.parametrize("width", [None, 1, 4])
def test_do_not_depend_on_how_blocks_are_cut(together: int, width: int | None) -> None:
    grid, reference = draw(130, 4, 6), draw(130, 1, 6, seed=1)[:, 0]
    assert_same(rates_of(grid, reference, together=together, width=width), rates_of(grid, reference), rtol=0)


def test_merging_groups_in_any_order_gives_the_counts_of_all_samples() -> None:
    grid, reference = draw(120, 3, 5), draw(120, 1, 5, seed=1)[:, 0]
    parts = (slice(0, 1), slice(1, 70), slice(70, 120))
    for one, two, three in permutations(rates_of(grid, reference, part) for part in parts):
        assert_same(one.merge(two).merge(three), rates_of(grid, reference), rtol=0)


@pytest.mark.parametrize("units", [np.array([4, 0, 2]), slice(1, 4)], ids=["places", "slice"])
def test_counts_of_some_units_are_those_that_these_units_have_alone(units: np.ndarray | slice) -> None:
    grid, reference = draw(60, 3, 5), draw(60, 1, 5, seed=1)[:, 0]
    assert_same(rates_of(grid, reference).take(units), rates_of(grid[..., units], reference[:, units]), rtol=1e-12)
