"""Same-equivariance measures end to end, against own warps, own mask and formulas in float64."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from skimage.transform import resize

from onnxinv.api import analyze
from onnxinv.result import LayerResult, Result
from tests.engine import aligned_maps
from tests.engine.aligned_maps import Float, Motion, moving, scaling, turn
from tests.engine.raw import activations, rotations
from tests.measures import brute_force
from tests.measures.brute_force import Rule
from tests.networks import DIGITS, SHIPPED, save_text

NV, TV, SV = "normalized-variance-se", "transformational-variance-se", "sample-variance-se"
OF_VARIANCES, ERROR = f"{NV}:dispersion=var", "equivariance-error"
HEIGHT, WIDTH = 10, 12
SAMPLES = 6

NOTHING = turn(0)
SETS = {
    "rotations": ("rotation:steps=3,degrees=34", [turn(-17), NOTHING, turn(17)]),
    "scales": (
        "scale:steps=1,min=0.8,max=1.25",
        [NOTHING, *(scaling(x, y) for s in (0.8, 1.25) for x, y in ((1, s), (s, 1), (s, s)))],
    ),
    "turned, then shifted": (
        ("rotation:steps=2,degrees=20", "translation:steps=1,max=0.1"),
        [
            turn(angle).then(moving(x / 10, y / 10))
            for angle in (-10, 10)
            for x, y in [(0, 0), *((x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if (x, y) != (0, 0))]
        ],
    ),
}
"""Transform sets and what they do to points; the last one lacks the identity."""

NETWORK = """
 => (float[b,h,w,c] y) {
    conv = Conv<pads = [1, 1, 1, 1]>(IMAGE, k1) tanh = Tanh(conv)
    pool = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(tanh)
    strided = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(tanh, k2)
    sum = Add(pool, strided)
    last = Transpose<perm = [0, 2, 3, 1]>(sum) scaled = Mul(last, weights)
    dense = MatMul(scaled, matrix) y = Relu(dense)
}
"""
FIRST = "net (float[n,3,10,12] image)" + NETWORK.replace("IMAGE", "image")
LAST = "net (float[n,10,12,3] image)" + NETWORK.replace(
    "conv =", "first = Transpose<perm = [0, 3, 1, 2]>(image) conv =", 1
).replace("IMAGE", "first")
CHANNELS_LAST = {"scaled", "dense", "y"}


@dataclass(frozen=True, eq=False)
class Case:
    """A network on some images: the maps of its layers under every transform, and what onnxinv says of them.

    Attributes:
        maps: (samples, transforms, channels, height, width) by layer.
        untransformed: (samples, channels, height, width) by layer.
        motions: the transform set.
        found: what onnxinv says.
    """

    maps: dict[str, Float]
    untransformed: dict[str, Float]
    motions: list[Motion]
    found: Result

    def layer(self, name: str) -> LayerResult:
        return next(each for each in self.found.layers if each.name == name)


def save_network(folder: Path, text: str, dtype: str = "f4") -> Path:
    draw = np.random.default_rng(5).standard_normal
    weights = {"k1": draw((3, 3, 3, 3)), "k2": draw((3, 3, 3, 3)), "weights": draw(3), "matrix": draw((3, 4))}
    return save_text(folder / "net.onnx", text, **{name: each.astype(dtype) for name, each in weights.items()})


def run(model: Path, data: Path, transforms: object, **options: object) -> Result:
    defaults: dict[str, object] = {
        "measures": (NV, TV, SV, OF_VARIANCES, ERROR),
        "groups": 3,
        "threads": 1,
        "device": "cpu",
    }
    return analyze(model, data, transforms, **{**defaults, **options})


def moved_images(images: npt.NDArray[np.float32], motions: list[Motion]) -> npt.NDArray[np.float32]:
    """Return (samples, transforms, channels, height, width) images moved."""
    made = [
        [[aligned_maps.moved_image(one.astype(np.float64), each) for one in image] for each in motions]
        for image in images
    ]
    return np.array(made, dtype=np.float32)


def channels_first(raw: npt.NDArray[np.float32], name: str, last: set[str]) -> Float:
    return (np.moveaxis(raw, -1, -3) if name in last else raw).astype(np.float64)


@pytest.fixture(scope="module", params=SETS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Return a random network, channels of the image first, under a set."""
    folder = tmp_path_factory.mktemp("aligned")
    spec, motions = SETS[request.param]
    images = np.random.default_rng(1).random((SAMPLES, 3, HEIGHT, WIDTH), dtype=np.float32)
    np.savez(folder / "images.npz", x=images)
    model = save_network(folder, FIRST)
    variants = moved_images(images, [*motions, NOTHING])
    raw = {
        name: channels_first(each, name, CHANNELS_LAST)
        for name, each in activations(model, variants, 16).items()
        if name != "last"
    }
    return Case(
        {name: each[:, :-1] for name, each in raw.items()},
        {name: each[:, -1] for name, each in raw.items()},
        motions,
        run(model, folder / "images.npz", spec),
    )


