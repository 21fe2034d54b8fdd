"""What holds for every measure of the class output: what it is told to be, its intervals, and what spoils it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from onnxinv.measures import Units, measures
from onnxinv.measures.classification import share_by_transform
from onnxinv.measures.jackknife import jackknife, leave_one_out
from onnxinv.measures.needs import CLASS_OUTPUT, LABELS
from onnxinv.statistics import State
from tests.measures.states import state_of
from tests.statistics.test_predictions import draw

NAMES = ["top1-consistency", "pairwise-consistency", "effective-invariance", "top1-change-rate", "accuracy"]

every = pytest.mark.parametrize("name", NAMES)


def units_of(grid: np.ndarray) -> Units:
    return Units.of(grid.shape[2:], 0, "float64", per_unit=True)


def values_of(name: str, grid: np.ndarray, reference: np.ndarray, labels: np.ndarray | None = None) -> dict[str, float]:
    built = measures.build(name)
    found = built.compute(state_of(grid, built, reference=reference, labels=labels), units_of(grid))
    return {key: float(each.values[0]) for key, each in found.items()}


@every
def test_speaks_of_the_class_output_once_and_within_its_range(name: str) -> None:
    measure = measures.get(name)
    assert (measure.scope, measure.view, measure.bounds, measure.samples_needed) == ("output", "classes", (0, 1), 1)
    assert measure.interval
    assert measure.proportion
    assert CLASS_OUTPUT in measure.needs
    assert (LABELS in measure.needs) == (name == "accuracy")
    assert measure.transforms_needed == (2 if name == "pairwise-consistency" else 1)
    assert measure.direction == ("lower" if name == "top1-change-rate" else "higher")


@every
def test_documents_its_range_and_its_source(name: str) -> None:
    document = measures.get(name).__doc__ or ""
    assert document.splitlines()[0].endswith(".")
    assert "Range" in document
    assert "Source:" in document


@every
def test_has_one_value_and_one_a_transform_where_it_has_a_profile(name: str) -> None:
    grid, reference, labels = draw(7, 4, 3)
    built = measures.build(name)
    found = built.compute(state_of(grid, built, reference=reference, labels=labels), units_of(grid))
    assert list(found) == built.result_keys()
    for key, each in found.items():
        assert each.values.shape == (1,)
        assert not each.dead.any()
        assert 0 <= each.values[0] <= 1
        has_profile = key not in ("pairwise-consistency", "worst-case-accuracy")
        assert (each.profile is not None) == has_profile
        if each.profile is not None:
            assert each.profile.shape == (4, 1)
            assert each.profile.mean() == pytest.approx(each.values[0], rel=1e-14)


@every
def test_works_with_one_sample_and_the_fewest_transforms(name: str) -> None:
    grid, reference, labels = draw(1, measures.get(name).transforms_needed, 3)
    assert all(np.isfinite(list(values_of(name, grid, reference, labels).values())))


@every
def test_is_nan_where_a_probability_is_not_finite(name: str) -> None:
    grid, reference, labels = draw(7, 4, 3)
    grid[3, 2, 1] = math.nan
    assert all(np.isnan(list(values_of(name, grid, reference, labels).values())))


@every
def test_classes_in_another_order_change_nothing(name: str) -> None:
    grid, reference, labels = draw(9, 4, 5)
    order = np.random.default_rng(3).permutation(5)
    place = np.argsort(order)
    turned = values_of(name, grid[..., order], reference[..., order], place[labels])
    assert turned == pytest.approx(values_of(name, grid, reference, labels), rel=1e-13)


@every
def test_samples_and_transforms_in_another_order_change_nothing(name: str) -> None:
    grid, reference, labels = draw(9, 4, 5)
    generator = np.random.default_rng(4)
    samples, transforms = generator.permutation(9), generator.permutation(4)
    turned = values_of(name, grid[samples][:, transforms], reference[samples], labels[samples])
    assert turned == pytest.approx(values_of(name, grid, reference, labels), rel=1e-13)


def test_of_no_samples_a_share_is_nan() -> None:
    found = share_by_transform(np.zeros(3), 0)
    assert np.isnan(found.values).all()
    assert found.profile is not None
    assert np.isnan(found.profile).all()


def groups_of(grid: np.ndarray, reference: np.ndarray, labels: np.ndarray, name: str, sizes: list[int]) -> list[State]:
    built = measures.build(name)
    cuts = np.cumsum(sizes)[:-1]
    parts = zip(np.split(grid, cuts), np.split(reference, cuts), np.split(labels, cuts), strict=True)
    return [state_of(part, built, reference=known, labels=told) for part, known, told in parts]


@pytest.mark.parametrize(
    ("name", "key", "share"),
    [
        ("top1-consistency", "top1-consistency", 1),
        ("pairwise-consistency", "pairwise-consistency", 1),
        ("top1-change-rate", "top1-change-rate", 0),
        ("accuracy", "accuracy", 1),
        ("accuracy", "worst-case-accuracy", 1),
    ],
)
def test_where_nothing_ever_changes_the_interval_is_that_of_the_number_of_samples(
    name: str, key: str, share: int
) -> None:
    _, reference, _ = draw(11, 1, 4)
    grid = np.repeat(reference[:, None], 3, axis=1)
    built = measures.build(name)
    groups = groups_of(grid, reference, reference.argmax(axis=1), name, [3, 4, 4])
    left_out = [float(built.compute(state, units_of(grid))[key].values[0]) for state in leave_one_out(groups) if state]
    assert left_out == [share] * 3
    found = jackknife(share, share, left_out, built.bounds_by_key()[key], trials=11).interval
    expected = binomtest(11 * share, 11).proportion_ci(method="exact")
    assert found == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_equal_counts_over_equal_totals_are_equal_numbers_whichever_transforms_they_came_from() -> None:
    generator = np.random.default_rng(5)
    splits = generator.multinomial(20, [1 / 7] * 7, size=50).astype(np.float64)
    assert {float(share_by_transform(counts, 9).values[0]) for counts in splits} == {20 / 63}
    assert {float(share_by_transform(counts * 2, 18).values[0]) for counts in splits} == {20 / 63}
    assert len({float((counts / 9).mean()) for counts in splits}) > 1, "means of means differ by their rounding"
