"""Writes ResNet18, a small one, VGG16 and MobileNetV2 as ONNX files with seeded random weights, without torch.

As torch exports them in eval mode: BatchNorm is folded into the convolution before it, so that every convolution has a
bias and there is no BatchNorm node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8

_BRANCH = 0.3
"""Factor on the last weights of a residual branch, so that sums stay of one size as they do behind BatchNorm."""

_VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions between one pooling and the next."""

_MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, how many blocks, and stride of the first of them."""


class Builder:
    """Adds nodes one after another, and draws their weights.

    Weights are He-initialised: normal with variance 2 over the fan-in; biases are normal with deviation 0.05.

    Args:
        seed: of the weights.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add a node with one output, which is called as the node is; return that name."""
        self._nodes.append(helper.make_node(operator, list(inputs), [name], name, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add an initialiser."""
        self._weights.append(numpy_helper.from_array(value, name))
        return name

    def relu(self, source: str) -> str:
        """Add a Relu, called after its input."""
        return self.node("Relu", [source], f"{source}.relu")

    def relu6(self, source: str) -> str:
        """Add what torch makes of ReLU6, a Clip."""
        if not any(weight.name == "six" for weight in self._weights):
            self.constant("zero", np.array(0, np.float32))
            self.constant("six", np.array(6, np.float32))
        return self.node("Clip", [source, "zero", "six"], f"{source}.relu6")

    def conv(
        self,
        source: str,
        name: str,
        channels: tuple[int, int],
        kernel: int,
        *,
        stride: int = 1,
        depthwise: bool = False,
        gain: float = 1.0,
    ) -> str:
        """Add a convolution with bias that keeps the size of the maps but for its stride.

        Args:
            source: its input.
            name: of the node and its output.
            channels: of the input and of the output; the same for a depthwise one.
            kernel: height and width.
            stride: of both axes.
            depthwise: whether every channel is convolved on its own.
            gain: factor on the weights.
        """
        into, out = 1 if depthwise else channels[0], channels[1]
        weight, bias = self._drawn(name, (out, into, kernel, kernel), into * kernel * kernel, gain)
        return self.node(
            "Conv",
            [source, weight, bias],
            name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=out if depthwise else 1,
        )

    def linear(self, source: str, name: str, features: tuple[int, int]) -> str:
        """Add a Gemm with bias, its weights lying as torch has them."""
        weight, bias = self._drawn(name, (features[1], features[0]), features[0], 1.0)
        return self.node("Gemm", [source, weight, bias], name, transB=1)

    def model(self, name: str, side: int, logits: str, classes: int) -> onnx.ModelProto:
        """Return the model: `image`, (batch, 3, side, side) float32, to `logits`, (batch, classes)."""
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, side, side])
        scores = helper.make_tensor_value_info(logits, TensorProto.FLOAT, ["batch", classes])
        graph = helper.make_graph(self._nodes, name, [image], [scores], self._weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    def _drawn(self, name: str, shape: Sequence[int], fan_in: int, gain: float) -> tuple[str, str]:
        weights = self._random.standard_normal(shape, dtype=np.float32) * np.float32(gain * (2 / fan_in) ** 0.5)
        biases = self._random.standard_normal(shape[0], dtype=np.float32) * np.float32(0.05)
        return self.constant(f"{name}.weight", weights), self.constant(f"{name}.bias", biases)


def resnet18(side: int = 64, classes: int = 1000, seed: int = 0) -> onnx.ModelProto:
    """Return ResNet18 (He et al. 2016, as in torchvision): 8 residual blocks of two 3x3 convolutions."""
    return resnet("resnet18", (64, 128, 256, 512), 2, side, classes, seed)


def small_resnet(side: int = 32, classes: int = 10, seed: int = 0) -> onnx.ModelProto:
    """Return a network built as ResNet18 is, of two residual blocks with few channels."""
    return resnet("small_resnet", (8, 12), 1, side, classes, seed)


def resnet(name: str, widths: Sequence[int], blocks: int, side: int, classes: int, seed: int) -> onnx.ModelProto:
    """Return a residual network: a 7x7 convolution, a pooling, and stages of blocks of two 3x3 convolutions.

    Args:
        name: of the graph.
        widths: channels of each stage; every stage but the first halves the maps.
        blocks: of each stage.
        side: height and width of its images.
        classes: how many it tells apart.
        seed: of the weights.
    """
    net, width = Builder(seed), widths[0]
    last = net.relu(net.conv("image", "conv1", (3, width), 7, stride=2))
    last = net.node("MaxPool", [last], "maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for stage, channels in enumerate(widths, 1):
        for block in range(blocks):
            place, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            inner = net.relu(net.conv(last, f"{place}.conv1", (width, channels), 3, stride=stride))
            inner = net.conv(inner, f"{place}.conv2", (channels, channels), 3, gain=_BRANCH)
            if width != channels:
                last = net.conv(last, f"{place}.downsample", (width, channels), 1, stride=stride)
            last = net.relu(net.node("Add", [inner, last], f"{place}.add"))
            width = channels
    return _classified(net, name, last, side, (width, classes))


def vgg16(side: int = 32, classes: int = 10, seed: int = 0) -> onnx.ModelProto:
    """Return VGG16 for small images (Simonyan and Zisserman 2015): 13 convolutions and one fully connected layer."""
    net = Builder(seed)
    last, width, place = "image", 3, 0
    for stage, group in enumerate(_VGG16, 1):
        for channels in group:
            place += 1
            last = net.relu(net.conv(last, f"conv{place}", (width, channels), 3))
            width = channels
        last = net.node("MaxPool", [last], f"pool{stage}", kernel_shape=[2, 2], strides=[2, 2])
    flat = net.node("Flatten", [last], "flatten", axis=1)
    features = width * (side // 2 ** len(_VGG16)) ** 2
    return net.model("vgg16", side, net.linear(flat, "logits", (features, classes)), classes)


def mobilenet_v2(side: int = 224, classes: int = 1000, seed: int = 0) -> onnx.ModelProto:
    """Return MobileNetV2 (Sandler et al. 2018, as in torchvision): 17 inverted residual blocks."""
    net = Builder(seed)
    last, width, place = net.relu6(net.conv("image", "stem", (3, 32), 3, stride=2)), 32, 0
    for expansion, channels, repeats, first_stride in _MOBILENET_V2:
        for repeat in range(repeats):
            place += 1
            name, stride, hidden = f"block{place}", first_stride if repeat == 0 else 1, expansion * width
            inner = last
            if expansion > 1:
                inner = net.relu6(net.conv(inner, f"{name}.expand", (width, hidden), 1))
            inner = net.relu6(net.conv(inner, f"{name}.depthwise", (hidden, hidden), 3, stride=stride, depthwise=True))
            adds = stride == 1 and width == channels
            inner = net.conv(inner, f"{name}.project", (hidden, channels), 1, gain=_BRANCH if adds else 0.5**0.5)
            last = net.node("Add", [last, inner], f"{name}.add") if adds else inner
            width = channels
    last = net.relu6(net.conv(last, "head", (width, 1280), 1))
    return _classified(net, "mobilenet_v2", last, side, (1280, classes))


NETWORKS: dict[str, Callable[..., onnx.ModelProto]] = {
    "resnet18": resnet18,
    "vgg16": vgg16,
    "mobilenet": mobilenet_v2,
}
"""By name; called without arguments, each is as it is benchmarked."""


def write(name: str, folder: Path) -> Path:
    """Write a network of `NETWORKS` into a folder; return the file."""
    path = folder / f"{name}.onnx"
    onnx.save(NETWORKS[name](), path)
    return path


def _classified(net: Builder, name: str, last: str, side: int, features: tuple[int, int]) -> onnx.ModelProto:
    pooled = net.node("GlobalAveragePool", [last], "avgpool")
    flat = net.node("Flatten", [pooled], "flatten", axis=1)
    return net.model(name, side, net.linear(flat, "logits", features), features[1])
