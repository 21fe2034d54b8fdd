"""Which weights each tensor is computed from, told by a sum of hashes that does not depend on their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from math import prod
from operator import or_
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from onnxinv.model.load import Model
from onnxinv.model.rewrite import reads

_NO_WEIGHTS = frozenset(
    (
        onnx.TensorProto.INT32, onnx.TensorProto.INT64, onnx.TensorProto.UINT32, onnx.TensorProto.UINT64,
        onnx.TensorProto.BOOL, onnx.TensorProto.STRING, onnx.TensorProto.COMPLEX64, onnx.TensorProto.COMPLEX128,
    )
)  # fmt: skip
"""Types of shapes, axes and indices, which differ with the layout."""

_RESIZES = frozenset(("Resize", "Upsample"))
"""Operators whose constants are scales of axes, which are floats and differ with the layout too."""

_LEARNS = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul", "PRelu"))
"""Operators whose parameters are weights even where they have a single value."""

_PIECE = 1 << 18
_EVERY_BIT = 2**64 - 1


@dataclass(frozen=True)
class Weights:
    """All weights that a tensor is computed from; equal where the values are, in whatever order they are stored.

    Attributes:
        count: how many values they have that are not 0: a bias of zeros is as good as none.
        digest: the sum of the hashes of those values as float32, modulo 2^64.
    """

    count: int
    digest: int


class ModelWeights:
    """The weights of a model, read one at a time, also external ones, and each once.

    A weight counts once however often it is stored. What has a single value is left out, but for operators that learn:
    that may be a constant of a formula, which exporters write as they like. Weights inside the branches of an If or in
    the body of a loop are not seen.

    Args:
        model: the model.
    """

    def __init__(self, model: Model) -> None:
        self._folder = str(model.path.parent)
        self._stored = list(_parameters(model.proto.graph))
        self._told: dict[int, Weights] = {}
        self._behind: dict[str, int] = {}  # sets of weights by tensor, a bit for each
        self._own: dict[str, int] = {}
        places = {name: 1 << place for place, (name, _) in enumerate(self._stored)}
        varying = {info.name for info in model.inputs}
        for node in model.proto.graph.node:
            known = node.input[:1] if node.op_type in _RESIZES else reads(node)
            members = {name: places.get(name, 0) | self._behind.get(name, 0) for name in known}
            self._behind |= dict.fromkeys(node.output, reduce(or_, members.values(), 0))
            fixed = (each for name, each in members.items() if name not in varying)
            self._own |= dict.fromkeys(node.output, reduce(or_, fixed, 0))
            if varying.intersection(known):
                varying.update(node.output)

    def upstream(self, tensors: Iterable[str]) -> dict[str, Weights]:
        """Return all weights between the model's inputs and each of the tensors, where there are any."""
        return self._of(tensors, self._behind)

    def own(self, tensors: Iterable[str]) -> dict[str, Weights]:
        """Return the weights of the operator that makes each of the tensors, where it has any."""
        return self._of(tensors, self._own)

    def _of(self, tensors: Iterable[str], sets: Mapping[str, int]) -> dict[str, Weights]:
        wanted = {name: sets.get(name, 0) for name in tensors}
        sums = {members: _together(set(self._each(members))) for members in set(wanted.values())}
        return {name: sums[members] for name, members in wanted.items() if members}

    def _each(self, members: int) -> Iterator[Weights]:
        for place, (_, tensor) in enumerate(self._stored):
            if members >> place & 1:
                if place not in self._told:
                    self._told[place] = _told(onnx.numpy_helper.to_array(tensor, self._folder))
                yield self._told[place]


def _parameters(graph: onnx.GraphProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Yield the weights of a graph, with the name that nodes read them by."""
    learned = {name for node in graph.node if node.op_type in _LEARNS for name in node.input[1:]}
    for tensor in graph.initializer:
        if _is_weight(tensor, single=tensor.name in learned):
            yield tensor.name, tensor
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value" and _is_weight(attribute.t, single=node.output[0] in learned):
                yield node.output[0], attribute.t


def _is_weight(tensor: onnx.TensorProto, *, single: bool) -> bool:
    return tensor.data_type not in _NO_WEIGHTS and prod(tensor.dims) >= (1 if single else 2)


def _told(values: npt.NDArray[Any]) -> Weights:
    flat = values.reshape(-1)
    count, digest = 0, 0
    for start in range(0, flat.size, _PIECE):
        with np.errstate(over="ignore"):  # doubles beyond the largest float32
            piece = flat[start : start + _PIECE].astype(np.float32)
        bits = piece[piece != 0].view(np.uint32).astype(np.uint64)
        count += bits.size
        digest += int(_hashes(bits).sum(dtype=np.uint64))
    return Weights(count, digest & _EVERY_BIT)


def _hashes(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return a hash of each number: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), in integers modulo 2^64."""
    mixed = bits * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _together(weights: Iterable[Weights]) -> Weights:
    known = tuple(weights)
    return Weights(sum(each.count for each in known), sum(each.digest for each in known) & _EVERY_BIT)
