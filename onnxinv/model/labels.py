"""Human names for tensors: what the author of the network wrote, read from what the exporter left."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping

import onnx

_EXPORT_NOISE = re.compile(r"^(StatefulPartitionedCall|PartitionedCall|functional(_\d+)?|model(_\d+)?|sequential(_\d+)?)$")
_SCOPES = "pkg.torch.onnx.name_scopes"


def label_tensors(graph: onnx.GraphProto) -> Mapping[str, str]:
    """Return a label for every tensor that a node of the graph produces; labels are unique.

    PyTorch's scope metadata comes first, then node names of the kind `/layer1/layer1.0/conv2/Conv`, then tensor names
    of the kind `StatefulPartitionedCall/model/conv2d_3/Relu:0`; a name that says nothing stays as it is.
    """
    proposals: dict[str, tuple[str, str]] = {}
    for node in graph.node:
        scope, operation = _scope_of(node)
        for position, name in enumerate(output for output in node.output if output):
            suffix = f":{position}" if position else ""
            proposals[name] = (scope, operation + suffix) if scope else ("", _plain(name))
    # A module of one operation is called by its own name; one of several, by name and operation.
    modules = Counter(scope for scope, _ in proposals.values() if scope)
    scopes = set(modules)
    labels: dict[str, str] = {}
    for name, (scope, operation) in proposals.items():
        if not scope:
            labels[name] = operation
        elif modules[scope] == 1 and not any(other.startswith(f"{scope}.") for other in scopes):
            labels[name] = scope
        else:
            labels[name] = f"{scope}/{operation}"
    repeated = {label for label, count in Counter(labels.values()).items() if count > 1}
    return {name: f"{label} ({name})" if label in repeated else label for name, label in labels.items()}


def _scope_of(node: onnx.NodeProto) -> tuple[str, str]:
    """Return the dotted module path and the operation, or two empty strings where the node does not tell."""
    metadata = {entry.key: entry.value for entry in node.metadata_props}
    if _SCOPES in metadata:
        scopes = _literal_list(metadata[_SCOPES])
        modules = [scope for scope in scopes[:-1] if scope]
        if modules:
            return modules[-1], node.op_type
    parts = [part for part in node.name.split("/") if part]
    if node.name.startswith("/") and len(parts) > 1:
        return _join_torch_scopes(parts[:-1]), parts[-1]
    return "", ""


def _literal_list(text: str) -> list[str]:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(item) for item in value] if isinstance(value, list) else []


def _join_torch_scopes(parts: list[str]) -> str:
    """Join `layer1`, `layer1.0`, `conv2` to `layer1.0.conv2`: members of containers repeat the container's name."""
    path: list[str] = []
    for part in parts:
        if path and part.startswith(f"{path[-1]}."):
            path[-1] = part
        else:
            path.append(part)
    return ".".join(path)


def _plain(name: str) -> str:
    parts = [part for part in name.removesuffix(":0").split("/") if part]
    kept = [part for part in parts if not _EXPORT_NOISE.match(part)]
    return "/".join(kept) or name
