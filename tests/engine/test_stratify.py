"""Measures taken class by class, against classes that are measured by force one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv.api import plan
from onnxinv.api import run as carry_out
from onnxinv.errors import DataError
from onnxinv.plan import Plan
from onnxinv.result import LayerResult, Result
from tests.engine.networks import NV, layer_of, save_network
from tests.engine.raw import activations
from tests.measures import brute_force
from tests.measures.brute_force import Rule

TV, SV = "transformational-variance", "sample-variance"
VAR, POOLED = f"{NV}:dispersion=var", f"{NV}:classes=quotient-of-means"
BY_CLASS = (NV, TV, SV, VAR, POOLED)
AS_A_WHOLE = ("anova", "anova-repeated", "variance-shares", "transform-profile", "orbit-deviation", "goodfellow")
OF_CLASSES = ("top1-consistency", "accuracy", "effective-invariance", "pairwise-consistency", "top1-change-rate")
COUNTS = {"4": 9, "0": 7, "-2": 6, "11": 5}
"""Samples by label, in the order of the file; those of class 11 are all the same image."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A network, labelled images, and the activations of all quarter turns of them."""

    model: Path
    data: Path
    labels: np.ndarray
    raw: dict[str, np.ndarray]
    known: dict[str, Result] = field(default_factory=dict)

    def plan(self, **options: Any) -> Plan:
        """Plan quarter turns by class."""
        defaults: dict[str, Any] = {"measures": BY_CLASS, "stratify": True, "groups": 4, "reduce": "host"}
        return plan(self.model, self.data, "rotation:steps=4", device="cpu", threads=1, **{**defaults, **options})

    def result(self, aggregate: str) -> Result:
        """Return what is found of all measures that go by class."""
        if aggregate not in self.known:
            self.known[aggregate] = carry_out(self.plan(aggregate=aggregate))
        return self.known[aggregate]

    def grids(self, layer: LayerResult, keep: np.ndarray | None = None) -> list[np.ndarray]:
        """Return one (samples, transforms, units) float64 grid a class, classes in ascending order."""
        flat = self.raw[layer.name].reshape(len(self.labels), 4, -1).astype(np.float64)
        chosen = np.ones(len(self.labels), dtype=bool) if keep is None else keep
        return [flat[chosen & (self.labels == label)] for label in np.unique(self.labels)]


def save_labelled(folder: Path, labels: np.ndarray, images: np.ndarray, name: str = "images.npz") -> Path:
    path = folder / name
    np.savez(path, x=images, y=labels)
    return path


def save_classifier(folder: Path) -> Path:
    """Write a network of some layers with three classes; one of the first layer's channels is 0, one is constant."""
    generator = np.random.default_rng(7)
    kernels = generator.standard_normal((4, 1, 3, 3))
    kernels[2:] = 0
    weights = {
        "k": kernels, "b": [0, 0, 0, 0.5], "w": generator.standard_normal((3, 4, 1, 1)),
    }  # fmt: skip
    return save_network(folder, "c = Conv(image, k, b) r = Relu(c) g = GlobalMaxPool(r) y = Conv(g, w)", weights)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Labelled:
    folder = tmp_path_factory.mktemp("labelled")
    generator = np.random.default_rng(0)
    labels = np.repeat([int(label) for label in COUNTS], list(COUNTS.values()))
    images = generator.random((len(labels), 1, 6, 6), dtype=np.float32)
    images[labels == 11] = images[labels == 11][0]
    images[labels == -2] *= 3
    images[labels == 0] = 0
    images[labels == 0, 0, 2:4, 2:4] = generator.random((7, 2, 2), dtype=np.float32)
    order = generator.permutation(len(labels))
    labels, images = labels[order], images[order]
    model, data = save_classifier(folder), save_labelled(folder, labels, images)
    turned = np.stack([np.rot90(images, turn, axes=(2, 3)) for turn in range(4)], axis=1)
    return Labelled(model, data, labels, activations(model, turned, 64))


def channels(layer: LayerResult, aggregate: str) -> np.ndarray:
    if aggregate == "unit":
        return np.arange(layer.units)
    return brute_force.channels_of(tuple(layer.shape), layer.channel_axis)


def by_force(key: str, grids: list[np.ndarray], channel: np.ndarray) -> np.ndarray:
    """Return the (classes, values) of a measure."""
    rule = Rule(dispersion="var" if key == VAR else "std")
    if key in (NV, VAR, POOLED):
        return np.stack([brute_force.normalized_variance(grid, channel, rule) for grid in grids])
    of_units = brute_force.transformational_variance if key == TV else brute_force.sample_variance
    return np.stack([brute_force.spatial(of_units(grid, rule), channel) for grid in grids])


