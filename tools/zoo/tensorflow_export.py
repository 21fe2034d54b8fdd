"""Exports networks written with TensorFlow's own operations by tf2onnx, channels last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

OPSET = 17


class Weights:
    """Random weights by name, the same in every call of a traced function.

    Args:
        seed: of the weights.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._made: dict[str, tf.Variable] = {}

    def normal(self, name: str, *shape: int) -> tf.Variable:
        """Return weights of the given shape that keep the variance of what is summed over all axes but the last."""
        if name not in self._made:
            scale = (2 / np.prod(shape[:-1])) ** 0.5
            self._made[name] = tf.Variable(self._random.normal(0, scale, shape).astype(np.float32), name=name)
        return self._made[name]

    def uniform(self, name: str, count: int, low: float, high: float) -> tf.Variable:
        """Return a vector of numbers in [low, high)."""
        if name not in self._made:
            self._made[name] = tf.Variable(self._random.uniform(low, high, count).astype(np.float32), name=name)
        return self._made[name]


def _conv(x: tf.Tensor, weights: Weights, name: str, filters: int, size: int = 3, stride: int = 1) -> tf.Tensor:
    """Convolve, normalise and clip to 0..6, under the scope `name`."""
    with tf.name_scope(name):
        kernel = weights.normal(f"{name}/kernel", size, size, x.shape[-1], filters)
        return _normalise(tf.nn.conv2d(x, kernel, stride, "SAME", name="conv"), weights, name)


def _depthwise(x: tf.Tensor, weights: Weights, name: str, stride: int) -> tf.Tensor:
    with tf.name_scope(name):
        kernel = weights.normal(f"{name}/kernel", 3, 3, x.shape[-1], 1)
        y = tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME", name="conv")
        return _normalise(y, weights, name)


def _normalise(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
    scale, shift, mean, variance = (
        weights.uniform(f"{name}/{part}", x.shape[-1], low, high)
        for part, low, high in (("scale", 0.5, 1.5), ("shift", -0.3, 0.3), ("mean", -0.3, 0.3), ("variance", 0.5, 1.5))
    )
    normalised = tf.compat.v1.nn.fused_batch_norm(x, scale, shift, mean, variance, is_training=False, name="bn")[0]
    return tf.nn.relu6(normalised, name="relu6")


def mobilenet(image: tf.Tensor, weights: Weights) -> Mapping[str, tf.Tensor]:
    """Map (batch, 32, 32, 3) to class probabilities, by blocks of MobileNetV1 and a shortcut."""
    x = _conv(image, weights, "stem", 8, stride=2)
    x = _conv(_depthwise(x, weights, "block1/depthwise", 1), weights, "block1/pointwise", 12, size=1)
    y = _conv(_depthwise(x, weights, "block2/depthwise", 1), weights, "block2/pointwise", 12, size=1)
    x = tf.add(x, y, name="shortcut")
    x = _conv(_depthwise(x, weights, "block3/depthwise", 2), weights, "block3/pointwise", 20, size=1)
    x = tf.reduce_mean(x, [1, 2], name="pool")
    x = tf.matmul(x, weights.normal("classifier/kernel", 20, 10), name="classifier")
    return {"probabilities": tf.nn.softmax(x, name="softmax")}


def unet(image: tf.Tensor, weights: Weights) -> Mapping[str, tf.Tensor]:
    """Map (batch, 16, 16, 1) to mask logits of 3 classes and edge probabilities, over one skip concatenation."""
    one = _conv(image, weights, "down1", 6)
    two = _conv(tf.nn.max_pool2d(one, 2, 2, "VALID", name="pool"), weights, "down2", 12)
    kernel = weights.normal("up/kernel", 2, 2, 6, 12)
    shape = tf.stack([tf.shape(image)[0], 16, 16, 6])
    up = tf.nn.conv2d_transpose(two, kernel, shape, 2, "SAME", name="up")
    one = _conv(tf.concat([up, one], 3, name="skip"), weights, "join", 8)
    mask = tf.nn.conv2d(one, weights.normal("mask/kernel", 1, 1, 8, 3), 1, "SAME", name="mask")
    edge = tf.nn.conv2d(one, weights.normal("edge/kernel", 1, 1, 8, 1), 1, "SAME", name="edge")
    return {"mask_logits": mask, "edge_probability": tf.sigmoid(edge)}


def export_all(folder: Path, seed: int) -> None:
    """Write all TensorFlow models of the zoo.

    Args:
        folder: where to.
        seed: of the weights.
    """
    _export(mobilenet, (32, 32, 3), folder / "tensorflow_mobilenet.onnx", seed)
    _export(unet, (16, 16, 1), folder / "tensorflow_unet.onnx", seed)


def _export(
    network: Callable[[tf.Tensor, Weights], Mapping[str, tf.Tensor]], shape: tuple[int, ...], path: Path, seed: int
) -> None:
    weights = Weights(seed)
    signature = [tf.TensorSpec((None, *shape), tf.float32, name="image")]
    # Variables cannot be made while a function is traced.
    network(tf.zeros((2, *shape)), weights)
    function = tf.function(lambda image: network(image, weights), input_signature=signature)
    model, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
    onnx.save(model, path)
