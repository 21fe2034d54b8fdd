"""Activations of every variant of every sample, made without onnxinv: own rotations, own session, no reduction."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from skimage.transform import warp

Float32 = npt.NDArray[np.float32]


def rotations(image: npt.NDArray[np.uint8], steps: int) -> Float32:
    """Return a square image of 8 bits under whole-circle rotations, counter-clockwise: (steps, 1, size, size)."""
    pixels = image.astype(np.float64) / 255
    return np.stack([_rotated(pixels, index * 360 / steps) for index in range(steps)]).astype(np.float32)[:, None]


def _rotated(pixels: npt.NDArray[np.float64], degrees: float) -> npt.NDArray[np.float64]:
    if degrees % 90 == 0:
        return np.rot90(pixels, round(degrees / 90))
    centre = (len(pixels) - 1) / 2
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    to_origin = np.array([[1, 0, -centre], [0, 1, -centre], [0, 0, 1]])
    # Where a pixel (x right, y down) of the turned image comes from.
    back = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    source = np.linalg.inv(to_origin) @ back @ to_origin
    return warp(pixels, source, order=1, mode="constant", cval=0, clip=False, preserve_range=True)


def activations(model: Path, variants: Float32, batch: int) -> dict[str, Float32]:
    """Return every floating-point tensor that a node makes, and the input, for (samples, transforms, ...) variants.

    Each is (samples, transforms, *unit shape).
    """
    proto = onnx.load(model)
    names = [name for node in proto.graph.node for name in node.output]
    declared = {output.name for output in proto.graph.output}
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in declared)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    image = session.get_inputs()[0].name
    flat = variants.reshape(-1, *variants.shape[2:])
    found: dict[str, Float32] = {image: flat}
    for start in range(0, len(flat), batch):
        part = slice(start, start + batch)
        for name, array in zip(names, session.run(names, {image: flat[part]}), strict=True):
            found.setdefault(name, np.empty((len(flat), *array.shape[1:]), array.dtype))[part] = array
    return {name: array.reshape(*variants.shape[:2], *array.shape[1:]) for name, array in found.items()}
