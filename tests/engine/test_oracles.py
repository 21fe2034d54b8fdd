"""Tiny networks whose invariance is known exactly, measured end to end."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from onnxinv.errors import DataError, ModelError
from onnxinv.measures import DEFAULT
from tests.engine.networks import (
    NV,
    layer_of,
    measure,
    save_images,
    save_network,
    save_transforms,
    values_of,
)

SHARES = [f"variance-share-{part}" for part in ("sample", "transform", "interaction")]
ROLLS = "return [lambda image, k=k: np.roll(image, (k, 2 * k), axis=(0, 1)) for k in range(5)]"
CONSTANTS = "return [lambda image, k=k: np.full_like(image, 0.1 * k) for k in range(5)]"
SHIFTS = "return [lambda image, k=k: image + 0.25 * k for k in range(4)]"

every_aggregate = pytest.mark.parametrize("aggregate", ["channel", "unit", "activation-mean", "activation-max"])


@every_aggregate
def test_a_constant_network_is_dead_and_counts_as_one(tmp_path: Path, aggregate: str) -> None:
    save_images(tmp_path)
    model = save_network(tmp_path, "zero = Mul(image, nought) y = Add(zero, c)", {"nought": 0, "c": 0.1})
    result = measure(tmp_path, model, "rotation:steps=6", aggregate=aggregate)
    found = layer_of(result, "y").measures
    assert set(values_of(result, "y")) == {1.0}
    assert found[NV].mean == 1
    assert found[NV].mean_alive is None
    assert found[NV].dead == found[NV].finite
    assert found["transformational-variance"].max == found["sample-variance"].max == 0
    for share in SHARES:
        assert (found[share].mean, found[share].nan, found[share].dead) == (None, 0, found[NV].dead)
    assert layer_of(result, "image").measures[NV].dead == 0
    assert not any("nan" in warning for warning in result.meta.warnings)


@every_aggregate
@pytest.mark.parametrize("pool", ["GlobalAveragePool", "GlobalMaxPool"])
@pytest.mark.parametrize("transforms", ["flip", "rolls"])
@pytest.mark.parametrize("dyadic", [True, False], ids=["exact sums", "rounded sums"])
def test_a_global_pool_is_invariant_to_flips_and_rolls(
    tmp_path: Path, pool: str, transforms: str, dyadic: bool, aggregate: str
) -> None:
    save_images(tmp_path, dyadic=dyadic)
    model = save_network(tmp_path, f"y = {pool}(image)")
    spec = save_transforms(tmp_path, ROLLS) if transforms == "rolls" else transforms
    result = measure(tmp_path, model, spec, aggregate=aggregate)
    assert values_of(result, "y") == [0.0]
    assert [values_of(result, "y", share) for share in SHARES] == [[1.0], [0.0], [0.0]]
    # Reduced over space, the image is invariant as well.
    assert (values_of(result, "image") == [0.0]) == aggregate.startswith("activation")
    if dyadic:
        assert values_of(result, "y", "transformational-variance") == [0.0]


def test_a_reaction_to_the_transform_alone_is_infinite(tmp_path: Path) -> None:
    save_images(tmp_path)
    model = save_network(tmp_path, "y = Exp(image)")
    result = measure(tmp_path, model, save_transforms(tmp_path, CONSTANTS))
    for name in ("image", "y"):
        found = layer_of(result, name).measures[NV]
        assert values_of(result, name) == [math.inf]
        assert (found.mean, found.finite, found.inf, found.nan, found.dead) == (None, 0, 1, 0, 0)
        assert found.ci["mean"] is None
        assert [values_of(result, name, share) for share in SHARES] == [[0.0], [1.0], [0.0]]
    assert result.document.summary[NV].mean_of_layers is None


@pytest.mark.parametrize("aggregate", ["channel", "unit"])
def test_a_shift_by_transform_is_all_that_the_samples_leave(tmp_path: Path, aggregate: str) -> None:
    images = np.load(save_images(tmp_path, dyadic=True))["x"].astype(np.float64)
    model = save_network(tmp_path, "y = Mul(image, two)", {"two": 2})
    result = measure(tmp_path, model, save_transforms(tmp_path, SHIFTS), aggregate=aggregate)
    by_sample = 4 * len(images) * images.var(axis=0)
    by_transform = np.full_like(by_sample, len(images) * 4 * np.var(0.25 * np.arange(4)))
    if aggregate == "channel":
        by_sample, by_transform = by_sample.sum(keepdims=True), by_transform.sum(keepdims=True)
    expected = (by_transform / (by_sample + by_transform)).reshape(-1)
    for name in ("image", "y"):
        np.testing.assert_allclose(values_of(result, name, "variance-share-transform"), expected, rtol=1e-12)
        np.testing.assert_allclose(values_of(result, name, "variance-share-sample"), 1 - expected, rtol=1e-12)
        np.testing.assert_allclose(values_of(result, name, "variance-share-interaction"), 0, atol=1e-14)
        deviation = images.std(axis=0, ddof=1).mean() if aggregate == "channel" else images.std(axis=0, ddof=1)
        np.testing.assert_allclose(
            values_of(result, name), np.reshape(np.std(0.25 * np.arange(4), ddof=1) / deviation, -1), rtol=1e-12
        )


@pytest.mark.parametrize("aggregate", ["channel", "unit"])
@pytest.mark.parametrize("pool", ["GlobalMaxPool", "GlobalAveragePool"])
def test_a_network_pooled_over_quarter_turns_is_invariant_to_them(tmp_path: Path, pool: str, aggregate: str) -> None:
    save_images(tmp_path)
    kernel = np.random.default_rng(1).standard_normal((2, 1, 3, 3))
    turned = {f"k{turn}": np.rot90(kernel, turn, axes=(2, 3)).copy() for turn in range(4)}
    convolutions = " ".join(f"c{turn} = Conv(image, k{turn})" for turn in range(4))
    model = save_network(tmp_path, f"{convolutions} best = Max(c0, c1, c2, c3) y = {pool}(best)", turned)
    result = measure(tmp_path, model, "rotation:steps=4", aggregate=aggregate, measures=(*DEFAULT, "anova"))
    assert values_of(result, "y") == [0.0, 0.0]
    assert values_of(result, "y", "anova-f") == values_of(result, "y", "anova-variant") == [0.0, 0.0]
    assert values_of(result, "y", "variance-share-sample") == [1.0, 1.0]
    assert min(values_of(result, "c0")) > 0.1
    assert min(values_of(result, "best")) > 0.1


def test_units_that_are_not_finite_are_counted_and_leave_the_others_alone(tmp_path: Path) -> None:
    save_images(tmp_path)
    body = "less = Sub(image, c) log = Log(less) y = GlobalMaxPool(image)"
    model = save_network(tmp_path, body, {"c": np.array([0.0, 0.5, 2.0]).reshape(1, 3, 1, 1)})
    result = measure(tmp_path, model, "flip")
    found = layer_of(result, "log").measures[NV]
    value, *others = values_of(result, "log")
    assert np.isnan(others).all()
    assert (found.finite, found.nan, found.inf, found.dead) == (1, 2, 0, 0)
    assert found.mean == value
    # The same channel, measured where nothing goes wrong.
    clean = save_network(tmp_path, "log = Log(image) y = GlobalMaxPool(image)")
    assert values_of(measure(tmp_path, clean, "flip"), "log") == [value]
    assert any("nan" in warning and "log (2)" in warning for warning in result.meta.warnings)
    assert layer_of(result, "less").measures[NV].nan == layer_of(result, "y").measures[NV].nan == 0


def test_of_a_channel_only_the_units_that_are_not_finite_are_nan(tmp_path: Path) -> None:
    images = np.load(save_images(tmp_path))["x"]
    body = "less = Sub(image, c) log = Log(less) y = GlobalMaxPool(image)"
    model = save_network(tmp_path, body, {"c": 0.05})
    result = measure(tmp_path, model, "flip:axis=horizontal", aggregate="unit")
    both = np.minimum(images, images[..., ::-1])
    np.testing.assert_array_equal(np.isnan(values_of(result, "log")), (both.min(axis=0) < 0.05).reshape(-1))
    assert 0 < layer_of(result, "log").measures[NV].finite < 36


def test_outputs_without_a_finite_unit_are_an_error(tmp_path: Path) -> None:
    save_images(tmp_path)
    model = save_network(tmp_path, "less = Sub(image, c) y = Log(less)", {"c": 2})
    with pytest.raises(ModelError, match="not finite"):
        measure(tmp_path, model, "flip")


def test_with_one_transform_nothing_varies_and_a_warning_says_so(tmp_path: Path) -> None:
    images = np.load(save_images(tmp_path))["x"].astype(np.float64)
    result = measure(tmp_path, save_network(tmp_path, "y = Mul(image, c)", {"c": 2}), "rotation:steps=1")
    assert values_of(result, "y", "transformational-variance") == [0.0]
    assert values_of(result, "y") == [0.0]
    expected = 2 * images.std(axis=0, ddof=1).mean()
    assert values_of(result, "y", "sample-variance") == pytest.approx([expected], rel=1e-12)
    assert any("one transform" in warning for warning in result.meta.warnings)


def test_one_sample_is_too_few_for_what_compares_samples(tmp_path: Path) -> None:
    save_images(tmp_path, samples=1)
    model = save_network(tmp_path, "y = Exp(image)")
    with pytest.raises(DataError, match=r"needs 2 samples, and the data gives 1"):
        measure(tmp_path, model, "flip")


def test_one_sample_is_enough_for_transformational_variance(tmp_path: Path) -> None:
    image = np.load(save_images(tmp_path, samples=1))["x"].astype(np.float64)
    model = save_network(tmp_path, "y = Mul(image, c)", {"c": 2})
    result = measure(tmp_path, model, "flip:axis=horizontal", measures=("transformational-variance",))
    expected = 2 * np.std([image, image[..., ::-1]], axis=0, ddof=1).mean()
    assert values_of(result, "y", "transformational-variance") == pytest.approx([expected], rel=1e-12)
    assert layer_of(result, "y").measures["transformational-variance"].se is None


def test_two_samples_give_values_but_no_error(tmp_path: Path) -> None:
    images = np.load(save_images(tmp_path, samples=2))["x"].astype(np.float64)
    model = save_network(tmp_path, "y = Mul(image, c)", {"c": 2})
    result = measure(tmp_path, model, "flip:axis=horizontal")
    grid = np.stack([images, images[..., ::-1]], axis=1)
    expected = grid.std(axis=1, ddof=1).mean() / grid.std(axis=0, ddof=1).mean()
    assert values_of(result, "y") == pytest.approx([expected], rel=1e-12)
    found = layer_of(result, "y").measures[NV]
    assert (found.se, found.bias, found.ci["mean"]) == (None, None, None)
    assert result.meta.options.groups == 2


def test_half_precision_layers_have_the_resolution_of_half_precision(tmp_path: Path) -> None:
    """One epsilon of float16 between two transforms is rounding in float16 and a difference in float32."""
    save_images(tmp_path)
    jitter = "return [lambda image, k=k: image * 0 + 1 + k * 2.0**-10 for k in range(2)]"
    body = "half = Cast<to = 10>(image) twice = Add(half, half) y = Cast<to = 1>(twice)"
    result = measure(tmp_path, save_network(tmp_path, body), save_transforms(tmp_path, jitter), select="all")
    assert {name: values_of(result, name) for name in ("image", "half", "twice", "y")} == {
        "image": [math.inf],
        "half": [1.0],
        "twice": [1.0],
        "y": [math.inf],
    }


def test_half_precision_layers_are_measured_as_their_rounded_values(tmp_path: Path) -> None:
    images = np.load(save_images(tmp_path))["x"]
    model = save_network(tmp_path, "half = Cast<to = 10>(image) y = Cast<to = 1>(half)")
    result = measure(tmp_path, model, "flip:axis=horizontal", select="all", aggregate="unit")
    half = np.stack([images, images[..., ::-1]], axis=1).astype(np.float16).astype(np.float64)
    expected = half.std(axis=1, ddof=1).mean(axis=0) / half.std(axis=0, ddof=1).mean(axis=0)
    np.testing.assert_allclose(values_of(result, "half"), expected.reshape(-1), rtol=1e-12)
