"""One network as several frameworks export it: every layer finds its own, and the verdict is that they are the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from onnxinv import api
from onnxinv.comparison import Comparison, ModelComparison, PairedLayers
from onnxinv.result import Result
from tests.networks import DIGITS, SHIPPED

PLAIN, ORIGINAL = SHIPPED
FOLDER = DIGITS.parent / "frameworks"
FLOAT = ("pytorch_torchscript", "pytorch_dynamo", "tensorflow", "keras")
INT8 = ("int8_qdq", "int8_qoperator")
NV = "normalized-variance"

TRUTH = {
    "image": ("image", "image"),
    "normalise/Sub": ("normalise/sub", None),
    "normalise/Div": ("normalise/truediv", "rescaling_1/add"),
    "conv1": ("conv1/bias", "conv2d_1/BiasAdd"),
    "elu1": ("conv1/elu", "conv2d_1/Elu"),
    "conv2": ("conv2/bias", "conv2d_1_2/BiasAdd"),
    "elu2": ("conv2/elu", "conv2d_1_2/Elu"),
    "pool1": ("pool1", "max_pooling2d_1/MaxPool2d"),
    "conv3": ("conv3/bias", "conv2d_2_1/BiasAdd"),
    "elu3": ("conv3/elu", "conv2d_2_1/Elu"),
    "conv4": ("conv4/bias", "conv2d_3_1/BiasAdd"),
    "elu4": ("conv4/elu", "conv2d_3_1/Elu"),
    "pool2": ("pool2", "max_pooling2d_1_2/MaxPool2d"),
    "conv5": ("conv5/bias", "conv2d_4_1/BiasAdd"),
    "elu5": ("conv5/elu", "conv2d_4_1/Elu"),
    "fc1": ("fc1/bias", "dense_1/BiasAdd"),
    "elu6": ("fc1/elu", "dense_1/Elu"),
    "fc2": ("logits", "Identity"),
}
"""By layer of the original its counterpart in TensorFlow and in Keras; PyTorch keeps the names."""

KNOWN = tuple(TRUTH)[3:]
"""The convolutions, activations, pools and dense layers: exporters write the arithmetic before them as they like."""

LABELS: dict[str, dict[str, str | None]] = {
    "original": {name: name for name in TRUTH},
    "pytorch_torchscript": {name: name for name in TRUTH},
    "pytorch_dynamo": {name: name for name in TRUTH},
    "tensorflow": {name: other for name, (other, _) in TRUTH.items()},
    "keras": {name: other for name, (_, other) in TRUTH.items()},
}


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.onnx"


def compared(*models: Path, samples: int = 40, transforms: str = "rotation:steps=4,degrees=360") -> Comparison:
    options: dict[str, Any] = {"samples": samples, "measures": (NV,), "device": "cpu", "threads": 1}
    return api.compare(models, DIGITS, transforms, **options)


@pytest.fixture(scope="module")
def exports() -> Comparison:
    """The original against each of the exports."""
    return compared(ORIGINAL, *map(path_of, (*FLOAT, *INT8)))


def against(exports: Comparison, name: str) -> ModelComparison:
    return exports.comparisons[(*FLOAT, *INT8).index(name)]


def matched(pairs: Sequence[PairedLayers]) -> dict[str, str]:
    return {pair.label_a: pair.label_b for pair in pairs}


def truth(one: str, other: str) -> dict[str, str]:
    """Return which label of one model belongs to which of the other."""
    partners = ((LABELS[one][name], LABELS[other][name]) for name in TRUTH)
    return {a: b for a, b in partners if a is not None and b is not None}


def assert_equivalent(found: ModelComparison) -> None:
    """Check that two models are the same network with the same weights."""
    assert all(pair.identical_weights for pair in found.pairs)
    assert not any(pair.guess for pair in found.pairs)
    for pair in found.pairs:
        assert pair.max_relative_difference is not None, pair.label_a
        assert pair.max_relative_difference < 1e-4, pair.label_a
        assert pair.measures[NV].b == pytest.approx(pair.measures[NV].a, rel=1e-3), pair.label_a
        assert pair.verdict == "same"
    assert (found.verdict, found.mismatches) == ("same", [])


@pytest.mark.parametrize("name", FLOAT)
def test_every_layer_of_an_export_is_paired_with_its_own(exports, name):
    assert matched(against(exports, name).pairs) == truth("original", name)


@pytest.mark.parametrize("name", FLOAT)
def test_an_export_holds_the_same_activations_and_is_the_same(exports, name):
    assert_equivalent(against(exports, name))


def test_what_has_no_counterpart_is_listed_on_both_sides(exports):
    found = against(exports, "keras").unmatched
    assert found.a == ["/normalise/Sub_output_0"]
    assert found.b == [f"sequential_1/{name}:0" for name in ("rescaling_1/mul", "dense_1/MatMul", "dense_1_2/MatMul")]


def test_exports_of_two_frameworks_are_the_same_as_each_other():
    found = compared(path_of("tensorflow"), path_of("keras")).comparisons[0]
    expected = truth("tensorflow", "keras")
    told = matched(found.pairs)
    assert {a: b for a, b in told.items() if a in expected or b in expected.values()} == expected
    assert told.items() - expected.items() <= {("fc1/matmul", "dense_1/MatMul"), ("fc2/matmul", "dense_1_2/MatMul")}
    assert_equivalent(found)


OF_INT8 = {("image", "image"), ("normalise", "normalise"), *((each, each) for each in KNOWN[:-1]), ("fc2", "logits")}
"""Names of layers, without the operators that quantisation adds to them."""


def without_operators(pairs: Sequence[PairedLayers]) -> set[tuple[str, str]]:
    return {(a.partition("/")[0], b.partition("/")[0]) for a, b in matched(pairs).items()}


@pytest.mark.parametrize("name", INT8)
def test_every_layer_of_a_quantised_model_differs_by_a_known_amount(exports, name):
    found = against(exports, name)
    assert matched(found.pairs).keys() == TRUTH.keys()
    assert without_operators(found.pairs) == OF_INT8
    for pair in found.pairs:
        difference = pair.measures[NV]
        assert difference.ci is not None, pair.label_a
        assert difference.difference is not None, pair.label_a
        assert np.isfinite([difference.difference, *difference.ci]).all()
        assert difference.ci[0] <= difference.ci[1]
    apart = {pair.label_a for pair in found.pairs if pair.measures[NV].difference}
    assert apart >= {"conv1", *KNOWN[:-1]}


@pytest.mark.parametrize("name", INT8)
def test_a_quantised_model_is_no_equivalent_from_the_first_quantised_layer_on(exports, name):
    found = against(exports, name)
    assert [pair.identical_weights for pair in found.pairs] == [each not in KNOWN for each in TRUTH]
    assert re.match(r"the weights differ in \d+ of 18 pairs of layers, first in 'conv1'", found.mismatches[0])


def test_layers_are_paired_rightly_from_saved_results_alone(exports, tmp_path):
    folders = {name: tmp_path / name for name in LABELS}
    for name, result in zip(LABELS, exports.results, strict=False):
        result.save(folders[name])
    for one, other in permutations(LABELS, 2):
        found = api.compare([folders[one], folders[other]]).comparisons[0]
        layers = [(LABELS[one][name], LABELS[other][name]) for name in KNOWN]
        sides = [set(side) for side in zip(*layers, strict=True)]
        told = [(a, b) for a, b in matched(found.pairs).items() if a in sides[0] or b in sides[1]]
        assert sorted(told) == sorted(layers), (one, other)
        assert (found.verdict, found.mismatches) == ("same", []), (one, other)


@pytest.mark.parametrize("place", [0, 1], ids=INT8)
def test_quantised_layers_are_paired_rightly_from_results_alone(exports, place):
    quantised = exports.results[1 + len(FLOAT) + place]
    for results in ((exports.results[0], quantised), (quantised, exports.results[0])):
        told = without_operators(api.compare(results).comparisons[0].pairs)
        assert told == (OF_INT8 if results[1] is quantised else {(b, a) for a, b in OF_INT8})


Arrays = dict[str, np.ndarray]


def edited(folder: Path, edit: Callable[[Arrays], Arrays]) -> Path:
    """Write the original with other weights.

    Args:
        folder: to write to.
        edit: from weights by name to those that are replaced.
    """
    model = onnx.load(ORIGINAL)
    weights = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    for name, array in edit(weights).items():
        place = next(each for each in model.graph.initializer if each.name == name)
        place.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
    path = folder / "edited.onnx"
    onnx.save(model, path)
    return path


def test_one_weight_that_is_off_by_a_percent_is_found_in_its_layer(tmp_path):
    def off(weights: Arrays) -> Arrays:
        kernel = weights["conv3.weight"].copy()
        kernel.reshape(-1)[0] *= 1.01
        return {"conv3.weight": kernel}

    found = compared(ORIGINAL, edited(tmp_path, off)).comparisons[0]
    assert [pair.label_a for pair in found.pairs if pair.identical_weights] == list(TRUTH)[:8]
    assert re.match(r"activations differ in \d+ of 18 pairs of layers, first in 'conv3'", found.mismatches[0])


def test_channels_in_another_order_are_the_same_weights_and_activations(tmp_path):
    generator = np.random.default_rng(0)
    second, third = generator.permutation(16), generator.permutation(32)

    def turned(weights: Arrays) -> Arrays:
        return {
            "conv2.weight": weights["conv2.weight"][second],
            "conv2.bias": weights["conv2.bias"][second],
            "conv3.weight": weights["conv3.weight"][third][:, second],
            "conv3.bias": weights["conv3.bias"][third],
            "conv4.weight": weights["conv4.weight"][:, third],
        }

    found = compared(ORIGINAL, edited(tmp_path, turned)).comparisons[0]
    assert_equivalent(found)
    assert [pair.label_a for pair in found.pairs if pair.reordered] == ["conv2", "elu2", "pool1", "conv3", "elu3"]
    for pair in found.pairs:
        told = pair.measures[NV].max_relative_difference
        assert told is not None, pair.label_a
        assert told < 1e-4, pair.label_a


def interval(result: Result, name: str) -> tuple[float, float]:
    found = next(layer for layer in result.layers if layer.name == name).measures[NV].ci["mean"]
    assert found is not None, name
    return found


def test_a_network_trained_on_rotated_digits_is_better_wherever_the_intervals_separate():
    comparison = compared(PLAIN, ORIGINAL, samples=100, transforms="rotation:steps=8,degrees=360")
    plain, rotated = comparison.results
    separate = {}
    for pair in comparison.comparisons[0].pairs:
        (low, high), (other_low, other_high) = interval(plain, pair.a), interval(rotated, pair.b)
        if other_high < low or high < other_low:
            separate[pair.label_a] = "better" if other_high < low else "worse", pair.verdict
    assert len(separate) >= 4
    assert set(separate.values()) == {("better", "better")}
