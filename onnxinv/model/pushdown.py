"""Sums rows and columns inside the graph: a pushed layer hands out what a block adds up to, not its activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from onnxinv.errors import OnnxinvError
from onnxinv.model.axes import BatchAxis
from onnxinv.model.layers import Layer
from onnxinv.model.rewrite import Exposed, names_in
from onnxinv.statistics.single_sums import SingleSums

OLDEST_OPSET = 9
"""The first that has Where."""

_DEFAULT_DOMAINS = ("", "ai.onnx")

_FLOAT, _BOOL = onnx.TensorProto.FLOAT, onnx.TensorProto.BOOL

_OF_ROWS = ("start", "total", "deviations")
"""Sums over the transforms; the others are over the samples."""


@dataclass(frozen=True)
class PushedLayer:
    """What a pushed layer hands out for a block of k samples under m transforms, and the input that it wants.

    Attributes:
        transforms: m.
        units: number of elements for one sample.
        sums: output that carries each field of `SingleSums`.
        pivot: output (m, units): the pivot that was used, to be fed in the other blocks of the group.
        largest: output (1,): the largest magnitude in the block. It is only to be trusted where the sums are held:
            numbers that are not finite are in it or not, as the runtime pleases.
        pivot_input: input (m, units): the pivot, not looked at in a block that begins a group.
    """

    transforms: int
    units: int
    sums: Mapping[str, str]
    pivot: str
    largest: str
    pivot_input: str

    def shapes(self, samples: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of every output, by name, for a block of so many samples; all are float32."""
        # As the products come, since the runtime would copy them to give them another shape.
        shapes: dict[str, tuple[int, ...]] = {
            name: (samples, 1, self.units) if field in _OF_ROWS else (1, self.transforms * self.units)
            for field, name in self.sums.items()
        }
        return shapes | {self.pivot: (self.transforms, self.units), self.largest: (1,)}

    def sums_in(self, handed_out: Mapping[str, npt.NDArray[Any]]) -> SingleSums:
        """Return the sums among what the model has handed out, by output name; nothing is copied."""
        return SingleSums(**{field: handed_out[name].reshape(-1, self.units) for field, name in self.sums.items()})


@dataclass(frozen=True)
class Pushed:
    """A model that sums the activations of some layers.

    Its inputs take blocks as k x m rows, transforms varying fastest; m is fixed, k is not.

    Attributes:
        proto: the rewritten model.
        outputs: name of the output that carries each tensor that was not pushed.
        first: boolean scalar input: whether the block begins a group, so that its first sample is the pivot.
        layers: the pushed layers, by tensor name.
    """

    proto: onnx.ModelProto
    outputs: dict[str, str]
    first: str
    layers: dict[str, PushedLayer]


def obstacle(model: onnx.ModelProto, layer: Layer) -> str | None:
    """Return why a layer cannot be summed inside the graph; None where it can."""
    opset = next((one.version for one in model.opset_import if one.domain in _DEFAULT_DOMAINS), 0)
    if opset < OLDEST_OPSET:
        return f"the model's opset is {opset}, sums in the graph need {OLDEST_OPSET}"
    if layer.dtype == "float64":
        return "it is float64, sums in the graph are float32"
    if layer.batch != BatchAxis():
        return "its batch axis is not the first, or holds several entries a sample"
    return None


def push_down(exposed: Exposed, layers: Sequence[Layer], transforms: int) -> Pushed:
    """Return a model whose outputs are, in place of those of some layers, the sums of a block of their activations.

    Rows are shifted by their own first variant, then by the mean of what is left; columns by a pivot of their own. So
    deviations are exact to float32 whatever the mean, and exactly 0 where nothing varies. Sums are products with a row
    of ones: the CPU provider reduces the same numbers up to ten times slower with ReduceSumSquare.

    Args:
        exposed: the model, which hands out the layers; it is not changed.
        layers: those to sum, none of which has an `obstacle`.
        transforms: m, variants of each sample.

    Raises:
        OnnxinvError: a layer is not handed out, or cannot be summed in the graph.
    """
    for layer in layers:
        reason = obstacle(exposed.proto, layer) if layer.name in exposed.outputs else "it is not exposed"
        if reason is not None:
            raise OnnxinvError(
                f"The layer '{layer.label}' cannot be summed in the graph: {reason}.",
                "This is a bug in onnxinv; please report it.",
            )
    proto = onnx.ModelProto()
    proto.CopyFrom(exposed.proto)
    first, pushed = "", {}
    if layers:
        sums = _Sums(proto.graph, transforms)
        first = sums.first
        pushed = {layer.name: sums.add(layer, exposed.outputs[layer.name]) for layer in layers}
        replaced = {exposed.outputs[name] for name in pushed}
        kept = [value for value in exposed.proto.graph.output if value.name not in replaced]
        del proto.graph.output[:]
        proto.graph.output.extend(kept)
        for each in pushed.values():
            proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in each.shapes(1))
    outputs = {name: output for name, output in exposed.outputs.items() if name not in pushed}
    return Pushed(proto, outputs, first, pushed)


