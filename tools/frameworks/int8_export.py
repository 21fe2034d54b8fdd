"""Quantises the network to 8 bits with onnxruntime, in both of its formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

CALIBRATION = 256
BATCH = 32


class Digits(CalibrationDataReader):
    """The first shipped digits, to calibrate with.

    Args:
        path: of `digits.npz`.
    """

    def __init__(self, path: Path) -> None:
        images = np.load(path)["x"][:CALIBRATION, None].astype(np.float32) / 255
        self._left: Iterator[npt.NDArray[np.float32]] = iter(np.split(images, CALIBRATION // BATCH))

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        """Return the next feed, None after the last."""
        batch = next(self._left, None)
        return None if batch is None else {"image": batch}


def export_all(source: Path, folder: Path) -> None:
    """Write `int8_qdq.onnx` and `int8_qoperator.onnx`.

    Args:
        source: the model in floating point; `digits.npz` lies beside it.
        folder: where to.
    """
    for kind, form in (("qdq", QuantFormat.QDQ), ("qoperator", QuantFormat.QOperator)):
        quantize_static(
            source,
            folder / f"int8_{kind}.onnx",
            Digits(source.with_name("digits.npz")),
            quant_format=form,
            per_channel=kind == "qdq",
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Processors without VNNI saturate sums of two products of 8 bits; 7 bits leave them room.
            reduce_range=True,
        )
