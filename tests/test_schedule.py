"""Groups are cut into session runs that lose nothing, and no cut changes what the measures of two passes say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv.api import plan, run
from onnxinv.plan import Plan
from onnxinv.result import Result
from onnxinv.schedule import SEGMENT, blocks, segments, stretches
from onnxinv.statistics.statistic import BLOCK_SAMPLES
from tests.engine.networks import save_images, save_network
from tests.engine.raw import activations

SAMPLES = st.integers(1, 50)
COLUMNS = st.integers(1, 40)
BATCH = st.integers(1, 64)
WINDOW = st.sampled_from([0, 1, 2, 5, 16])
FIRING = ("goodfellow", "goodfellow-top20", "firing-ratio")


def group_of(samples: int) -> np.ndarray:
    """Return distinct samples in no order."""
    return np.random.default_rng(samples).permutation(3 * samples)[:samples]


@given(SAMPLES, COLUMNS, BATCH, WINDOW)
def test_every_variant_is_run_once_and_in_order(samples: int, columns: int, batch: int, window: int) -> None:
    group = group_of(samples)
    cut = list(blocks(group, columns, batch, window))
    cells = [(sample, column) for block in cut for sample in block.samples for column in _range(block.columns)]
    assert cells == [(sample, column) for sample in group for column in range(columns)]


@given(SAMPLES, COLUMNS, BATCH, WINDOW)
def test_no_run_is_larger_than_the_batch(samples: int, columns: int, batch: int, window: int) -> None:
    for block in blocks(group_of(samples), columns, batch, window):
        run_of = len(_range(block.columns))
        assert 1 <= len(block.samples) * run_of <= batch
        assert run_of == columns or len(block.samples) == 1
        assert run_of == columns or columns > batch


@given(SAMPLES, COLUMNS, BATCH, WINDOW)
def test_runs_of_one_window_differ_in_size_by_at_most_one(samples: int, columns: int, batch: int, window: int) -> None:
    sizes: dict[int, set[int]] = {}
    for block in blocks(group_of(samples), columns, batch, window):
        size = len(block.samples) if columns <= batch else len(_range(block.columns))
        sizes.setdefault(int(block.window[0]), set()).add(size)
    assert all(max(each) - min(each) <= 1 for each in sizes.values())


@given(SAMPLES, COLUMNS, BATCH, WINDOW)
def test_a_run_says_how_many_samples_come_before_it(samples: int, columns: int, batch: int, window: int) -> None:
    group = group_of(samples)
    for block in blocks(group, columns, batch, window):
        assert group[block.before] == block.samples[0]


@given(SAMPLES, COLUMNS, BATCH, WINDOW)
def test_windows_are_consecutive_samples_and_each_is_complete_once(
    samples: int, columns: int, batch: int, window: int
) -> None:
    group = group_of(samples)
    cut = list(blocks(group, columns, batch, window))
    for block in cut:
        np.testing.assert_array_equal(block.window[block.place], block.samples)
    complete = [block.window for block in cut if block.complete]
    np.testing.assert_array_equal(np.concatenate(complete), group)
    if window > 1:
        assert all(len(each) == window for each in complete[:-1])
        assert len(complete[-1]) <= window
    for block, following in pairwise(cut):
        assert block.complete == (block.window[0] != following.window[0])
    assert Counter(int(each[0]) for each in complete).most_common(1)[0][1] == 1


@given(st.integers(1, 400))
def test_a_group_is_cut_into_segments_that_hold_whole_windows(samples: int) -> None:
    group = group_of(samples)
    cut = list(segments(group))
    np.testing.assert_array_equal(np.concatenate(cut), group)
    assert all(len(each) % BLOCK_SAMPLES == 0 for each in cut[:-1])
    assert max(map(len, cut)) <= SEGMENT
    assert len(cut) == -(-samples // SEGMENT)
    assert samples == 1 or min(map(len, cut)) > 1
    assert max(map(len, cut)) - min(map(len, cut)) < 2 * BLOCK_SAMPLES


@given(st.lists(st.lists(st.integers(0, 150), min_size=2, max_size=2).filter(any), min_size=1, max_size=8))
def test_a_stretch_goes_on_over_groups_as_long_as_its_samples_are_few(sizes: list[list[int]]) -> None:
    groups = [tuple(np.arange(size) + 1000 * number for size in of) for number, of in enumerate(sizes)]
    alone, joined = (stretches(groups, joined=joined) for joined in (False, True))
    pieces = [piece for stretch in joined for piece in stretch]
    assert [len(stretch) for stretch in alone] == [1] * len(pieces)
    lengths = [sum(len(piece.samples) for piece in stretch) for stretch in joined]
    assert max(lengths) <= SEGMENT
    firsts = [len(stretch[0].samples) for stretch in joined]
    assert all(length + first > SEGMENT for length, first in zip(lengths, firsts[1:], strict=False))
    for (piece,), same in zip(alone, pieces, strict=True):
        assert (piece.group, piece.place, piece.last) == (same.group, same.place, same.last)
        np.testing.assert_array_equal(piece.samples, same.samples)
    for number, of in enumerate(groups):
        of_group = [piece for piece in pieces if piece.group == number]
        for place, part in enumerate(of):
            found = [piece.samples for piece in of_group if piece.place == place]
            np.testing.assert_array_equal(np.concatenate([*found, np.empty(0, np.int64)]), part)
        assert [piece.last for piece in of_group] == [False] * (len(of_group) - 1) + [True]


def _range(columns: slice) -> range:
    return range(columns.start, columns.stop)


@pytest.fixture(scope="module")
def firing(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Return the plan of a network whose units fire, on 50 images under the identity and two turns."""
    folder = tmp_path_factory.mktemp("firing")
    save_images(folder, 50)
    generator = np.random.default_rng(4)
    weights = {"k": generator.standard_normal((3, 1, 3, 3)), "w": generator.standard_normal((5, 3, 4, 4))}
    model = save_network(folder, "c = Conv(image, k) r = Relu(c) y = Conv(r, w)", weights)
    named = {"measures": FIRING, "device": "cpu", "threads": 1, "aggregate": "unit"}
    return plan(model, folder / "images.npz", "rotation:steps=3", groups=5, **named)


