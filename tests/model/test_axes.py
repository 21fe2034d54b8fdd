import numpy as np
import pytest

from onnxinv.model.axes import BatchAxis, observe, relative_difference

BATCHES = (2, 3)
RNG = np.random.default_rng(0)
A, B, C = (RNG.normal(size=(4, 5)) for _ in range(3))
ONE, OTHER = np.stack([A, B]), np.stack([A, C, B])


def test_the_batch_comes_first():
    found = observe(ONE, OTHER, BATCHES)
    assert found == BatchAxis()
    assert found.to_front(ONE) is ONE


def test_the_batch_comes_second_in_sequence_first_models():
    found = observe(np.stack([A, B], axis=1), np.stack([A, C, B], axis=1), BATCHES)
    assert found == BatchAxis(axis=1)
    np.testing.assert_array_equal(found.to_front(np.stack([A, B], axis=1)), ONE)


def test_the_batch_comes_last():
    found = observe(np.stack([A, B], axis=-1), np.stack([A, C, B], axis=-1), BATCHES)
    assert found == BatchAxis(axis=2)
    np.testing.assert_array_equal(found.to_front(np.stack([A, B], axis=-1)), ONE)


def test_windows_of_a_sample_that_stand_together_are_regrouped():
    one, other = ONE.reshape(8, 5), OTHER.reshape(12, 5)
    found = observe(one, other, BATCHES)
    assert found == BatchAxis(0, repeats=4)
    np.testing.assert_array_equal(found.to_front(one), ONE)


def test_steps_in_which_all_samples_stand_together_are_regrouped():
    one, other = ONE.swapaxes(0, 1).reshape(8, 5), OTHER.swapaxes(0, 1).reshape(12, 5)
    found = observe(one, other, BATCHES)
    assert found == BatchAxis(0, repeats=4, outer=True)
    np.testing.assert_array_equal(found.to_front(one), ONE)


@pytest.mark.parametrize("outer", [False, True])
def test_repeats_on_a_later_axis_become_the_first_axis_of_the_unit_shape(outer):
    grid = RNG.normal(size=(2, 4, 6, 5))  # sample, repeat, and what stands around them
    raw = np.moveaxis(grid, (0, 1, 2, 3), (2, 1, 0, 3) if outer else (1, 2, 0, 3)).reshape(6, 8, 5)
    np.testing.assert_array_equal(BatchAxis(1, 4, outer).to_front(raw), grid)


def test_a_sample_of_zeros_does_not_decide_the_order():
    zero = np.zeros((4, 5))
    one, other = np.stack([zero, B]), np.stack([zero, C, B])
    found = observe(one.swapaxes(0, 1).reshape(8, 5), other.swapaxes(0, 1).reshape(12, 5), BATCHES)
    assert found == BatchAxis(0, repeats=4, outer=True)


def test_steps_that_are_zero_at_first_do_not_decide_the_order():
    late = np.array([0, 0, 0, 1])[:, np.newaxis]
    one, other = np.stack([A, B]) * late, np.stack([A, C, B]) * late
    found = observe(one.swapaxes(0, 1).reshape(8, 5), other.swapaxes(0, 1).reshape(12, 5), BATCHES)
    assert found == BatchAxis(0, repeats=4, outer=True)


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        pytest.param(np.float32(1), np.float32(1), "it has no batch axis", id="a scalar"),
        pytest.param(A, A, "it has no batch axis", id="the same shape"),
        pytest.param(A[:2], C[:2].reshape(2, 5, 1), "its number of axes depends on the batch", id="other rank"),
        pytest.param(A[:2], np.zeros((3, 6)), "its shape depends on the samples", id="two axes change"),
        pytest.param(np.zeros((7, 5)), np.zeros((9, 5)), "its shape depends on the samples", id="no multiple"),
        pytest.param(np.zeros((0, 5)), np.zeros((9, 5)), "its shape depends on the samples", id="once nothing"),
        pytest.param(np.zeros((2, 0)), np.zeros((3, 0)), "it is empty", id="no units"),
        pytest.param(
            np.exp(ONE) / np.exp(ONE).sum(axis=0),
            np.exp(OTHER) / np.exp(OTHER).sum(axis=0),
            "it depends on the rest of the batch",
            id="softmax over the batch",
        ),
        pytest.param(
            ONE - ONE.mean(axis=0), OTHER - OTHER.mean(axis=0), "it depends on the rest of the batch", id="batch mean"
        ),
        pytest.param(ONE[::-1], OTHER[::-1][[1, 0, 2]], "it depends on the rest of the batch", id="permuted samples"),
    ],
)
def test_what_has_no_batch_axis_has_a_reason(one, other, reason):
    assert observe(np.asarray(one), np.asarray(other), BATCHES) == reason


def test_nan_and_infinity_agree_with_themselves_only():
    one, other = ONE.copy(), OTHER.copy()
    one[0, 0, :3] = other[0, 0, :3] = [np.nan, np.inf, -np.inf]
    assert observe(one, other, BATCHES) == BatchAxis()
    other[0, 0, 1] = -np.inf
    assert observe(one, other, BATCHES) == "it depends on the rest of the batch"
    other[0, 0, 1] = 0
    assert observe(one, other, BATCHES) == "it depends on the rest of the batch"


def test_nothing_but_nan_agrees():
    assert observe(np.full((2, 3), np.nan), np.full((3, 3), np.nan), BATCHES) == BatchAxis()


