"""Models that are compared share what transforms make of samples, and measure what each would measure alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv import api
from onnxinv.result import Result
from onnxinv.variants import Variants
from tests.engine.networks import save_images, save_network

ZOO = Path(__file__).parent / "zoo"
CPU: dict[str, Any] = {"device": "cpu", "threads": 1}
SAMPLE = np.arange(6.0).reshape(2, 3)
NOISE = "additive-noise:steps=3"


def test_a_variant_is_made_once():
    variants = Variants()
    variants.limit = 1000
    made = variants.get(SAMPLE, 0, 0, make=lambda: SAMPLE + 1)
    assert variants.get(SAMPLE.copy(), 0, 0, make=lambda: pytest.fail("made again")) is made
    assert variants.made == 1
    assert not made.flags.writeable


@pytest.mark.parametrize(
    ("sample", "index", "transform"),
    [
        pytest.param(SAMPLE + 1, 0, 0, id="another sample"),
        pytest.param(SAMPLE.reshape(3, 2), 0, 0, id="another shape"),
        pytest.param(SAMPLE.view(np.int64), 0, 0, id="another type"),
        pytest.param(SAMPLE.T, 0, 0, id="another order of axes"),
        pytest.param(SAMPLE, 1, 0, id="the same content at another place"),
        pytest.param(SAMPLE, 0, 1, id="another transform"),
    ],
)
def test_what_differs_is_made_for_itself(sample, index, transform):
    variants = Variants()
    variants.limit = 1000
    variants.get(SAMPLE, 0, 0, make=lambda: np.zeros(1))
    assert variants.get(sample, index, transform, make=lambda: np.ones(1)) == 1
    assert variants.made == 2


def test_no_more_is_kept_than_the_limit_allows():
    variants = Variants()
    variants.limit = 3 * SAMPLE.nbytes - 1
    for _ in range(2):
        for index in range(4):
            assert np.array_equal(variants.get(SAMPLE, index, 0, make=SAMPLE.copy), SAMPLE)
    assert variants.made == 4 + 2


def test_nothing_is_kept_without_a_limit():
    variants = Variants()
    for _ in range(2):
        variants.get(SAMPLE, 0, 0, make=SAMPLE.copy)
    assert variants.made == 2


@pytest.fixture
def shown(monkeypatch) -> Variants:
    """What the models of the next comparison share."""
    variants = Variants()
    monkeypatch.setattr(api, "Variants", lambda: variants)
    return variants


@pytest.fixture
def networks(tmp_path) -> list[Path]:
    """Two networks beside their images."""
    save_images(tmp_path)
    generator = np.random.default_rng(0)
    bodies = ("a = Conv<kernel_shape = [3, 3]>(image, k) y = Relu(a)", "y = Conv<kernel_shape = [3, 3]>(image, k)")
    return [
        save_network(tmp_path, body, {"k": generator.normal(size=(2, 1, 3, 3))}).rename(tmp_path / f"{place}.onnx")
        for place, body in enumerate(bodies)
    ]


def assert_equal(one: Result, other: Result) -> None:
    """Check that two results hold the same numbers."""
    assert one.meta.data.digest == other.meta.data.digest
    assert [layer.measures for layer in one.layers] == [layer.measures for layer in other.layers]
    assert one.document.outputs == other.document.outputs
    assert one.units.keys() == other.units.keys()
    assert all(np.array_equal(one.units[key], other.units[key], equal_nan=True) for key in one.units)


@pytest.mark.parametrize("transforms", ["rotation:steps=4,degrees=360", NOISE], ids=["rotations", "noise"])
@pytest.mark.parametrize("kept", [0, 5, None], ids=["nothing kept", "five kept", "all kept"])
def test_models_measure_together_what_each_measures_alone(shown, networks, tmp_path, monkeypatch, transforms, kept):
    data = tmp_path / "images.npz"
    monkeypatch.setattr(api, "take_pictures", lambda *told: None)  # they make some variants again
    plans = api.plan_all(networks, data, transforms, **CPU)
    if kept is not None:
        shown.limit = kept * np.zeros((6, 6)).nbytes
    before = shown.made
    first = api.run(plans[0])
    between = shown.made
    second = api.run(plans[1])
    count = 12 * 4
    assert between - before == count
    assert shown.made - between == (0 if kept is None else count - kept)
    for model, result in zip(networks, (first, second), strict=True):
        assert_equal(result, api.analyze(model, data, transforms, **CPU))


def test_another_layout_gets_the_same_pixels(shown):
    models = [ZOO / "torchscript_resnet18.onnx", ZOO / "tensorflow_mobilenet.onnx"]
    one, other = api.plan_all(models, "random:n=12", NOISE, **CPU)
    every = slice(0, 4)
    first, second = (plan.feeds.batch(range(12), every)[plan.feeds.primary.name] for plan in (one, other))
    assert (one.feeds.layout, other.feeds.layout) == ("NCHW", "NHWC")
    assert first.shape == (48, 3, 32, 32)
    assert np.array_equal(first.transpose(0, 2, 3, 1), second)
    assert len(np.unique(first.reshape(48, -1), axis=0)) == 48


def test_models_of_two_layouts_are_compared_on_the_same_samples():
    models = [ZOO / "torchscript_resnet18.onnx", ZOO / "tensorflow_mobilenet.onnx"]
    options: dict[str, Any] = {**CPU, "measures": ("normalized-variance",), "select": "outputs"}
    found = api.compare(models, "random:n=12", "flip", **options)
    digests = [each.meta.data.digest for each in found.results]
    assert digests[0] == digests[1]
    assert found.document.meta.paired
