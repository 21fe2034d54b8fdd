"""Writes the network with TensorFlow's own operations, channels last, and exports it by tf2onnx."""

from __future__ import annotations

from pathlib import Path

import onnx
import tensorflow as tf
import tf2onnx

from frameworks.weights import Weights, channels_last, read_weights

OPSET = 17
SIDE = 28


class SimpleConv(tf.Module):
    """The network for (batch, 28, 28, 1) images with pixels in 0..1.

    Args:
        weights: of the network, channels last.
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__(name="simpleconv")
        self._weights = {name: tf.Variable(array, name=name.replace(".", "/")) for name, array in weights.items()}

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 1), tf.float32, name="image")])
    def __call__(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the logits, (batch, 10)."""
        with tf.name_scope("normalise"):
            x = (image - self._weights["normalise.mean"]) / self._weights["normalise.sd"]
        x = self._conv("conv2", self._conv("conv1", x))
        x = tf.nn.max_pool2d(x, 2, 2, "VALID", name="pool1")
        x = self._conv("conv4", self._conv("conv3", x))
        x = tf.nn.max_pool2d(x, 2, 2, "VALID", name="pool2")
        x = self._conv("conv5", x)
        x = tf.reshape(x, (-1, self._weights["fc1.weight"].shape[0]), name="flatten")
        x = tf.nn.elu(self._dense("fc1", x), name="fc1/elu")
        return {"logits": self._dense("fc2", x)}

    def _conv(self, name: str, x: tf.Tensor) -> tf.Tensor:
        with tf.name_scope(name):
            x = tf.nn.conv2d(x, self._weights[f"{name}.weight"], 1, "SAME", name="conv")
            return tf.nn.elu(tf.nn.bias_add(x, self._weights[f"{name}.bias"], name="bias"), name="elu")

    def _dense(self, name: str, x: tf.Tensor) -> tf.Tensor:
        with tf.name_scope(name):
            x = tf.matmul(x, self._weights[f"{name}.weight"], name="matmul")
            return tf.nn.bias_add(x, self._weights[f"{name}.bias"], name="bias")


def export_all(source: Path, folder: Path) -> None:
    """Write `tensorflow.onnx`.

    Args:
        source: the model whose weights it gets.
        folder: where to.
    """
    network = SimpleConv(channels_last(read_weights(source)))
    model, _ = tf2onnx.convert.from_function(network.__call__, network.__call__.input_signature, opset=OPSET)
    onnx.save(model, folder / "tensorflow.onnx")
