"""The whole way from image files to values, against activations and formulas made without onnxinv."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from onnxinv.api import analyze
from onnxinv.result import LayerResult, Result
from tests.engine.raw import Float32, activations, rotations
from tests.measures import brute_force
from tests.measures.brute_force import Rule
from tests.networks import DIGITS, SHIPPED

STEPS = 16
BATCH = 48
NV, TV, SV = "normalized-variance", "transformational-variance", "sample-variance"
DISPERSIONS = {"std": "", "var": ":dispersion=var"}
UNITS_AT_A_TIME = 1024


@dataclass(frozen=True, eq=False)
class Measurement:
    """One model on some digits: raw activations, and how onnxinv is to measure the same."""

    model: Path
    data: Path
    raw: dict[str, Float32]
    known: dict[tuple[str, Rule], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    found: dict[str, Result] = field(default_factory=dict)

    def analyze(self, aggregate: str) -> Result:
        """Return what onnxinv finds."""
        if aggregate not in self.found:
            self.found[aggregate] = analyze(
                self.model,
                self.data,
                f"rotation:steps={STEPS},degrees=360",
                measures=(NV, f"{NV}:dispersion=var", TV, SV, "variance-shares"),
                aggregate=aggregate,
                groups=3,
                batch=BATCH,
                threads=1,
                device="cpu",
                reduce="host",
            )
        return self.found[aggregate]

    def grids(self, layer: str) -> Iterator[np.ndarray]:
        """Yield float64 grids of some units each: all of them at once would be gigabytes."""
        flat = self.raw[layer].reshape(*self.raw[layer].shape[:2], -1)
        for start in range(0, flat.shape[2], UNITS_AT_A_TIME):
            yield flat[:, :, start : start + UNITS_AT_A_TIME].astype(np.float64)

    def units(self, layer: str, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
        """Return TV and SV of every unit of a layer, by force."""
        if (layer, rule) not in self.known:
            parts = [
                (brute_force.transformational_variance(grid, rule), brute_force.sample_variance(grid, rule))
                for grid in self.grids(layer)
            ]
            self.known[layer, rule] = np.concatenate([tv for tv, _ in parts]), np.concatenate([sv for _, sv in parts])
        return self.known[layer, rule]


def measurement(model: Path, samples: int, folder: Path) -> Measurement:
    images = np.random.default_rng(3).permutation(np.load(DIGITS)["x"])[:samples]
    data = folder / "digits.npz"
    np.savez(data, x=images)
    return Measurement(model, data, activations(model, np.stack([rotations(one, STEPS) for one in images]), BATCH))


@pytest.fixture(scope="module", params=SHIPPED, ids=lambda path: path.stem.removeprefix("mnist_simpleconv_"))
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    return measurement(request.param, 30, tmp_path_factory.mktemp("small"))


def channels(layer: LayerResult) -> np.ndarray:
    return brute_force.channels_of(tuple(layer.shape), layer.channel_axis)


def by_channel(values: np.ndarray, layer: LayerResult) -> np.ndarray:
    return brute_force.spatial(values, channels(layer))


def assert_all_layers(found: Result, measured: Measurement) -> None:
    """Assert that every tensor but that of Flatten is a layer, and has the shape of the raw activations."""
    expected = [name for name in measured.raw if "Flatten" not in name]
    assert [layer.name for layer in found.layers] == expected
    for layer in found.layers:
        assert tuple(layer.shape) == measured.raw[layer.name].shape[2:]


@pytest.mark.parametrize("model", SHIPPED, ids=lambda path: path.stem.removeprefix("mnist_simpleconv_"))
def test_two_hundred_digits_under_sixteen_rotations_by_channel(model: Path, tmp_path: Path) -> None:
    measured = measurement(model, 200, tmp_path)
    found = measured.analyze("channel")
    assert_all_layers(found, measured)
    for layer in found.layers:
        tv, sv = (by_channel(part, layer) for part in measured.units(layer.name, Rule()))
        np.testing.assert_allclose(found.values(TV, layer), tv, rtol=1e-6, err_msg=layer.label)
        np.testing.assert_allclose(found.values(SV, layer), sv, rtol=1e-6, err_msg=layer.label)
        expected = brute_force.quotient(tv, sv)
        np.testing.assert_allclose(found.values(NV, layer), expected, rtol=1e-6, err_msg=layer.label)
        assert layer.measures[NV].mean == pytest.approx(expected.mean(), rel=1e-6)


@pytest.mark.parametrize("dispersion", DISPERSIONS)
def test_by_channel(small: Measurement, dispersion: str) -> None:
    key = NV + DISPERSIONS[dispersion]
    found = small.analyze("channel")
    assert_all_layers(found, small)
    for layer in found.layers:
        tv, sv = small.units(layer.name, Rule(dispersion=dispersion))
        expected = brute_force.quotient(by_channel(tv, layer), by_channel(sv, layer))
        np.testing.assert_allclose(found.values(key, layer), expected, rtol=1e-6, err_msg=layer.label)


@pytest.mark.parametrize("dispersion", DISPERSIONS)
def test_by_unit(small: Measurement, dispersion: str) -> None:
    key = NV + DISPERSIONS[dispersion]
    found = small.analyze("unit")
    assert_all_layers(found, small)
    dead = 0
    for layer in found.layers:
        values = found.values(key, layer)
        assert values.shape == tuple(layer.shape)
        tv, sv = small.units(layer.name, Rule(dispersion=dispersion))
        expected = brute_force.quotient(tv, sv).reshape(layer.shape)
        np.testing.assert_allclose(values, expected, rtol=1e-9, err_msg=layer.label)
        assert layer.measures[key].dead == np.count_nonzero((tv == 0) & (sv == 0))
        dead += layer.measures[key].dead
    assert dead, "no dead unit: the zero rule is not tested"


@pytest.mark.parametrize("dispersion", DISPERSIONS)
@pytest.mark.parametrize("aggregate", ["activation-mean", "activation-max"])
def test_of_activations_reduced_over_space(small: Measurement, aggregate: str, dispersion: str) -> None:
    key = NV + DISPERSIONS[dispersion]
    found = small.analyze(aggregate)
    assert_all_layers(found, small)
    for layer in found.layers:
        raw = small.raw[layer.name].astype(np.float64)
        grid = brute_force.reduced_over_space(raw, layer.channel_axis, aggregate)
        expected = brute_force.normalized_variance(grid, rule=Rule(dispersion=dispersion))
        np.testing.assert_allclose(found.values(key, layer), expected, rtol=1e-6, err_msg=layer.label)


@pytest.mark.parametrize("aggregate", ["channel", "unit"])
def test_variance_shares(small: Measurement, aggregate: str) -> None:
    found = small.analyze(aggregate)
    for layer in found.layers:
        parts = [brute_force.sums_of_squares(grid) for grid in small.grids(layer.name)]
        sums = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        if aggregate == "channel":
            sums = {name: brute_force.spatial(part, channels(layer), add=True) for name, part in sums.items()}
        total = np.sum(list(sums.values()), axis=0)
        alive = ~np.isnan(found.values("variance-share-sample", layer).reshape(-1))
        # What is dead by the zero rule has a spread of rounding at most.
        assert np.all(total[~alive] <= 1e-10)
        for name, part in sums.items():
            values = found.values(f"variance-share-{name}", layer).reshape(-1)
            share = part[alive] / total[alive]
            np.testing.assert_allclose(values[alive], share, rtol=0, atol=1e-9, err_msg=layer.label)