def test_rounding_is_allowed_for_and_more_of_it_where_bits_are_few():
    noise = np.full((4, 5), 5e-3)
    one, other = np.stack([A, B]), np.stack([A + noise, C, B])
    assert isinstance(observe(one, other, BATCHES), str)
    assert observe(one, other, BATCHES, coarse=True) == BatchAxis()
    assert observe(one.astype(np.float16), other.astype(np.float16), BATCHES) == BatchAxis()
    assert observe(one, np.stack([A + noise / 100, C, B]), BATCHES) == BatchAxis()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_with_a_fixed_batch_the_values_say_which_axis_it_is(axis):
    one, other = np.stack([A, B, C], axis), np.stack([C, B, A], axis)
    assert observe(one, other, (3, 3)) == BatchAxis(axis)


def test_with_a_fixed_batch_what_runs_along_it_is_no_batch_axis():
    """The first entry of a recurrent layer over the axis depends on the first entry alone."""
    one, other = np.cumsum([A, B, C], axis=0), np.cumsum([C, B, A], axis=0)
    assert observe(one, other, (3, 3)) == "it depends on the rest of the batch"


def test_with_a_fixed_batch_square_tensors_are_told_apart_by_values():
    first, rest, others = RNG.normal(size=(1, 3)), RNG.normal(size=(2, 3)), RNG.normal(size=(2, 3))
    one, other = np.vstack([first, rest]), np.vstack([others, first])
    assert observe(one, other, (3, 3)) == BatchAxis(0)
    assert observe(one.T, other.T, (3, 3)) == BatchAxis(1)


@pytest.mark.parametrize("outer", [False, True])
def test_with_a_fixed_batch_repeats_are_regrouped(outer):
    one, other = np.stack([A, B, C]), np.stack([C, B, A])
    raw = [(each.swapaxes(0, 1) if outer else each).reshape(12, 5) for each in (one, other)]
    assert observe(raw[0], raw[1], (3, 3)) == BatchAxis(0, 4, outer)


def test_with_a_fixed_batch_mixed_samples_are_seen():
    one, other = np.stack([A, B, C]), np.stack([C, C, A])
    assert observe(one - one.mean(0), other - other.mean(0), (3, 3)) == "it depends on the rest of the batch"
    assert observe(A[:, :4], A[:, :4], (3, 3)) == "it has no batch axis"


@pytest.mark.parametrize(
    ("shape", "units"), [((1, 4, 5), (4, 5)), ((4, 1, 5), (4, 5)), ((6, 4, 5), (6, 4, 5)), ((7,), (7,)), ((1,), ())]
)
def test_with_a_batch_of_one_all_of_a_tensor_belongs_to_the_sample(shape, units):
    raw = RNG.normal(size=shape)
    found = observe(raw, raw, (1, 1))
    assert isinstance(found, BatchAxis)
    assert found.to_front(raw).shape == (1, *units)


@pytest.mark.parametrize(
    ("shape", "batch", "followed", "channel"),
    [
        pytest.param((2, 8, 5, 5), BatchAxis(), 1, 0, id="NCHW"),
        pytest.param((2, 5, 5, 8), BatchAxis(), 3, 2, id="NHWC"),
        pytest.param((2, 8, 5, 5), BatchAxis(), None, 0, id="four axes that nobody followed"),
        pytest.param((2, 9, 8), BatchAxis(), None, 1, id="tokens that nobody followed"),
        pytest.param((2, 8), BatchAxis(), None, 0, id="dense"),
        pytest.param((2,), BatchAxis(), None, 0, id="one number a sample"),
        pytest.param((9, 2, 8), BatchAxis(1), 2, 1, id="sequence first"),
        pytest.param((9, 2, 8), BatchAxis(1), 0, 0, id="sequence first, channels before the batch"),
        pytest.param((8, 9, 5), BatchAxis(0, 4), 2, 2, id="windows of tokens"),
        pytest.param((8, 9, 5), BatchAxis(0, 4), 1, 1, id="windows, channels first"),
        pytest.param((8, 5), BatchAxis(0, 4, outer=True), None, 1, id="steps"),
        pytest.param((8,), BatchAxis(0, 4), None, 0, id="repeats alone"),
        pytest.param((2, 8), BatchAxis(), 0, 0, id="a channel axis that is the batch axis"),
        pytest.param((2, 8), BatchAxis(), 7, 0, id="a channel axis that is not there"),
    ],
)
def test_the_channel_axis_is_an_index_of_the_unit_shape(shape, batch, followed, channel):
    assert batch.channel_axis(shape, followed) == channel
    units = batch.to_front(np.zeros(shape)).shape[1:] or (1,)
    assert 0 <= channel < len(units)


@pytest.mark.parametrize(
    ("found", "expected", "difference"),
    [
        pytest.param([1.0, 1.0], [1.0, 1.0], 0, id="equal"),
        pytest.param([3.0, 5.0], [3.0, 4.0], 1 / np.sqrt(12.5), id="in root mean squares of the expected"),
        pytest.param([0.0], [0.0], 0, id="zeros"),
        pytest.param([1e-30], [0.0], np.inf, id="something for nothing"),
        pytest.param([np.nan, 1.0], [np.nan, 1.0], 0, id="nan"),
        pytest.param([np.nan], [1.0], np.inf, id="nan for a number"),
        pytest.param([1.0], [1.0, 1.0], np.inf, id="other shape"),
        pytest.param([], [], 0, id="empty"),
        pytest.param([1.7e308], [-1.7e308], 2, id="no overflow"),
        pytest.param([5e-324], [5e-324], 0, id="no underflow"),
    ],
)
def test_differences_are_relative(found, expected, difference):
    assert relative_difference(np.array(found), np.array(expected)) == pytest.approx(difference)
