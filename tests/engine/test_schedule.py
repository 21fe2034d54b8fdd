"""How the work is cut up, ordered and shared among threads changes no value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onnxinv.api import analyze, plan
from onnxinv.api import run as carry_out
from onnxinv.measures.layer import spread_subset
from onnxinv.result import Result
from onnxinv.schedule import blocks
from tests.engine.networks import NV, layer_of, measure, save_images, save_network, save_transforms, values_of
from tests.measures import brute_force
from tests.networks import DIGITS, SHIPPED

SAMPLES = 23
MODEL = SHIPPED[1]
BATCH = 16
LAYERS = ("image", "pool*", "conv5", "elu5", "fc*", "elu6")
"""One of each kind; the large layers add time only."""


def save_digits(path: Path, order: np.ndarray | None = None) -> Path:
    images = np.load(DIGITS)["x"][:SAMPLES]
    np.savez(path, x=images if order is None else images[order])
    return path


def run(data: Path, transforms: str = "rotation:steps=8", **options: object) -> Result:
    defaults: dict[str, object] = {
        "aggregate": "unit",
        "layers": LAYERS,
        "threads": 1,
        "batch": BATCH,
        "device": "cpu",
        "reduce": "host",
    }
    return analyze(MODEL, data, transforms, **{**defaults, **options})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_digits(tmp_path_factory.mktemp("schedule") / "digits.npz")


@pytest.fixture(scope="module")
def usual(data: Path) -> Result:
    return run(data)


def assert_same_values(found: Result, expected: Result, rtol: float = 1e-9) -> None:
    assert [layer.name for layer in found.layers] == [layer.name for layer in expected.layers]
    assert list(found.units) == list(expected.units)
    for key, values in expected.units.items():
        # Shares that are exactly zero come out as rounding of the whole, which is one.
        atol = 1e-12 if "share" in key else 0
        np.testing.assert_allclose(found.units[key], values, rtol=rtol, atol=atol, err_msg=key)


def assert_same_intervals(found: Result, expected: Result) -> None:
    for one, other in zip(found.layers, expected.layers, strict=True):
        for key, summary in other.measures.items():
            assert one.measures[key].se == pytest.approx(summary.se, rel=1e-6, abs=1e-12), (one.label, key)
            assert one.measures[key].ci["p95"] == pytest.approx(summary.ci["p95"], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("batch", [1, 7, 50, 256])
def test_the_batch_changes_nothing(data: Path, usual: Result, batch: int) -> None:
    """With 8 transforms, rows are split over runs of 1 and 7 variants, and whole in the others."""
    found = run(data, batch=batch)
    assert found.meta.runtime.batch == batch
    assert_same_values(found, usual)
    assert_same_intervals(found, usual)


def test_the_number_of_threads_changes_nothing(data: Path, usual: Result) -> None:
    assert_same_values(run(data, threads=2), usual)


@pytest.mark.parametrize("groups", [2, 5, 100])
def test_the_number_of_groups_changes_no_value(data: Path, usual: Result, groups: int) -> None:
    found = run(data, groups=groups)
    assert found.meta.options.groups == min(groups, SAMPLES)
    assert_same_values(found, usual)


def test_the_seed_of_the_order_changes_no_value(data: Path, usual: Result) -> None:
    found = run(data, seed=5)
    assert_same_values(found, usual)
    assert found.layers[-1].measures[NV].se != usual.layers[-1].measures[NV].se


def test_the_order_of_the_samples_changes_no_value(usual: Result, tmp_path: Path) -> None:
    shuffled = save_digits(tmp_path / "shuffled.npz", np.random.default_rng(1).permutation(SAMPLES))
    assert_same_values(run(shuffled), usual)


def test_the_order_of_the_transforms_changes_no_value(data: Path, tmp_path: Path) -> None:
    body = """
