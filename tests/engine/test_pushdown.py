"""Sums that are taken inside the graph, wherever a layer allows it, agree with those in float64."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv import api, desks, plan, runtime, sessions
from onnxinv.demo import digits, model
from onnxinv.errors import ModelError
from onnxinv.pushable import in_graph
from onnxinv.result import Result
from onnxinv.runtime import Device
from onnxinv.spare import Spare
from tests.engine.agreement import alike
from tests.engine.networks import layer_of, measure, save_images, save_network, save_transforms, values_of
from tests.networks import save_text

ZOO = Path(__file__).parents[1] / "zoo"

FLIPS = """
return [lambda image: image, lambda image: image[::-1], lambda image: image[:, ::-1], lambda image: image[::-1, ::-1]]
"""


def in_the_graph(result: Result) -> tuple[int, int]:
    """Return of how many layers, among how many, activations were summed in the graph."""
    found = re.fullmatch(r"\w+, in the graph for (\d+) of (\d+) layers", result.meta.runtime.reduce)
    assert found, result.meta.runtime.reduce
    return int(found[1]), int(found[2])


def both(name: str = "rotated", **options: Any) -> tuple[Result, Result]:
    """Return what the graph sums, and what the host does, of a shipped model on digits."""
    options = {"transforms": "rotation:steps=8", "samples": 48, "device": "cpu", **options}
    transforms = options.pop("transforms")
    pushed, host = (
        api.analyze(model(name), digits(), transforms, **{**options, "reduce": how}) for how in ("pushdown", "host")
    )
    return pushed, host


@pytest.fixture
def spare(monkeypatch) -> list[tuple[int, tuple[str, ...]]]:
    """Which layers were run again, and how many sessions that had taken by then."""
    seen: list[tuple[int, tuple[str, ...]]] = []
    run = Spare.run

    def spied(self: Spare, feed: Any, tensors: Any) -> Any:
        found = run(self, feed, tensors)
        seen.append((self.made, tuple(tensors)))
        return found

    monkeypatch.setattr(Spare, "run", spied)
    return seen


@pytest.mark.parametrize("name", ["plain", "rotated"])
@pytest.mark.parametrize("batch", [None, 100, 8], ids=["as chosen", "with room to spare", "a sample a block"])
def test_the_shipped_models(name, batch, spare):
    pushed, host = both(name, batch=batch)
    alike(pushed, host)
    count, layers = in_the_graph(pushed)
    assert count == layers - 1, "all but the class output, which is looked at in several ways"
    assert not spare
    assert pushed.meta.warnings == host.meta.warnings
    assert any((pushed.units[key] != host.units[key]).any() for key in host.units), "float32 rounds otherwise"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"stratify": True}, id="class by class"),
        pytest.param({"aggregate": "unit", "layers": ("conv*", "fc*")}, id="unit by unit"),
        pytest.param({"groups": 48}, id="groups of one sample"),
        pytest.param({"samples": 90, "groups": 2, "batch": 24}, id="groups of many blocks"),
        pytest.param({"samples": 150, "groups": 2, "batch": 600, "layers": ("fc*",)}, id="blocks of many samples"),
        pytest.param({"precision": 0.5, "samples": 64, "layers": ("conv1", "fc1")}, id="ended early"),
        pytest.param({"sample_units": 4}, id="some positions of each channel"),
        pytest.param({"transforms": "rotation:steps=1"}, id="one transform"),
        pytest.param({"transforms": "rotation:steps=41,degrees=90"}, id="many transforms"),
        pytest.param({"threads": 1}, id="one thread"),
        pytest.param({"threads": 3}, id="three threads"),
    ],
)
def test_every_way_to_cut_the_work(options):
    pushed, host = both(**options)
    alike(pushed, host)
    assert in_the_graph(pushed)[0] > 0
    assert pushed.meta.options.groups == host.meta.options.groups


def test_in_several_chunks():
    options = {"memory": "80MiB", "threads": 1, "batch": 8}
    pushed, host = both(**options)
    assert not pushed.meta.runtime.schedule.endswith(" 1 chunk")
    alike(pushed, host)


def test_the_batch_changes_nothing_but_rounding():
    found = [both(batch=batch, layers=("conv*", "fc*", "pool*"))[0] for batch in (8, 24, 100, 384)]
    for other in found[1:]:
        for key, values in found[0].units.items():
            atol = 1e-8 if "share" in key else 0  # shares are of a whole of one
            np.testing.assert_allclose(other.units[key], values, rtol=1e-6, atol=atol, err_msg=key)


@pytest.mark.parametrize(
    "name",
    [
        "dynamo_resnet18_fp16",
        "dynamo_conv1d_bf16",
        "keras_lstm",
        "keras_resnet",
        "keras_vit",
        "quantized_mobilenet_qdq",
        "sklearn_mlp",
        "torchscript_conv3d",
        "torchscript_gru",
        "dynamo_mobilenet_external",
    ],
)
def test_models_of_other_kinds_and_number_formats(name):
    pushed, host = (
        api.analyze(
            ZOO / f"{name}.onnx",
            "random:n=12",
            "scale-amplitude:steps=5",
            groups=3,
            measures=("normalized-variance", "variance-shares"),
            reduce=how,
            device="cpu",
        )
        for how in ("pushdown", "host")
    )
    alike(pushed, host)
    assert in_the_graph(pushed)[0] > 0


@pytest.mark.parametrize(
    ("measures", "some"),
    [
        pytest.param(("normalized-variance", "normalized-variance-se"), True, id="maps that are compared by pixel"),
        pytest.param(("normalized-variance", "goodfellow"), False, id="firing"),
        pytest.param(("all",), False, id="all"),
    ],
)
def test_layers_that_are_looked_at_in_other_ways_stay_outside(measures, some):
    pushed, host = both(measures=measures, samples=40, transforms="rotation:steps=4", layers=("conv2", "elu2", "fc*"))
    alike(pushed, host)
    count, layers = in_the_graph(pushed)
    assert count < layers
    assert bool(count) == some
    assert any("--reduce pushdown" in warning for warning in pushed.meta.warnings) != some


def test_numbers_that_float32_does_not_hold_the_sums_of_are_run_again(tmp_path, spare):
    save_images(tmp_path)
    body = """
        big = Mul(image, huge)
        small = Mul(image, little)
        fair = Mul(image, image)
        one = Mul(image, third)
        y = Concat<axis = 1>(fair, one)
    """
    network = save_network(tmp_path, body, {"huge": [1e18], "little": [1e-15], "third": [0.3]})
    flips = save_transforms(tmp_path, FLIPS)
    options = {"select": "all", "batch": 8, "groups": 2, "aggregate": "unit"}
    pushed, host = (measure(tmp_path, network, flips, **options, reduce=how) for how in ("pushdown", "host"))
    alike(pushed, host)
    assert in_the_graph(pushed) == (6, 6)
    # Two groups of six samples, two samples a block.
    assert spare == [(1, ("big", "small"))] * 6


@pytest.mark.parametrize("first", [True, False], ids=["in the first block", "in a later block"])
@pytest.mark.parametrize("size", [1e-15, 1e17, 3e20])
def test_a_group_goes_on_in_the_graph_after_a_block_that_was_run_again(tmp_path, spare, size, first):
    """So does the host, which takes over with the pivots of the columns that the group began with."""
    save_images(tmp_path)
    flips = save_transforms(tmp_path, FLIPS)
    network = save_network(tmp_path, "twice = Add(image, image)\n y = Mul(twice, image)")
    options = {"layers": ("twice",), "batch": 4, "groups": 2, "aggregate": "unit"}
    order = [int(place) for group in api.plan(network, tmp_path / "images.npz", flips, **options).groups
             for part in group for place in part]  # fmt: skip
    images = np.load(tmp_path / "images.npz")["x"]
    images[order[0 if first else 3]] *= np.float32(size)
    np.savez(tmp_path / "images.npz", x=images)
    pushed, auto, host = (
        measure(tmp_path, network, flips, **options, reduce=how) for how in ("pushdown", "auto", "host")
    )
    alike(pushed, host)
    alike(auto, host)
    lost = 6 if first and size > 1 else 1  # all differences from so large a pivot are too large
    assert spare == [(1, ("twice",))] * lost


def test_units_that_are_not_finite_are_nan_and_the_others_are_measured(tmp_path, spare):
    save_images(tmp_path)
    network = save_network(
        tmp_path, "some = Mul(image, holes)\n y = Neg(image)", {"holes": np.where(np.eye(6), np.nan, 1)}
    )
    flips = save_transforms(tmp_path, FLIPS)
    options = {"layers": ("some", "y"), "select": "all", "aggregate": "unit"}
    pushed, host = (measure(tmp_path, network, flips, **options, reduce=how) for how in ("pushdown", "host"))
    alike(pushed, host)
    assert np.isnan(values_of(pushed, "some")).sum() == 6
    assert {tensors for _, tensors in spare} == {("some",)}
    assert {count for count, _ in spare} == {1}


def test_zeros_and_infinities_are_exact(tmp_path, spare):
    save_images(tmp_path)
    flips = save_transforms(tmp_path, FLIPS)
    body = """
        mean = ReduceMean<axes = [2, 3], keepdims = 1>(image)
        same = Floor(image)
        none = Mul(image, zero)
        total = Mul(image, mean)
        y = Concat<axis = 1>(same, none, total)
    """
    network = save_network(tmp_path, body, {"zero": [0.0]})
    options = {"select": "all", "aggregate": "unit", "layers": ("mean", "same", "none", "total")}
    pushed, host = (measure(tmp_path, network, flips, **options, reduce=how) for how in ("pushdown", "host"))
    alike(pushed, host)
    assert in_the_graph(pushed) == (4, 4)
    assert not spare
    assert not np.any(layer_of(pushed, "none").measures["transformational-variance"].mean)


def test_the_class_output_is_measured_beside_it():
    measures = ("normalized-variance", "top1-consistency", "accuracy")
    pushed, host = both(measures=measures, layers=("conv2", "fc*"))
    alike(pushed, host)
    assert pushed.document.outputs == host.document.outputs
    assert in_the_graph(pushed)[0] > 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"aggregate": "activation-mean"}, "not looked at as it is"),
        ({"batch": 7}, "a run of 7 does not hold all 8 variants"),
        ({"measures": ("goodfellow",)}, "more than sums of rows and columns"),
        ({"measures": ("normalized-variance", "anova")}, "needs its sums in float64"),
    ],
)
def test_where_nothing_can_be_summed_in_the_graph_a_notice_says_why(options, reason):
    pushed, host = both(layers=("conv1", "conv2"), **options)
    alike(pushed, host)
    assert in_the_graph(pushed) == (0, 2)
    (said,) = (warning for warning in pushed.meta.warnings if "--reduce pushdown" in warning)
    assert reason in said
    assert not any("--reduce" in warning for warning in host.meta.warnings)


def test_a_model_of_fixed_batch_stays_outside(tmp_path):
    save_images(tmp_path)
    network = save_network(tmp_path, "y = Mul(image, image)", batch=8)
    flips = save_transforms(tmp_path, FLIPS)
    pushed, host = (measure(tmp_path, network, flips, batch=8, reduce=how) for how in ("pushdown", "host"))
    alike(pushed, host)
    assert in_the_graph(pushed)[0] == 0
    assert any("batch size is fixed" in warning for warning in pushed.meta.warnings if "--reduce" in warning)


def test_a_layer_of_another_shape_in_a_larger_batch_is_an_error_in_words(tmp_path):
    # Past four rows, a layer has a column more.
    text = """
        net (float[n,6] x) => (float[n,k] y) {
            shape = Shape(x)
            rows = Slice(shape, zero, one)
            many = Greater(rows, limit)
            more = Cast<to = 7>(many)
            width = Sub(six, more)
            cut = Slice(x, zero, width, one)
            y = Neg(cut)
        }
    """
    arrays = {"zero": [0], "one": [1], "six": [6], "limit": [4]}
    path = save_text(tmp_path / "net.onnx", text, **{name: np.array(value, np.int64) for name, value in arrays.items()})
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).random((12, 6), dtype=np.float32))
    options = {"batch": 8, "layers": ("y",), "measures": ("normalized-variance",)}
    assert api.plan(path, tmp_path / "x.npz", "scale-amplitude:steps=4", **options, reduce="pushdown").pushed == {"y"}
    with pytest.raises(ModelError, match="'y' has another shape in a batch of 8 than in a small one"):
        api.analyze(path, tmp_path / "x.npz", "scale-amplitude:steps=4", **options, reduce="pushdown")


def test_the_memory_of_sums_is_counted():
    few, many = (
        api.plan(
            model("rotated"), digits(), "rotation:steps=8", samples=48, batch=32, reduce=how, device="cpu", threads=1
        )
        for how in ("auto", "pushdown")
    )
    summed = [layer for layer in many.layers if layer.name in many.pushed]
    assert len(summed) == len(many.layers) - 1
    passing = 3 * 32 * max(layer.units for layer in summed) * 4
    sums = (3 * 4 + 3 * 8) * sum(layer.units for layer in summed) * 4
    assert few.layout.desks == many.layout.desks
    assert many.layout.memory.activations - few.layout.memory.activations == many.layout.desks * (sums + passing)


def test_auto_is_the_graph_on_cuda_and_the_host_on_the_cpu():
    assert [in_graph(how, Device(kind)) for kind in ("cpu", "cuda") for how in ("host", "auto", "pushdown")] == [
        False, False, True,
        False, True, True,
    ]  # fmt: skip


def test_a_run_on_cuda_sums_in_the_graph_of_itself(monkeypatch):
    """As far as a CPU allows: the plan is for CUDA, its sessions run on the CPU."""

    def session(proto: bytes, device: Device, **options: Any) -> runtime.Session:
        assert device.kind == "cuda"
        return runtime.Session(proto, Device("cpu"), **options)

    host = api.analyze(model("rotated"), digits(), "rotation:steps=8", samples=48, reduce="host", device="cpu")
    monkeypatch.setattr(plan, "choose_device", lambda text: Device("cuda"))
    for module in (sessions, desks):
        monkeypatch.setattr(module, "Session", session)
    found = api.analyze(model("rotated"), digits(), "rotation:steps=8", samples=48)
    assert found.meta.runtime.reduce == "auto, in the graph for 17 of 18 layers"
    alike(found, host)
