"""What the architectures of the zoo's models say about their layers: shapes, axes and names, copied from no output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Turn:
    """What is done to a sample: the specification, and the variants of one sample made by numpy alone."""

    spec: str
    variants: Callable[[Array], list[Array]]


def turns(rows: int, columns: int) -> Turn:
    """Return quarter turns, with the axes of a sample that count its rows and its columns."""
    return Turn("rotation:steps=4", lambda x: [np.rot90(x, k, (rows, columns)) for k in range(4)])


def shifts(axis: int, positions: int) -> Turn:
    """Return circular shifts by a quarter of an axis whose quarter has that many positions."""
    return Turn(
        f"time-shift:steps=1,max=0.25,axis={axis}",
        lambda x: [np.roll(x, places, axis) for places in (-positions, 0, positions)],
    )


LOUDER = Turn("scale-amplitude:steps=3,min=0.5,max=2", lambda x: [x * factor for factor in (0.5, 1.25, 2.0)])


@dataclass(frozen=True)
class Expected:
    """What the architecture says about one layer.

    Attributes:
        layer: its label, or its tensor name where the exporter left no better one.
        shape: of one sample's activations.
        channels: the axis of `shape` that counts features.
        batch: the axis of the raw tensor that counts samples, after `split`.
        split: shape that takes the raw tensor's axes apart, where samples and tokens share one; -1 is the samples.
    """

    layer: str
    shape: tuple[int, ...]
    channels: int = 0
    batch: int = 0
    split: tuple[int, ...] | None = None

    def rows(self, raw: Array) -> Array:
        """Return the raw tensor as (samples x transforms, *shape)."""
        return np.moveaxis(raw if self.split is None else raw.reshape(self.split), self.batch, 0)


@dataclass(frozen=True)
class Case:
    """One model of the zoo.

    Attributes:
        model: name of the file.
        sample: shape of one sample.
        transform: what is done to it.
        layers: what is known of its layers.
        labels: names that its author wrote, as labels.
    """

    model: str
    sample: tuple[int, ...]
    transform: Turn
    layers: tuple[Expected, ...]
    labels: tuple[str, ...] = ()


def resnet18(normalised: str, projected: str) -> tuple[Expected, ...]:
    """Return the layers of the narrow ResNet18, whose folded normalisations are called by either part's name."""
    return (
        Expected("x", (3, 32, 32)),
        Expected(f"{normalised}1", (4, 16, 16)),
        Expected("maxpool", (4, 8, 8)),
        Expected(f"layer1.0.{normalised}2", (4, 8, 8)),
        Expected(f"layer2.0.downsample.{projected}", (8, 4, 4)),
        Expected("layer3.1/Add", (16, 2, 2)),
        Expected(f"layer4.1.{normalised}1", (32, 1, 1)),
        Expected("avgpool", (32, 1, 1)),
        Expected("fc", (10,)),
    )


def mobilenet(part: int) -> tuple[Expected, ...]:
    """Return the layers of the short MobileNetV2; `part` is the member of its triples that names the convolutions."""
    return (
        Expected(f"stem.{part}", (8, 16, 16)),
        Expected("stem.2", (8, 16, 16)),
        Expected(f"blocks.1.depthwise.{part}", (32, 8, 8)),
        Expected("blocks.2.expand.2", (48, 8, 8)),
        Expected("blocks.2/Add", (12, 8, 8)),
        Expected("head", (24, 8, 8)),
        Expected("classifier", (10,)),
    )


UNET = (
    Expected("down1.0", (6, 16, 16)),
    Expected("bottom.3", (24, 4, 4)),
    Expected("up2", (12, 8, 8)),
    Expected("join2.0", (12, 8, 8)),
    Expected("join1.3", (6, 16, 16)),
    Expected("mask", (3, 16, 16)),
    Expected("edge (edge)", (1, 16, 16)),
)

# Attention works on (tokens, batch, features); its last projection on (tokens x batch, features).
VIT = (
    Expected("patches", (24, 4, 4)),
    Expected("blocks.0.norm1", (17, 24), 1),
    Expected("blocks.0.attention/MatMul", (17, 72), 1, batch=1),
    Expected("blocks.0.attention/Softmax", (3, 17, 17), 2),
    Expected("blocks.0.attention/MatMul_2", (3, 17, 8), 2),
    Expected("blocks.0.attention/Gemm", (17, 24), 1, batch=1, split=(17, -1, 24)),
    Expected("blocks.1/Add_1", (17, 24), 1),
    Expected("blocks.1.mlp.2/MatMul", (17, 24), 1),
    Expected("norm", (17, 24), 1),
    Expected("head", (10,)),
)

# ONNX' recurrent operators make (steps, directions, batch, hidden) and last states (directions, batch, hidden).
LSTM = (
    Expected("x", (12, 5), 1),
    Expected("lstm/LSTM", (12, 2, 6), 2, batch=2),
    Expected("lstm/LSTM_1", (12, 2, 6), 2, batch=2),
    Expected("fc", (4,)),
)

