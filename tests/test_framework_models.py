"""The shipped network as several frameworks export it: the same numbers, layer by layer, under other names and axes."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest

import onnxinv
from onnxinv.model.layers import Layer
from onnxinv.model.load import load
from onnxinv.model.rewrite import expose
from tests.model.onnx_text import run
from tests.networks import DIGITS

FOLDER = DIGITS.parent / "frameworks"
ORIGINAL = DIGITS.parent / "mnist_simpleconv_rotated.onnx"
FLOAT = ("pytorch_torchscript", "pytorch_dynamo", "tensorflow", "keras")
INT8 = ("int8_qdq", "int8_qoperator")
CHANNELS_LAST = ("tensorflow", "keras")

KINDS = {"QLinearConv": "Conv", "MatMul": "Dense", "Gemm": "Dense", "QGemm": "Dense"}
LAYERS = [
    *(("Conv", (16, 28, 28)), ("Elu", (16, 28, 28))) * 2,
    ("MaxPool", (16, 14, 14)),
    *(("Conv", (32, 14, 14)), ("Elu", (32, 14, 14))) * 2,
    ("MaxPool", (32, 7, 7)),
    *(("Conv", (64, 7, 7)), ("Elu", (64, 7, 7))),
    *(("Dense", (64,)), ("Elu", (64,)), ("Dense", (10,))),
]

Array = npt.NDArray[np.float32]


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.onnx"


def digits(path: Path, count: int) -> dict[str, Array]:
    """Return the first digits as the model takes them."""
    info = onnx.load(path).graph.input[0]
    sizes = [dimension.dim_value for dimension in info.type.tensor_type.shape.dim]
    images = np.load(DIGITS)["x"][:count].astype(np.float32) / 255
    return {info.name: images.reshape(count, *sizes[1:])}


def logits(path: Path, count: int = 1000) -> Array:
    return run(onnx.load(path), digits(path, count))[0]


@cache
def layers_of(path: Path) -> tuple[Layer, ...]:
    return onnxinv.inspect(path).probe.layers


def known_layers(path: Path) -> list[tuple[str, Layer]]:
    """Return the convolutions, activations, pools and dense layers, with what each is."""
    kinds = {kind for kind, _ in LAYERS}
    named = [(KINDS.get(layer.op, layer.op), layer) for layer in layers_of(path)]
    return [(kind, layer) for kind, layer in named if kind in kinds]


def activations(path: Path, count: int) -> list[Array]:
    """Return what the known layers compute; a product without its bias stands for the sum that follows."""
    layers = layers_of(path)
    whole = [layers[layer.index + 1] if layer.op == "MatMul" else layer for _, layer in known_layers(path)]
    return run(expose(onnx.load(path), [layer.name for layer in whole]).proto, digits(path, count))


@pytest.fixture(scope="module")
def expected() -> Array:
    return logits(ORIGINAL)


def test_the_folder_holds_these_files_each_below_a_megabyte_and_its_readme_names_them():
    sizes = {path.stem: path.stat().st_size for path in FOLDER.glob("*.onnx")}
    assert sorted(sizes) == sorted(FLOAT + INT8)
    assert max(sizes.values()) < 1_000_000
    rows = re.findall(r"^\| `(\w+)\.onnx` \|", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(sizes)


@pytest.mark.parametrize("name", FLOAT + INT8)
def test_each_file_takes_any_number_of_images(name):
    meta = load(path_of(name)).meta
    assert [isinstance(size, int) for size in meta.inputs[0].shape] == [False, True, True, True]
    np.testing.assert_allclose(logits(path_of(name), 1), logits(path_of(name), 3)[:1], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", FLOAT)
def test_each_export_gives_the_logits_of_the_shipped_model(name, expected):
    np.testing.assert_allclose(logits(path_of(name)), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", INT8)
def test_eight_bits_nearly_always_leave_the_class_but_not_the_numbers(name, expected):
    found = logits(path_of(name))
    assert np.mean(found.argmax(axis=1) == expected.argmax(axis=1)) >= 0.99
    assert np.abs(found - expected).max() > 0.01


@pytest.mark.parametrize("name", FLOAT + INT8)
def test_each_file_has_the_same_layers_with_channels_first_inside(name):
    known = known_layers(path_of(name))
    assert [(kind, layer.shape) for kind, layer in known] == LAYERS
    assert {layer.channel_axis for _, layer in known} == {0}


@pytest.mark.parametrize("name", FLOAT + INT8)
def test_images_have_their_channel_last_where_the_framework_has(name):
    image = layers_of(path_of(name))[0]
    assert (image.op, image.shape, image.channel_axis) == (
        ("Input", (28, 28, 1), 2) if name in CHANNELS_LAST else ("Input", (1, 28, 28), 0)
    )


@pytest.mark.parametrize(("name", "share"), [*((name, 1e-4) for name in FLOAT), *((name, 0.5) for name in INT8)])
def test_each_layer_computes_what_its_counterpart_in_the_shipped_model_does(name, share):
    found, wanted = activations(path_of(name), 8), activations(ORIGINAL, 8)
    assert len(found) == len(wanted) == len(LAYERS)
    for one, other in zip(found, wanted, strict=True):
        rms = np.sqrt(np.mean(np.square(other, dtype=np.float64)))
        np.testing.assert_allclose(one, other, rtol=0, atol=share * rms)