def pooled(grids: list[np.ndarray], channel: np.ndarray) -> np.ndarray:
    """Return TV over the mean of the classes' SV."""
    tv = brute_force.spatial(brute_force.transformational_variance(np.concatenate(grids)), channel)
    sv = np.mean([brute_force.spatial(brute_force.sample_variance(grid), channel) for grid in grids], axis=0)
    return brute_force.quotient(tv, sv)


@pytest.mark.parametrize("aggregate", ["channel", "unit"])
@pytest.mark.parametrize("key", [NV, TV, SV, VAR])
def test_is_the_plain_mean_over_classes(labelled: Labelled, key: str, aggregate: str) -> None:
    found = labelled.result(aggregate)
    infinite = 0
    for layer in found.layers:
        expected = by_force(key, labelled.grids(layer), channels(layer, aggregate))
        values = found.values(key, layer).reshape(-1)
        np.testing.assert_allclose(values, expected.mean(axis=0), rtol=1e-6, atol=1e-9, err_msg=layer.label)
        infinite += np.isinf(values).sum()
        assert layer.measures[key].inf == np.isinf(values).sum()
    assert bool(infinite) == (key in (NV, VAR)), "class 11 depends on the transform alone"


@pytest.mark.parametrize("aggregate", ["channel", "unit"])
def test_a_quotient_of_means_stays_finite_where_a_class_does_not_vary(labelled: Labelled, aggregate: str) -> None:
    found = labelled.result(aggregate)
    for layer in found.layers:
        values = found.values(POOLED, layer).reshape(-1)
        expected = pooled(labelled.grids(layer), channels(layer, aggregate))
        np.testing.assert_allclose(values, expected, rtol=1e-6, err_msg=layer.label)
        assert np.isfinite(values).all()


@pytest.mark.parametrize("aggregate", ["channel", "unit"])
@pytest.mark.parametrize("key", BY_CLASS)
def test_the_values_of_single_classes_are_kept(labelled: Labelled, key: str, aggregate: str) -> None:
    found = labelled.result(aggregate)
    names = ["-2", "0", "4", "11"]
    assert found.meta.data.classes == names
    for layer in found.layers:
        shape = tuple(layer.shape) if aggregate == "unit" else (layer.channels,)
        kept = found.units[f"{key}/{layer.index:04d}/classes"]
        assert kept.shape == (4, *shape)
        expected = by_force(key, labelled.grids(layer), channels(layer, aggregate))
        np.testing.assert_allclose(kept.reshape(4, -1), expected, rtol=1e-6, atol=1e-9)
        told = layer.measures[key].classes
        assert told is not None
        assert list(told) == names
        for name, row in zip(names, expected, strict=True):
            finite = row[np.isfinite(row)]
            assert told[name] == (pytest.approx(finite.mean(), rel=1e-6, abs=1e-9) if finite.size else None)


@pytest.mark.parametrize("key", BY_CLASS)
def test_dead_is_what_is_dead_in_every_class(labelled: Labelled, key: str) -> None:
    found = labelled.result("unit")
    dead = {layer.name: layer.measures[key].dead for layer in found.layers}
    expected = {}
    for layer in found.layers:
        grids = labelled.grids(layer)
        expected[layer.name] = np.all(
            [
                (brute_force.transformational_variance(grid) == 0) & (brute_force.sample_variance(grid) == 0)
                for grid in grids
            ],
            axis=0,
        ).sum()
    assert dead == expected
    assert dead["c"] == 2 * 16
    some = np.any([(grid == 0).all(axis=(0, 1)) for grid in labelled.grids(layer_of(found, "image"))], axis=0)
    assert some.any(), "no pixel is dead in one class only"


def test_the_options_are_told(labelled: Labelled) -> None:
    found = labelled.result("channel")
    assert found.meta.options.stratify
    assert found.meta.data.classes
    plain = carry_out(labelled.plan(stratify=False))
    assert not plain.meta.options.stratify
    assert plain.meta.data.classes == []
    assert not any(key.endswith("/classes") for key in plain.units)
    assert all(each.classes is None for layer in plain.layers for each in layer.measures.values())


def test_classes_are_kept_on_disk(labelled: Labelled, tmp_path: Path) -> None:
    found = labelled.result("channel")
    found.save(tmp_path / "result")
    loaded = Result.load(tmp_path / "result")
    assert loaded.document == found.document
    assert set(loaded.units) == set(found.units)
    for key, values in found.units.items():
        np.testing.assert_array_equal(loaded.units[key], values)


