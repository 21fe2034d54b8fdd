"""Human names for tensors: what the author of the network wrote, read from what the exporter left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import onnx

_EXPORT_NOISE = re.compile(r"(StatefulPartitionedCall|PartitionedCall|functional|model|sequential)(_\d+)?")
_CALL = re.compile(r"(Stateful)?PartitionedCall(_\d+)?")
_NUMBERED = re.compile(r".+_1")
_SCOPES = "pkg.torch.onnx.name_scopes"
_QUOTED = r"'[^'\\]*'|\"[^\"\\]*\""
_LIST = re.compile(rf"\[\s*(?:(?:{_QUOTED})\s*,\s*)*(?:{_QUOTED})?\s*\]")
_LONGEST_LIST = 10_000
"""Characters of scope metadata that are looked at; a real one has a few hundred."""


@dataclass(frozen=True)
class _Proposal:
    """What a node calls its outputs: module path and operation, or an empty path and a plain name."""

    scope: str
    operation: str


def label_tensors(graph: onnx.GraphProto) -> Mapping[str, str]:
    """Return a label for every tensor that a node of the graph produces; labels are unique, inputs' names included.

    PyTorch's scope metadata comes first, then node names of the kind `/layer1/layer1.0/conv2/Conv`, then tensor names
    of the kind `StatefulPartitionedCall/model/conv2d_3/Relu:0` or `resnet_1/block1_add_1/Add:0`; a name that says
    nothing stays as it is.
    """
    proposals = _proposals(graph)
    keras = _keras_labels(name for node in graph.node for name in node.output)
    # A module of one operation is called by its own name; one of several, by name and operation. Constants don't count.
    modules = Counter(proposals[index].scope for index, node in enumerate(graph.node) if node.input)
    parents = {scope[:cut] for scope in modules for cut in _dots(scope)}
    labels: dict[str, str] = {}
    for node, proposal in zip(graph.node, proposals, strict=True):
        alone = modules[proposal.scope] <= 1 and proposal.scope not in parents and bool(node.input)
        for position, name in enumerate(node.output):
            suffix = f":{position}" if position else ""
            if not name:
                continue
            if not proposal.scope:
                labels[name] = _top_level(node.name, name) or keras.get(name) or _plain(name)
            elif alone:
                labels[name] = proposal.scope + suffix
            else:
                labels[name] = f"{proposal.scope}/{proposal.operation}{suffix}"
    return _unique(labels, {value.name for value in graph.input})


def _dots(scope: str) -> list[int]:
    return [position for position, character in enumerate(scope) if character == "."]


def _proposals(graph: onnx.GraphProto) -> list[_Proposal]:
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for node in graph.node:
        scope, operation = _scope_of(node)
        if scope:
            repeats = seen[scope, operation]
            seen[scope, operation] += 1
            found.append(_Proposal(scope, f"{operation}_{repeats}" if repeats else operation))
        else:
            found.append(_Proposal("", ""))
    return found


def _scope_of(node: onnx.NodeProto) -> tuple[str, str]:
    """Return the dotted module path and the operation, or two empty strings where the node does not tell."""
    for entry in node.metadata_props:
        if entry.key == _SCOPES:
            # The last entry is the operation's own name; the one before it, the module that it is in.
            modules = [scope.strip() for scope in _literal_list(entry.value)[:-1] if scope.strip()]
            if modules:
                return modules[-1], node.op_type
    parts = _parts(node.name)
    if node.name.startswith("/") and len(parts) > 1:
        return _join_torch_scopes(parts[:-1]), parts[-1]
    return "", ""


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part.strip()]


def _literal_list(text: str) -> list[str]:
    """Return the strings of a Python list of strings, nothing where the text is anything else; nothing is evaluated."""
    if len(text) > _LONGEST_LIST or not _LIST.fullmatch(text.strip()):
        return []
    return [quoted[1:-1] for quoted in re.findall(_QUOTED, text)]


def _join_torch_scopes(parts: list[str]) -> str:
    """Join `layer1`, `layer1.0`, `conv2` to `layer1.0.conv2`: members of containers repeat the container's name."""
    path: list[str] = []
    for part in parts:
        if path and part.startswith(f"{path[-1]}."):
            path[-1] = part
        else:
            path.append(part)
    return ".".join(path)


def _top_level(node: str, tensor: str) -> str:
    """Return `Softmax` for what a node `/Softmax` made, unless the author named the tensor; else an empty string."""
    parts = _parts(node)
    if node.startswith("/") and len(parts) == 1 and re.fullmatch(rf"{re.escape(node)}_output_\d+", tensor):
        position = tensor.rpartition("_")[2]
        return parts[0] + (f":{position}" if position != "0" else "")
    return ""


def _keras_labels(names: Iterable[str]) -> dict[str, str]:
    """Return `attention/query/MatMul` for `vit_1/attention_1/query_1/MatMul:0` and so on; nothing for other models.

    Keras 3 traces a model whose own names are taken, so that TensorFlow puts `_1` behind the scopes of the model and of
    all its layers: those that Keras itself numbered become `conv2d_1_1`. One layer could have such a name by chance, so
    there have to be two.
    """
    scoped = {name: parts for name in names if len(parts := _traced(name)) > 1}
    layers = {(parts[0], parts[1]) for parts in scoped.values() if len(parts) > 2}
    if len(layers) < 2 or not all(_NUMBERED.fullmatch(scope) for pair in layers for scope in pair):
        return {}
    model = min((first for first, _ in layers), key=len)
    # What was inlined from a function has the function's name in front of the model's.
    if not all(parts[0] == model or parts[0].endswith(f"_{model}") for parts in scoped.values()):
        return {}
    operations = {tuple(parts) for parts in scoped.values()}
    return {name: _unnumbered(parts, operations) for name, parts in scoped.items() if parts[0] == model}


def _unnumbered(parts: list[str], operations: set[tuple[str, ...]]) -> str:
    """Return the path in the model, its layers without `_1`; a scope that is a tensor too is not a layer's."""
    place = 1
    while place < len(parts) - 1 and _NUMBERED.fullmatch(parts[place]) and tuple(parts[: place + 1]) not in operations:
        place += 1
    return "/".join([*(part.removesuffix("_1") for part in parts[1:place]), *parts[place:]])


def _traced(name: str) -> list[str]:
    """Return the scopes of a tensor and its operation, without the calls that a saved model has around them."""
    parts = _parts(name.removesuffix(":0"))
    while len(parts) > 1 and _CALL.fullmatch(parts[0]):
        parts = parts[1:]
    return parts


def _plain(name: str) -> str:
    """Return a tensor name without the scopes that TensorFlow's exporters put around every model."""
    parts = _parts(name.removesuffix(":0"))
    while len(parts) > 1 and _EXPORT_NOISE.fullmatch(parts[0]):
        parts = parts[1:]
    return "/".join(parts) or name


def _unique(labels: Mapping[str, str], reserved: set[str]) -> dict[str, str]:
    """Add the tensor name to labels that occur twice or are an input's name."""
    counts = Counter(labels.values())
    single = {label for label, count in counts.items() if count == 1 and label not in reserved}
    taken = set(reserved) | single
    found = {}
    for name, label in labels.items():
        if label in single:
            found[name] = label
            continue
        unique = f"{label} ({name})"
        while unique in taken:
            unique += "'"
        taken.add(unique)
        found[name] = unique
    return found