class _Sums:
    """Adds to a graph the nodes that sum layers.

    What the layers share is added once. Constants are nodes, since before version 4 of the intermediate representation
    an initialiser had to be an input too.

    Args:
        graph: the graph; it is changed.
        transforms: m.
    """

    def __init__(self, graph: onnx.GraphProto, transforms: int) -> None:
        self._graph = graph
        self._transforms = transforms
        self._taken = names_in(graph)
        self._one_k = ""
        self.first = self._name("pushed/is_first")
        graph.input.append(onnx.helper.make_tensor_value_info(self.first, _BOOL, []))
        self._zero = self._integers("pushed/zero", 0)
        self._only_zero = self._integers("pushed/only_zero", [0])
        self._one_m = self._constant("pushed/one_m", np.ones((1, transforms), np.float32))

    def add(self, layer: Layer, tensor: str) -> PushedLayer:
        """Add the sums of a layer.

        Args:
            layer: the layer.
            tensor: what carries it.
        """
        m, units, at = self._transforms, layer.units, f"{tensor}/pushed"
        pivot_input = self._name(f"{at}/pivot_input")
        self._graph.input.append(onnx.helper.make_tensor_value_info(pivot_input, _FLOAT, [m, units]))
        grid = self._node("Reshape", f"{at}/grid", tensor, self._integers(f"{at}/shape", [-1, m, units]))
        if layer.dtype == "float16":
            # Behind the Reshape: a Cast right behind an operator that the runtime computes in float32, as the CPU
            # provider does, would be taken away together with the rounding to half precision.
            grid = self._node("Cast", f"{at}/single", grid, to=_FLOAT)
        first = self._node("Gather", f"{at}/first", grid, self._only_zero, axis=1)
        self._one_k = self._one_k or self._ones(first)
        shifted = self._node("Sub", f"{at}/shifted", grid, first)
        total = self._node("MatMul", f"{at}/total", self._one_m, shifted)
        part = self._constant(f"{at}/part", np.array(1 / m, np.float32))
        centred = self._node("Sub", f"{at}/centred", shifted, self._node("Mul", f"{at}/shift", total, part))
        squares = self._node("Mul", f"{at}/squares", centred, centred)
        deviations = self._node("MatMul", f"{at}/deviations", self._one_m, squares)
        head = self._node("Gather", f"{at}/head", grid, self._zero, axis=0)
        pivot = self._node("Where", f"{at}/pivot", self.first, head, pivot_input)
        lines = self._integers(f"{at}/lines", [-1, m * units])
        moved = self._node("Reshape", f"{at}/moved", self._node("Sub", f"{at}/apart", grid, pivot), lines)
        column_total = self._node("MatMul", f"{at}/column_total", self._one_k, moved)
        moved_squares = self._node("Mul", f"{at}/moved_squares", moved, moved)
        column_squares = self._node("MatMul", f"{at}/column_squares", self._one_k, moved_squares)
        sums = {
            "start": first,
            "total": total,
            "deviations": deviations,
            "column_total": column_total,
            "column_squares": column_squares,
        }
        return PushedLayer(m, units, sums, pivot, self._largest(grid, at), pivot_input)

    def _largest(self, grid: str, at: str) -> str:
        most = self._node("ReduceMax", f"{at}/most", grid, keepdims=0)
        least = self._node("ReduceMin", f"{at}/least", grid, keepdims=0)
        magnitude = self._node("Max", f"{at}/magnitude", most, self._node("Neg", f"{at}/negated", least))
        return self._node("Reshape", f"{at}/largest", magnitude, self._integers(f"{at}/only_one", [1]))

    def _ones(self, rows: str) -> str:
        """Add a row of ones, one for each sample of the block."""
        shape = self._node("Shape", "pushed/shape", rows)
        samples = self._node("Gather", "pushed/samples", shape, self._only_zero, axis=0)
        wanted = self._node("Concat", "pushed/wanted", self._integers("pushed/single", [1]), samples, axis=0)
        one = self._constant("pushed/one", np.ones((1, 1), np.float32))
        return self._node("Expand", "pushed/one_k", one, wanted)

    def _integers(self, name: str, values: int | list[int]) -> str:
        return self._constant(name, np.array(values, np.int64))

    def _constant(self, name: str, value: npt.NDArray[Any]) -> str:
        return self._node("Constant", name, value=onnx.numpy_helper.from_array(value))

    def _node(self, operator: str, name: str, *inputs: str, **attributes: Any) -> str:
        name = self._name(name)
        self._graph.node.append(onnx.helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def _name(self, wish: str) -> str:
        while wish in self._taken:
            wish += "_"
        self._taken.add(wish)
        return wish
