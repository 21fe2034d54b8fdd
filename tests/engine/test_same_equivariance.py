"""Networks whose feature maps are known to turn, flip or roll with their input, or not to, measured end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv.result import Result
from tests.engine.networks import layer_of, measure, save_images, save_network, save_transforms, values_of

NV, ERROR = "normalized-variance-se", "equivariance-error"
MEASURES = (NV, "transformational-variance-se", "sample-variance-se", ERROR)
ROLLS = """
def roll(by):
    def rolled(image):
        return np.roll(image, by, axis=(0, 1))
    rolled.inverse = lambda image: np.roll(image, (-by[0], -by[1]), axis=(0, 1))
    return rolled
return [roll((k, 2 * k)) for k in range(5)]
"""
SYMMETRIC = np.array([[1, 3, 1], [3, -5, 3], [1, 3, 1]])
"""A kernel that flips and quarter turns leave as it is."""

every_aggregate = pytest.mark.parametrize("aggregate", ["channel", "unit"])
every_kernel = pytest.mark.parametrize("exact", [True, False], ids=["exact sums", "rounded sums"])


def kernels(outputs: int, inputs: int, exact: bool, seed: int = 1) -> np.ndarray:
    """Return 3 x 3 kernels of whole numbers, whose sums over dyadic images are exact, or of any."""
    draw = np.random.default_rng(seed)
    shape = outputs, inputs, 3, 3
    return draw.integers(-3, 4, shape) if exact else draw.standard_normal(shape)


def run(folder: Path, model: Path, transforms: str, **options: Any) -> Result:
    return measure(folder, model, transforms, **{"measures": MEASURES, **options})


def wrapped(read: str, made: str) -> str:
    """Return nodes that continue the maps of a tensor by one pixel all around, as on a torus."""
    rim = f"{made}_top = Slice({read}, zero, one, rows) {made}_bottom = Slice({read}, last, end, rows) "
    rim += f"{made}_tall = Concat<axis = 2>({made}_bottom, {read}, {made}_top) "
    rim += (
        f"{made}_left = Slice({made}_tall, zero, one, columns) {made}_right = Slice({made}_tall, last, end, columns) "
    )
    return f"{rim} {made} = Concat<axis = 3>({made}_right, {made}_tall, {made}_left)"


NUMBERS = " ".join(
    f"{name} = Constant<value_ints = [{value}]>()"
    for name, value in {"zero": 0, "one": 1, "last": -1, "end": 99, "rows": 2, "columns": 3}.items()
)
TORUS = f"""
{NUMBERS}
{wrapped("image", "around")} conv1 = Conv(around, k1, bias) leaky1 = LeakyRelu(conv1)
{wrapped("leaky1", "again")} y = Conv(again, k2)
"""
ZEROS_AROUND = """
conv1 = Conv<pads = [1, 1, 1, 1]>(image, k1, bias) leaky1 = LeakyRelu(conv1) y = Conv<pads = [1, 1, 1, 1]>(leaky1, k2)
"""


@every_aggregate
@every_kernel
def test_circular_padding_is_equivariant_to_rolls(tmp_path: Path, exact: bool, aggregate: str) -> None:
    save_images(tmp_path, dyadic=exact)
    weights = {"k1": kernels(3, 1, exact), "k2": kernels(2, 3, exact), "bias": [1, -1, 0]}
    rolls = save_transforms(tmp_path, ROLLS)
    found = run(tmp_path, save_network(tmp_path, TORUS, weights), rolls, aggregate=aggregate)
    assert [layer.name for layer in found.layers] == ["image", "conv1", "leaky1", "y"]
    for layer in found.layers:
        for key in (NV, ERROR):
            assert set(values_of(found, layer.name, key)) == {0.0}, (layer.name, key)
            assert layer.measures[key].floor == 0
        assert layer.measures[ERROR].profile == [0.0] * 5
        assert layer.measures[NV].finite == (layer.units if aggregate == "unit" else layer.channels)
    zeros = run(tmp_path, save_network(tmp_path, ZEROS_AROUND, weights), rolls, aggregate=aggregate)
    for name in ("conv1", "leaky1", "y"):
        assert np.mean(values_of(zeros, name, NV)) > 0.1
        assert np.mean(values_of(zeros, name, ERROR)) > 0.1
    assert set(values_of(zeros, "image", NV)) == {0.0}


@every_aggregate
@every_kernel
@pytest.mark.parametrize("transforms", ["rotation:steps=4", "flip:axis=both"])
def test_symmetric_kernels_are_equivariant_to_flips_and_quarter_turns(
    tmp_path: Path, transforms: str, exact: bool, aggregate: str
) -> None:
    save_images(tmp_path, dyadic=exact)
    factor = 1 if exact else 0.123
    body = """
    conv1 = Conv<pads = [1, 1, 1, 1]>(image, k1) relu = Relu(conv1)
    pool = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(relu) y = Conv<pads = [1, 1, 1, 1]>(pool, k2)
    """
    weights = {"k1": factor * SYMMETRIC[None, None], "k2": factor * SYMMETRIC[None, None]}
    found = run(tmp_path, save_network(tmp_path, body, weights), transforms, aggregate=aggregate)
    assert layer_of(found, "y").shape == [1, 3, 3]
    for layer in found.layers:
        for key in (NV, ERROR):
            assert set(values_of(found, layer.name, key)) == {0.0}, (layer.name, key)
            assert layer.measures[key].floor == 0
    weights["k1"] = weights["k1"] * np.arange(9).reshape(3, 3)
    lopsided = run(tmp_path, save_network(tmp_path, body, weights), transforms, aggregate=aggregate)
    for name in ("conv1", "relu", "pool", "y"):
        assert np.mean(values_of(lopsided, name, NV)) > 0.1
        assert np.mean(values_of(lopsided, name, ERROR)) > 0.1
        profile = layer_of(lopsided, name).measures[ERROR].profile
        assert profile is not None
        assert profile[0] == 0


@every_kernel
def test_convolutions_commute_with_whole_pixel_shifts_of_what_has_empty_margins(tmp_path: Path, exact: bool) -> None:
    images = np.load(save_images(tmp_path, dyadic=exact))["x"]
    images[:, :, [0, 1, 4, 5]] = 0
    images[:, :, :, [0, 1, 4, 5]] = 0
    np.savez(tmp_path / "images.npz", x=images)
    body = "conv1 = Conv<pads = [1, 1, 1, 1]>(image, k1) y = LeakyRelu(conv1)"
    model = save_network(tmp_path, body, {"k1": kernels(3, 1, exact)})
    found = run(tmp_path, model, f"translation:steps=1,max={1 / 6}", aggregate="unit")
    for layer in found.layers:
        for key in (NV, ERROR):
            values = found.values(key, layer)
            # The rim is where pixels come in, or go out.
            assert np.isnan(np.delete(values[:, :, 1:5], slice(1, 5), axis=1)).all()
            assert np.isnan(values[:, :, [0, 5]]).all()
        assert not np.nan_to_num(found.values(ERROR, layer)).any()
        assert set(found.values(NV, layer)[:, 2:4, 2:4].ravel()) == {0.0}
        assert layer.measures[NV].mean_alive == 0
    # Shifts by half a pixel interpolate, and the convolution comes before that or after it.
    halves = run(tmp_path, model, f"translation:steps=1,max={1 / 12}")
    assert np.mean(values_of(halves, "y", ERROR)) > 0.01
    assert np.mean(values_of(halves, "y", NV)) > 0.01


def test_a_non_equivariant_layer_is_above_the_floor_and_one_by_pixel_at_it(tmp_path: Path) -> None:
    save_images(tmp_path)
    body = "same = Mul(image, two) y = Conv<pads = [1, 1, 1, 1]>(image, k1)"
    model = save_network(tmp_path, body, {"two": 2, "k1": kernels(4, 1, exact=False)})
    found = run(tmp_path, model, "rotation:steps=3,degrees=34")
    floor = layer_of(found, "image").measures[NV].mean
    assert floor is not None
    assert floor > 0.05
    for name in ("image", "same", "y"):
        assert layer_of(found, name).measures[NV].floor == floor
        assert layer_of(found, name).measures[ERROR].floor == 0
    assert layer_of(found, "same").measures[NV].mean == pytest.approx(floor, rel=1e-6)
    assert min(values_of(found, "y", NV)) > floor
    assert min(values_of(found, "y", ERROR)) > 0.1


def test_maps_that_wrongly_turn_the_other_way_are_not_equivariant(tmp_path: Path) -> None:
    """Mirrored twice, a network is equivariant to turns; what is between is no map of the image."""
    save_images(tmp_path, dyadic=True)
    body = "twice = Mul(image, two) turned = Transpose<perm = [0, 1, 3, 2]>(twice) more = Mul(turned, two) "
    body += "y = Transpose<perm = [0, 1, 3, 2]>(more)"
    found = run(tmp_path, save_network(tmp_path, body, {"two": 2}), "rotation:steps=4")
    assert layer_of(found, "more").measures[NV].reason == "it has no feature maps"
    assert values_of(found, "twice", NV) == values_of(found, "y", NV) == [0.0]


@every_aggregate
def test_half_precision_maps(tmp_path: Path, aggregate: str) -> None:
    save_images(tmp_path)
    body = """
    half = Cast<to = 10>(image) halfk = Cast<to = 10>(k) conv = Conv<pads = [1, 1, 1, 1]>(half, halfk)
    relu = Relu(conv) y = Cast<to = 1>(relu)
    """
    weights = {"k": 0.1 * SYMMETRIC[None, None]}
    model = save_network(tmp_path, body, weights)
    exact = run(tmp_path, model, "rotation:steps=4", aggregate=aggregate)
    for name in ("conv", "relu"):
        assert set(values_of(exact, name, NV)) == {0.0}
        assert set(values_of(exact, name, ERROR)) == {0.0}
    full = "conv = Conv<pads = [1, 1, 1, 1]>(image, k) y = Relu(conv)"
    found = run(tmp_path, model, "rotation:steps=3,degrees=34")
    expected = run(tmp_path, save_network(tmp_path, full, weights), "rotation:steps=3,degrees=34")
    for key in MEASURES:
        close = pytest.approx(values_of(expected, "conv", key), rel=5e-3)
        assert values_of(found, "conv", key) == close
        assert values_of(found, "conv", key) != values_of(expected, "conv", key)


def test_units_that_are_not_finite_are_nan_and_leave_the_others_alone(tmp_path: Path) -> None:
    save_images(tmp_path)
    body = "less = Sub(image, c) log = Log(less) y = Relu(image)"
    model = save_network(tmp_path, body, {"c": np.array([-1, 0.5, 2]).reshape(1, 3, 1, 1)})
    found = run(tmp_path, model, "rotation:steps=3,degrees=34")
    for key in MEASURES:
        value, *others = values_of(found, "log", key)
        assert np.isfinite(value)
        assert np.isnan(others).all()
        assert (layer_of(found, "log").measures[key].nan, layer_of(found, "log").measures[key].inf) == (2, 0)
        assert layer_of(found, "less").measures[key].nan == 0


def test_class_by_class_the_measure_is_the_mean_over_classes(tmp_path: Path) -> None:
    images = np.load(save_images(tmp_path))["x"]
    model = save_network(tmp_path, "y = Conv<pads = [1, 1, 1, 1]>(image, k1)", {"k1": kernels(2, 1, exact=False)})
    values = []
    for part in (images[:6], images[6:]):
        np.savez(tmp_path / "images.npz", x=part)
        values.append(values_of(run(tmp_path, model, "rotation:steps=5"), "y", NV))
    np.savez(tmp_path / "images.npz", x=images, y=np.repeat([0, 1], 6))
    found = run(tmp_path, model, "rotation:steps=5", stratify=True)
    np.testing.assert_allclose(values_of(found, "y", NV), np.mean(values, axis=0), rtol=1e-9)
    assert layer_of(found, "y").measures[ERROR].classes is None
