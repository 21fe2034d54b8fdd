"""A measurement written to a folder and read back is the same, and other programs can read it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from onnxinv.result import Result
from tests.engine.networks import layer_of, measure, save_images, save_network, save_transforms

CHANNELS = {"c": np.array([0.0, 0.5, 2.0]).reshape(1, 3, 1, 1)}
CONSTANTS = "return [lambda image, k=k: np.full_like(image, 0.1 * (k + 1)) for k in range(3)]"


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@pytest.fixture(params=["channel", "unit"])
def result(request: pytest.FixtureRequest, tmp_path: Path) -> Result:
    """A result with infinite and nan values, and with layers of several channels."""
    save_images(tmp_path)
    model = save_network(tmp_path, "less = Sub(image, c) log = Log(less) y = Add(image, c)", CHANNELS)
    return measure(tmp_path, model, save_transforms(tmp_path, CONSTANTS), aggregate=request.param)


def test_is_the_same_after_it_is_saved_and_loaded(result: Result, tmp_path: Path) -> None:
    result.save(tmp_path / "out")
    loaded = Result.load(tmp_path / "out")
    assert loaded.document == result.document
    assert list(loaded.units) == list(result.units)
    for key, values in result.units.items():
        np.testing.assert_array_equal(loaded.units[key], values)
        assert loaded.units[key].dtype == np.float64
    assert any(np.isinf(values).any() for values in loaded.units.values())
    assert any(np.isnan(values).any() for values in loaded.units.values())


def test_the_json_is_strict_and_complete(result: Result, tmp_path: Path) -> None:
    result.save(tmp_path / "out")
    document = json.loads((tmp_path / "out" / "result.json").read_text(), parse_constant=refuse)
    assert list(document) == ["meta", "layers", "skipped", "outputs", "summary"]
    assert document["meta"]["format"] == 1
    log = next(layer for layer in document["layers"] if layer["name"] == "log")
    assert log["measures"]["normalized-variance"]["mean"] is None
    assert log["measures"]["normalized-variance"]["inf"] + log["measures"]["normalized-variance"]["nan"] > 0


@pytest.mark.parametrize("number", [np.nan, np.inf], ids=str)
def test_a_number_that_json_lacks_is_never_written(result: Result, tmp_path: Path, number: float) -> None:
    summary = result.layers[0].measures["normalized-variance"]
    spoiled = summary.model_copy(update={"mean": number})
    result.layers[0].measures["normalized-variance"] = spoiled
    with pytest.raises(ValueError, match="not JSON compliant"):
        result.save(tmp_path / "out")
    assert not (tmp_path / "out" / "result.json").exists()


def test_units_are_keyed_by_measure_and_layer_and_have_its_shape(result: Result, tmp_path: Path) -> None:
    result.save(tmp_path / "out")
    with np.load(tmp_path / "out" / "units.npz", allow_pickle=False) as arrays:
        expected = {
            f"{measure}/{layer.index:04d}": tuple(layer.shape)
            if result.meta.options.aggregate == "unit"
            else (layer.channels,)
            for layer in result.layers
            for measure in result.measures
        }
        assert {key: arrays[key].shape for key in arrays.files} == expected
    assert layer_of(result, "log").index == 2
    assert "normalized-variance/0002" in result.units
    assert [layer.index for layer in result.layers] == list(range(4))


def test_says_what_was_measured_and_how(result: Result) -> None:
    meta = result.meta
    assert (meta.data.samples, meta.transforms.count, len(meta.transforms.items)) == (12, 3, 3)
    assert meta.options.measures == result.measures
    assert meta.options.groups == 10
    assert meta.runtime.providers == ["CPUExecutionProvider"]
    assert meta.timing.inferences == 36
    assert [layer.name for layer in result.layers] == ["image", "less", "log", "y"]
    assert layer_of(result, "less").shape == [3, 6, 6]
    assert (layer_of(result, "less").units, layer_of(result, "less").channels) == (108, 3)
