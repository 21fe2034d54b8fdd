"""Reference distances against a brute force, however a group is cut into blocks."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.statistics import Block, Extent
from onnxinv.statistics.reference_distances import ReferenceDistances
from tests.statistics.grid import Grid, assert_same, draw, feed, whole_samples


def distances(grid: Grid, reference: Grid, together: int = 16) -> ReferenceDistances:
    empty = ReferenceDistances.empty(Extent.plain(grid.shape[1], grid.shape[2]))
    return feed(empty, grid, whole_samples(len(grid), grid.shape[1], together), reference=reference)


def pair(one: Grid, other: Grid) -> np.ndarray:
    a, b = one.astype(np.longdouble), other.astype(np.longdouble)
    turned = a / np.sqrt((a * a).sum()) - b / np.sqrt((b * b).sum())
    return np.array([(turned * turned).sum() / 2, np.sqrt(((a - b) ** 2).sum())])


def by_force(grid: Grid, reference: Grid) -> dict[str, np.ndarray]:
    """Return the sums over one group of samples, whose other is the next, of the last the first."""
    samples, transforms, _ = grid.shape
    own, other = np.zeros((2, 2, transforms), dtype=np.longdouble)
    for i in range(samples):
        for j in range(transforms):
            own[:, j] += pair(reference[i], grid[i, j])
            other[:, j] += pair(reference[i], grid[(i + 1) % samples, j])
    return {"own": own.astype(float), "other": other.astype(float)}


def sample(samples: int, transforms: int, units: int, *, offset: float = 0, seed: int = 0) -> tuple[Grid, Grid]:
    every = draw(samples, transforms + 1, units, offset=offset, seed=seed)
    return every[:, 1:], every[:, 0]


def assert_by_force(found: ReferenceDistances, grid: Grid, reference: Grid, rtol: float) -> None:
    assert found.count == len(grid)
    for name, expected in by_force(grid, reference).items():
        np.testing.assert_allclose(vars(found)[name], expected, rtol=rtol, err_msg=name)
    np.testing.assert_allclose(found.squares, np.square(grid.astype(np.float64)).sum(axis=(0, 2)), rtol=1e-12)


@given(samples=st.integers(2, 9), transforms=st.integers(1, 4), units=st.integers(1, 9), seed=st.integers(0, 999))
@settings(max_examples=40)
def test_equal_their_definition(samples: int, transforms: int, units: int, seed: int) -> None:
    grid, reference = sample(samples, transforms, units, seed=seed)
    assert_by_force(distances(grid, reference), grid, reference, rtol=1e-9)


@pytest.mark.parametrize("together", [1, 2, 3, 16])
def test_equal_their_definition_on_layers_of_several_pieces(together: int) -> None:
    grid, reference = sample(5, 3, 9000)
    assert_by_force(distances(grid, reference, together), grid, reference, rtol=1e-11)


def test_survive_a_mean_far_above_the_deviation() -> None:
    grid, reference = sample(5, 4, 200, offset=1e4)
    found, expected = distances(grid, reference), by_force(grid, reference)
    np.testing.assert_allclose(found.own[1], expected["own"][1], rtol=1e-12)
    np.testing.assert_allclose(found.own[0], expected["own"][0], rtol=1e-6)  # 1 - cos is 1e-8 there


@pytest.mark.parametrize("together", range(1, 9))
def test_do_not_depend_on_how_many_samples_come_together(together: int) -> None:
    grid, reference = sample(8, 3, 20)
    assert_same(distances(grid, reference, together), distances(grid, reference), rtol=1e-13)


def test_a_group_of_one_sample_counts_nothing() -> None:
    grid, reference = sample(7, 3, 20)
    alone = distances(grid[:1], reference[:1])
    assert alone.count == 0
    assert not any(vars(alone)[name].any() for name in ("own", "other", "squares"))
    rest = distances(grid[1:], reference[1:])
    assert_same(rest.merge(alone), rest, rtol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_invariant_vectors_the_own_ones_are_exactly_zero(dtype: str) -> None:
    reference = draw(6, 1, 3000)[:, 0].astype(dtype)
    found = distances(reference[:, None].repeat(5, axis=1), reference, together=4)
    assert not found.own.any()
    assert found.other.all()


def test_groups_are_merged_by_adding_them_up_in_any_order() -> None:
    parts = [sample(size, 3, 11, seed=size) for size in (2, 3, 5, 1)]
    expected = [by_force(*part) for part in parts[:3]]
    a, b, c, d = (distances(*part) for part in parts)
    for one, two, three, four in permutations((a, b, c, d)):
        merged = one.merge(two).merge(three.merge(four))
        assert merged.count == 10
        for name in ("own", "other"):
            np.testing.assert_allclose(vars(merged)[name], sum(each[name] for each in expected), rtol=1e-9)


def test_a_new_group_knows_nothing_of_the_one_before() -> None:
    for seed in range(2):
        grid, reference = sample(4, 2, 9, seed=seed)
        assert_by_force(distances(grid, reference, together=1), grid, reference, rtol=1e-9)


def test_are_of_the_layer_whichever_units_are_taken() -> None:
    found = distances(*sample(4, 2, 9))
    assert found.take(slice(0, 3)) is found


def test_keep_what_they_need_when_the_block_is_overwritten() -> None:
    grid, reference = sample(6, 2, 9)
    expected = distances(grid, reference)
    block, known = np.empty_like(grid[:1]), np.empty_like(reference[:1])
    found = ReferenceDistances.empty(Extent.plain(2, 9))
    for i in range(6):
        block[...], known[...] = grid[i], reference[i]
        found.update(Block(block, slice(0, 2), slice(0, 9), i, 1.0, np.empty(0), known, None, True))
    found.close(6)
    assert_same(found, expected, rtol=1e-13)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
def test_a_non_finite_activation_spoils_its_transform(bad: float) -> None:
    grid, reference = sample(5, 3, 7)
    grid[2, 1, 3] = bad
    found = distances(grid, reference)
    for name in ("own", "other"):
        spoiled = ~np.isfinite(vars(found)[name])
        np.testing.assert_array_equal(spoiled, [[False, True, False]] * 2)
