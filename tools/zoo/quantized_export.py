"""Quantises the zoo's PyTorch models to 8 bits with onnxruntime, in both of its formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

CALIBRATION = 16


class RandomImages(CalibrationDataReader):
    """Uniform random images, one a batch, to calibrate with.

    Args:
        seed: of the images.
    """

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._left = [random.random((1, 3, 32, 32), dtype=np.float32) for _ in range(CALIBRATION)]

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        """Return the next feed, None after the last."""
        return {"x": self._left.pop()} if self._left else None


def export_all(folder: Path, seed: int) -> None:
    """Write all quantised models of the zoo, from models of the folder.

    Args:
        folder: of the PyTorch models, and where to.
        seed: of the calibration images.
    """
    for network in ("resnet18", "mobilenet"):
        for kind, form in (("qdq", QuantFormat.QDQ), ("qoperator", QuantFormat.QOperator)):
            quantize_static(
                folder / f"torchscript_{network}.onnx",
                folder / f"quantized_{network}_{kind}.onnx",
                RandomImages(seed),
                quant_format=form,
                per_channel=kind == "qdq",
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
