"""Measures of the class output, against own variants, an own session and counting."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from onnxinv.api import analyze, plan
from onnxinv.errors import DataError, UsageError
from onnxinv.measures import DEFAULT, DEFAULT_OF_CLASSES, measures
from onnxinv.result import Result
from tests.engine.networks import NV, save_network
from tests.engine.raw import rotations
from tests.networks import DIGITS, SHIPPED, save_text

CPU: dict[str, Any] = {"device": "cpu", "threads": 1}
KEYS = [key for name in DEFAULT_OF_CLASSES for key in measures.build(name).result_keys()]


@dataclass(frozen=True, eq=False)
class Predicted:
    """Fifty digits, their labels, and the probabilities of the shipped model under eight rotations."""

    data: Path
    labels: np.ndarray
    shares: np.ndarray

    def analyze(self, transforms: str, **options: Any) -> Result:
        """Measure the class output alone."""
        return analyze(SHIPPED[1], self.data, transforms, **{"measures": DEFAULT_OF_CLASSES, **CPU, **options})


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return shares


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Predicted:
    chosen = np.random.default_rng(5).permutation(1000)[:50]
    images, labels = (np.load(DIGITS)[key][chosen] for key in ("x", "y"))
    data = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(data, x=images, y=labels)
    session = onnxruntime.InferenceSession(SHIPPED[1], providers=["CPUExecutionProvider"])
    logits = np.stack([session.run(["logits"], {"image": rotations(image, 8)})[0] for image in images])
    return Predicted(data, labels, softmax(logits.astype(np.float64)))


def by_force(shares: np.ndarray, before: np.ndarray, labels: np.ndarray) -> dict[str, tuple[float, list[float] | None]]:
    """Return value and profile of every measure.

    Args:
        shares: (samples, transforms, classes) probabilities.
        before: (samples, classes) those of the untransformed samples.
        labels: (samples,) true classes.
    """
    samples, transforms, _ = shares.shape
    top, top_before = shares.argmax(axis=2), before.argmax(axis=1)
    same, effective, change, right = (np.zeros((samples, transforms)) for _ in range(4))
    agreeing, worst = 0, 0
    for i in range(samples):
        for j in range(transforms):
            same[i, j] = top[i, j] == top_before[i]
            effective[i, j] = same[i, j] * math.sqrt(shares[i, j].max() * before[i].max())
            change[i, j] = abs(shares[i, j].max() - before[i].max())
            right[i, j] = top[i, j] == labels[i]
        agreeing += sum(top[i, j] == top[i, k] for j in range(transforms) for k in range(j))
        worst += all(right[i])
    pairs = samples * transforms * (transforms - 1) / 2
    curves = {
        "top1-consistency": same,
        "effective-invariance": effective,
        "top1-change-rate": 1 - same,
        "top1-probability-change": change,
        "accuracy": right,
    }
    return {
        **{key: (float(each.mean()), [float(value) for value in each.mean(axis=0)]) for key, each in curves.items()},
        "pairwise-consistency": (agreeing / pairs, None),
        "worst-case-accuracy": (worst / samples, None),
    }


def assert_outputs(found: Result, expected: dict[str, tuple[float, list[float] | None]]) -> None:
    assert set(found.document.outputs) == set(expected)
    for key, (value, profile) in expected.items():
        output = found.document.outputs[key]
        assert output.value == pytest.approx(value, rel=1e-5), key
        assert output.profile == (None if profile is None else pytest.approx(profile, rel=1e-5, abs=1e-9)), key


@pytest.mark.parametrize("batch", [5, 64])
def test_fifty_digits_under_eight_rotations(predicted: Predicted, batch: int) -> None:
    found = predicted.analyze("rotation:steps=8", batch=batch)
    assert_outputs(found, by_force(predicted.shares, predicted.shares[:, 0], predicted.labels))
    assert (found.document.outputs["top1-consistency"].profile or [])[0] == 1
    assert found.meta.timing.inferences == 50 * 8


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_the_untransformed_sample_is_no_transform_where_the_set_lacks_it(predicted: Predicted, batch: int) -> None:
    found = predicted.analyze("rotation:steps=2,degrees=90", batch=batch)
    assert [item["rotation"] for item in found.meta.transforms.items] == [-45, 45]
    both = predicted.shares[:, [7, 1]]
    assert_outputs(found, by_force(both, predicted.shares[:, 0], predicted.labels))
    assert len(found.document.outputs["accuracy"].profile or ()) == found.meta.transforms.count == 2
    assert found.meta.timing.inferences == 50 * 3


def test_the_untransformed_sample_changes_no_layer(predicted: Predicted) -> None:
    """What is run for the class output alone is no variant of the layers."""
    options: dict[str, Any] = {"layers": ("fc*",), **CPU}
    alone = analyze(SHIPPED[1], predicted.data, "rotation:steps=2,degrees=90", measures=(NV,), **options)
    beside = analyze(SHIPPED[1], predicted.data, "rotation:steps=2,degrees=90", **options)
    assert alone.meta.timing.inferences == 50 * 2
    assert beside.meta.timing.inferences == 50 * 3
    for layer in alone.layers:
        np.testing.assert_allclose(beside.values(NV, layer), alone.values(NV, layer), rtol=1e-6)


def test_the_layers_need_not_hold_the_class_output(predicted: Predicted) -> None:
    found = predicted.analyze("rotation:steps=8", measures=(), layers=("conv5",))
    assert [layer.label for layer in found.layers] == ["conv5"]
    assert list(found.layers[0].measures) == [key for name in DEFAULT for key in measures.build(name).result_keys()]
    assert list(found.document.outputs) == KEYS
    assert_outputs(found, by_force(predicted.shares, predicted.shares[:, 0], predicted.labels))


@pytest.mark.parametrize("batch", [5, 30])
def test_they_are_the_same_beside_measures_that_want_sixteen_samples(predicted: Predicted, batch: int) -> None:
    named = (*DEFAULT_OF_CLASSES, "sample-distance", "goodfellow")
    found = predicted.analyze("rotation:steps=8", measures=named, layers=("fc2",), batch=batch, groups=3)
    assert_outputs(found, by_force(predicted.shares, predicted.shares[:, 0], predicted.labels))


def test_the_order_of_the_outputs_is_that_of_the_measures(predicted: Predicted) -> None:
    found = predicted.analyze("flip", measures=("accuracy", NV, "top1-consistency"), layers=("fc*",))
    assert list(found.document.outputs) == ["accuracy", "worst-case-accuracy", "top1-consistency"]
    assert found.measures == [NV]


def test_the_interval_leaves_out_a_group_at_a_time(predicted: Predicted) -> None:
    groups = plan(SHIPPED[1], predicted.data, "rotation:steps=8", measures=DEFAULT_OF_CLASSES, **CPU).groups
    found = predicted.analyze("rotation:steps=8").document.outputs
    shares, labels = predicted.shares, predicted.labels
    for key in KEYS:
        left_out = []
        for (group,) in groups:
            kept = np.delete(shares, group, axis=0)
            left_out.append(by_force(kept, kept[:, 0], np.delete(labels, group))[key][0])
        assert found[key].loo == pytest.approx(left_out, rel=1e-5)
        spread = sum((each - sum(left_out) / 10) ** 2 for each in left_out)
        assert found[key].se == pytest.approx(math.sqrt(0.9 * spread), rel=1e-4)
        low, high = found[key].ci or (0, 0)
        assert 0 <= low < high <= 1


def test_a_class_that_never_changes_has_the_interval_of_a_proportion(predicted: Predicted) -> None:
    output = predicted.analyze("identity", measures=("top1-consistency",)).document.outputs["top1-consistency"]
    assert (output.value, output.se) == (1, 0)
    low, high = output.ci or (0, 0)
    assert high == 1
    assert low == pytest.approx(0.025 ** (1 / 50), rel=1e-9)


def save_heads(folder: Path, nodes: str, *outputs: str) -> Path:
    """Write a model of some outputs (n, 3) that two Gemm layers, `a` and `b`, lead to."""
    generator = np.random.default_rng(0)
    weights = {name: generator.standard_normal((36, 3)).astype(np.float32) for name in ("v", "w")}
    declared = ", ".join(f"float[n,3] {name}" for name in outputs)
    body = f"f = Flatten(image) a = MatMul(f, v) b = MatMul(f, w) {nodes}"
    return save_text(folder / "heads.onnx", f"net (float[n,1,6,6] image) => ({declared}) {{ {body} }}", **weights)


def save_images(folder: Path, labels: np.ndarray | None = None) -> Path:
    images = np.random.default_rng(1).standard_normal((20, 1, 6, 6)).astype(np.float32)
    path = folder / "images.npz"
    arrays: dict[str, Any] = {"x": images} if labels is None else {"x": images, "y": labels}
    np.savez(path, **arrays)
    return path


def predictions(model: Path, data: Path, output: str) -> np.ndarray:
    """Return (samples, quarter turns, classes) numbers of an output."""
    images = np.load(data)["x"]
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    turns = [np.ascontiguousarray(np.rot90(images, turn, axes=(2, 3))) for turn in range(4)]
    return np.stack([session.run([output], {"image": each})[0] for each in turns], axis=1).astype(np.float64)


def test_of_two_outputs_neither_is_taken_unless_it_is_named(tmp_path: Path) -> None:
    model, data = save_heads(tmp_path, "one = Neg(a) two = Neg(b)", "one", "two"), save_images(tmp_path)
    silent = analyze(model, data, "rotation:steps=4", **CPU)
    assert silent.document.outputs == {}
    assert silent.meta.class_output is None
    assert silent.meta.options.skipped_measures == []
    with pytest.raises(DataError, match="'top1-consistency' cannot be measured: several outputs could") as told:
        analyze(model, data, "rotation:steps=4", measures=("top1-consistency",), **CPU)
    assert "--class-output" in told.value.hint
    everything = analyze(model, data, "rotation:steps=4", measures=("all",), **CPU)
    reasons = {each.name: each.reason for each in everything.meta.options.skipped_measures}
    assert "several outputs could hold classes: 'one' (3 numbers), 'two' (3 numbers)" in reasons["top1-consistency"]


@pytest.mark.parametrize("name", ["one", "two"])
def test_the_output_that_is_named_is_taken(tmp_path: Path, name: str) -> None:
    model = save_heads(tmp_path, "one = Neg(a) two = Neg(b)", "one", "two")
    data = save_images(tmp_path, np.arange(20) % 3)
    found = analyze(model, data, "rotation:steps=4", class_output=name, **CPU)
    shares = softmax(predictions(model, data, name))
    assert_outputs(found, by_force(shares, shares[:, 0], np.arange(20) % 3))
    told = found.meta.class_output
    assert told is not None
    assert (told.name, told.kind, told.classes, told.chosen) == (name, "logits", 3, "named")


@pytest.mark.parametrize("kind", ["logits", "probabilities", None])
def test_numbers_are_read_as_the_user_says(tmp_path: Path, kind: str | None) -> None:
    """What sigmoids make lies between 0 and 1 but does not add up to 1: it is taken for logits unless told."""
    model, data = save_heads(tmp_path, "p = Sigmoid(a)", "p"), save_images(tmp_path)
    named = ("top1-consistency", "effective-invariance", "top1-change-rate")
    found = analyze(model, data, "rotation:steps=4", class_kind=kind, measures=named, **CPU)
    numbers = predictions(model, data, "p")
    shares = numbers if kind == "probabilities" else softmax(numbers)
    expected = by_force(shares, shares[:, 0], np.zeros(20, dtype=np.int64))
    kept = {key: expected[key] for key in (*named, "top1-probability-change")}
    assert_outputs(found, kept)
    told = found.meta.class_output
    assert told is not None
    assert (told.name, told.kind, told.chosen) == ("p", kind or "logits", "detected")


def test_a_softmax_is_not_taken_twice(tmp_path: Path) -> None:
    model, data = save_heads(tmp_path, "p = Softmax(a)", "p"), save_images(tmp_path)
    found = analyze(model, data, "rotation:steps=4", measures=("effective-invariance",), **CPU)
    shares = predictions(model, data, "p")
    assert_outputs(
        found, {"effective-invariance": by_force(shares, shares[:, 0], np.zeros(20))["effective-invariance"]}
    )
    assert found.meta.class_output is not None
    assert found.meta.class_output.kind == "probabilities"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        pytest.param({"class_kind": "probabilities"}, ["no probability", "--logits"], id="logits as probabilities"),
        pytest.param({"class_output": "tow"}, ["no output 'tow'", "'two'"], id="a name that is not there"),
    ],
)
def test_an_output_that_cannot_be_read_so_is_refused(tmp_path: Path, options: dict[str, Any], parts: list[str]) -> None:
    model, data = save_heads(tmp_path, "two = Neg(b)", "two"), save_images(tmp_path)
    with pytest.raises(UsageError) as told:
        analyze(model, data, "rotation:steps=4", **options, **CPU)
    assert parts[0] in told.value.message
    assert parts[1] in told.value.hint


def test_a_model_without_classes_is_measured_without_a_word(tmp_path: Path) -> None:
    data = save_images(tmp_path)
    found = analyze(save_network(tmp_path, "y = Relu(image)"), data, "rotation:steps=4", **CPU)
    assert found.document.outputs == {}
    assert found.meta.class_output is None
    assert not found.meta.options.skipped_measures
    assert not found.meta.warnings


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        pytest.param(None, "the data has no labels", id="none"),
        pytest.param(np.arange(20), "the label 19 is none of the model's 3 classes", id="more than the model has"),
        pytest.param(np.arange(20) % 2 - 1, "the label -1 is negative", id="negative"),
        pytest.param(np.array(["a", "b"] * 10), "numbers 2 classes by their names", id="fewer names than classes"),
    ],
)
def test_labels_that_are_no_classes_of_the_model_give_no_accuracy(
    tmp_path: Path, labels: np.ndarray | None, reason: str
) -> None:
    model, data = save_heads(tmp_path, "y = Neg(a)", "y"), save_images(tmp_path, labels)
    found = analyze(model, data, "rotation:steps=4", **CPU)
    assert list(found.document.outputs) == [key for key in KEYS if "accuracy" not in key]
    with pytest.raises(DataError, match=f"'accuracy' cannot be measured: .*{reason}"):
        analyze(model, data, "rotation:steps=4", measures=("accuracy",), **CPU)


def test_alone_they_make_a_result_that_can_be_kept(tmp_path: Path) -> None:
    model, data = save_heads(tmp_path, "y = Neg(a)", "y"), save_images(tmp_path)
    found = analyze(model, data, "rotation:steps=4", measures=("top1-consistency",), **CPU)
    assert found.measures == []
    assert found.units == {}
    found.save(tmp_path / "result")
    assert Result.load(tmp_path / "result").document == found.document


def test_chunks_measure_the_class_output_once(predicted: Predicted) -> None:
    found = analyze(
        SHIPPED[1], predicted.data, "rotation:steps=2", samples=12, measures=(NV, "accuracy"), memory="35MiB", **CPU
    )
    assert "chunks" in found.meta.runtime.schedule
    chosen = plan(SHIPPED[1], predicted.data, "identity", samples=12, measures=("accuracy",), **CPU).samples
    shares, labels = predicted.shares[chosen][:, [0, 4]], predicted.labels[chosen]
    expected = by_force(shares, shares[:, 0], labels)
    assert_outputs(found, {key: expected[key] for key in ("accuracy", "worst-case-accuracy")})
