"""The function `compare` of the Python API: what it takes, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv import api
from onnxinv.comparison import CompareDocument, Comparison
from onnxinv.errors import DataError, OnnxinvError, UsageError
from onnxinv.result import Result
from tests.engine.networks import save_images, save_network

ZOO = Path(__file__).parents[1] / "zoo"
TURNS = "rotation:steps=4,degrees=360"
CPU: dict[str, Any] = {"device": "cpu", "threads": 1}


@pytest.fixture
def networks(tmp_path) -> list[Path]:
    """Two networks with other weights, beside their images."""
    save_images(tmp_path)
    generator = np.random.default_rng(0)
    body = "a = Conv<kernel_shape = [3, 3]>(image, k) y = Relu(a)"
    return [
        save_network(tmp_path, body, {"k": generator.normal(size=(2, 1, 3, 3))}).rename(tmp_path / f"{place}.onnx")
        for place in range(2)
    ]


def told(comparison: Comparison) -> list[dict[str, Any]]:
    return [each.model_dump() for each in comparison.comparisons]


@pytest.mark.parametrize("first", ["onnxinv.api", "onnxinv.cli", "onnxinv.comparison", "onnxinv"])
def test_the_functions_of_the_package_are_functions_whatever_was_imported_before(first):
    lines = f"import {first}\nimport onnxinv\nonnxinv.compare\nfor name in ('analyze', 'compare', 'inspect'):\n"
    code = f"{lines}    assert callable(getattr(onnxinv, name)), name\n"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("text", [True, False], ids=["texts", "paths"])
def test_models_are_measured_and_compared(networks, tmp_path, text):
    models = [str(each) for each in networks] if text else networks
    seen: list[int] = []
    found = api.compare(models, tmp_path / "images.npz", TURNS, progress=seen.append, **CPU)
    assert [each.meta.model.path for each in found.results] == [str(each) for each in networks]
    assert [(pair.a, pair.b) for pair in found.comparisons[0].pairs] == [(name, name) for name in ("image", "a", "y")]
    assert sum(seen) == 2 * 12 * 4
    found.save(tmp_path / "out")
    text_written = (tmp_path / "out" / "compare.json").read_text()
    assert CompareDocument.model_validate_json(text_written) == found.document


def test_results_and_their_folders_are_one_and_the_same(networks, tmp_path):
    results = [api.analyze(each, tmp_path / "images.npz", TURNS, **CPU) for each in networks]
    for name, result in zip("AB", results, strict=True):
        result.save(tmp_path / name)
    expected = told(api.compare(results))
    assert told(api.compare([tmp_path / "A", str(tmp_path / "B")])) == expected
    assert told(api.compare([results[0], tmp_path / "B"])) == expected


def test_a_map_names_the_pairs(networks, tmp_path):
    (tmp_path / "map.toml").write_text('[pairs]\na = "y"\n')
    found = api.compare(networks, tmp_path / "images.npz", TURNS, align=tmp_path / "map.toml", **CPU)
    methods = {(pair.a, pair.b): pair.method for pair in found.comparisons[0].pairs}
    assert methods[("a", "y")] == "map"
    assert found.document.meta.align == "map"


@pytest.mark.parametrize(
    ("models", "arguments", "message"),
    [
        pytest.param([], {"data": "images.npz", "transforms": TURNS}, "Name two models", id="nothing"),
        pytest.param(["0.onnx"], {"data": "images.npz", "transforms": TURNS}, "one model", id="one model"),
        pytest.param(["0.onnx", "1.onnx"], {}, "measured first", id="no data"),
        pytest.param(["0.onnx", "1.onnx"], {"data": "images.npz"}, "measured first", id="no transforms"),
        pytest.param(["A", "1.onnx"], {}, "without models", id="a folder and a model"),
        pytest.param(["A", "A"], {"data": "images.npz"}, "without models, data", id="folders and data"),
        pytest.param(["A"], {}, "one model", id="one folder"),
        pytest.param(["A", "A"], {"align": "nmae"}, "'nmae'", id="no way to align"),
        pytest.param(["A", "A"], {"margin": 1.0}, "The margin 1 ", id="a margin of all"),
        pytest.param(["A", "A"], {"margin": float("nan")}, "The margin nan ", id="a margin that is no number"),
        pytest.param(["A", "A"], {"rtol": -0.1}, "The rtol -0.1 ", id="a tolerance below 0"),
        pytest.param(
            ["0.onnx", "1.onnx"], {"data": "images.npz", "transforms": TURNS, "precision": 0.1}, "precision",
            id="a precision",
        ),
        pytest.param(
            ["0.onnx", "1.onnx"], {"data": "images.npz", "transforms": TURNS, "layouts": ["NCHW"] * 3},
            "3 times for 2 models", id="three layouts",
        ),
        pytest.param(
            ["0.onnx", "1.onnx"], {"data": "images.npz", "transforms": TURNS, "layout": "NCHW"}, "layouts=",
            id="the option of analyze",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(networks, tmp_path, monkeypatch, models, arguments, message):
    monkeypatch.chdir(tmp_path)
    if "A" in models:
        api.analyze(networks[0], "images.npz", TURNS, **CPU).save(Path("A"))
    with pytest.raises(UsageError) as caught:
        api.compare(models, **arguments)
    assert message in str(caught.value)


def test_the_second_model_is_named_where_it_cannot_take_what_the_first_takes(networks, tmp_path):
    with pytest.raises(DataError) as caught:
        api.compare([networks[0], ZOO / "tensorflow_mobilenet.onnx"], tmp_path / "images.npz", TURNS, **CPU)
    assert all(name in caught.value.message for name in ("0.onnx", "tensorflow_mobilenet.onnx", "1 channel"))


def test_an_error_of_the_first_model_is_the_one_that_analyze_gives(networks, tmp_path):
    data = tmp_path / "missing.npz"
    with pytest.raises(OnnxinvError) as expected:
        api.analyze(networks[0], data, TURNS, **CPU)
    with pytest.raises(type(expected.value)) as caught:
        api.compare(networks, data, TURNS, **CPU)
    assert str(caught.value) == str(expected.value)


def test_a_result_needs_no_file_any_more(networks, tmp_path):
    results: list[Result] = [api.analyze(each, tmp_path / "images.npz", TURNS, **CPU) for each in networks]
    for each in networks:
        each.unlink()
    assert len(api.compare(results).comparisons) == 1
