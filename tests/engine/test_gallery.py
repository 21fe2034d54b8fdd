"""What is kept to be looked at is what the runtime computes and what was fed, of the units that the measure names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest

from onnxinv.api import analyze, plan
from onnxinv.errors import UsageError
from onnxinv.result import Result
from tests.engine.networks import NV, layer_of, save_images, save_network, save_transforms
from tests.engine.raw import rotations
from tests.model.onnx_text import parse
from tests.networks import DIGITS, SHIPPED, save_text

CPU: dict[str, Any] = {"device": "cpu", "threads": 1}
BODY = """c = Conv<pads = [1, 1, 1, 1]>(image, k)  r = Relu(c)
    p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r)  y = Conv(p, w)"""
KEEPING = """turned = lambda image: image.transpose(1, 0, 2)
return [lambda image: image, lambda image: image[:, ::-1], lambda image: image / 2, turned]"""


def dyadic(*shape: int) -> npt.NDArray[np.float32]:
    """Return multiples of 1/8, whose sums of products with multiples of 1/64 have no rounding error."""
    return (np.random.default_rng(1).integers(-8, 9, shape) / 8).astype(np.float32)


@pytest.fixture
def network(tmp_path: Path) -> tuple[Path, Path, str]:
    """Return a model of 5 channels, the fourth of them dead, images, and four transforms without rounding errors."""
    kernel = dyadic(5, 1, 3, 3)
    kernel[3] = 0
    model = save_network(tmp_path, BODY, {"k": kernel, "w": dyadic(4, 5, 3, 3)})
    return model, save_images(tmp_path, samples=20, dyadic=True), save_transforms(tmp_path, KEEPING)


def activations(model: Path, images: Path, names: list[str]) -> dict[str, npt.NDArray[np.float32]]:
    """Return (samples, 4 transforms, *shape) activations by tensor, by onnxruntime alone."""
    stored = np.load(images)["x"]
    fed = np.stack([stored, stored[..., ::-1], stored / 2, stored.transpose(0, 1, 3, 2)], axis=1)
    proto = onnx.load(model)
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name != "y")
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    flat = np.ascontiguousarray(fed.reshape(-1, *stored.shape[1:]))
    found = session.run(names, {"image": flat})
    return {name: array.reshape(len(stored), 4, *array.shape[1:]) for name, array in zip(names, found, strict=True)}


def kept(result: Result, name: str):
    assert result.pictures is not None
    return result.pictures.layers[layer_of(result, name).index]


def channels_of(result: Result, name: str) -> list[int]:
    layer = layer_of(result, name)
    places = np.unravel_index(kept(result, name).units, layer.shape)
    return [int(place) for place in places[layer.channel_axis]]


@pytest.mark.parametrize("batch", [None, 1, 7])
def test_rows_are_what_the_runtime_computes(network, batch):
    result = analyze(*network, keep_units=4, batch=batch, **CPU)
    names = ["c", "r", "p", "y"]
    raw = activations(network[0], network[1], names)
    assert result.meta.pictures is not None
    samples = result.meta.pictures.samples
    assert samples == sorted(set(samples))
    assert len(samples) == 16
    for name in names:
        found = kept(result, name)
        assert found.rows.dtype == np.float32
        np.testing.assert_array_equal(found.rows, raw[name].reshape(20, 4, -1)[samples][:, :, found.units])


def test_units_are_in_the_most_and_least_invariant_channels_that_respond(network):
    result = analyze(*network, keep_units=4, **CPU)
    for name in ("c", "r", "p"):
        order = [int(place) for place in np.argsort(result.values(NV, layer_of(result, name))) if place != 3]
        assert channels_of(result, name) == order
    order = np.argsort(result.values(NV, layer_of(result, "y"))).tolist()
    assert channels_of(analyze(*network, keep_units=3, **CPU), "y") == [order[0], order[1], order[-1]]
    assert channels_of(result, "image") == [0]


def test_of_a_channel_the_unit_that_varies_most_is_kept(network):
    result = analyze(*network, keep_units=4, **CPU)
    raw = activations(network[0], network[1], ["c"])["c"]
    told = result.meta.pictures
    assert told is not None
    others = [sample for sample in told.samples if sample not in told.shown]
    # All four transforms of the samples that are shown, the first of the others.
    seen = np.concatenate([raw[told.shown].reshape(-1, 5, 36), raw[others][:, 0].reshape(-1, 5, 36)]).astype(float)
    expected = [36 * channel + int(seen.var(0)[channel].argmax()) for channel in channels_of(result, "c")]
    assert kept(result, "c").units.tolist() == expected


def test_units_that_are_measured_one_by_one_are_the_extremes_themselves(network):
    result = analyze(*network, keep_units=2, aggregate="unit", **CPU)
    values = result.values(NV, layer_of(result, "y")).reshape(-1)
    assert values[kept(result, "y").units].tolist() == [np.nanmin(values), np.nanmax(values)]
    conv = result.values(NV, layer_of(result, "c"))
    alive = np.delete(conv, 3, axis=0)
    assert conv.reshape(-1)[kept(result, "c").units].tolist() == [alive.min(), alive.max()]


def test_a_measure_whose_large_values_are_invariant_turns_the_order(network):
    result = analyze(*network, keep_units=2, measures=("variance-shares",), **CPU)
    assert result.meta.pictures is not None
    assert result.meta.pictures.by == "variance-share-sample"
    values = result.values("variance-share-sample", layer_of(result, "y"))
    assert values[channels_of(result, "y")].tolist() == [values.max(), values.min()]


def test_maps_are_those_of_the_extreme_channels_as_bytes(network):
    result = analyze(*network, keep_units=2, **CPU)
    raw = activations(network[0], network[1], ["c"])["c"]
    found, told = kept(result, "c"), result.meta.pictures
    assert told is not None
    assert found.channels.tolist() == channels_of(result, "c")
    assert found.maps.shape == (2, 2, 4, 6, 6)
    for place, channel in enumerate(found.channels):
        maps = raw[told.shown][:, told.transforms, channel].astype(np.float64)
        low, high = found.ranges[place]
        assert (low, high) == (maps.min(), maps.max())
        np.testing.assert_array_equal(found.maps[place], np.rint((maps - low) / (high - low) * 255))


def test_the_same_is_kept_again_and_by_another_seed_of_other_samples(network):
    first, again = (analyze(*network, keep_units=4, seed=5, **CPU) for _ in range(2))
    other = analyze(*network, keep_units=4, seed=6, **CPU)
    for name in ("image", "c", "r", "p", "y"):
        for one, two in zip(vars(kept(first, name)).values(), vars(kept(again, name)).values(), strict=True):
            np.testing.assert_array_equal(one, two)
    assert first.meta.pictures is not None
    assert other.meta.pictures is not None
    assert first.meta.pictures.samples != other.meta.pictures.samples


def test_nothing_is_measured_otherwise_or_counted_with_the_measurement(network):
    plain, keeping = (analyze(*network, keep_units=units, reduce="host", **CPU) for units in (0, 4))
    assert [layer.measures for layer in plain.layers] == [layer.measures for layer in keeping.layers]
    assert plain.meta.timing.inferences == keeping.meta.timing.inferences
    assert plain.meta.pictures is not None
    assert keeping.meta.pictures is not None
    assert (plain.meta.pictures.inferences, plain.meta.pictures.seconds) == (0, 0)
    assert keeping.meta.pictures.inferences == 16 * 4 + 2 * 4 + 14 * 1
    (told,) = (each for each in keeping.meta.warnings if "kept" in each)
    assert "16 of the samples are run once more for them (86 inferences)" in told
    assert not any("kept" in each for each in plain.meta.warnings)


def test_progress_is_told_of_every_inference_that_the_plan_foretells(network):
    model, images, transforms = network
    decided = plan(model, images, transforms, keep_units=2, **CPU)
    told: list[int] = []
    analyze(model, images, transforms, keep_units=2, progress=told.append, **CPU)
    assert sum(told) == decided.inferences + decided.pictures.inferences


def test_without_being_asked_for_only_what_was_fed_is_kept(network):
    result = analyze(*network, **CPU)
    assert result.pictures is not None
    assert not result.pictures.layers
    assert result.pictures.variants is not None


def test_variants_are_those_that_were_fed_in_8_bits(tmp_path):
    result = analyze(
        SHIPPED[0], DIGITS, "rotation:steps=4,degrees=360", samples=6, layers=["fc2"], mean=[0.5], std=[0.1], **CPU
    )
    assert result.meta.pictures is not None
    assert result.pictures is not None
    shown = result.meta.pictures.shown
    expected = np.stack([rotations(image, 4) for image in np.load(DIGITS)["x"][shown]])[:, :, 0, ..., None]
    np.testing.assert_array_equal(result.pictures.variants, np.rint(expected * 255))


def test_of_many_transforms_some_evenly_chosen_ones_are_shown(tmp_path):
    result = analyze(SHIPPED[0], DIGITS, "rotation:steps=50", samples=2, groups=2, layers=["fc2"], keep_units=2, **CPU)
    told = result.meta.pictures
    assert told is not None
    assert told.transforms == [0, 3, 7, 10, 13, 16, 20, 23, 26, 29, 33, 36, 39, 42, 46, 49]
    assert (told.samples, told.shown) == (told.shown, told.samples)
    assert kept(result, layer_of_label(result, "fc2")).rows.shape == (2, 50, 2)


def layer_of_label(result: Result, label: str) -> str:
    return next(layer.name for layer in result.layers if layer.label == label)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_large_images_are_shown_small_and_in_colour_where_there_are_three(tmp_path, channels):
    save_text(
        tmp_path / "m.onnx", f"net (float[n,{channels},250,100] image) => (float[n,c,h,w] y) {{ y = Neg(image) }}"
    )
    pixels = np.zeros((3, channels, 250, 100), np.uint8)
    pixels[:, :, :125] = 200
    np.savez(tmp_path / "x.npz", x=pixels)
    result = analyze(tmp_path / "m.onnx", tmp_path / "x.npz", "identity", layout="NCHW", keep_units=2, **CPU)
    assert result.pictures is not None
    variants = result.pictures.variants
    assert variants is not None
    assert variants.shape == (2, 1, 96, 38, 3 if channels == 3 else 1)
    assert set(variants[:, :, :48].ravel()) == {200}
    assert set(variants[:, :, 48:].ravel()) == {0}


def test_what_is_no_image_has_rows_alone(tmp_path):
    onnx.save(parse("g (float[N, 6] x) => (float[N, 6] y) { y = Exp(x) }"), tmp_path / "m.onnx")
    options = {"samples": 5, "groups": 2, **CPU}
    assert analyze(tmp_path / "m.onnx", "random:n=8", "scale-amplitude:steps=3", **options).pictures is None
    result = analyze(tmp_path / "m.onnx", "random:n=8", "scale-amplitude:steps=3", keep_units=2, **options)
    assert result.pictures is not None
    assert result.pictures.variants is None
    rows = kept(result, "y").rows
    assert rows.shape == (5, 3, 2)
    assert kept(result, "y").maps is None
    np.testing.assert_allclose(np.log(rows[:, 2]), 4 * np.log(rows[:, 0]), rtol=1e-4)


def test_a_batch_axis_that_is_not_first_is_followed(tmp_path):
    text = "g (float[N, 3, 4] x) => (float[3, N, 4] y) { t = Transpose<perm = [1, 0, 2]>(x)  y = Mul(t, w) }"
    onnx.save(parse(text, w=np.arange(12, dtype=np.float32).reshape(3, 1, 4)), tmp_path / "m.onnx")
    data = np.random.default_rng(0).integers(-9, 9, (6, 3, 4)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=data)
    result = analyze(
        tmp_path / "m.onnx", tmp_path / "x.npz", "scale-amplitude:steps=3,min=0.5,max=2", keep_units=4, groups=2, **CPU
    )
    assert result.meta.pictures is not None
    found = kept(result, "y")
    whole = (data * np.arange(12).reshape(3, 4)).reshape(6, 12)[result.meta.pictures.samples][:, found.units]
    np.testing.assert_array_equal(found.rows, whole[:, None] * np.array([0.5, 1.25, 2])[:, None])


def test_a_model_of_fixed_batch_is_run_as_it_is(tmp_path):
    images = save_images(tmp_path, samples=10, dyadic=True)
    model = save_network(tmp_path, "y = Conv(image, k)", {"k": dyadic(3, 1, 3, 3)}, batch=4)
    transforms = save_transforms(tmp_path, KEEPING)
    result = analyze(model, images, transforms, keep_units=2, batch=4, **CPU)
    free = analyze(
        save_network(tmp_path, "y = Conv(image, k)", {"k": dyadic(3, 1, 3, 3)}), images, transforms, keep_units=2, **CPU
    )
    np.testing.assert_array_equal(kept(result, "y").rows, kept(free, "y").rows)


def test_where_some_positions_are_measured_any_unit_of_the_channel_may_be_kept(network):
    result = analyze(*network, keep_units=2, sample_units=4, **CPU)
    raw = activations(network[0], network[1], ["c"])["c"]
    found = kept(result, "c")
    assert found.maps is not None
    values = np.delete(result.values(NV, layer_of(result, "c")), 3)
    assert result.values(NV, layer_of(result, "c"))[channels_of(result, "c")].tolist() == [values.min(), values.max()]
    assert result.meta.pictures is not None
    samples = result.meta.pictures.samples
    np.testing.assert_array_equal(found.rows, raw.reshape(20, 4, -1)[samples][:, :, found.units])


def test_activations_that_are_not_finite_are_kept_as_they_are(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 2, (12, 1, 8, 8)).astype(np.float32))
    text = "g (float[N,1,8,8] image) => (float[N,1,8,8] y) { l = Reciprocal(image)  y = Add(image, image) }"
    onnx.save(parse(text), tmp_path / "m.onnx")
    result = analyze(
        tmp_path / "m.onnx", tmp_path / "x.npy", "flip", keep_units=2, layout="NCHW", aggregate="unit", **CPU
    )
    assert layer_of(result, "l").index not in (result.pictures or pytest.fail("nothing was kept")).layers
    assert np.isfinite(kept(result, "y").rows).all()


def test_measures_without_a_value_for_each_channel_name_no_unit(network):
    with pytest.raises(UsageError, match="no such measure is taken"):
        plan(*network, keep_units=2, measures=("linear-cka",), **CPU)
    assert plan(*network, keep_units=2, measures=("linear-cka", NV), **CPU).pictures.by == NV
    assert plan(*network, measures=("linear-cka",), **CPU).pictures.by is None


def test_more_than_fits_is_refused_before_anything_is_measured(network):
    model, images, _ = network
    with pytest.raises(UsageError, match="under 38416 transforms are too many to keep") as caught:
        plan(model, images, ["scale:steps=8", "rotation:steps=28", "rotation:steps=28"], keep_units=64, **CPU)
    assert "--keep-units" in caught.value.hint


@pytest.mark.parametrize("units", [-1, 65, 1.5])
def test_no_such_number_of_units_is_kept(network, units):
    with pytest.raises(UsageError, match="keep_units"):
        plan(*network, keep_units=units)
