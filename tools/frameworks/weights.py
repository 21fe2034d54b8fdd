"""Reads the weights of the shipped network, as PyTorch lays them out or as frameworks do that keep channels last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

Weights = dict[str, npt.NDArray[np.float32]]


def read_weights(model: Path) -> Weights:
    """Return the initialisers of an export of `SimpleConv` by their PyTorch names, as `conv1.weight`.

    Args:
        model: an ONNX file that `tools/train_mnist.py` wrote.
    """
    # A copy, as PyTorch wants arrays that can be written to.
    return {tensor.name: onnx.numpy_helper.to_array(tensor).copy() for tensor in onnx.load(model).graph.initializer}


def channels_last(weights: Mapping[str, npt.NDArray[np.float32]]) -> Weights:
    """Return the same weights for images of (height, width, channels), as TensorFlow and Keras multiply with them.

    Args:
        weights: what `read_weights` returned.

    Returns:
        Kernels of convolutions as (height, width, in, out), of dense layers as (in, out), the rest as it was. The rows
        of the first dense layer follow a flattened (height, width, channels) map, not (channels, height, width).
    """
    turned = {name: array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T for name, array in weights.items()}
    channels = weights["conv5.weight"].shape[0]
    units, inputs = weights["fc1.weight"].shape
    side = round((inputs / channels) ** 0.5)
    rows = weights["fc1.weight"].reshape(units, channels, side, side).transpose(2, 3, 1, 0)
    turned["fc1.weight"] = rows.reshape(inputs, units)
    return turned
