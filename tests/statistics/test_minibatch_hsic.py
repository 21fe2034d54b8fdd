"""Minibatch HSIC against the unbiased estimator of Song et al., block by block."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.statistics import Extent
from onnxinv.statistics.minibatch_hsic import MinibatchHsic
from tests.statistics.grid import Grid, assert_same, draw, feed

BLOCK = 16


def hsic(grid: Grid, reference: Grid) -> MinibatchHsic:
    return feed(MinibatchHsic.empty(Extent.plain(grid.shape[1], grid.shape[2])), grid, reference=reference)


def song(one: Grid, other: Grid) -> float:
    """Return HSIC1 of two (n, units) tables with linear kernels, straight from its formula."""
    n, gram, other_gram = len(one), one @ one.T, other @ other.T
    np.fill_diagonal(gram, 0)
    np.fill_diagonal(other_gram, 0)
    ones = np.ones(n, dtype=one.dtype)
    trace = np.trace(gram @ other_gram)
    sums = (ones @ gram @ ones) * (ones @ other_gram @ ones) / ((n - 1) * (n - 2))
    crossed = 2 / (n - 2) * (ones @ gram @ other_gram @ ones)
    return float((trace + sums - crossed) / (n * (n - 3)))


def by_force(grid: Grid, reference: Grid) -> dict[str, np.ndarray]:
    transforms = grid.shape[1]
    alone, cross, count = np.zeros(1 + transforms), np.zeros(transforms), 0
    for start in range(0, len(grid), BLOCK):
        known = reference[start : start + BLOCK].astype(np.longdouble)
        if len(known) < 4:
            continue
        count += 1
        alone[0] += song(known, known)
        for j in range(transforms):
            variants = grid[start : start + BLOCK, j].astype(np.longdouble)
            alone[1 + j] += song(variants, variants)
            cross[j] += song(known, variants)
    return {"count": np.array(count), "alone": alone, "cross": cross}


def sample(samples: int, transforms: int, units: int, *, offset: float = 0, seed: int = 0) -> tuple[Grid, Grid]:
    """Return variants that share something with the untransformed samples, and these."""
    every = draw(samples, transforms + 1, units, offset=offset, seed=seed)
    return every[:, 1:] + every[:, :1], every[:, 0]


def assert_by_force(found: MinibatchHsic, expected: dict[str, np.ndarray], rtol: float, scale: float = 1) -> None:
    for name, value in expected.items():
        np.testing.assert_allclose(vars(found)[name], value, rtol=rtol, atol=rtol * scale, err_msg=name)


@given(samples=st.integers(4, 40), transforms=st.integers(1, 4), units=st.integers(1, 9), seed=st.integers(0, 999))
@settings(max_examples=50)
def test_equals_its_definition(samples: int, transforms: int, units: int, seed: int) -> None:
    grid, reference = sample(samples, transforms, units, seed=seed)
    assert_by_force(hsic(grid, reference), by_force(grid, reference), rtol=1e-11, scale=units**2)


@pytest.mark.parametrize("shape", [(20, 3, 9000), (16, 20, 2500)], ids=str)
def test_equals_its_definition_on_layers_of_several_pieces(shape: tuple[int, int, int]) -> None:
    grid, reference = sample(*shape)
    assert_by_force(hsic(grid, reference), by_force(grid, reference), rtol=1e-11)


@pytest.mark.parametrize(("samples", "count"), [(3, 0), (4, 1), (16, 1), (19, 1), (20, 2), (35, 2), (36, 3)])
def test_skips_blocks_of_fewer_than_four_samples(samples: int, count: int) -> None:
    grid, reference = sample(samples, 2, 5)
    found = hsic(grid, reference)
    assert found.count == count
    assert found.alone.any() == (count > 0)


def test_survives_a_mean_far_above_the_deviation() -> None:
    grid, reference = sample(16, 3, 50, offset=1e4)
    # The formula itself cancels there, even in extended precision, unless the mean in common is taken off first.
    centred = [each.astype(np.longdouble) - each.astype(np.longdouble).mean(axis=0) for each in (grid, reference)]
    assert_by_force(hsic(grid, reference), by_force(*centred), rtol=1e-9)


def test_survives_a_first_sample_far_from_the_others() -> None:
    grid, reference = sample(16, 3, 50)
    grid[0], reference[0] = grid[0] * 1e3, reference[0] * 1e3
    assert_by_force(hsic(grid, reference), by_force(grid, reference), rtol=1e-9)


def test_does_not_change_when_all_vectors_are_shifted_alike() -> None:
    grid, reference = (each.astype(np.float64) for each in sample(18, 3, 30))
    shift = np.random.default_rng(1).standard_normal((3, 30)) * 100
    found = hsic(grid + shift, reference - shift[0])
    assert_by_force(found, {"alone": hsic(grid, reference).alone, "cross": hsic(grid, reference).cross}, rtol=1e-9)


@pytest.mark.parametrize("units", [1, 7, 513, 5000])
@pytest.mark.parametrize("samples", [4, 5, 16, 23])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_equal_vectors_is_equal_to_the_last_bit(units: int, samples: int, dtype: str) -> None:
    reference = draw(samples, 1, units, offset=3)[:, 0].astype(dtype)
    grid = np.stack([reference, -reference, reference], axis=1)
    found = hsic(grid, reference)
    assert found.alone.tolist() == [found.alone[0]] * 4
    assert found.cross.tolist() == [found.alone[0]] * 3


@given(samples=st.integers(4, 40), units=st.integers(1, 40), seed=st.integers(0, 999))
@settings(max_examples=50)
def test_is_an_inner_product(samples: int, units: int, seed: int) -> None:
    every = draw(samples, 4, units, seed=seed)
    found = hsic(every[:, 1:], every[:, 0])
    assert (found.alone >= 0).all()
    assert (np.abs(found.cross) <= np.sqrt(found.alone[0] * found.alone[1:]) * (1 + 1e-12)).all()


@pytest.mark.parametrize("value", [0.1, -12345.678, 3e30], ids=str)
def test_of_vectors_that_no_sample_changes_is_exactly_zero(value: float) -> None:
    reference = np.full((20, 30), value, dtype=np.float32)
    grid = np.repeat(reference[:, None], 3, axis=1) * np.array([1, 2, 0.3], dtype=np.float32)[:, None]
    found = hsic(grid, reference)
    assert found.count == 2
    assert not found.alone.any()
    assert not found.cross.any()


def test_sums_the_squared_length_of_each_blocks_first_vectors() -> None:
    grid, reference = sample(22, 3, 6)
    expected = sum(
        np.square(np.concatenate([reference[i : i + 1], grid[i]]).astype(float)).sum(axis=1) for i in (0, 16)
    )
    np.testing.assert_allclose(hsic(grid, reference).squares, expected, rtol=1e-12)


def test_groups_are_merged_by_adding_them_up_in_any_order() -> None:
    parts = [sample(size, 2, 5, seed=size) for size in (20, 3, 17, 4)]
    expected = [by_force(*part) for part in parts]
    total = {name: np.sum([each[name] for each in expected], axis=0) for name in expected[0]}
    for a, b, c, d in permutations([hsic(*part) for part in parts]):
        assert_by_force(a.merge(b).merge(c.merge(d)), total, rtol=1e-10)


def test_the_order_of_transforms_changes_nothing() -> None:
    grid, reference = sample(20, 5, 30)
    found, turned = hsic(grid, reference), hsic(grid[:, ::-1], reference)
    assert_same(
        MinibatchHsic(turned.count, turned.alone[1:][::-1], turned.cross[::-1], turned.squares[1:][::-1]),
        MinibatchHsic(found.count, found.alone[1:], found.cross, found.squares[1:]),
        rtol=0,
    )


def test_is_of_the_layer_whichever_units_are_taken() -> None:
    found = hsic(*sample(5, 2, 9))
    assert found.take(slice(0, 3)) is found


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("row", [0, 7])
def test_a_non_finite_activation_spoils_its_transform(bad: float, row: int) -> None:
    grid, reference = sample(20, 3, 9)
    grid[row, 1, 4] = bad
    found = hsic(grid, reference)
    assert np.isfinite(found.alone).tolist() == [True, True, False, True]
    assert np.isfinite(found.cross).tolist() == [True, False, True]
