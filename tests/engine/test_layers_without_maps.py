"""What same-equivariance says where there are no feature maps, or nothing that could be undone on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onnxinv.api import plan, run
from onnxinv.errors import DataError
from onnxinv.result import Result
from tests.engine.networks import layer_of, measure, save_images, save_network, save_transforms
from tests.networks import save_text

NV, ERROR = "normalized-variance-se", "equivariance-error"
FAMILY = (NV, "transformational-variance-se", "sample-variance-se", ERROR)
NO_MAPS = "it has no feature maps"
EMPTY = {"mean", "mean_alive", "std", "median", "p05", "p95", "min", "max", "se", "bias"}

VISION_TRANSFORMER = """
net (float[n,1,6,6] image) => (float[n,3] y) {
    patches = Conv<strides = [2, 2]>(image, k)
    to_tokens = Constant<value_ints = [0, 4, 9]>() lying = Reshape(patches, to_tokens)
    tokens = Transpose<perm = [0, 2, 1]>(lying)
    to_heads = Constant<value_ints = [0, 9, 2, 2]>() cut = Reshape(tokens, to_heads)
    queries = Transpose<perm = [0, 2, 1, 3]>(cut) keys = Transpose<perm = [0, 2, 3, 1]>(cut)
    scores = MatMul(queries, keys) attention = Softmax<axis = -1>(scores) mixed = MatMul(attention, queries)
    dense = MatMul(tokens, w) pooled = ReduceMean<axes = [1], keepdims = 0>(dense)
    gate = GlobalAveragePool(patches) scaled = Mul(patches, gate) summed = GlobalMaxPool(scaled)
    flat = Flatten(summed) y = Gemm(flat, v)
}
"""
LAST_WITH_MAPS = ("image", "patches", "scaled")


@pytest.fixture
def transformer(tmp_path: Path) -> Path:
    """Return a model with maps, tokens, attention matrices, pools and dense layers; images lie beside it."""
    save_images(tmp_path)
    draw = np.random.default_rng(0).standard_normal
    weights = {"k": draw((4, 1, 2, 2)), "w": draw((4, 5)), "v": draw((4, 3))}
    return save_text(
        tmp_path / "net.onnx", VISION_TRANSFORMER, **{name: each.astype("f4") for name, each in weights.items()}
    )


def reasons(result: Result) -> dict[str, str | None]:
    return {layer.name: layer.measures[NV].reason for layer in result.layers}


def test_layers_without_maps_have_a_reason_and_no_numbers(transformer: Path, tmp_path: Path) -> None:
    found = measure(tmp_path, transformer, "rotation:steps=4", measures=("normalized-variance", *FAMILY))
    assert {"tokens", "attention"} - set(reasons(found)) == {"tokens"}
    assert layer_of(found, "attention").shape == [2, 9, 9]
    for layer in found.layers:
        plain = layer.measures["normalized-variance"]
        assert plain.reason is None
        assert f"normalized-variance/{layer.index:04d}" in found.units
        for key in FAMILY:
            summary = layer.measures[key]
            has_maps = layer.name in LAST_WITH_MAPS
            assert summary.reason == (None if has_maps else NO_MAPS), layer.name
            assert (f"{key}/{layer.index:04d}" in found.units) == has_maps
            if not has_maps:
                assert not any(summary.model_dump(include=EMPTY).values())
                assert (summary.finite, summary.inf, summary.nan, summary.dead) == (0, 0, 0, 0)
                assert not any((*summary.ci.values(), *summary.loo.values(), summary.floor, summary.profile))
    means = [layer.measures[NV].mean for layer in found.layers if layer.name in LAST_WITH_MAPS]
    assert found.document.summary[NV].mean_of_layers == pytest.approx(np.mean(means), rel=1e-12)


def test_a_saved_result_with_such_layers_loads_again(transformer: Path, tmp_path: Path) -> None:
    found = measure(tmp_path, transformer, "rotation:steps=4", measures=FAMILY)
    found.save(tmp_path / "result")
    again = Result.load(tmp_path / "result")
    assert again.document == found.document
    assert set(again.units) == set(found.units)
    assert reasons(again) == reasons(found)
    assert set(reasons(again).values()) == {None, NO_MAPS}


def test_a_chunk_may_have_no_other_layers(transformer: Path, tmp_path: Path) -> None:
    decided = plan(transformer, tmp_path / "images.npz", "rotation:steps=4", measures=FAMILY, device="cpu")
    apart = tuple((layer,) for layer in decided.layers)
    found = run(replace(decided, layout=replace(decided.layout, chunks=apart)))
    expected = run(decided)
    assert reasons(found) == reasons(expected)
    for key, values in expected.units.items():
        np.testing.assert_allclose(found.units[key], values, rtol=1e-6)


def refused(folder: Path, model: Path, transforms: str, key: str, **options: object) -> DataError:
    with pytest.raises(DataError) as caught:
        plan(model, folder / "images.npz", transforms, measures=(key,), device="cpu", **options)
    assert caught.value.message.startswith(f"'{key}' cannot be measured: ")
    return caught.value


def dropped(folder: Path, model: Path, transforms: str, **options: object) -> dict[str, str]:
    decided = plan(model, folder / "images.npz", transforms, measures=("all",), device="cpu", **options)
    assert not {key for each in decided.measures for key in each.result_keys()} & set(FAMILY)
    return {each.name: each.reason for each in decided.dropped if each.name in FAMILY}


@pytest.mark.parametrize("key", FAMILY)
def test_a_transform_that_is_not_geometric_is_an_error_or_a_dropped_measure(
    transformer: Path, tmp_path: Path, key: str
) -> None:
    error = refused(tmp_path, transformer, "brightness", key)
    reason = "'brightness 0.5' is no affine map of the image, so it has no counterpart on feature maps"
    assert error.message.endswith(f": {reason}.")
    assert error.hint.startswith("Take rotation, translation, scale, shear or flip")
    assert dropped(tmp_path, transformer, "brightness") == dict.fromkeys(FAMILY, reason)


@pytest.mark.parametrize("aggregate", ["activation-mean", "activation-max"])
def test_activations_reduced_over_space_are_an_error_or_a_dropped_measure(
    transformer: Path, tmp_path: Path, aggregate: str
) -> None:
    error = refused(tmp_path, transformer, "flip", NV, aggregate=aggregate)
    reason = f"--aggregate {aggregate} takes the maps away"
    assert (error.message, error.hint) == (f"'{NV}' cannot be measured: {reason}.", "Take --aggregate channel or unit.")
    assert dropped(tmp_path, transformer, "flip", aggregate=aggregate) == dict.fromkeys(FAMILY, reason)


def test_layers_that_have_no_maps_at_all_are_an_error_or_dropped_measures(transformer: Path, tmp_path: Path) -> None:
    error = refused(tmp_path, transformer, "flip", ERROR, layers=("dense", "attention"))
    assert error.message == f"'{ERROR}' cannot be measured: no layer has feature maps."
    assert error.hint == "Choose layers that have feature maps, (channels, height, width)."
    found = dropped(tmp_path, transformer, "flip", layers=("dense", "attention"))
    assert found == dict.fromkeys(FAMILY, "no layer has feature maps")


def test_an_input_that_is_no_image_is_an_error(tmp_path: Path) -> None:
    model = save_text(tmp_path / "net.onnx", "net (float[n,6] signal) => (float[n,6] y) { y = Relu(signal) }")
    np.savez(tmp_path / "images.npz", signal=np.random.default_rng(0).standard_normal((5, 6)).astype("f4"))
    error = refused(tmp_path, model, "time-shift", NV)
    assert error.message == f"'{NV}' cannot be measured: the model's input is no image."
    assert set(dropped(tmp_path, model, "time-shift").values()) == {"the model's input is no image"}


def test_a_set_that_leaves_no_pixel_is_an_error_that_names_the_worst_transform(
    transformer: Path, tmp_path: Path
) -> None:
    error = refused(tmp_path, transformer, "translation:steps=1,max=0.9", NV)
    assert error.message == (
        f"'{NV}' cannot be measured: no pixel of 6 x 6 maps stays in frame under all transforms and their inverses; "
        "'translation x-0.9 y-0.9' alone keeps 0 of 36."
    )
    assert error.hint == "Choose other layers, or smaller transforms."
    assert set(dropped(tmp_path, transformer, "translation:steps=1,max=0.9")) == set(FAMILY)


def test_a_layer_whose_maps_are_too_small_has_a_reason_of_its_own(tmp_path: Path) -> None:
    save_images(tmp_path)
    body = "y = MaxPool<kernel_shape = [3, 3], strides = [3, 3]>(image)"
    found = measure(tmp_path, save_network(tmp_path, body), "translation:steps=1,max=0.2", measures=FAMILY)
    assert reasons(found) == {
        "image": None,
        "y": "no pixel of 2 x 2 maps stays in frame under all transforms and their inverses; "
        "'translation x-0.2 y-0.2' alone keeps 0 of 4",
    }
    assert found.layers[0].measures[NV].floor == found.layers[0].measures[NV].mean


MARKED = """
def marked(function):
    def f(image):
        return function(image)
    f.inverse = f
    return f