GRU = (
    Expected("gru/GRU", (12, 1, 7), 2, batch=2),
    Expected("fc/MatMul", (12, 3), 1),
    Expected("steps", (12, 3), 1),
)

NCHW, NHWC = turns(1, 2), turns(0, 1)
IMAGE = (3, 32, 32)

CASES = (
    Case("torchscript_resnet18", IMAGE, NCHW, resnet18("conv", "0"), ("layer1.0.conv2", "layer2.0.downsample.0", "fc")),
    Case("dynamo_resnet18", IMAGE, NCHW, resnet18("bn", "1"), ("layer1.0.bn2", "layer2.0.downsample.1", "fc")),
    Case("dynamo_resnet18_fp16", IMAGE, NCHW, resnet18("bn", "1")[:5], ("layer1.0.bn2", "maxpool", "fc")),
    Case("torchscript_mobilenet", IMAGE, NCHW, mobilenet(0), ("stem.2", "blocks.0.depthwise.0", "classifier")),
    Case("dynamo_mobilenet_external", IMAGE, NCHW, mobilenet(1), ("stem.2", "blocks.0.depthwise.1", "classifier")),
    Case("torchscript_unet", (1, 16, 16), NCHW, UNET, ("down2.2", "up1", "mask")),
    Case("dynamo_unet", (1, 16, 16), NCHW, UNET, ("down2.2", "up1", "mask")),
    Case("torchscript_vit", (3, 16, 16), NCHW, VIT, ("patches", "blocks.1.norm2", "head")),
    Case("dynamo_vit", (3, 16, 16), NCHW, VIT, ("patches", "blocks.1.norm2", "blocks.0.mlp.1", "head")),
    Case(
        "torchscript_lstm",
        (12, 5),
        shifts(0, 3),
        (
            *LSTM,
            Expected("lstm/LSTM:1", (2, 6), 1, batch=1),
            Expected("lstm/LSTM_1:2", (2, 6), 1, batch=1),
        ),
        ("lstm/LSTM", "fc"),
    ),
    Case("dynamo_lstm", (12, 5), shifts(0, 3), LSTM, ("lstm/LSTM", "fc")),
    Case("torchscript_gru", (12, 5), LOUDER, GRU, ("gru/GRU", "fc/MatMul")),
    Case("dynamo_gru", (12, 5), LOUDER, GRU, ("gru/GRU", "fc/MatMul")),
    Case(
        "dynamo_conv1d",
        (2, 40),
        shifts(1, 10),
        (
            Expected("bn1", (6, 40)),
            Expected("pool1", (6, 20)),
            Expected("conv2", (10, 20)),
            Expected("fc", (4,)),
        ),
        ("bn1", "pool1", "conv2", "fc"),
    ),
    Case(
        "dynamo_conv1d_bf16",
        (2, 40),
        shifts(1, 10),
        (
            Expected("x", (2, 40)),
            Expected("bn1", (6, 40)),
            Expected("pool1", (6, 20)),
            Expected("conv2", (10, 20)),
            Expected("fc", (4,)),
        ),
        ("bn1", "pool1", "conv2", "fc"),
    ),
    Case(
        "torchscript_conv3d",
        (1, 8, 8, 8),
        shifts(1, 2),
        (
            Expected("x", (1, 8, 8, 8)),
            Expected("conv1", (5, 8, 8, 8)),
            Expected("pool1", (5, 4, 4, 4)),
            Expected("conv2", (7, 4, 4, 4)),
            Expected("fc", (4,)),
        ),
        ("conv1", "pool2", "fc"),
    ),
    Case(
        "tensorflow_mobilenet",
        (32, 32, 3),
        NHWC,
        (
            Expected("image", (32, 32, 3), 2),
            Expected("stem/bn", (8, 16, 16)),
            Expected("block1/pointwise/bn", (12, 16, 16)),
            Expected("block3/depthwise/relu6", (12, 8, 8)),
            Expected("shortcut", (12, 16, 16)),
            Expected("pool", (20, 1, 1)),
            Expected("classifier", (10,)),
        ),
        ("block1/pointwise/relu6", "shortcut", "classifier"),
    ),
    Case(
        "tensorflow_unet",
        (16, 16, 1),
        NHWC,
        (
            Expected("image", (16, 16, 1), 2),
            Expected("down2/relu6", (12, 8, 8)),
            Expected("up", (6, 16, 16)),
            Expected("join/bn", (8, 16, 16)),
            Expected("mask", (3, 16, 16)),
            Expected("mask_logits", (16, 16, 3), 2),
        ),
        ("down1/bn", "up", "join/relu6"),
    ),
    Case(
        "keras_resnet",
        (16, 16, 3),
        NHWC,
        (
            Expected("image", (16, 16, 3), 2),
            Expected("resnet_1/stem_relu_1/Relu:0", (6, 16, 16)),
            Expected("resnet_1/block2_conv2_1/BiasAdd:0", (10, 8, 8)),
            Expected("resnet_1/block2_add_1/Add:0", (10, 8, 8)),
            Expected("resnet_1/pool_1/MaxPool2d:0", (10, 4, 4)),
            Expected("resnet_1/dense_1/Relu:0", (8,)),
            Expected("Identity:0", (10,)),
        ),
    ),
    Case(
        "keras_vit",
        (16, 16, 3),
        NHWC,
        (
            Expected("image", (16, 16, 3), 2),
            Expected("vit_1/patches_1/BiasAdd:0", (24, 4, 4)),
            Expected("vit_1/norm1_1/add_2:0", (16, 24), 1),
            Expected("vit_1/attention_1/query_1/MatMul:0", (16, 24), 1, split=(-1, 16, 24)),
            Expected("vit_1/attention_1/Softmax:0", (3, 16, 16), 2),
            Expected("vit_1/mlp1_1/Tensordot/MatMul:0", (16, 48), 1, split=(-1, 16, 48)),
            Expected("vit_1/add2_1/Add:0", (16, 24), 1),
            Expected("Identity:0", (10,)),
        ),
    ),
    Case(
        "keras_conv1d",
        (40, 2),
        shifts(0, 10),
        (
            Expected("signal", (40, 2), 1),
            # A convolution along time is one in the plane, one row high.
            Expected("conv1d_1/conv1_1/convolution:0", (6, 1, 40)),
            Expected("conv1d_1/conv1_1/Relu:0", (6, 40)),
            Expected("conv1d_1/pool1_1/MaxPool1d:0", (6, 1, 20)),
            Expected("conv1d_1/conv2_1/Relu:0", (10, 20)),
            Expected("Identity:0", (4,)),
        ),
    ),
    Case(
        "keras_lstm",
        (12, 5),
        shifts(0, 3),
        (
            Expected("steps", (12, 5), 1),
            Expected("LSTM", (12, 1, 6), 2, batch=2),
            Expected("lstm_net_1/head_1/Tensordot/MatMul:0", (12, 3), 1, split=(-1, 12, 3)),
            Expected("Identity:0", (12, 3), 1),
        ),
    ),
    # The GRU is a Loop: its states inside cannot be measured, what it hands out can.
    Case(
        "keras_gru",
        (12, 5),
        LOUDER,
        (
            Expected("gru_net_1/gru_1/while_loop:5", (12, 7), 1, batch=1),
            Expected("gru_net_1/dense_1/MatMul:0", (8,)),
            Expected("gru_net_1/dense_1/Tanh:0", (8,)),
            Expected("Identity:0", (3,)),
        ),
    ),
    Case(
        "sklearn_mlp",
        (12,),
        LOUDER,
        (
            Expected("table", (12,)),
            Expected("mul_result", (16,)),
            Expected("next_activations", (16,)),
            Expected("add_result1", (8,)),
            Expected("probabilities", (3,)),
        ),
    ),
    Case(
        "quantized_resnet18_qdq",
        IMAGE,
        NCHW,
        (
            Expected("x_DequantizeLinear_Output", IMAGE),
            Expected("/layer1/layer1.0/conv2/Conv_output_0_DequantizeLinear_Output", (4, 8, 8)),
            Expected("/layer3/layer3.1/relu_1/Relu_output_0_DequantizeLinear_Output", (16, 2, 2)),
            Expected("/avgpool/GlobalAveragePool_output_0_DequantizeLinear_Output", (32, 1, 1)),
            Expected("logits", (10,)),
        ),
        ("conv1", "layer1.0.conv1", "fc"),
    ),
    Case(
        "quantized_mobilenet_qdq",
        IMAGE,
        NCHW,
        (
            Expected("/stem/stem.2/Clip_output_0_DequantizeLinear_Output", (8, 16, 16)),
            Expected("/blocks/blocks.1/depthwise/depthwise.2/Clip_output_0_DequantizeLinear_Output", (32, 8, 8)),
            Expected("/blocks/blocks.2/Add_output_0_DequantizeLinear_Output", (12, 8, 8)),
            Expected("logits", (10,)),
        ),
        ("classifier",),
    ),
    Case(
        "quantized_resnet18_qoperator",
        IMAGE,
        NCHW,
        (
            Expected("conv1", (4, 16, 16)),
            Expected("layer1.0.conv2", (4, 8, 8)),
            Expected("/layer3/layer3.1/Add_output_0_quantized", (16, 2, 2)),
            Expected("logits", (10,)),
        ),
        ("conv1", "layer1.0.conv2", "layer2.0.downsample.0"),
    ),
    Case(
        "quantized_mobilenet_qoperator",
        IMAGE,
        NCHW,
        (
            Expected("blocks.0.depthwise.0", (32, 16, 16)),
            Expected("blocks.1.project.0", (12, 8, 8)),
            Expected("/blocks/blocks.2/Add_output_0_quantized", (12, 8, 8)),
            Expected("logits", (10,)),
        ),
        ("blocks.0.depthwise.0", "head"),
    ),
)
