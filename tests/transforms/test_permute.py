"""Permutations: seeded, never the original order, undone by the inverse."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, expand


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_slices_are_moved_whole(axis: int) -> None:
    sample = np.arange(5 * 6 * 7.0).reshape(5, 6, 7)
    for transform in expand([f"permute:axis={axis}"])[1:]:
        before, after = (
            [part.tobytes() for part in np.moveaxis(each, axis, 0)] for each in (sample, transform(sample))
        )
        assert sorted(before) == sorted(after)
        assert before != after


def test_the_order_is_of_the_seed_the_sample_and_the_transform() -> None:
    permuted = expand(["permute"])[1]
    seeds = [(7, 1, 2), (7, 1, 2), (8, 1, 2), (7, 2, 2), (7, 1, 3)]
    drawn = [permuted(np.arange(50.0), Context(seed=seed)) for seed in seeds]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len({each.tobytes() for each in drawn}) == 4


def test_every_order_but_the_original_comes_up_alike() -> None:
    permuted = expand(["permute"])[1]
    seen = Counter(tuple(permuted(np.arange(3.0), Context(seed=(0, index, 1)))) for index in range(1000))
    assert len(seen) == 5
    assert (0, 1, 2) not in seen
    assert min(seen.values()) > 150


def test_the_inverse_restores_the_order_also_of_two_axes() -> None:
    sample = np.random.default_rng(0).random((6, 7))
    for number, transform in enumerate(expand(["permute:steps=2", "permute:steps=2,axis=1"])):
        context = Context(seed=(3, 4, number))
        undone = transform.inverse()
        assert undone is not None
        np.testing.assert_array_equal(undone(transform(sample, context), context), sample)


def test_the_set_begins_with_the_identity() -> None:
    transforms = expand(["permute:steps=2"])
    assert [t.name for t in transforms] == ["identity", "permute 1", "permute 2"]
    assert [t.parameters["permute"] for t in transforms] == [0, 1, 2]


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        pytest.param((1, 9), "'permute' has nothing to move along axis 0", id="an axis of one"),
        pytest.param((), "'permute' works along axis 0, .* no such axis", id="a single number"),
    ],
)
def test_what_cannot_be_permuted_is_refused(shape: tuple[int, ...], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand(["permute"])[1](np.zeros(shape))