def by_channel(aligned: Float, dispersion: str = "std") -> tuple[Float, Float]:
    """Return TV and SV of (samples, transforms, channels, pixels) maps: spatial means."""
    channels, pixels = aligned.shape[2:]
    grid = aligned.reshape(*aligned.shape[:2], -1)
    rule = Rule(dispersion=dispersion)
    tv, sv = brute_force.transformational_variance(grid, rule), brute_force.sample_variance(grid, rule)
    return tv.reshape(channels, pixels).mean(axis=1), sv.reshape(channels, pixels).mean(axis=1)


def test_variances_of_maps_with_the_transform_undone(case: Case) -> None:
    assert [layer.name for layer in case.found.layers] == list(case.maps)
    sizes = set()
    for layer in case.found.layers:
        maps = case.maps[layer.name]
        aligned = aligned_maps.undone(maps, case.motions)
        assert 0 < aligned.shape[3] < maps.shape[3] * maps.shape[4]
        sizes.add(maps.shape[3:])
        tv, sv = by_channel(aligned)
        np.testing.assert_allclose(case.found.values(TV, layer), tv, rtol=2e-6, err_msg=layer.name)
        np.testing.assert_allclose(case.found.values(SV, layer), sv, rtol=2e-6, err_msg=layer.name)
        expected = brute_force.quotient(tv, sv)
        np.testing.assert_allclose(case.found.values(NV, layer), expected, rtol=2e-6, err_msg=layer.name)
        assert layer.measures[NV].mean == pytest.approx(expected.mean(), rel=2e-6)
        expected = brute_force.quotient(*by_channel(aligned, "var"))
        np.testing.assert_allclose(case.found.values(OF_VARIANCES, layer), expected, rtol=2e-6, err_msg=layer.name)
    assert sizes == {(10, 12), (5, 6)}


def test_equivariance_error(case: Case) -> None:
    for layer in case.found.layers:
        squares, energy = squares_of_residuals(case, layer.name)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(squares.mean(axis=0) / energy)
            profile = np.array([each[np.isfinite(each)].mean() for each in np.sqrt(squares / energy)])
        atol = 1e-6 if layer.name == "image" else 0
        found, summary = case.found.values(ERROR, layer), layer.measures[ERROR]
        np.testing.assert_allclose(found, error, rtol=2e-6, atol=atol, err_msg=layer.name)
        curve = np.array(summary.profile, dtype=np.float64)
        np.testing.assert_allclose(curve, profile, rtol=2e-6, atol=1e-6, err_msg=layer.name)
        assert (found == 0).all() == (layer.name == "image")
        assert (summary.inf, summary.dead, summary.nan) == (np.isinf(error).sum(), np.isnan(error).sum(), 0)


def squares_of_residuals(case: Case, layer: str) -> tuple[Float, Float]:
    """Return the (transforms, channels) squares of what is left of maps, and the (channels,) squares of maps."""
    left, known = aligned_maps.residuals(case.maps[layer], case.untransformed[layer], case.motions)
    return (left**2).sum(axis=(0, 3)), (known**2).sum(axis=(0, 2))


def test_the_floor_is_the_measure_of_the_image_resized(case: Case) -> None:
    images = case.maps["image"]
    for layer in case.found.layers:
        size = case.maps[layer.name].shape[-2:]
        resized = np.array([[[_resized(one, size) for one in each] for each in sample] for sample in images])
        tv, sv = by_channel(aligned_maps.undone(resized, case.motions))
        floors = {key: layer.measures[key].floor for key in (TV, SV, NV)}
        expected = {TV: tv.mean(), SV: sv.mean(), NV: (tv / sv).mean()}
        assert floors == pytest.approx(expected, rel=1e-5), layer.name
        known = np.array([[_resized(one, size) for one in each] for each in case.untransformed["image"]])
        left, energy = aligned_maps.residuals(resized, known, case.motions)
        error = np.sqrt((left**2).sum(axis=(0, 1, 3)) / (len(case.motions) * (energy**2).sum(axis=(0, 2))))
        assert layer.measures[ERROR].floor == pytest.approx(error.mean(), rel=1e-5, abs=1e-6), layer.name


