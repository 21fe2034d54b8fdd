"""What onnxinv and tmeasures are both given: networks without operators in place, and few samples under rotations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from onnxinv import api
from onnxinv.demo import digits, model
from onnxinv.plan import Plan
from tools.networks import small_resnet
from tools.peer.agreement import MEASURES
from tools.smooth_images import smooth_images

SAMPLES = 64
TRANSFORM = "rotation:steps=16,degrees=360"

_SIDE = 32
_GROUPS = 3
"""As few as give intervals, which are not compared."""

_FILTERS = 3
"""Weighted sums that stand for a variant."""


@dataclass(frozen=True)
class Family:
    """Measures that both take together.

    Attributes:
        script: of `tools/peer`, which has tmeasures take them.
        measures: keys of their values.
        stratified: whether they are taken on the samples of each class.
    """

    script: str
    measures: tuple[str, ...]
    stratified: bool = False


FAMILIES = {
    "variances": Family("tmeasures_variances", MEASURES),
    "stratified": Family("tmeasures_stratified", ("normalized-variance",), stratified=True),
    "distances": Family(
        "tmeasures_distances",
        ("transformational-distance", "sample-distance:pairs=all", "normalized-distance:pairs=all"),
    ),
}
"""What is compared, by a name for it."""


@dataclass(frozen=True)
class Case:
    """A network and its samples.

    Attributes:
        title: what it is.
        network: makes it.
        samples: makes them: `x`, uint8, and labels `y` where there are some.
        families: of `FAMILIES`, what is compared.
    """

    title: str
    network: Callable[[], onnx.ModelProto]
    samples: Callable[[], Mapping[str, np.ndarray]]
    families: tuple[str, ...]


def _digits() -> Mapping[str, np.ndarray]:
    shipped = np.load(digits())
    return {key: shipped[key][:SAMPLES] for key in ("x", "y")}


CASES = {
    "plain": Case(
        "Shipped SimpleConv, trained on upright digits",
        lambda: onnx.load(model("plain")),
        _digits,
        ("variances", "stratified"),
    ),
    "rotated": Case(
        "Shipped SimpleConv, trained on rotated digits",
        lambda: onnx.load(model("rotated")),
        _digits,
        ("variances",),
    ),
    "residual": Case(
        "Small residual network, seeded weights",
        lambda: small_resnet(side=_SIDE),
        lambda: {"x": smooth_images(SAMPLES, _SIDE, seed=0)},
        ("variances", "distances"),
    ),
}
"""SimpleConv sees the first of the shipped digits, the residual network, of batch-norm-folded convolutions with ReLU,
smooth images.

Stratified, the rotated network would differ in 9 of the 64 channels of `elu6`: among the few digits of a class, units
are saturated at -1 but for some 1e-7, which onnxinv takes for rounding (quotient rule) and tmeasures does not.
"""


def plan_for(name: str, folder: Path, family: str = "variances", reduce: str = "host") -> Plan:
    """Write a network of `CASES` and its samples into a folder, and return the plan to measure them.

    Args:
        name: of the network.
        folder: where to.
        family: of `FAMILIES`, what is measured.
        reduce: as `--reduce` of the command line; `host` sums in float64.
    """
    case, asked = CASES[name], FAMILIES[family]
    network, data = folder / f"{name}.onnx", folder / f"{name}.npz"
    onnx.save(case.network(), network)
    np.savez(data, **case.samples())
    options = {"measures": asked.measures, "stratify": asked.stratified, "reduce": reduce, "device": "cpu"}
    return api.plan(network, data, TRANSFORM, groups=_GROUPS, **options)


def network_digest(plan: Plan) -> str:
    """Return the SHA-256 of the operators, their attributes, inputs and outputs, and of all weights.

    Not of the file, which another version of onnx may write differently.
    """
    graph, digest = plan.model.proto.graph, hashlib.sha256()
    for node in graph.node:
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        told = (node.op_type, list(node.input), list(node.output), sorted(attributes.items()))
        digest.update(repr(told).encode())
    for weight in sorted(graph.initializer, key=lambda each: each.name):
        digest.update(weight.name.encode())
        digest.update(np.ascontiguousarray(onnx.numpy_helper.to_array(weight)).tobytes())
    return digest.hexdigest()


def variant_sums(variants: np.ndarray) -> np.ndarray:
    """Return weighted sums that tell variants apart as a digest does, but not by how a processor rounds.

    Args:
        variants: (samples x transforms, *shape), as they are handed over.

    Returns:
        (samples x transforms, 3) float64: means over the pixels times fixed waves, which differ by far where a picture
        is another one, turned otherwise, interpolated otherwise or scaled otherwise.
    """
    pixels = variants.reshape(len(variants), -1).astype(np.float64)
    place = np.arange(pixels.shape[1])
    waves = np.stack([np.cos(place * step) for step in range(_FILTERS)], axis=1)  # radians a pixel, no whole period
    return pixels @ waves / len(place)
