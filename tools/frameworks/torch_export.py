"""Exports the network with both exporters of PyTorch."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from train_mnist import SIDE, SimpleConv
from train_mnist import export as export_torchscript

from frameworks.weights import read_weights

OPSET = 20


def export_all(source: Path, folder: Path) -> None:
    """Write `pytorch_torchscript.onnx` and `pytorch_dynamo.onnx`.

    Args:
        source: the model whose weights they get.
        folder: where to.
    """
    # Exporters warn about themselves: that one is deprecated, that the other is new.
    warnings.simplefilter("ignore")
    network = SimpleConv().eval()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in read_weights(source).items()})
    export_torchscript(network, folder / "pytorch_torchscript.onnx")
    _export_dynamo(network, folder / "pytorch_dynamo.onnx")


def _export_dynamo(network: SimpleConv, path: Path) -> None:
    program = torch.onnx.export(
        network,
        # Two images: a batch of one would be taken for a constant.
        (torch.zeros(2, 1, SIDE, SIDE),),
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    for node in program.model.graph.all_nodes():
        # Stack traces name folders of the machine that exported.
        node.metadata_props.pop("pkg.torch.onnx.stack_trace", None)
    program.save(path, external_data=False)
