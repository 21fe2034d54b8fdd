"""Writes the network with Keras 3, channels last and under the names that Keras gives, and exports it by Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

from frameworks.weights import Weights, channels_last, read_weights

SIDE = 28


def simpleconv(weights: Weights) -> keras.Model:
    """Return the network for (batch, 28, 28, 1) images with pixels in 0..1.

    Args:
        weights: of the network, channels last.
    """
    mean, deviation = float(weights["normalise.mean"]), float(weights["normalise.sd"])
    convolutions = [weights[f"conv{number}.weight"].shape[-1] for number in range(1, 6)]
    blocks = [layers.Conv2D(count, 3, padding="same", activation="elu") for count in convolutions]
    dense = [layers.Dense(weights["fc1.bias"].size, activation="elu"), layers.Dense(weights["fc2.bias"].size)]
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="image"),
            # Keras exports the mean and variance given to a Normalization as inputs without values.
            layers.Rescaling(1 / deviation, -mean / deviation),
            *blocks[:2],
            layers.MaxPooling2D(),
            *blocks[2:4],
            layers.MaxPooling2D(),
            *blocks[4:],
            layers.Flatten(),
            *dense,
        ]
    )
    names = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    for layer, name in zip((*blocks, *dense), names, strict=True):
        layer.set_weights([weights[f"{name}.weight"], weights[f"{name}.bias"]])
    return model


def export_all(source: Path, folder: Path) -> None:
    """Write `keras.onnx`.

    Args:
        source: the model whose weights it gets.
        folder: where to.
    """
    model = simpleconv(channels_last(read_weights(source)))
    # The exporter reads the signature of an earlier call.
    model(np.zeros((2, SIDE, SIDE, 1), dtype=np.float32))
    model.export(folder / "keras.onnx", format="onnx", verbose=False)
