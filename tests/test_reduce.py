"""Windows put the runs of a schedule together again."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onnxinv.reduce import Windows
from onnxinv.schedule import blocks

SHAPES = ((2, 3), (5,))


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=3),
    st.integers(1, 30),
    st.integers(1, 64),
    st.sampled_from([0, 1, 4, 16]),
)
def test_any_schedule_is_collected_into_the_whole(sizes: list[int], columns: int, batch: int, window: int) -> None:
    generator = np.random.default_rng(0)
    types = (np.float32, np.float64)
    windows = Windows(len(SHAPES), columns)
    for size in sizes:  # a group after the other
        whole = [
            generator.random((size, columns, *shape)).astype(dtype) for shape, dtype in zip(SHAPES, types, strict=True)
        ]
        collected: list[list[np.ndarray]] = [[] for _ in SHAPES]
        seen: list[int] = []
        for block in blocks(np.arange(size), columns, batch, window):
            found = windows.add([each[block.samples, block.columns] for each in whole], block)
            assert (found is not None) == block.complete
            if found is not None:
                seen += block.window.tolist()
                for parts, part in zip(collected, found, strict=True):
                    parts.append(part.copy())
        assert seen == list(range(size))
        for parts, each in zip(collected, whole, strict=True):
            together = np.concatenate(parts)
            assert together.dtype == each.dtype
            np.testing.assert_array_equal(together, each)


def test_a_run_that_holds_its_window_is_not_copied() -> None:
    windows = Windows(1, 3)
    (block,) = blocks(np.arange(4), 3, 12)
    raw = [np.zeros((4, 3, 2))]
    found = windows.add(raw, block)
    assert found is not None
    assert found[0] is raw[0]