"""


def test_callables_without_an_inverse_are_an_error(transformer: Path, tmp_path: Path) -> None:
    spec = save_transforms(tmp_path, MARKED + "return [marked(np.fliplr), np.flipud]")
    error = refused(tmp_path, transformer, spec, NV)
    assert error.message == f"'{NV}' cannot be measured: 'f[1]' has no inverse: its callable has no .inverse."
    assert error.hint.endswith("or callables of your own that have .inverse.")


def test_a_callable_that_cannot_take_the_maps_of_a_layer_is_its_reason(transformer: Path, tmp_path: Path) -> None:
    only_even = "def even(image):\n    return np.stack([image[1::2], image[::2]], axis=1).reshape(image.shape)"
    spec = save_transforms(tmp_path, f"{MARKED}\n{only_even}\nreturn [marked(np.fliplr), marked(even)]")
    found = measure(tmp_path, transformer, spec, measures=FAMILY)
    assert reasons(found)["image"] is None
    for name in ("patches", "scaled"):
        told = reasons(found)[name]
        assert told is not None
        assert told.startswith("on 3 x 3 maps of 4 channels, callable 1 of")
        assert "raises ValueError" in told
    assert reasons(found)["dense"] == NO_MAPS


def test_callables_flip_maps_as_the_family_does(tmp_path: Path) -> None:
    save_images(tmp_path)
    weights = {"k": np.random.default_rng(4).standard_normal((3, 1, 3, 3))}
    model = save_network(tmp_path, "c = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(image, k) y = Tanh(c)", weights)
    spec = save_transforms(tmp_path, MARKED + "return [marked(np.copy), marked(np.fliplr)]")
    found, expected = (measure(tmp_path, model, each, measures=FAMILY) for each in (spec, "flip"))
    for key, values in expected.units.items():
        np.testing.assert_array_equal(found.units[key], values)
