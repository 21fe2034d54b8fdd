"""Exports a network from torch to ONNX, and checks the file against torch."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from tools.reproduce.networks import Shape

OPSET = 17
AGREES = 1e-4
"""Largest difference of logits, relative to the largest logit."""


def export(network: nn.Module, shape: Shape, path: Path) -> None:
    """Write the network in inference mode, its batch axis free.

    Raises:
        ValueError: onnxruntime and torch disagree on it.
    """
    training = network.training
    network.eval()
    device = next(network.parameters()).device
    image = torch.rand(3, shape.colours, shape.side, shape.side, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is told to be old; it names nodes after modules, which reads well in a report.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (image[:2].to(device),),
            str(path),
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
        expected = network(image.to(device)).cpu().numpy()
    network.train(training)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    gap = float(np.abs(session.run(["logits"], {"image": image.numpy()})[0] - expected).max())
    if gap > AGREES * max(1.0, float(np.abs(expected).max())):
        raise ValueError(f"{path}: logits differ from torch by {gap:.2g}")
