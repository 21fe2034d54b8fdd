"""Exports networks written with Keras 3 by Keras' own ONNX export, on the TensorFlow backend."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers


def export_all(folder: Path, seed: int) -> None:
    """Write all Keras models of the zoo.

    Args:
        folder: where to.
        seed: of the weights.
    """
    for make in (resnet, vit, conv1d, lstm, gru):
        keras.utils.set_random_seed(seed)
        model = make()
        _settle(model, seed)
        # The exporter reads the signature of an earlier call.
        model(np.zeros((2, *model.inputs[0].shape[1:]), dtype=np.float32))
        model.export(folder / f"keras_{make.__name__}.onnx", format="onnx", verbose=False)


def _settle(model: keras.Model, seed: int) -> None:
    """Give biases and normalisations the numbers of a trained network; what is 0 or 1 would be folded away."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) == 1:
            middle = 1 if weight.name in ("gamma", "moving_variance") else 0
            weight.assign(middle + random.uniform(-0.4, 0.4, weight.shape))


def resnet() -> keras.Model:
    """Return a residual network of two blocks for (16, 16, 3) images, channels last."""
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="stem")(image)
    x = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_bn")(x))
    for block, (filters, stride) in enumerate(((6, 1), (10, 2)), start=1):
        shortcut = x
        y = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False, name=f"block{block}_conv1")(x)
        y = layers.ReLU(name=f"block{block}_relu1")(layers.BatchNormalization(name=f"block{block}_bn1")(y))
        y = layers.Conv2D(filters, 3, padding="same", name=f"block{block}_conv2")(y)
        if stride > 1:
            shortcut = layers.Conv2D(filters, 1, stride, name=f"block{block}_shortcut")(x)
        x = layers.ReLU(name=f"block{block}_out")(layers.Add(name=f"block{block}_add")([y, shortcut]))
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Dense(8, activation="relu", name="dense")(layers.Flatten(name="flatten")(x))
    return keras.Model(image, layers.Dense(10, activation="softmax", name="classes")(x), name="resnet")


def vit() -> keras.Model:
    """Return a transformer block over the 16 patches of (16, 16, 3) images."""
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(24, 4, 4, name="patches")(image)
    x = layers.Reshape((16, 24), name="tokens")(x)
    y = layers.LayerNormalization(name="norm1")(x)
    x = layers.Add(name="add1")([x, layers.MultiHeadAttention(3, 8, name="attention")(y, y)])
    y = layers.LayerNormalization(name="norm2")(x)
    y = layers.Dense(24, name="mlp2")(layers.Dense(48, activation="silu", name="mlp1")(y))
    x = layers.GlobalAveragePooling1D(name="pool")(layers.Add(name="add2")([x, y]))
    return keras.Model(image, layers.Dense(10, name="head")(x), name="vit")


def conv1d() -> keras.Model:
    """Return convolutions along time for (steps, channels) = (40, 2) signals, channels last."""
    signal = keras.Input((40, 2), name="signal")
    x = layers.Conv1D(6, 5, padding="same", activation="relu", name="conv1")(signal)
    x = layers.MaxPooling1D(name="pool1")(x)
    x = layers.Conv1D(10, 5, padding="same", activation="relu", name="conv2")(x)
    x = layers.GlobalAveragePooling1D(name="pool2")(x)
    return keras.Model(signal, layers.Dense(4, name="head")(x), name="conv1d")


def lstm() -> keras.Model:
    """Return an LSTM with a dense layer on every step, for (12, 5) sequences."""
    steps = keras.Input((12, 5), name="steps")
    x = layers.LSTM(6, return_sequences=True, name="lstm")(steps)
    return keras.Model(steps, layers.Dense(3, name="head")(x), name="lstm_net")


def gru() -> keras.Model:
    """Return a GRU, which becomes a Loop, with a dense layer on its last state, for (12, 5) sequences."""
    steps = keras.Input((12, 5), name="steps")
    x = layers.GRU(7, name="gru")(steps)
    x = layers.Dense(8, activation="tanh", name="dense")(x)
    return keras.Model(steps, layers.Dense(3, name="head")(x), name="gru_net")