turns = [lambda image, k=k: np.rot90(image, k) for k in range(4)]
rolls = [lambda image, k=k: np.roll(image, k, axis=1) for k in range(1, 4)]
darker = [lambda image: image / 3]
return {}
"""
    in_order = save_transforms(tmp_path, body.format("turns + rolls + darker"))
    expected = run(data, in_order)
    shuffled = save_transforms(tmp_path, body.format("[(turns + rolls + darker)[k] for k in (6, 2, 7, 0, 5, 1, 4, 3)]"))
    assert_same_values(run(data, shuffled), expected)


def test_layers_measured_chunk_by_chunk_have_the_values_of_all_together(data: Path) -> None:
    expected, found = (run(data, aggregate="channel", layers=(), memory=memory) for memory in (None, "56MiB"))
    assert found.meta.runtime.schedule != expected.meta.runtime.schedule
    assert found.meta.options.interval_units == 4096
    assert expected.meta.options.interval_units is None
    assert_same_values(found, expected, rtol=1e-4)
    for one, other in zip(found.layers, expected.layers, strict=True):
        assert one.measures[NV].mean == pytest.approx(other.measures[NV].mean, rel=1e-6)
        if other.units <= 4096:
            assert one.measures[NV].se == pytest.approx(other.measures[NV].se, rel=1e-4)
        else:
            assert one.measures[NV].se == pytest.approx(other.measures[NV].se, rel=0.5)


def test_every_layer_is_in_one_chunk_and_chunks_stay_within_the_budget(data: Path) -> None:
    decided = plan(MODEL, data, "rotation:steps=8", batch=BATCH, memory="56MiB")
    chunks = decided.layout.chunks
    assert len(chunks) > 2
    assert [layer.name for chunk in chunks for layer in chunk] == [layer.name for layer in decided.layers]
    assert decided.layout.memory.peak <= decided.layout.memory.budget == 56 << 20


def test_progress_is_told_of_every_variant_once(data: Path) -> None:
    told: list[int] = []
    found = run(data, batch=5, progress=told.append)
    assert sum(told) == found.meta.timing.inferences == SAMPLES * 8
    assert max(told) <= 5


def test_groups_differ_by_one_sample_at_most_and_hold_each_once(data: Path) -> None:
    groups = plan(MODEL, data, "flip").groups
    assert sorted(len(group) for (group,) in groups) == [2] * 7 + [3] * 3
    order = [int(sample) for (group,) in groups for sample in group]
    assert sorted(order) == list(range(SAMPLES))
    assert order != list(range(SAMPLES))


@pytest.mark.parametrize("batch", [1, 3, 4, 6, 7, 12, 13, 100])
@pytest.mark.parametrize(("samples", "transforms"), [(5, 6), (1, 6), (5, 1)])
def test_blocks_cover_a_group_once_in_order_within_the_batch(samples: int, transforms: int, batch: int) -> None:
    group = np.arange(100, 100 + samples)
    cut = list(blocks(group, transforms, batch))
    cells = [(int(one), column) for block in cut for one in block.samples for column in _columns(block.columns)]
    assert cells == [(int(sample), column) for sample in group for column in range(transforms)]
    for block in cut:
        columns = len(_columns(block.columns))
        assert len(block.samples) * columns <= batch
        assert columns == transforms or len(block.samples) == 1
        assert block.before == block.samples[0] - 100


def _columns(run: slice) -> range:
    return range(run.start, run.stop)


@pytest.mark.parametrize("fixed", [1, 4, 5])
@pytest.mark.parametrize("steps", [1, 3, 8])
def test_a_fixed_batch_that_is_not_filled_changes_nothing(tmp_path: Path, fixed: int, steps: int) -> None:
    save_images(tmp_path, 7)
    body = "c = Conv(image, k) y = Relu(c)"
    weights = {"k": np.random.default_rng(2).standard_normal((2, 1, 3, 3))}
    transforms = f"rotation:steps={steps}"
    free = measure(tmp_path, save_network(tmp_path, body, weights), transforms, aggregate="unit")
    model = save_network(tmp_path, body, weights, batch=fixed)
    kept = measure(tmp_path, model, transforms, aggregate="unit", batch=fixed)
    assert kept.meta.runtime.batch == fixed
    assert_same_values(kept, free)
    freed = measure(tmp_path, model, transforms, aggregate="unit")
    assert freed.meta.runtime.batch == free.meta.runtime.batch
    assert_same_values(freed, free)


def test_a_batch_axis_that_is_not_the_first_changes_nothing(tmp_path: Path) -> None:
    save_images(tmp_path)
    body = "turned = Transpose<perm = [2, 0, 3, 1]>(image) e = Exp(turned) y = Transpose<perm = [1, 3, 0, 2]>(e)"
    result = measure(tmp_path, save_network(tmp_path, body), "flip", aggregate="unit")
    assert layer_of(result, "e").shape == [6, 6, 1]
    np.testing.assert_allclose(values_of(result, "e"), values_of(result, "y"), rtol=1e-12)
    assert len(set(values_of(result, "e"))) > 6


def test_the_interval_leaves_out_the_groups_of_the_plan(tmp_path: Path) -> None:
    images = np.load(save_images(tmp_path, 13))["x"].astype(np.float64)
    model = save_network(tmp_path, "y = Mul(image, two)", {"two": 2})
    options = {"groups": 5, "seed": 3, "threads": 1, "device": "cpu", "reduce": "host", "aggregate": "unit"}
    groups = plan(model, tmp_path / "images.npz", "flip:axis=horizontal", **options).groups
    result = analyze(model, tmp_path / "images.npz", "flip:axis=horizontal", **options)
    grid = 2 * np.stack([images, images[..., ::-1]], axis=1).reshape(13, 2, 36)
    value = brute_force.normalized_variance(grid).mean()
    left_out = [brute_force.normalized_variance(np.delete(grid, group, axis=0)).mean() for (group,) in groups]
    expected = brute_force.jackknife(value, value, left_out)
    found = layer_of(result, "y").measures[NV]
    assert found.mean == pytest.approx(value, rel=1e-10)
    assert found.se == pytest.approx(expected.se, rel=1e-8)
    assert found.ci["mean"] == pytest.approx((expected.low, expected.high), rel=1e-8)


def test_the_interval_of_kept_units_rests_on_those_units(tmp_path: Path) -> None:
    images = np.load(save_images(tmp_path, 13))["x"].astype(np.float64)
    model = save_network(tmp_path, "y = Mul(image, two)", {"two": 2})
    decided = plan(
        model, tmp_path / "images.npz", "flip:axis=horizontal", groups=5, device="cpu", reduce="host", aggregate="unit"
    )
    small = replace(decided, layout=replace(decided.layout, kept_units=10))
    kept = spread_subset(decided.subjects.every[-1].units, 10, 0)
    grid = 2 * np.stack([images, images[..., ::-1]], axis=1).reshape(13, 2, 36)
    values = brute_force.normalized_variance(grid)
    left_out = [
        brute_force.normalized_variance(np.delete(grid[..., kept], group, axis=0)).mean() for (group,) in decided.groups
    ]
    expected = brute_force.jackknife(values.mean(), values[kept].mean(), left_out)
    found = layer_of(carry_out(small), "y").measures[NV]
    assert found.mean == pytest.approx(values.mean(), rel=1e-10)
    assert found.loo["mean"] == pytest.approx(left_out, rel=1e-10)
    assert found.se == pytest.approx(expected.se, rel=1e-8)
    assert found.ci["mean"] == pytest.approx((expected.low, expected.high), rel=1e-8)


def test_global_values_are_means_of_layers_and_of_units(usual: Result) -> None:
    for key in usual.measures:
        summary = usual.document.summary[key]
        layers = [layer.measures[key] for layer in usual.layers]
        units = np.concatenate([usual.values(key, layer).reshape(-1) for layer in usual.layers])
        assert summary.mean_of_layers == pytest.approx(np.mean([each.mean for each in layers]), rel=1e-12)
        assert summary.mean_of_units == pytest.approx(np.nanmean(units), rel=1e-12)
        replicates = np.mean([each.loo["mean"] for each in layers], axis=0)
        expected = np.sqrt((len(replicates) - 1) * replicates.var())
        assert summary.se == pytest.approx(expected, rel=1e-9)
