"""Models written in the ONNX text format, in memory, and what onnxruntime computes with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx

from onnxinv.model.load import Model, load
from onnxinv.runtime import Device, Session

RELU = "g (float[N, 3] x) => (float[N, 3] y) { y = Relu(x) }"


def parse(text: str, opset: int = 17, domains: str = "", **weights: np.ndarray) -> onnx.ModelProto:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}{domains}]>\n{text}')
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
    return model


def save(folder: Path, model: onnx.ModelProto) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def loaded(folder: Path, model: onnx.ModelProto) -> Model:
    return load(save(folder, model))


def run(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray], outputs: list[str] | None = None) -> list[np.ndarray]:
    session = Session(model.SerializeToString(), Device("cpu"), threads=1, optimize=False, folder=Path())
    return session.run(feeds, outputs or [value.name for value in model.graph.output])
