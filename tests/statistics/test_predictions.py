"""Predictions against plain loops over samples and transforms, however the samples are cut, merged or ordered."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.statistics import Extent, merge_states
from onnxinv.statistics.predictions import Predictions
from onnxinv.statistics.state import State
from tests.statistics.grid import assert_same, feed, numbers, whole_samples

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def draw(samples: int, transforms: int, classes: int, seed: int = 0) -> tuple[Doubles, Doubles, Labels]:
    """Return probabilities, those of the untransformed samples, and labels; classes often change and often do not."""
    generator = np.random.default_rng(seed)
    own = generator.standard_normal((samples, 1, classes)) * 2
    powers = np.exp(own + generator.standard_normal((samples, transforms + 1, classes)))
    shares = powers / powers.sum(axis=-1, keepdims=True)
    labels = np.where(generator.random(samples) < 0.7, own[:, 0].argmax(axis=-1), generator.integers(classes))
    return shares[:, 1:], shares[:, 0], labels.astype(np.int64)


def top(row: Doubles) -> tuple[int, float]:
    """Return the class and the probability of the largest entry, the first of equals."""
    best = 0
    for index, value in enumerate(row.tolist()):
        if value > row[best]:
            best = index
    return best, float(row[best])


def by_force(grid: Doubles, reference: Doubles, labels: Labels | None) -> dict[str, Any]:
    samples, transforms, _ = grid.shape
    same, effective, change, correct = (np.zeros(transforms) for _ in range(4))
    always = agreeing = 0
    for i in range(samples):
        before, p = top(reference[i])
        found = [top(grid[i, j]) for j in range(transforms)]
        for j, (after, p_j) in enumerate(found):
            same[j] += after == before
            effective[j] += math.sqrt(p * p_j) if after == before else 0
            change[j] += abs(p_j - p)
            correct[j] += labels is not None and after == labels[i]
        always += labels is not None and all(after == labels[i] for after, _ in found)
        agreeing += sum(found[j][0] == found[k][0] for j, k in permutations(range(transforms), 2))
    return {
        "count": samples,
        "same": same,
        "effective": effective,
        "change": change,
        "correct": correct,
        "always_correct": always,
        "labelled": 0 if labels is None else samples,
        "agreeing": agreeing,
    }


def predictions(
    grid: Doubles, reference: Doubles, labels: Labels | None = None, together: int = 16, samples: int | None = None
) -> Predictions:
    """Return the closed statistic of a grid, fed so many samples together."""
    count, transforms, classes = grid.shape
    extent = Extent(transforms, classes, np.arange(classes), samples or count)
    pieces = whole_samples(count, transforms, together)
    return feed(Predictions.empty(extent), grid, pieces, reference=reference, labels=labels)


def assert_by_force(found: Predictions, grid: Doubles, reference: Doubles, labels: Labels | None = None) -> None:
    expected = by_force(grid, reference, labels)
    assert numbers(found).keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(numbers(found)[name], value, rtol=1e-13, atol=1e-13, err_msg=name)


@given(
    samples=st.integers(1, 9),
    transforms=st.integers(1, 7),
    classes=st.integers(2, 6),
    together=st.sampled_from([1, 2, 16]),
    labelled=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60)
def test_equal_their_definitions(
    samples: int, transforms: int, classes: int, together: int, labelled: bool, seed: int
) -> None:
    grid, reference, labels = draw(samples, transforms, classes, seed)
    told = labels if labelled else None
    assert_by_force(predictions(grid, reference, told, together), grid, reference, told)


def test_the_drawn_predictions_change_and_stay_are_right_and_wrong() -> None:
    grid, reference, labels = draw(40, 6, 5)
    found = by_force(grid, reference, labels)
    for name, most in {"same": 40, "correct": 40, "always_correct": 40, "agreeing": 40 * 30}.items():
        assert np.all((np.array(found[name]) > 0) & (np.array(found[name]) < most)), name


def test_of_equal_probabilities_the_first_is_the_top_class() -> None:
    reference = np.array([[0.4, 0.4, 0.2]])
    grid = np.array([[[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.4, 0.2, 0.4]]])
    found = predictions(grid, reference, np.array([1]))
    assert found.same.tolist() == [1, 0, 1]
    assert found.correct.tolist() == [0, 1, 0]
    assert found.agreeing == 2


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_merged_groups_in_any_order_hold_all_samples(order: tuple[int, ...]) -> None:
    grid, reference, labels = draw(23, 4, 5)
    parts = [np.arange(0, 1), np.arange(1, 16), np.arange(16, 23)]
    groups = [predictions(grid[part], reference[part], labels[part], samples=23) for part in parts]
    merged = merge_states(State([groups[position]], len(parts[position])) for position in order)[Predictions]
    assert_same(merged, predictions(grid, reference, labels), rtol=1e-13)
    assert_by_force(merged, grid, reference, labels)


def test_merging_changes_neither_side() -> None:
    grid, reference, labels = draw(6, 3, 4)
    one, other = (predictions(grid[part], reference[part], labels[part]) for part in (slice(0, 2), slice(2, 6)))
    before = numbers(one), numbers(other)
    kept = [{name: value.copy() for name, value in each.items()} for each in before]
    one.merge(other)
    for found, expected in zip((numbers(one), numbers(other)), kept, strict=True):
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_the_order_of_samples_does_not_matter_and_that_of_transforms_only_orders() -> None:
    grid, reference, labels = draw(12, 5, 4)
    found = predictions(grid, reference, labels)
    generator = np.random.default_rng(1)
    samples, transforms = generator.permutation(12), generator.permutation(5)
    assert_same(predictions(grid[samples], reference[samples], labels[samples]), found, rtol=1e-13)
    turned = predictions(grid[:, transforms], reference, labels)
    for name in ("same", "effective", "change", "correct"):
        np.testing.assert_allclose(numbers(turned)[name], numbers(found)[name][transforms], rtol=1e-13)
    assert (turned.agreeing, turned.always_correct) == (found.agreeing, found.always_correct)


@pytest.mark.parametrize("units", [slice(0, 2), np.array([3, 1])])
def test_taking_classes_returns_the_statistic_itself(units: slice | npt.NDArray[np.intp]) -> None:
    found = predictions(*draw(5, 3, 4))
    assert found.take(units) is found


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_probability_that_is_not_finite_spoils_what_it_enters_and_no_more(bad: float) -> None:
    grid, reference, labels = draw(8, 3, 4)
    clean = predictions(grid, reference, labels)
    spoilt = grid.copy()
    spoilt[5, 1, 2] = bad
    found = predictions(spoilt, reference, labels)
    for name in ("same", "effective", "change", "correct"):
        values = numbers(found)[name]
        assert np.isnan(values).tolist() == [False, True, False], name
        np.testing.assert_array_equal(values[[0, 2]], numbers(clean)[name][[0, 2]], err_msg=name)
    assert np.isnan(found.agreeing)
    assert np.isnan(found.always_correct)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_untransformed_probability_that_is_not_finite_spoils_the_comparisons_with_it(bad: float) -> None:
    grid, reference, labels = draw(8, 3, 4)
    clean = predictions(grid, reference, labels)
    reference[2, 0] = bad
    found = predictions(grid, reference, labels)
    for name in ("same", "effective", "change"):
        assert np.isnan(numbers(found)[name]).all(), name
    np.testing.assert_array_equal(found.correct, clean.correct)
    assert (found.agreeing, found.always_correct) == (clean.agreeing, clean.always_correct)


def test_float32_probabilities_are_summed_as_doubles() -> None:
    grid, reference, labels = draw(9, 4, 5)
    single, single_reference = grid.astype(np.float32), reference.astype(np.float32)
    found = predictions(single, single_reference, labels)
    assert found.effective.dtype == np.float64
    assert_by_force(found, single.astype(np.float64), single_reference.astype(np.float64), labels)


def test_its_size_covers_its_numbers_even_for_two_classes() -> None:
    for transforms in (1, 2, 50):
        size = sum(value.nbytes for value in numbers(predictions(*draw(3, transforms, 2))).values())
        assert size <= 2 * Predictions.bytes_per_unit(transforms, 3)
