"""Exports the zoo's PyTorch networks, with the exporter based on torch.export and with the one based on TorchScript."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from zoo.torch_networks import (
    ConvNet1d,
    ConvNet3d,
    Gru,
    Lstm,
    MobileNet,
    ResNet18,
    UNet,
    VisionTransformer,
    settle,
)

OLD_OPSET, NEW_OPSET = 17, 20


@dataclass(frozen=True)
class Export:
    """One file of the zoo.

    Attributes:
        name: of the file.
        network: makes the network.
        shape: of one sample.
        dynamo: whether the exporter based on torch.export writes it.
        outputs: names of the model's outputs.
        dtype: of weights and inputs.
        external: whether the weights lie in a file of their own.
    """

    name: str
    network: Callable[[], nn.Module]
    shape: tuple[int, ...]
    dynamo: bool
    outputs: tuple[str, ...] = ("logits",)
    dtype: torch.dtype = torch.float32
    external: bool = False


EXPORTS = (
    Export("torchscript_resnet18", ResNet18, (3, 32, 32), dynamo=False),
    Export("dynamo_resnet18", ResNet18, (3, 32, 32), dynamo=True),
    Export("dynamo_resnet18_fp16", ResNet18, (3, 32, 32), dynamo=True, dtype=torch.float16),
    Export("torchscript_mobilenet", MobileNet, (3, 32, 32), dynamo=False),
    Export("dynamo_mobilenet_external", MobileNet, (3, 32, 32), dynamo=True, external=True),
    Export("torchscript_unet", UNet, (1, 16, 16), dynamo=False, outputs=("mask", "edge")),
    Export("dynamo_unet", UNet, (1, 16, 16), dynamo=True, outputs=("mask", "edge")),
    Export("torchscript_vit", VisionTransformer, (3, 16, 16), dynamo=False),
    Export("dynamo_vit", VisionTransformer, (3, 16, 16), dynamo=True),
    Export("torchscript_lstm", Lstm, (12, 5), dynamo=False),
    Export("dynamo_lstm", Lstm, (12, 5), dynamo=True),
    Export("torchscript_gru", Gru, (12, 5), dynamo=False, outputs=("steps",)),
    Export("dynamo_gru", Gru, (12, 5), dynamo=True, outputs=("steps",)),
    Export("dynamo_conv1d", ConvNet1d, (2, 40), dynamo=True),
    Export("dynamo_conv1d_bf16", ConvNet1d, (2, 40), dynamo=True, dtype=torch.bfloat16),
    Export("torchscript_conv3d", ConvNet3d, (1, 8, 8, 8), dynamo=False),
)


def export_all(folder: Path, seed: int) -> None:
    """Write all PyTorch models of the zoo.

    Args:
        folder: where to.
        seed: of the weights.
    """
    # Exporters warn about themselves: that one is deprecated, that the other is new.
    warnings.simplefilter("ignore")
    for one in EXPORTS:
        _export(one, folder / f"{one.name}.onnx", seed)


def _export(one: Export, path: Path, seed: int) -> None:
    torch.manual_seed(seed)
    network = settle(one.network(), seed)
    # Two samples: a batch of one would be taken for a constant.
    example = torch.rand(2, *one.shape, dtype=one.dtype)
    if one.dynamo:
        program = torch.onnx.export(
            network.to(one.dtype),
            (example,),
            input_names=["x"],
            output_names=list(one.outputs),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=NEW_OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        for node in program.model.graph.all_nodes():
            # Stack traces name folders of the machine that exported.
            node.metadata_props.pop("pkg.torch.onnx.stack_trace", None)
        program.save(path, external_data=one.external)
        return
    torch.onnx.export(
        network.to(one.dtype),
        (example,),
        path,
        input_names=["x"],
        output_names=list(one.outputs),
        dynamic_axes={name: {0: "batch"} for name in ("x", *one.outputs)},
        opset_version=OLD_OPSET,
        dynamo=False,
    )
