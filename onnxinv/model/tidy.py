"""Brings a graph into the form that the runtime takes: in order, node names unique, without declared inner shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import onnx

from onnxinv.errors import ModelError
from onnxinv.model.rewrite import names_in, reads

_EXPORT = "The file is damaged, or its exporter has a bug: export the model again."


def tidy(model: onnx.ModelProto, path: Path) -> None:
    """Sort the nodes of the main graph, number node names that repeat, and drop the shapes of inner tensors.

    Pieces of a Split that are left out get names: the runtime crashes where it is not to make one.

    The runtime refuses a model in which two nodes have one name or an inner tensor is declared with another type than
    it has, although both say nothing about what the model computes.

    Args:
        model: the model; it is changed in place, since a copy would double its weights.
        path: its file, for what is said of it.

    Raises:
        ModelError: a node reads what nothing makes, a tensor is made twice, or nodes wait for each other in a circle.
    """
    del model.graph.value_info[:]
    _sort(model.graph, f"The graph of '{path}' is broken:")
    _number_repeated_names(model.graph.node)
    _name_pieces(model.graph)


def _number_repeated_names(nodes: Sequence[onnx.NodeProto]) -> None:
    taken = {node.name for node in nodes}
    repeats: dict[str, Iterator[int]] = {}
    for node in nodes:
        if node.name and node.name in repeats:
            numbered = (f"{node.name}_{number}" for number in repeats[node.name])
            node.name = next(name for name in numbered if name not in taken)
            taken.add(node.name)
        elif node.name:
            repeats[node.name] = count(1)


def _name_pieces(graph: onnx.GraphProto) -> None:
    splits = [node for node in graph.node if node.op_type == "Split" and not all(node.output)]
    taken = names_in(graph) if splits else set()
    for node in splits:
        stem = next(filter(None, node.output), "split")
        unused = (name for name in (f"{stem}_{number}" for number in count()) if name not in taken)
        node.output[:] = [name or next(unused) for name in node.output]
        taken.update(node.output)


def _sort(graph: onnx.GraphProto, broken: str) -> None:
    given = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    given |= {tensor.values.name for tensor in graph.sparse_initializer}
    makers = _makers(graph, given, broken)
    waits = [reads(node) - given for node in graph.node]
    for node, names in zip(graph.node, waits, strict=True):
        lacking = next((name for name in sorted(names) if name not in makers), None)
        if lacking is not None:
            raise ModelError(f"{broken} the {_called(node)} reads '{lacking}', which nothing makes.", _EXPORT)
    lost = next((value.name for value in graph.output if value.name not in given | makers.keys()), None)
    if lost is not None:
        raise ModelError(f"{broken} nothing makes its output '{lost}'.", _EXPORT)
    before = [{makers[name] for name in names} for names in waits]
    order = _order(before)
    if len(order) < len(graph.node):
        circle = _circle(before, set(range(len(graph.node))) - set(order))
        shown = " -> ".join(_called(graph.node[place]) for place in circle[:6])
        raise ModelError(f"{broken} nodes wait for each other in a circle: {shown}.", _EXPORT)
    if order != list(range(len(order))):
        nodes = [onnx.NodeProto.FromString(graph.node[place].SerializeToString()) for place in order]
        del graph.node[:]
        graph.node.extend(nodes)


def _makers(graph: onnx.GraphProto, given: set[str], broken: str) -> dict[str, int]:
    """Return the position of the node that makes each tensor."""
    makers: dict[str, int] = {}
    for place, node in enumerate(graph.node):
        for name in filter(None, node.output):
            if name in makers or name in given:
                raise ModelError(f"{broken} '{name}' is made twice, once by the {_called(node)}.", _EXPORT)
            makers[name] = place
    return makers


def _order(before: Sequence[set[int]]) -> list[int]:
    """Return positions so that each comes after those before it, as they stand where that is so already."""
    if all(all(other < place for other in others) for place, others in enumerate(before)):
        return list(range(len(before)))
    waiting = [set(others) for others in before]
    after: dict[int, list[int]] = {}
    for place, others in enumerate(before):
        for other in others:
            after.setdefault(other, []).append(place)
    ready = [place for place, others in reversed(list(enumerate(waiting))) if not others]
    order = []
    while ready:
        place = ready.pop()
        order.append(place)
        for later in after.get(place, ()):
            waiting[later].discard(place)
            if not waiting[later]:
                ready.append(later)
    return order


def _circle(before: Sequence[set[int]], stuck: set[int]) -> list[int]:
    """Return positions that wait for each other, the first one repeated at the end."""
    path = [min(stuck)]
    while True:
        ahead = min(before[path[-1]] & stuck)
        if ahead in path:
            return [*path[path.index(ahead) :], ahead]
        path.append(ahead)


def _called(node: onnx.NodeProto) -> str:
    made = next(filter(None, node.output), "nothing")
    return f"node '{node.name}' ({node.op_type})" if node.name else f"{node.op_type} that makes '{made}'"
