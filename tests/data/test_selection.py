"""The choice of samples."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv.data.selection import apportion, select
from onnxinv.data.source import Samples
from onnxinv.errors import DataError, UsageError


def samples(count, labels=None):
    return Samples("somewhere", count, dict, None if labels is None else np.asarray(labels, np.int64))


@st.composite
def choices(draw):
    labels = draw(st.lists(st.integers(-3, 4), min_size=1, max_size=60))
    return labels, draw(st.integers(1, len(labels))), draw(st.integers(0, 2**32))


@given(choices(), st.booleans())
def test_a_choice_has_its_size_is_ascending_without_repetition_and_reproducible(choice, labelled):
    labels, count, seed = choice
    source = samples(len(labels), labels if labelled else None)
    chosen = select(source, count, seed)
    assert chosen.dtype == np.int64
    assert len(chosen) == count
    assert (np.diff(chosen) > 0).all()
    assert chosen.min() >= 0
    assert chosen.max() < len(labels)
    np.testing.assert_array_equal(chosen, select(source, count, seed))


@given(choices())
def test_every_class_gets_its_share_to_within_one(choice):
    labels, count, seed = choice
    chosen = np.asarray(labels)[select(samples(len(labels), labels), count, seed)]
    for label in set(labels):
        share = Fraction(labels.count(label) * count, len(labels))
        assert abs(int((chosen == label).sum()) - share) < 1


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.data())
def test_apportion_gives_places_left_to_the_largest_remainders(sizes, data):
    count = data.draw(st.integers(1, sum(sizes)))
    quotas = apportion(np.array(sizes), count)
    shares = [Fraction(size * count, sum(sizes)) for size in sizes]
    assert quotas.sum() == count
    assert (quotas <= sizes).all()
    raised = [share - int(share) for share, quota in zip(shares, quotas, strict=True) if quota > int(share)]
    kept = [share - int(share) for share, quota in zip(shares, quotas, strict=True) if quota == int(share)]
    assert not raised or not kept or min(raised) >= max(kept)


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        pytest.param([60, 30, 10], 10, [6, 3, 1], id="exact shares"),
        pytest.param([5, 5], 3, [2, 1], id="a tie goes to the first"),
        pytest.param([47, 16, 16, 21], 10, [5, 2, 1, 2], id="largest remainders, tie to the first"),
        pytest.param([98, 1, 1], 3, [3, 0, 0], id="a rare class may get nothing"),
        pytest.param([1, 2, 3], 6, [1, 2, 3], id="everything"),
    ],
)
def test_apportion_by_hand(sizes, count, expected):
    assert apportion(np.array(sizes), count).tolist() == expected


def test_balanced_classes_are_chosen_exactly_equally():
    labels = np.tile(np.arange(10), 100)
    chosen = select(samples(1000, labels), 200, 3)
    assert np.bincount(labels[chosen]).tolist() == [20] * 10


def test_all_samples_are_taken_without_a_count_or_with_the_full_one():
    for count in (None, 7):
        assert select(samples(7), count, 0).tolist() == list(range(7))


def test_seeds_choose_differently_and_every_sample_can_be_chosen():
    chosen = [select(samples(20), 5, seed) for seed in range(60)]
    assert len({tuple(indices) for indices in chosen}) > 50
    assert set(np.concatenate(chosen).tolist()) == set(range(20))


@pytest.mark.parametrize("count", [0, -1])
def test_fewer_than_one_sample_is_refused(count):
    with pytest.raises(UsageError, match="At least one sample"):
        select(samples(5), count, 0)


def test_more_samples_than_there_are_is_refused():
    with pytest.raises(DataError, match="'somewhere' holds 5 samples, fewer than the 6 asked for"):
        select(samples(5), 6, 0)


def test_a_negative_seed_is_refused():
    with pytest.raises(UsageError, match="seed"):
        select(samples(5), 2, -1)
