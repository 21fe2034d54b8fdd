"""Puts the branch that an If always takes in place of it, so that the tensors in it can be exposed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import count

import onnx

from onnxinv.model.constants import known_values
from onnxinv.model.rewrite import names_made, subgraphs


def inline_ifs(model: onnx.ModelProto) -> int:
    """Replace every If of the main graph whose condition is fixed by its branch, also those that come to light then.

    Outputs of the If keep their names. Tensors of the branch keep theirs where the main graph has no such name.

    Args:
        model: the model, its nodes in topological order; it is changed in place, since a copy would double its weights.

    Returns:
        How many were replaced.
    """
    replaced = 0
    while taken := _taken_branches(model):
        _replace(model.graph, taken)
        replaced += len(taken)
    return replaced


def _taken_branches(model: onnx.ModelProto) -> dict[int, onnx.GraphProto]:
    """Return the branch that is taken, by the position of its If among the nodes."""
    found = {
        position: node
        for position, node in enumerate(model.graph.node)
        if node.op_type == "If" and node.domain in ("", "ai.onnx")
    }
    known = known_values(model, [node.input[0] for node in found.values()]) if found else {}
    taken = {}
    for position, node in found.items():
        condition = known.get(node.input[0])
        branches = {attribute.name: attribute.g for attribute in node.attribute}
        branch = None
        if condition is not None and condition.size == 1:
            branch = branches.get("then_branch" if bool(condition.reshape(-1)[0]) else "else_branch")
        if branch is not None and len(branch.output) >= len(node.output):
            taken[position] = branch
    return taken


def _replace(graph: onnx.GraphProto, taken: Mapping[int, onnx.GraphProto]) -> None:
    names = names_made(graph, bodies=False)
    for position, node in enumerate(graph.node):
        # What stays in a body may not have the name of a tensor around it.
        bodies = taken[position].node if position in taken else [node]
        names.update(*(names_made(body) for child in bodies for body in subgraphs(child)))
    nodes: list[onnx.NodeProto] = []
    for position, node in enumerate(graph.node):
        kept = onnx.NodeProto()
        kept.CopyFrom(node)
        if position not in taken:
            nodes.append(kept)
            continue
        branch = onnx.GraphProto()
        branch.CopyFrom(taken[position])
        nodes += _moved_out(branch, kept, names)
        graph.initializer.extend(branch.initializer)
        graph.sparse_initializer.extend(branch.sparse_initializer)
    del graph.node[:]
    graph.node.extend(nodes)


def _moved_out(branch: onnx.GraphProto, node: onnx.NodeProto, names: set[str]) -> list[onnx.NodeProto]:
    """Return the nodes of a branch, renamed so that they can stand in the main graph.

    Args:
        branch: the branch; its tensors are renamed.
        node: the If.
        names: taken names, to which those of the branch are added.
    """
    made = names_made(branch, bodies=False)
    from_nodes = {name for child in branch.node for name in child.output}
    new: dict[str, str] = {}
    handed_on = []
    for result, output in zip(branch.output, node.output, strict=False):
        if not output:
            continue
        if result.name in from_nodes and result.name not in new:
            new[result.name] = output
        else:  # a tensor from outside, a constant, or one handed out twice
            handed_on.append(onnx.helper.make_node("Identity", [result.name], [output]))
    for name in sorted(made - new.keys()):
        if name in names:
            new[name] = _unused(name, names | made)
        names.add(new.get(name, name))
    _rename(branch, new)
    for identity in handed_on:
        identity.input[0] = new.get(identity.input[0], identity.input[0])
    return [*branch.node, *handed_on]


def _unused(name: str, taken: Collection[str]) -> str:
    return next(each for each in (f"{name}_{number}" for number in count(1)) if each not in taken)


def _rename(graph: onnx.GraphProto, new: Mapping[str, str]) -> None:
    """Rename tensors in a graph and where the bodies in it read them."""
    for tensor in graph.initializer:
        tensor.name = new.get(tensor.name, tensor.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = new.get(sparse.values.name, sparse.values.name)
    for value in (*graph.output, *graph.input):
        value.name = new.get(value.name, value.name)
    del graph.value_info[:]
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
        for body in subgraphs(node):
            hidden = names_made(body, bodies=False)
            _rename(body, {old: name for old, name in new.items() if old not in hidden})
