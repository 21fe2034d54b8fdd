"""Where the batch lies in the tensors of a graph that was made for one batch size, as far as their shapes tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx

_REGROUPS = frozenset("Reshape Flatten Squeeze Unsqueeze".split())
"""Operators that keep the order of the numbers, whatever the axes."""


@dataclass(frozen=True)
class Place:
    """Where the batch lies in a tensor.

    Attributes:
        axis: the axis that it is in, alone or folded together with others.
        outer: how many entries of that axis vary slower than the batch does.
    """

    axis: int
    outer: int = 1


def shapes_of(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shapes that are known in full; none where shape inference does not get through."""
    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except Exception:  # whatever C++ raises for a model that contradicts itself or is too large
        return {}
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        if kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim):
            shapes[value.name] = tuple(dim.dim_value for dim in kind.shape.dim)
    return shapes


def batch_places(
    graph: onnx.GraphProto, inputs: Mapping[str, int], size: int, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Place]:
    """Return the places of the batch by tensor; what is not clear is left out.

    Args:
        graph: the graph.
        inputs: batch axis of each input that has one.
        size: the batch size that the graph was made for.
        shapes: of the tensors, at that size.
    """
    places = {name: Place(axis) for name, axis in inputs.items()}
    for node in graph.node:
        source = next((name for name in node.input if name in places and name in shapes), None)
        for name in filter(None, node.output):
            if source is not None and name in shapes:
                place = _follow(node, source, places[source], shapes[source], shapes[name], size)
                if place is not None:
                    places[name] = place
    return places


def _follow(
    node: onnx.NodeProto, source: str, place: Place, before: Sequence[int], after: Sequence[int], size: int
) -> Place | None:
    """Return the place of the batch behind a node, from that in `source`, the first operand that has one."""
    axis = place.axis
    if node.op_type in _REGROUPS:
        return regroup(place, before, after, size)
    if node.op_type == "Transpose":
        order = next((list(each.ints) for each in node.attribute if each.name == "perm"), [])
        return Place((order or [*range(len(before))][::-1]).index(axis), place.outer)
    if node.op_type in ("LSTM", "GRU", "RNN"):
        return Place(len(after) - 2)  # (steps, directions, batch, features) and (directions, batch, features)
    if node.op_type == "Gather" and node.input[0] != source:  # what is looked up lies where the indices lay
        along = next((each.i for each in node.attribute if each.name == "axis"), 0)
        return Place(axis + along % (len(after) - len(before) + 1), place.outer)
    lost = len(before) - len(after)  # below zero where axes are added in front, by broadcasting
    possible = [axis - lost, axis] if axis else [max(-lost, 0)]
    kept = (each for each in possible if 0 <= each < len(after) and after[each] == before[axis])
    return next((Place(each, place.outer) for each in kept), None)


def regroup(place: Place, before: Sequence[int], after: Sequence[int], size: int) -> Place | None:
    """Return where the batch lies when the same numbers are given other axes; None where no axis holds all of it.

    Where several axes could, as with a batch of one, an axis that is the batch alone is taken, then one of a length
    that was not there before (heads, which the batch is folded with), then the first.
    """
    slower = math.prod(before[: place.axis]) * place.outer
    found: list[Place] = []
    for axis, length in enumerate(after):
        ahead = math.prod(after[:axis])
        if ahead and not slower % ahead and not (ahead * length) % (slower * size):
            if ahead == slower and length == size:
                return Place(axis)
            found.append(Place(axis, slower // ahead))
    unseen = [each for each in found if after[each.axis] not in before]
    return next(iter(unseen or found), None)