@pytest.mark.parametrize("aggregate", ["channel", "unit"])
def test_one_class_is_the_plain_measure(labelled: Labelled, tmp_path: Path, aggregate: str) -> None:
    images = np.load(labelled.data)["x"]
    data = save_labelled(tmp_path, np.full(len(images), 5), images)
    one, plain = (
        carry_out(replace(labelled, data=data).plan(stratify=stratify, aggregate=aggregate))
        for stratify in (True, False)
    )
    assert one.meta.data.classes == ["5"]
    for layer, other in zip(one.layers, plain.layers, strict=True):
        for key in BY_CLASS:
            np.testing.assert_allclose(one.values(key, layer), plain.values(key, other), rtol=1e-12, atol=0)
            of_class = one.units[f"{key}/{layer.index:04d}/classes"][0]
            np.testing.assert_allclose(of_class, one.values(key, layer), rtol=1e-14, atol=0)  # a mean of one rounds
            assert layer.measures[key].mean == pytest.approx(other.measures[key].mean, rel=1e-12)


def test_other_measures_are_those_of_all_samples(labelled: Labelled, tmp_path: Path) -> None:
    labels = np.load(labelled.data)["y"] % 3
    data = save_labelled(tmp_path, labels, np.load(labelled.data)["x"])
    stratified, plain = (
        carry_out(replace(labelled, data=data).plan(stratify=stratify, measures=(*AS_A_WHOLE, *OF_CLASSES)))
        for stratify in (True, False)
    )
    assert stratified.meta.data.classes == ["0", "1", "2"]
    assert set(stratified.units) == set(plain.units)
    for key, values in plain.units.items():
        np.testing.assert_allclose(stratified.units[key], values, rtol=1e-9, atol=1e-12, err_msg=key)
    assert len(plain.document.outputs) == 7
    for key, output in plain.document.outputs.items():
        found = stratified.document.outputs[key]
        assert found.value == pytest.approx(output.value, rel=1e-12)
        assert found.profile == (None if output.profile is None else pytest.approx(output.profile, rel=1e-12))


def test_groups_take_their_share_of_every_class(labelled: Labelled) -> None:
    for count in (2, 4, 10, 27):
        groups = labelled.plan(groups=count).groups
        assert len(groups) == count
        order = np.concatenate([part for group in groups for part in group])
        assert sorted(order.tolist()) == list(range(27))
        sizes = [sum(map(len, group)) for group in groups]
        assert max(sizes) - min(sizes) <= 1
        for label, parts in zip(np.unique(labelled.labels), zip(*groups, strict=True), strict=True):
            assert all((labelled.labels[part] == label).all() for part in parts)
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_the_seed_decides_who_is_in_a_group(labelled: Labelled) -> None:
    one, same, other = (labelled.plan(seed=seed).groups for seed in (1, 1, 2))
    assert _members(one) == _members(same) != _members(other)
    assert any(part != sorted(part) for group in _members(one) for part in group)


def _members(groups: tuple[tuple[np.ndarray, ...], ...]) -> list[list[list[int]]]:
    return [[part.tolist() for part in group] for group in groups]


@pytest.mark.parametrize("key", [NV, TV, POOLED])
@pytest.mark.parametrize("aggregate", ["channel", "unit"])
def test_the_interval_leaves_out_a_group_of_every_class_at_a_time(labelled: Labelled, key: str, aggregate: str) -> None:
    found, groups = labelled.result(aggregate), labelled.plan(aggregate=aggregate).groups
    for layer in found.layers:
        expected = _interval(labelled, key, layer, aggregate, groups)
        summary = layer.measures[key]
        if expected is None:
            assert (summary.se, summary.ci["mean"]) == (None, None)
            continue
        assert summary.se == pytest.approx(expected.se, rel=1e-5, abs=1e-9)
        assert summary.bias == pytest.approx(expected.bias, rel=1e-4, abs=1e-7)
        assert summary.ci["mean"] == pytest.approx((expected.low, expected.high), rel=1e-5, abs=1e-7)


def _interval(
    labelled: Labelled, key: str, layer: LayerResult, aggregate: str, groups: tuple[tuple[np.ndarray, ...], ...]
) -> brute_force.Interval | None:
    def value(keep: np.ndarray) -> np.ndarray:
        grids, channel = labelled.grids(layer, keep), channels(layer, aggregate)
        return pooled(grids, channel) if key == POOLED else by_force(key, grids, channel).mean(axis=0)

    everyone = np.ones(27, dtype=bool)
    left_out = []
    for group in groups:
        keep = everyone.copy()
        keep[np.concatenate(group)] = False
        left_out.append(value(keep))
    full = value(everyone)
    finite = np.isfinite([full, *left_out]).all(axis=0)
    if not finite.any():
        return None
    mean = float(full[np.isfinite(full)].mean())
    return brute_force.jackknife(mean, float(full[finite].mean()), [float(one[finite].mean()) for one in left_out])


