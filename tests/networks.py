"""Small ONNX models for tests, written in the ONNX text format or built from weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

MODELS = Path(__file__).parent.parent / "models"
DIGITS = MODELS / "digits.npz"
SHIPPED = [MODELS / "mnist_simpleconv_plain.onnx", MODELS / "mnist_simpleconv_rotated.onnx"]


def save_text(path: Path, text: str, **weights: np.ndarray) -> Path:
    """Write a model given in the ONNX text format; weights become initialisers."""
    header = '<ir_version: 8, opset_import: ["" : 17]>\n'
    model = onnx.parser.parse_model(header + text)
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
