"""Some positions of each channel are measured: the same numbers as by force, and as sure as the intervals say."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from onnxinv.api import analyze, compare, inspect, plan
from onnxinv.errors import DataError, UsageError
from onnxinv.measures import measures
from onnxinv.measures.jackknife import jackknife
from onnxinv.model.drawn import draw
from onnxinv.model.layers import Layer
from onnxinv.result import MeasureSummary, Result
from tests.engine.networks import layer_of, save_images, save_network
from tests.engine.raw import activations, rotations
from tests.measures import brute_force
from tests.model.onnx_text import parse
from tests.networks import DIGITS, SHIPPED, save_text

NV, TV, SHARE = "normalized-variance", "transformational-variance", "variance-share-sample"
CPU: dict[str, Any] = {"device": "cpu", "threads": 1}
TURNS = "rotation:steps=4,degrees=360"
MAPS = ("conv*", "pool*")
BODY = "c = Conv<pads = [1, 1, 1, 1]>(image, k) r = Relu(c) g = GlobalAveragePool(r) y = Conv(g, w)"
NHWC = """net (float[n,12,12,3] image) => (float[n,12,12,8] y) {
    t = Transpose<perm = [0, 3, 1, 2]>(image)  c = Conv<pads = [1, 1, 1, 1]>(t, k)
    b = Transpose<perm = [0, 2, 3, 1]>(c)  y = Sigmoid(b) }"""
TOKENS = "net (float[n,40,3] x) => (float[n,40,16] y) { h = MatMul(x, w)  y = Tanh(h) }"


def weights(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.standard_normal(shape).astype(np.float32) for shape in shapes]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(path, x=np.random.default_rng(3).permutation(np.load(DIGITS)["x"])[:40])
    return path


@pytest.fixture(scope="module")
def raw(digits: Path) -> dict[str, np.ndarray]:
    """Return the activations of the shipped network on quarter turns of the digits, by tensor."""
    return activations(SHIPPED[1], np.stack([rotations(one, 4) for one in np.load(digits)["x"]]), 40)


def numbers_of(result: Result) -> list[dict[str, Any]]:
    """Return all layers with all that was found of them."""
    return [layer.model_dump() for layer in result.layers]


def named(decided: Any, name: str) -> Layer:
    return next(each.layer for each in decided.subjects.every if each.layer.name == name)


@pytest.mark.parametrize("positions", [5, 16])
def test_values_are_those_of_the_drawn_positions_by_force(digits, raw, positions):
    result = analyze(
        SHIPPED[1], digits, TURNS, sample_units=positions, seed=7, batch=24, reduce="host", groups=4,
        measures=(NV, TV, "sample-variance", "variance-shares"), **CPU,
    )  # fmt: skip
    drawn = 0
    for layer in result.layers:
        grid = raw[layer.name].reshape(40, 4, -1).astype(np.float64)
        taken, channels = np.arange(layer.units), brute_force.channels_of(tuple(layer.shape), layer.channel_axis)
        each = max(positions, math.ceil(64 / layer.channels))
        if layer.units > each * layer.channels:
            taken, drawn = draw(tuple(layer.shape), layer.channel_axis, each, 7).units.reshape(-1), drawn + 1
        grid, channels = grid[:, :, taken], channels[taken]
        tv, sv = (brute_force.spatial(of(grid), channels) for of in (brute_force.transformational_variance,
                                                                     brute_force.sample_variance))  # fmt: skip
        shares = brute_force.variance_shares(grid, channels)
        for name, expected in {
            NV: brute_force.quotient(tv, sv), TV: tv, "sample-variance": sv,
            **{f"variance-share-{name}": share for name, share in shares.items()},
        }.items():  # fmt: skip
            np.testing.assert_allclose(result.values(name, layer), expected, rtol=1e-10, atol=1e-12, err_msg=layer.name)
    assert drawn >= 10


def test_the_result_says_what_layers_are_and_how_many_positions_were_measured(digits, tmp_path):
    whole, some = (analyze(SHIPPED[1], digits, "identity", sample_units=each, **CPU) for each in (None, 8))
    for one, other in zip(whole.layers, some.layers, strict=True):
        described = {"index", "name", "label", "op", "shape", "channel_axis", "units", "channels"}
        assert one.model_dump(include=described) == other.model_dump(include=described)
    assert (whole.meta.options.sample_units, some.meta.options.sample_units) == (None, 8)
    assert whole.meta.warnings == [each for each in some.meta.warnings if "positions" not in each]
    (told,) = (each for each in some.meta.warnings if "positions" in each)
    assert told.startswith("8 positions a channel are measured, drawn at random, in 15 of 18 layers")
    some.save(tmp_path / "out")
    assert Result.load(tmp_path / "out").document == some.document
    of_conv = json.loads((tmp_path / "out" / "result.json").read_text())["layers"][3]["measures"][NV]
    assert set(of_conv["position_se"]) == {"mean", "median", "p95"}


def test_where_all_positions_are_asked_for_nothing_changes(digits):
    whole, every = (
        analyze(SHIPPED[1], digits, TURNS, sample_units=each, measures=("all",), **CPU) for each in (None, 784)
    )
    for one, other in zip(whole.layers, every.layers, strict=True):
        assert other.measures == one.measures
    assert every.document.summary == whole.document.summary
    assert every.document.outputs == whole.document.outputs
    assert not any("positions" in each for each in every.meta.warnings)


def test_batches_and_threads_change_nothing(digits):
    options = {"sample_units": 8, "measures": (NV, "transform-profile"), "seed": 3, "device": "cpu"}
    first, *others = (
        analyze(SHIPPED[1], digits, TURNS, **options, batch=batch, threads=threads)
        for batch, threads in ((160, 1), (7, 1), (3, 2))
    )
    for other in others:
        for one, two in zip(first.layers, other.layers, strict=True):
            for key, found in one.measures.items():
                assert two.measures[key].mean == pytest.approx(found.mean, rel=1e-5)
                assert two.measures[key].se == pytest.approx(found.se, rel=1e-3)
    again = analyze(SHIPPED[1], digits, TURNS, **options, batch=160, threads=1)
    assert numbers_of(again) == numbers_of(first)


def test_the_measures_of_the_class_output_are_those_of_the_whole_run(digits):
    whole, some = (analyze(SHIPPED[1], digits, TURNS, sample_units=each, **CPU) for each in (None, 4))
    assert whole.document.outputs
    assert some.document.outputs == whole.document.outputs
    assert some.layers[-1].measures == whole.layers[-1].measures


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Result, Result]]:
    """Return the run on all positions, paired with runs on some that differ by their seed."""
    options: dict[str, Any] = {"samples": 300, "layers": MAPS, "measures": (TV, NV, "variance-shares"), **CPU}
    whole = analyze(SHIPPED[1], DIGITS, TURNS, **options, reduce="auto")
    # The seed chooses samples too, so they are chosen beforehand.
    path = tmp_path_factory.mktemp("many") / "x.npz"
    chosen = np.load(DIGITS)["x"][plan(SHIPPED[1], DIGITS, TURNS, **options).samples]
    np.savez(path, x=chosen)
    del options["samples"]
    return [
        (whole, analyze(SHIPPED[1], path, TURNS, sample_units=8, seed=seed, reduce="auto", **options))
        for seed in range(20)
    ]


def held(many: list[tuple[Result, Result]], key: str, of: str, *, of_positions: bool = True) -> float:
    """Return in what share of runs and layers the interval holds the value of all positions."""
    found = []
    for whole, some in many:
        for one, other in zip(whole.layers, some.layers, strict=True):
            value, interval = getattr(one.measures[key], of), other.measures[key].ci[of]
            if not of_positions:
                interval = from_samples(other.measures[key], of)
            assert interval is not None
            found.append(interval[0] <= value <= interval[1])
    assert len(found) == 20 * 7
    return float(np.mean(found))


def from_samples(found: MeasureSummary, of: str) -> tuple[float, float] | None:
    """Return the interval that the samples alone would give."""
    value, replicates = getattr(found, of), found.loo[of]
    assert replicates is not None
    return jackknife(value, value, replicates, (0, math.inf)).interval


@pytest.mark.parametrize("of", ["mean", "median", "p95"])
@pytest.mark.parametrize("key", [TV, NV, SHARE])
def test_intervals_hold_the_value_of_all_positions(many, key, of):
    assert held(many, key, of) >= 0.9


def test_intervals_from_the_samples_alone_do_not(many):
    assert held(many, TV, "mean", of_positions=False) < 0.7


def test_layer_values_are_not_off_on_average(many):
    for place, layer in enumerate(many[0][0].layers):
        found = np.array([some.layers[place].measures[TV].mean for _, some in many])
        value = layer.measures[TV].mean
        assert value is not None
        assert abs(found.mean() - value) <= 3.5 * found.std(ddof=1) / math.sqrt(len(many))


def test_the_error_of_the_mean_of_all_layers_includes_that_of_positions(many):
    for _, some in many[:3]:
        of_positions = [each.measures[TV].position_se["mean"] for each in some.layers]
        assert some.document.summary[TV].se >= np.mean(of_positions)


def test_channels_last_and_tokens_are_drawn_along_their_channels(tmp_path):
    (kernel,) = weights((8, 3, 3, 3))
    model = save_text(tmp_path / "nhwc.onnx", NHWC, k=kernel)
    decided = plan(model, "random:n=4", "flip", layout="NHWC", sample_units=9, seed=2, **CPU)
    np.testing.assert_array_equal(named(decided, "y").drawn.units, draw((12, 12, 8), 2, 9, 2).units)
    np.testing.assert_array_equal(named(decided, "c").drawn.units, draw((8, 12, 12), 0, 9, 2).units)
    (matrix,) = weights((3, 16))
    tokens = save_text(tmp_path / "tokens.onnx", TOKENS, w=matrix)
    decided = plan(tokens, "random:n=4", "scale-amplitude:steps=2", sample_units=9, **CPU)
    np.testing.assert_array_equal(named(decided, "y").drawn.units, draw((40, 16), 1, 9, 0).units)
    # Of three channels more positions are drawn, for 64 units in all.
    assert named(decided, "x").drawn.units.shape == (3, 22)


def test_a_model_with_channels_last_gives_the_numbers_of_its_twin(tmp_path):
    (kernel,) = weights((8, 3, 3, 3))
    last = save_text(tmp_path / "nhwc.onnx", NHWC, k=kernel)
    text = """net (float[n,3,12,12] image) => (float[n,8,12,12] y) {
        c = Conv<pads = [1, 1, 1, 1]>(image, k)  y = Sigmoid(c) }"""
    first = save_text(tmp_path / "nchw.onnx", text, k=kernel)
    images = np.random.default_rng(0).integers(0, 256, (12, 12, 12, 3), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=images)
    one, other = (
        analyze(model, tmp_path / "x.npz", TURNS, layout=layout, layers=("y",), sample_units=10, **CPU).layers[0]
        for model, layout in ((first, "NCHW"), (last, "NHWC"))
    )
    assert other.measures[NV].mean == pytest.approx(one.measures[NV].mean, rel=1e-5)
    assert other.measures[NV].position_se == pytest.approx(one.measures[NV].position_se, rel=1e-4)


def test_what_has_one_position_or_another_batch_axis_is_measured_whole(tmp_path):
    text = """net (float[n,3,32,32] x) => (float[n,256] y) {
        back = Transpose<perm = [1, 0, 2, 3]>(x)  a = Abs(back)  s = ReduceMean<axes = [0], keepdims = 0>(a)
        f = Flatten(s)  y = MatMul(f, w) }"""
    onnx.save(parse(text, opset=13, w=weights((1024, 256))[0]), tmp_path / "m.onnx")
    decided = plan(tmp_path / "m.onnx", "random:n=6", "flip", sample_units=4, **CPU)
    assert {layer.name: layer.batch.axis for layer in decided.layers} == {"x": 0, "a": 1, "s": 0, "y": 0}
    assert named(decided, "x").drawn is not None
    assert named(decided, "a").drawn is None
    assert named(decided, "y").drawn is None
    whole, some = (
        analyze(tmp_path / "m.onnx", "random:n=6", "flip", sample_units=each, layers=("a", "y"), **CPU)
        for each in (None, 4)
    )
    assert numbers_of(some) == numbers_of(whole)


@pytest.mark.parametrize("positions", [8, 100])
@pytest.mark.parametrize("aggregate", ["unit", "activation-mean", "activation-max"])
def test_aggregates_that_are_about_all_positions_are_refused(aggregate, positions):
    with pytest.raises(UsageError, match=f"--aggregate {aggregate} is about all") as refused:
        plan(SHIPPED[0], DIGITS, TURNS, samples=20, sample_units=positions, aggregate=aggregate, **CPU)
    assert "Take --aggregate channel" in refused.value.hint


WHOLE = (
    "linear-cka", "orbit-deviation", "relative-invariance", "goodfellow-top20", "normalized-variance-se",
    "transformational-variance-se", "sample-variance-se", "normalized-distance-se", "equivariance-error",
    "normalized-distance:map=true",
)  # fmt: skip


@pytest.mark.parametrize("measure", WHOLE)
def test_measures_of_whole_layers_and_maps_are_refused_by_name(measure):
    with pytest.raises(DataError, match="as a whole, and --sample-units at a part") as refused:
        plan(SHIPPED[0], DIGITS, TURNS, samples=20, sample_units=8, measures=(measure,), **CPU)
    assert refused.value.hint == "Measure it without --sample-units."


def test_all_measures_are_all_that_take_some_positions_and_the_others_are_told(digits):
    result = analyze(SHIPPED[1], digits, TURNS, sample_units=8, measures=("all",), **CPU)
    left_out = {each.name for each in result.meta.options.skipped_measures if "--sample-units" in each.reason}
    assert left_out == {name for name in WHOLE if ":" not in name}
    kept = {each for each in measures.names() if each not in left_out}
    assert {"goodfellow", "firing-ratio", "anova", "normalized-distance", "transform-profile"} <= kept
    assert all(layer.measures["anova-f"].mean is not None for layer in result.layers)


def test_statistics_of_fewer_units_take_less_memory():
    whole, some = (inspect(SHIPPED[0], DIGITS, samples=100, batch=16, sample_units=each, **CPU) for each in (None, 8))
    assert some.layout.memory.state < whole.layout.memory.state / 10
    # What the runtime holds for a while is counted still.
    largest = max(4 * layer.units for layer in some.layers)
    assert some.layout.memory.activations > 16 * largest


def test_classes_of_samples_are_measured_at_the_same_positions(tmp_path):
    kernel, last = weights((4, 1, 3, 3), (3, 4, 1, 1))
    model = save_network(tmp_path, BODY, {"k": kernel, "w": last})
    images = np.random.default_rng(1).random((24, 1, 6, 6), dtype=np.float32)
    np.savez(tmp_path / "images.npz", x=images, y=np.arange(24) % 2)
    result = analyze(model, tmp_path / "images.npz", TURNS, stratify=True, groups=4, sample_units=16, **CPU)
    found = layer_of(result, "r").measures[NV]
    assert found.classes is not None
    assert found.mean == pytest.approx(np.mean(list(found.classes.values())))
    assert found.position_se is not None


def test_models_are_compared_at_the_same_positions_and_results_of_others_are_refused(tmp_path):
    save_images(tmp_path)
    kernel, last = weights((4, 1, 3, 3), (3, 4, 1, 1))
    models = [
        save_network(tmp_path, BODY, {"k": kernel, "w": last}).rename(tmp_path / f"{place}.onnx") for place in (0, 1)
    ]
    data = tmp_path / "images.npz"
    found = compare(models, data, TURNS, sample_units=16, **CPU)
    for pair in found.comparisons[0].pairs:
        assert pair.measures[NV].difference == 0
        assert pair.verdict == "same"
    whole = analyze(models[0], data, TURNS, **CPU)
    with pytest.raises(UsageError, match="different values of --sample-units: 16 and none"):
        compare([found.results[0], whole])


@pytest.mark.parametrize("value", [0, 1, 3, -8, 2.5, "many"])
def test_a_number_of_positions_that_means_nothing_is_refused(value):
    with pytest.raises(UsageError, match="sample_units"):
        plan(SHIPPED[0], DIGITS, TURNS, sample_units=value, **CPU)
