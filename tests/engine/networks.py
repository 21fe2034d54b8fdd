"""Tiny networks, data and transforms whose invariance is known exactly, written to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from onnxinv.api import analyze
from onnxinv.result import LayerResult, Result
from tests.networks import save_text

NV = "normalized-variance"


def save_images(folder: Path, samples: int = 12, *, dyadic: bool = False) -> Path:
    """Write random images of 6 x 6 pixels in (0, 1); sums of dyadic ones (multiples of 1/64) have no rounding error."""
    images = np.random.default_rng(0).random((samples, 1, 6, 6), dtype=np.float32)
    if dyadic:
        images = np.floor(images * 64) / 64
    path = folder / "images.npz"
    np.savez(path, x=images)
    return path


def save_transforms(folder: Path, body: str) -> str:
    """Write a Python file with a function `f` of this body; return its specification."""
    path = folder / "transforms.py"
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    path.write_text(f"import numpy as np\n\n\ndef f():\n{lines}\n")
    return f"{path}:f"


def save_network(folder: Path, body: str, weights: dict[str, Any] | None = None, *, batch: int | str = "n") -> Path:
    """Write a model `image (batch, 1, 6, 6) -> y`, y having four axes, given by nodes in the ONNX text format."""
    arrays = {name: np.asarray(array, dtype=np.float32) for name, array in (weights or {}).items()}
    text = f"net (float[{batch},1,6,6] image) => (float[b,c,h,w] y) {{ {body} }}"
    return save_text(folder / "net.onnx", text, **arrays)


def measure(folder: Path, model: Path, transforms: str, **options: Any) -> Result:
    """Measure a tiny network on the images of the folder."""
    return analyze(
        model, folder / "images.npz", transforms, **{"threads": 1, "device": "cpu", "reduce": "host", **options}
    )


def layer_of(result: Result, name: str) -> LayerResult:
    """Return the layer of a tensor."""
    return next(layer for layer in result.layers if layer.name == name)


def values_of(result: Result, name: str, measure: str = NV) -> list[float]:
    """Return the values of a tensor as a flat list."""
    return [float(value) for value in result.values(measure, layer_of(result, name)).reshape(-1)]
