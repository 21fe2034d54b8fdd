"""Arrays are taken from memory that was used before, and never while that is in use."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.statistics import spare_arrays
from onnxinv.statistics.spare_arrays import forget_arrays, leave_array, slab, take_array


@pytest.fixture(autouse=True)
def clean():
    forget_arrays()
    yield
    forget_arrays()


def test_what_was_left_is_taken_again_by_its_like():
    left = take_array((3, 4), np.float32)
    leave_array(left)
    assert take_array((4, 3), np.float32) is not left
    assert take_array((3, 4), np.float64) is not left
    assert take_array((3, 4), np.float32) is left


def test_arrays_lie_one_after_the_other_in_a_slab():
    with slab(10_000):
        taken = [take_array((3, 5), kind) for kind in (np.float32, np.float64, np.float32)]
        for number, array in enumerate(taken):
            array[...] = number
        assert [set(array.flat) for array in taken] == [{0}, {1}, {2}]
        assert [array.ctypes.data % 64 for array in taken] == [0, 0, 0]
        assert len({id(array.base) for array in taken}) == 1


def test_memory_is_used_again_only_when_no_view_of_it_is_left():
    with slab(1000):
        first = take_array((100,), np.float64)
        begin, view = first.ctypes.data, first[10:20]
        first[...] = 1
        del first
        second = take_array((100,), np.float64)  # not where the view is
        second[...] = 2
        assert set(view) == {1}
        assert second.base is None
        del view, second
        assert take_array((100,), np.float64).ctypes.data == begin


def test_what_does_not_fit_has_memory_of_its_own():
    with slab(100):
        assert take_array((1000,), np.float64).base is None
    assert take_array((2,), np.float64).base is None


def test_a_slab_that_there_is_no_memory_for_is_done_without(monkeypatch):
    def refuse(size):
        raise MemoryError

    monkeypatch.setattr(spare_arrays, "_Slab", refuse)
    with slab(1000):
        assert take_array((3,), np.float32).shape == (3,)
    assert not spare_arrays._SLABS


def test_a_slab_is_gone_with_what_it_was_for():
    with pytest.raises(KeyError), slab(1000):
        raise KeyError
    assert not spare_arrays._SLABS
