"""What in a graph makes its numbers doubtful or hard to reproduce: training mode, chance, unusual operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import onnx

from onnxinv.model.rewrite import subgraphs

_RANDOM = frozenset("RandomNormal RandomNormalLike RandomUniform RandomUniformLike Multinomial Bernoulli".split())
_CONTROL = ("If", "Loop", "Scan", "SequenceMap")
_DEFAULT_DOMAINS = ("", "ai.onnx")
_USUAL_DOMAINS = ("ai.onnx", "com.microsoft")
"""Those of ONNX and of the runtime, with what lies under them: `ai.onnx.ml`."""


def cautions(model: onnx.ModelProto) -> tuple[str, ...]:
    """Return one sentence for each thing that the user of the model should know before trusting a measure of it."""
    nodes = list(_every_node(model.graph))
    standard = [node for node in nodes if node.domain in _DEFAULT_DOMAINS]
    true = _true_constants(model.graph, standard)
    opset = next((one.version for one in model.opset_import if one.domain in _DEFAULT_DOMAINS), 0)
    found = []
    for kind, consequence in (
        ("Dropout", "its outputs are random"),
        ("BatchNormalization", "its outputs depend on the rest of the batch"),
    ):
        training = [node for node in standard if node.op_type == kind and _trains(node, opset, true)]
        if training:
            found.append(
                f"{kind} is in training mode ({_named(training)}): {consequence}. Export the model in evaluation mode."
            )
    random = [node for node in standard if node.op_type in _RANDOM]
    if random:
        found.append(
            f"The model draws random numbers ({_named(random)}): what depends on them differs from run to run."
        )
    domains = Counter(node.domain for node in nodes if not _is_usual(node.domain))
    for domain, count in sorted(domains.items()):
        operators = ", ".join(sorted({node.op_type for node in nodes if node.domain == domain})[:4])
        found.append(f"{count} node{'s' * (count != 1)} of the domain {domain} ({operators}): no part of ONNX.")
    return tuple(found)


def control_flow(model: onnx.ModelProto) -> dict[str, int]:
    """Return how many nodes of each kind of control flow the model has, also inside the bodies of others."""
    counts = Counter(node.op_type for node in _every_node(model.graph) if node.domain in _DEFAULT_DOMAINS)
    return {kind: counts[kind] for kind in _CONTROL if counts[kind]}


def _every_node(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for body in subgraphs(node):
            yield from _every_node(body)


def _is_usual(domain: str) -> bool:
    return not domain or any(f"{domain}.".startswith(f"{usual}.") for usual in _USUAL_DOMAINS)


def _trains(node: onnx.NodeProto, opset: int, true: set[str]) -> bool:
    """Whether a Dropout or BatchNormalization is in training mode, which every few opsets say in another way."""
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    if opset < 7:
        return not attributes.get("is_test", 0)
    if node.op_type == "Dropout":
        return opset >= 12 and len(node.input) > 2 and node.input[2] in true
    return bool(attributes.get("training_mode", 0)) if opset >= 14 else sum(map(bool, node.output)) > 1


def _true_constants(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> set[str]:
    """Return the names of constants that are a single true."""
    constants = [(tensor.name, tensor) for tensor in graph.initializer]
    constants += [
        (node.output[0], attribute.t)
        for node in nodes
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    ]
    return {
        name
        for name, tensor in constants
        if tensor.data_type == onnx.TensorProto.BOOL
        and tensor.data_location != onnx.TensorProto.EXTERNAL
        and bool(np.all(onnx.numpy_helper.to_array(tensor)))
    }


def _named(nodes: list[onnx.NodeProto]) -> str:
    names = [node.name or next(filter(None, node.output), node.op_type) for node in nodes]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
