"""Positions are drawn of each channel by itself, wherever the channels lie in the tensor."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.model.drawn import draw

LAYOUTS = [
    pytest.param((4, 5, 6), 0, id="feature maps, channels first"),
    pytest.param((5, 6, 4), 2, id="feature maps, channels last"),
    pytest.param((5, 4, 6), 1, id="channels in the middle"),
    pytest.param((30, 4), 1, id="tokens"),
]


@pytest.mark.parametrize(("shape", "axis"), LAYOUTS)
def test_each_channel_gives_so_many_of_its_own_units_and_none_twice(shape, axis):
    found = draw(shape, axis, 7, 0)
    places = np.unravel_index(found.units, shape)
    assert found.units.shape == (4, 7)
    assert found.whole == 120
    np.testing.assert_array_equal(places[axis], np.arange(4)[:, None] * np.ones((1, 7)))
    assert len(np.unique(found.units)) == 28


def test_the_same_positions_are_drawn_wherever_the_channels_lie():
    first, last = draw((4, 5, 6), 0, 7, 3).units, draw((5, 6, 4), 2, 7, 3).units
    np.testing.assert_array_equal(first % 30, last // 4)


def test_channels_have_positions_of_their_own_and_another_seed_draws_others():
    one, other = (draw((4, 5, 6), 0, 7, seed).units % 30 for seed in (0, 1))
    assert not np.array_equal(np.sort(one[0]), np.sort(one[1]))
    assert not np.array_equal(np.sort(one[0]), np.sort(other[0]))
    np.testing.assert_array_equal(draw((4, 5, 6), 0, 7, 1).units % 30, other)


def test_every_position_is_as_likely_in_every_place_of_the_order():
    counts = np.zeros((3, 10))
    for seed in range(200):
        for place, position in enumerate(draw((50, 10), 0, 3, seed).units.T % 10):
            counts[place] += np.bincount(position, minlength=10)
    # Binomial of 10,000 draws with 1/10: the standard deviation is 30.
    assert np.abs(counts - 1000).max() < 5 * 30