@pytest.fixture(scope="module")
def usual(firing: Plan) -> Result:
    return run(firing)


def assert_same(found: Result, expected: Result) -> None:
    assert found.units.keys() == expected.units.keys()
    for key, values in expected.units.items():
        np.testing.assert_allclose(found.units[key], values, rtol=1e-9, atol=0, err_msg=key)


@pytest.mark.parametrize("batch", [1, 2, 7, 16, 150])
def test_measures_of_two_passes_do_not_depend_on_the_batch(firing: Plan, usual: Result, batch: int) -> None:
    assert_same(run(replace(firing, layout=replace(firing.layout, batch=batch))), usual)


@pytest.mark.parametrize("groups", [1, 2, 50])
def test_measures_of_two_passes_do_not_depend_on_the_groups(firing: Plan, usual: Result, groups: int) -> None:
    order = np.random.default_rng(groups).permutation(50)
    assert_same(run(replace(firing, groups=tuple((part,) for part in np.array_split(order, groups)))), usual)


def test_measures_of_two_passes_do_not_depend_on_the_chunks(firing: Plan, usual: Result) -> None:
    chunks = tuple((layer,) for layer in firing.layers)
    found = run(replace(firing, layout=replace(firing.layout, chunks=chunks)))
    assert_same(found, usual)
    assert found.meta.timing.inferences == len(chunks) * usual.meta.timing.inferences


def test_the_untransformed_samples_are_run_once_more(firing: Plan, usual: Result) -> None:
    assert firing.first_pass
    assert usual.meta.timing.inferences == firing.inferences == 50 * 3 + 50


def test_goodfellow_is_what_counting_gives(firing: Plan, usual: Result) -> None:
    images = np.load(firing.config.data)["x"]
    turned = np.stack([_variant(firing, sample) for sample in range(50)])
    np.testing.assert_array_equal(turned[:, 0], images)
    raw = activations(firing.model.path, turned, 150)
    for layer in usual.layers:
        grid = raw[layer.name].reshape(50, 3, -1)
        expected = [np.fmax(_score(grid[:, :, unit]), _score(-grid[:, :, unit])) for unit in range(grid.shape[2])]
        np.testing.assert_allclose(usual.values("goodfellow", layer).reshape(-1), expected, rtol=1e-9)


def _variant(decided: Plan, sample: int) -> np.ndarray:
    return decided.feeds.batch([sample], slice(0, 3))["image"]


def _score(grid: np.ndarray) -> float:
    """Return the local over the global firing rate of one unit, (samples, transforms), the identity first.

    Returns:
        nan where it fires on no sample.
    """
    threshold = sorted(grid[:, 0])[-2]  # of 50 samples one fires
    fires = [sample for sample in range(len(grid)) if grid[sample, 0] > threshold]
    if not fires:
        return float("nan")
    local = np.mean([np.mean(grid[sample] > threshold) for sample in fires])
    return float(local / (len(fires) / len(grid)))
