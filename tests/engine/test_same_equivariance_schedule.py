"""How the work is cut up and ordered changes nothing about maps that are compared pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onnxinv.api import analyze
from onnxinv.result import MeasureSummary, Result
from tests.networks import DIGITS, SHIPPED

NV, ERROR = "normalized-variance-se", "equivariance-error"
SAMPLES = 11
TURNS = "rotation:steps=4,degrees=60"
"""A set without the identity: the untransformed sample is one more variant."""

LAYERS = ("image", "pool*", "elu5", "fc1")
"""Maps of every size, and a layer without any."""


def save_digits(path: Path, order: np.ndarray | None = None) -> Path:
    images = np.load(DIGITS)["x"][:SAMPLES]
    np.savez(path, x=images if order is None else images[order])
    return path


def run(data: Path, transforms: object = TURNS, **options: object) -> Result:
    defaults: dict[str, object] = {"measures": (NV, ERROR), "layers": LAYERS, "threads": 1, "batch": 10}
    return analyze(SHIPPED[1], data, transforms, **{**defaults, "device": "cpu", "groups": 4, **options})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_digits(tmp_path_factory.mktemp("schedule") / "digits.npz")


@pytest.fixture(scope="module")
def usual(data: Path) -> Result:
    return run(data)


def assert_same(found: Result, expected: Result, rtol: float = 1e-9) -> None:
    """Assert that a result says all that another says, of floors and single transforms too."""
    for key, values in expected.units.items():
        np.testing.assert_allclose(found.units[key], values, rtol=rtol, err_msg=key)
    for one, other in zip(found.layers, expected.layers, strict=True):
        for key, summary in other.measures.items():
            assert one.measures[key].reason == summary.reason
            found_curve, expected_curve = ([each.floor or 0, *_curve(each)] for each in (one.measures[key], summary))
            np.testing.assert_allclose(found_curve, expected_curve, rtol=1e-6, err_msg=f"{one.label} {key}")


def _curve(summary: MeasureSummary) -> np.ndarray:
    return np.array(summary.profile or (), dtype=np.float64)


def test_all_kinds_of_values_are_compared(usual: Result) -> None:
    reasons = {layer.label: layer.measures[NV].reason for layer in usual.layers}
    assert reasons == dict.fromkeys(("image", "pool1", "pool2", "elu5"), None) | {"fc1": "it has no feature maps"}
    assert {layer.shape[-1] for layer in usual.layers} == {28, 14, 7, 64}
    for layer in usual.layers[:-1]:
        assert layer.measures[NV].floor
        assert len(layer.measures[ERROR].profile or ()) == 4


@pytest.mark.parametrize("batch", [1, 3, 7, 50, 256])
def test_the_batch_changes_nothing(data: Path, usual: Result, batch: int) -> None:
    """With five variants of a sample, rows are split over runs of 1 and 3 variants, and whole in the others."""
    found = run(data, batch=batch)
    assert found.meta.runtime.batch == batch
    assert_same(found, usual)


@pytest.mark.parametrize("option", [{"threads": 2}, {"groups": 2}, {"groups": SAMPLES}, {"seed": 5}])
def test_threads_groups_and_the_shuffled_order_change_nothing(
    data: Path, usual: Result, option: dict[str, object]
) -> None:
    assert_same(run(data, **option), usual)


def test_the_order_of_the_samples_changes_nothing(usual: Result, tmp_path: Path) -> None:
    shuffled = save_digits(tmp_path / "shuffled.npz", np.random.default_rng(1).permutation(SAMPLES))
    assert_same(run(shuffled), usual)


def test_the_order_of_the_transforms_changes_nothing_but_that_of_the_profile(data: Path) -> None:
    """A flip and then a turn is the turn to the other side and then the flip."""
    one, other = run(data, ("flip", TURNS)), run(data, (TURNS, "flip"))
    for key, values in one.units.items():
        np.testing.assert_allclose(other.units[key], values, rtol=1e-9, err_msg=key)
    for first, second in zip(one.layers[:-1], other.layers[:-1], strict=True):
        before, after = _curve(first.measures[ERROR]), _curve(second.measures[ERROR])
        np.testing.assert_allclose(after.reshape(4, 2)[:, 0], before[:4], rtol=1e-9)
        np.testing.assert_allclose(after.reshape(4, 2)[:, 1], before[4:][::-1], rtol=1e-9)
        assert first.measures[NV].floor == pytest.approx(second.measures[NV].floor, rel=1e-6)


@pytest.mark.parametrize("aggregate", ["channel", "unit"])
def test_layers_measured_chunk_by_chunk_have_the_values_of_all_together(data: Path, aggregate: str) -> None:
    options = {"layers": ("elu*", "pool*"), "aggregate": aggregate, "batch": 5}
    expected, found = (run(data, memory=memory, **options) for memory in (None, "20MiB"))
    assert found.meta.runtime.schedule != expected.meta.runtime.schedule
    assert_same(found, expected, rtol=1e-4)


def test_a_measure_that_looks_at_sixteen_samples_at_a_time_changes_nothing(data: Path, usual: Result) -> None:
    found = run(data, measures=(NV, ERROR, "normalized-distance"), groups=2)
    assert "normalized-distance" in found.measures
    assert_same(found, usual)