def _resized(image: Float, size: tuple[int, ...]) -> Float:
    made: Float = resize(image, size, order=1, mode="edge", preserve_range=True, clip=False)
    return made


@pytest.mark.parametrize("spec", SETS)
def test_channels_of_the_image_may_come_last(spec: str, tmp_path: Path) -> None:
    images = np.random.default_rng(1).random((SAMPLES, 3, HEIGHT, WIDTH), dtype=np.float32)
    np.savez(tmp_path / "first.npz", x=images)
    np.savez(tmp_path / "last.npz", x=np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
    first = run(save_network(tmp_path, FIRST), tmp_path / "first.npz", SETS[spec][0])
    last = run(save_network(tmp_path, LAST), tmp_path / "last.npz", SETS[spec][0])
    assert [layer.name for layer in first.layers] == [layer.name for layer in last.layers]
    assert last.layers[0].shape == [HEIGHT, WIDTH, 3]
    for key, values in first.units.items():
        np.testing.assert_allclose(last.units[key], values, rtol=1e-6, err_msg=key)
    for one, other in zip(first.layers, last.layers, strict=True):
        assert other.measures[NV].floor == pytest.approx(one.measures[NV].floor, rel=1e-6)


def test_units_have_the_shape_of_the_layer_and_no_value_where_pixels_do_not_count(tmp_path: Path) -> None:
    spec, motions = SETS["rotations"]
    images = np.random.default_rng(1).random((SAMPLES, 3, HEIGHT, WIDTH), dtype=np.float32)
    np.savez(tmp_path / "images.npz", x=images)
    model = save_network(tmp_path, FIRST)
    found = run(model, tmp_path / "images.npz", spec, aggregate="unit", layers=("conv", "dense"))
    raw = activations(model, moved_images(images, motions), 16)
    found.save(tmp_path / "result")
    assert [layer.shape for layer in found.layers] == [[3, 10, 12], [5, 6, 4]]
    for layer in Result.load(tmp_path / "result").layers:
        maps = channels_first(raw[layer.name], layer.name, CHANNELS_LAST)
        inside = aligned_maps.counted(motions, *maps.shape[-2:])
        aligned = aligned_maps.undone(maps, motions)
        expected = np.full(maps.shape[2:], np.nan)
        grid = aligned.reshape(*aligned.shape[:2], -1)
        expected[:, inside] = brute_force.normalized_variance(grid).reshape(len(expected), -1)
        left, known = aligned_maps.residuals(maps, maps[:, 1], motions)
        errors = np.full(maps.shape[2:], np.nan)
        errors[:, inside] = np.sqrt((left**2).mean(axis=1).sum(axis=0) / (known**2).sum(axis=0))
        for key, values in ((NV, expected), (ERROR, errors)):
            stored = np.moveaxis(found.values(key, layer), layer.channel_axis, 0)
            assert stored.shape == values.shape
            np.testing.assert_allclose(stored, values, rtol=1e-5, err_msg=f"{layer.name} {key}")
        counted = int(inside.sum()) * layer.channels
        assert layer.measures[NV].finite == counted < layer.units
        assert layer.measures[NV].nan == 0


def test_the_shipped_model_on_digits(tmp_path: Path) -> None:
    images = np.random.default_rng(3).permutation(np.load(DIGITS)["x"])[:20]
    np.savez(tmp_path / "digits.npz", x=images)
    motions = [turn(45 * step) for step in range(8)]
    raw = activations(SHIPPED[1], np.stack([rotations(one, 8) for one in images]), 32)
    found = run(SHIPPED[1], tmp_path / "digits.npz", "rotation:steps=8", measures=(NV, ERROR))
    compared = 0
    for layer in found.layers:
        if len(layer.shape) != 3:
            assert layer.measures[NV].reason == layer.measures[ERROR].reason == "it has no feature maps"
            continue
        compared += 1
        maps = raw[layer.name].astype(np.float64)
        expected = brute_force.quotient(*by_channel(aligned_maps.undone(maps, motions)))
        np.testing.assert_allclose(found.values(NV, layer), expected, rtol=1e-5, err_msg=layer.label)
        left, known = aligned_maps.residuals(maps, maps[:, 0], motions)
        error = np.sqrt((left**2).sum(axis=(0, 1, 3)) / (8 * (known**2).sum(axis=(0, 2))))
        np.testing.assert_allclose(found.values(ERROR, layer), error, rtol=1e-5, atol=1e-6, err_msg=layer.label)
        floor, value = layer.measures[NV].floor, layer.measures[NV].mean
        assert floor is not None
        assert value is not None
        assert 0 < floor < value / 4 or layer.index < 3
    assert compared == 15