def test_kept_units_and_chunks_change_no_value(labelled: Labelled) -> None:
    decided = labelled.plan(aggregate="unit")
    chunks = tuple((layer,) for layer in decided.layers)
    small = carry_out(replace(decided, layout=replace(decided.layout, kept_units=10, chunks=chunks)))
    found = labelled.result("unit")
    for key, values in found.units.items():
        np.testing.assert_allclose(small.units[key], values, rtol=1e-9, atol=1e-12, err_msg=key)
    assert small.meta.options.interval_units == 10
    for layer, other in zip(small.layers, found.layers, strict=True):
        if layer.units <= 10:
            assert layer.measures[TV].se == pytest.approx(other.measures[TV].se, rel=1e-9)


def test_class_names_are_those_of_the_data(labelled: Labelled, tmp_path: Path) -> None:
    images, labels = np.load(labelled.data)["x"], np.load(labelled.data)["y"]
    data = save_labelled(tmp_path, np.where(labels > 0, "zebra", "ant"), images)
    found = carry_out(replace(labelled, data=data).plan())
    assert found.meta.data.classes == ["ant", "zebra"]
    assert list(found.layers[0].measures[NV].classes or ()) == ["ant", "zebra"]


def test_only_the_classes_of_the_chosen_samples_count(labelled: Labelled, tmp_path: Path) -> None:
    images = np.load(labelled.data)["x"]
    labels = np.array(["common"] * 26 + ["rare"])
    data = save_labelled(tmp_path, labels, images)
    assert replace(labelled, data=data).plan(samples=10).classes == ("common",)


def test_a_class_of_one_sample_is_named(labelled: Labelled, tmp_path: Path) -> None:
    labels = np.array(["common"] * 26 + ["rare"])
    data = save_labelled(tmp_path, labels, np.load(labelled.data)["x"])
    with pytest.raises(DataError, match="The class 'rare' has 1 sample, and --stratify needs 2 of each"):
        replace(labelled, data=data).plan()


def test_a_class_of_one_sample_is_enough_for_measures_of_all_samples(labelled: Labelled, tmp_path: Path) -> None:
    labels = np.array([0] * 26 + [1])
    data = save_labelled(tmp_path, labels, np.load(labelled.data)["x"])
    found, plain = (
        carry_out(replace(labelled, data=data).plan(measures=("variance-shares",), stratify=stratify))
        for stratify in (True, False)
    )
    for key, values in plain.units.items():
        np.testing.assert_allclose(found.units[key], values, rtol=1e-9, atol=1e-12)


def test_data_without_labels_is_refused(labelled: Labelled, tmp_path: Path) -> None:
    path = tmp_path / "plain.npz"
    np.savez(path, x=np.load(labelled.data)["x"])
    with pytest.raises(DataError, match=r"plain\.npz' has no labels") as caught:
        replace(labelled, data=path).plan()
    assert "y or labels" in caught.value.hint


def test_distances_are_the_plain_mean_over_classes(labelled: Labelled) -> None:
    """Rows by the pairs of transforms, columns by those of samples of a class that are in a group together."""
    found = carry_out(labelled.plan(measures=("normalized-distance", "sample-distance"), aggregate="unit", groups=2))
    groups = labelled.plan(aggregate="unit", groups=2).groups
    for layer in found.layers:
        flat = labelled.raw[layer.name].reshape(27, 4, -1).astype(np.float64)
        expected = [_distances(flat, parts) for parts in zip(*groups, strict=True)]
        distance = np.mean([sd for _, sd in expected], axis=0)
        np.testing.assert_allclose(found.values("sample-distance", layer).reshape(-1), distance, rtol=1e-6, atol=1e-7)
        ratio = np.mean([_ratio(td, sd) for td, sd in expected], axis=0)
        np.testing.assert_allclose(found.values("normalized-distance", layer).reshape(-1), ratio, rtol=1e-4)


def _distances(flat: np.ndarray, parts: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    rows = [np.abs(flat[i, j] - flat[i, k]) for part in parts for i in part for j in range(4) for k in range(j)]
    columns = [
        np.abs(flat[part[i], j] - flat[part[k], j])
        for part in parts
        for j in range(4)
        for i in range(len(part))
        for k in range(i)
    ]
    return np.mean(rows, axis=0), np.mean(columns, axis=0)


def _ratio(td: np.ndarray, sd: np.ndarray) -> list[float]:
    still = 1e-6  # above what rounding makes of activations of about 1
    return [
        (1.0 if above < still else math.inf) if below < still else above / below
        for above, below in zip(td, sd, strict=True)
    ]
