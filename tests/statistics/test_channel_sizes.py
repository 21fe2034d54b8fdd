"""Channel sizes are those of the whole layer, whatever is taken of it."""

from __future__ import annotations

import numpy as np

from onnxinv.statistics import Extent
from onnxinv.statistics.channel_sizes import ChannelSizes
from tests.statistics.grid import draw, feed


def test_every_unit_knows_the_size_of_its_whole_channel() -> None:
    channel = np.array([2, 0, 0, 1, 0, 2])
    sizes = feed(ChannelSizes.empty(Extent(3, 6, channel)), draw(4, 3, 6))
    assert sizes.size.tolist() == [2, 3, 3, 1, 3, 2]
    assert sizes.merge(sizes).size.tolist() == [2, 3, 3, 1, 3, 2]
    assert sizes.take(np.array([5, 1])).size.tolist() == [2, 3]
    assert sizes.take(slice(2, 4)).take(slice(1, 2)).size.tolist() == [1]
