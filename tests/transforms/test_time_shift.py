"""Time shifts: circular or filled, along any axis, by whole positions."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import expand

TEN = np.arange(10.0)


def test_what_leaves_at_one_end_comes_in_at_the_other() -> None:
    for transform, positions in zip(expand(["time-shift:steps=2,max=0.6"]), [-6, -3, 0, 3, 6], strict=True):
        np.testing.assert_array_equal(transform(TEN), np.roll(TEN, positions))


def test_or_is_filled() -> None:
    earlier, same, later = expand(["time-shift:steps=1,max=0.3,circular=false,fill=-1"])
    np.testing.assert_array_equal(earlier(TEN), [3, 4, 5, 6, 7, 8, 9, -1, -1, -1])
    np.testing.assert_array_equal(same(TEN), TEN)
    np.testing.assert_array_equal(later(TEN), [-1, -1, -1, 0, 1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("circular", ["true", "false"])
def test_other_axes_are_left_alone(axis: int, circular: str) -> None:
    sample = np.random.default_rng(0).random((4, 6, 8))
    later = expand([f"time-shift:steps=1,max=0.5,axis={axis},circular={circular}"])[2]
    half = sample.shape[axis] // 2
    first, last = (np.take(sample, range(*part), axis) for part in ((half,), (half, 2 * half)))
    entered = last if circular == "true" else np.zeros_like(last)
    np.testing.assert_array_equal(later(sample), np.concatenate([entered, first], axis))


def test_shifts_are_cut_to_whole_positions_free_of_rounding_noise() -> None:
    assert 0.29 * 100 < 29
    hundred = np.arange(100.0)
    np.testing.assert_array_equal(expand(["time-shift:steps=1,max=0.29"])[2](hundred), np.roll(hundred, 29))
    np.testing.assert_array_equal(expand(["time-shift:steps=1,max=0.299"])[0](hundred), np.roll(hundred, -29))


def test_circular_shifts_have_an_inverse_and_others_have_none() -> None:
    for transform in expand(["time-shift"]):
        undone = transform.inverse()
        assert undone is not None
        np.testing.assert_array_equal(undone(transform(np.arange(33.0))), np.arange(33.0))
    assert expand(["time-shift:circular=false"])[0].inverse() is None


def test_sets() -> None:
    transforms = expand(["time-shift:steps=2,max=0.1"])
    assert [t.parameters["time_shift"] for t in transforms] == [-0.1, -0.05, 0, 0.05, 0.1]
    assert [t.name for t in transforms] == [
        "time-shift -0.1", "time-shift -0.05", "identity", "time-shift 0.05", "time-shift 0.1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "shape", "complaint"),
    [
        pytest.param("time-shift:axis=1", (30,), r"shape \(30,\) has no such axis", id="an axis too far"),
        pytest.param("time-shift:axis=-3", (30, 2), "has no such axis", id="an axis too far from the end"),
        pytest.param("time-shift", (), "has no such axis", id="a single number"),
        pytest.param("time-shift", (30, 1), "has nothing to move along axis -1", id="an axis of one"),
        pytest.param("time-shift:steps=1,max=0.09", (10,), r"by -0\.09 of an axis of 10 is less", id="too short"),
    ],
)
def test_what_cannot_be_shifted_is_refused(spec: str, shape: tuple[int, ...], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand([spec])[0](np.zeros(shape))


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param("time-shift:max=1", "max", id="all the way around"),
        pytest.param("time-shift:fill=2", "fill is used with circular=false alone", id="a fill that nothing shows"),
        pytest.param("time-shift:axis=16", "axis", id="an axis that no sample has"),
        pytest.param("time-shift:circular=perhaps", "circular", id="neither true nor false"),
    ],
)
def test_bad_parameters_are_refused(spec: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand([spec])
