"""Which tensors of a model are layers, what they are called and how their axes lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from onnxinv.errors import UsageError
from onnxinv.model.axes import BatchAxis, observe
from onnxinv.model.bfloat16 import bfloat16_tensors
from onnxinv.model.channels import follow_channels
from onnxinv.model.drawn import Drawn
from onnxinv.model.labels import label_tensors
from onnxinv.model.load import Model
from onnxinv.model.maps import follow_maps
from onnxinv.model.rewrite import reads, subgraphs
from onnxinv.result import Skipped
from onnxinv.spec import did_you_mean

_MOVES_DATA = frozenset(
    "Reshape Transpose Flatten Squeeze Unsqueeze Slice Split Concat Identity Pad Cast CastLike Expand Tile Dropout "
    "ScatterND ScatterElements GatherElements GatherND Compress QuantizeLinear DynamicQuantizeLinear "
    "SplitToSequence ConcatFromSequence SequenceAt SequenceConstruct SequenceEmpty SequenceInsert SequenceErase "
    "Optional OptionalGetElement DepthToSpace SpaceToDepth ReverseSequence".split()
)
"""Operators that hand on numbers without computing any; their outputs are layers only where asked for."""

_CUTS = frozenset("Shape Size".split())
"""Operators whose outputs depend on shapes alone: what is computed from them is no layer."""

_CONTAINERS = {"seq": "a sequence", "map": "a map", "optional": "an optional value", "sparse_tensor": "a sparse tensor"}

_FLOATS = {"tensor(float)", "tensor(double)", "tensor(float16)"}


@dataclass(frozen=True)
class Candidate:
    """A tensor that may be a layer, before the model has run.

    Attributes:
        name: the tensor's name.
        label: what the author called it.
        op: the operator that produces it, `Input` for an input of the model.
        node: name of the producing node.
        moves: whether the operator only moves data.
    """

    name: str
    label: str
    op: str
    node: str
    moves: bool

    def matches(self, pattern: str) -> bool:
        """Whether a glob fits the tensor name, the node name, the label or a scope that the label is in."""
        # Names may contain the characters of globs: what is spelt out in full is meant.
        names = (self.name, self.node, self.label, *self._scopes())
        return any(text == pattern or fnmatchcase(text, pattern) for text in names)

    def _scopes(self) -> Iterator[str]:
        """Yield `layer1`, `layer1.0` and `layer1.0.conv2` for the label `layer1.0.conv2/Add`."""
        yield from (self.label[: cut.start()] for cut in re.finditer(r"[./]", self.label) if cut.start())


@dataclass(frozen=True)
class Layer:
    """An exposed tensor with its axes.

    Attributes:
        index: position among the layers, in topological order.
        name: tensor name, the key.
        label: human name.
        op: operator that produces it.
        shape: unit shape, without the batch axis.
        channel_axis: index into `shape`.
        batch: where the batch axis of the raw tensor is.
        dtype: numpy dtype name, which says how finely the numbers are resolved.
        maps: whether it holds feature maps, whose pixels lie where those of the input image lay.
        drawn: which units it consists of where not all of the tensor's are measured; `shape` is then theirs.
    """

    index: int
    name: str
    label: str
    op: str
    shape: tuple[int, ...]
    channel_axis: int
    batch: BatchAxis
    dtype: str
    maps: bool = False
    drawn: Drawn | None = None

    @property
    def units(self) -> int:
        """Number of elements for one sample."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def number_bytes(self) -> int:
        """Size of one number as it comes out of the runtime, which is float32 for bfloat16."""
        return 4 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize

    @property
    def channels(self) -> int:
        """Length of the channel axis."""
        return self.shape[self.channel_axis]


def candidates(model: Model) -> tuple[list[Candidate], list[Skipped]]:
    """Return every tensor of the main graph that depends on an input, in topological order, and what is out of reach.

    What is computed from shapes alone, and constants, are not listed, unless the model hands them out.
    """
    graph = model.proto.graph
    labels = label_tensors(graph)
    skipped: list[Skipped] = []
    found = [Candidate(info.name, info.name, "Input", info.name, moves=False) for info in model.inputs]
    depends = {info.name for info in model.inputs}
    for node in graph.node:
        skipped += [
            Skipped(name=name, op=child.op_type, reason=_inside(node))
            for child in _inner_nodes(node)
            for name in child.output
            if name and child.op_type != "Constant"
        ]
        if node.op_type in _CUTS or not depends.intersection(reads(node)):
            continue
        for name in filter(None, node.output):
            depends.add(name)
            found.append(Candidate(name, labels[name], node.op_type, node.name, moves=node.op_type in _MOVES_DATA))
    ops = {name: node.op_type for node in graph.node for name in node.output}
    skipped += [
        Skipped(name=info.name, op=ops.get(info.name, "Constant"), reason="it does not depend on the model's input")
        for info in model.outputs
        if info.name not in depends
    ]
    return found, skipped


def _inside(node: onnx.NodeProto) -> str:
    return f"it is inside the body of {'an' if node.op_type == 'If' else 'a'} {node.op_type}"


def _inner_nodes(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    for graph in subgraphs(node):
        for child in graph.node:
            yield child
            yield from _inner_nodes(child)


def choose(
    found: Sequence[Candidate], outputs: Sequence[str], select: str, patterns: Sequence[str], operators: Sequence[str]
) -> list[Candidate]:
    """Choose the candidates that are to be layers.

    Args:
        found: all candidates.
        outputs: names of the model's outputs.
        select: `default` (what computes, and the model's inputs and outputs), `all` or `outputs`.
        patterns: globs on tensor name, node name, label or scope; a pattern that fits nothing in the selection may
            name tensors outside it.
        operators: operator names.

    Raises:
        UsageError: a pattern or operator fits nothing, or `select` is unknown.
    """
    kinds: dict[str, Callable[[Candidate], bool]] = {
        "default": lambda one: not one.moves or one.name in outputs,
        "all": lambda one: True,
        "outputs": lambda one: one.name in outputs,
    }
    if select not in kinds:
        raise UsageError(f"There is no selection '{select}'.", did_you_mean(select, kinds))
    chosen = [one for one in found if kinds[select](one)]
    for operator in operators:
        if not any(one.op == operator for one in found):
            raise UsageError(f"No layer is made by '{operator}'.", did_you_mean(operator, {one.op for one in found}))
    if operators:
        chosen = [one for one in found if one.op in operators]
    if not patterns:
        return chosen
    wanted: set[str] = set()
    for pattern in patterns:
        hits = [one for one in chosen if one.matches(pattern)] or [one for one in found if one.matches(pattern)]
        if not hits:
            close = did_you_mean(pattern, {one.label for one in chosen})
            raise UsageError(f"'{pattern}' fits no layer.", close)
        wanted.update(one.name for one in hits)
    return [one for one in found if one.name in wanted]


def split_by_type(chosen: Sequence[Candidate], types: Mapping[str, str]) -> tuple[list[Candidate], list[Skipped]]:
    """Separate the floating-point tensors from those of other types, which are skipped.

    Args:
        chosen: candidates.
        types: the runtime's type of each, for example `tensor(int64)`.
    """
    kept = [one for one in chosen if types[one.name] in _FLOATS]
    skipped = [
        Skipped(name=one.name, op=one.op, reason=_not_measured(types[one.name]))
        for one in chosen
        if types[one.name] not in _FLOATS
    ]
    return kept, skipped


def _not_measured(kind: str) -> str:
    """Return why a tensor of the runtime's type, such as `tensor(int64)`, is skipped."""
    inner = kind.removeprefix("tensor(").removesuffix(")")
    if not kind.startswith("tensor("):
        return f"it is {_CONTAINERS.get(kind.partition('(')[0], 'a value')}, not a tensor: {kind}"
    if inner == "string":
        return "it holds text, not numbers"
    if inner == "bool":
        return "it holds true and false, not numbers (tensor(bool))"
    if "int" in inner:
        return f"it holds integers, not measured quantities ({kind})"
    return f"numpy has no numbers of its type {kind}"


def locate(
    model: Model,
    chosen: Sequence[Candidate],
    runs: tuple[Mapping[str, npt.NDArray[Any]], Mapping[str, npt.NDArray[Any]]],
    batches: tuple[int, int],
    inputs: Mapping[str, int],
    overrides: Mapping[str, int],
    shapes: Mapping[str, tuple[int, ...]],
    *,
    coarse: bool = False,
) -> tuple[list[Layer], list[Skipped]]:
    """Find the axes of the chosen tensors.

    Args:
        model: the model.
        chosen: floating-point candidates.
        runs: two runs, raw tensors by name, as `observe` wants them.
        batches: the batch sizes of the two runs.
        inputs: channel axis of the inputs where known, counted with the batch axis.
        overrides: channel axis by glob, as an index of the unit shape; of several that fit, the last one holds.
        shapes: raw shapes of all tensors that depend on an input, in the first run.
        coarse: whether the model computes with few bits.

    Raises:
        UsageError: an override fits no layer or lies outside its shape.
    """
    followed = follow_channels(model.proto.graph, inputs, shapes)
    maps = follow_maps(model.proto.graph, inputs, shapes)
    narrow = bfloat16_tensors(model.proto)  # they arrive as float32
    layers: list[Layer] = []
    skipped: list[Skipped] = []
    used: set[str] = set()
    for one in chosen:
        raw = runs[0][one.name]
        batch = observe(raw, runs[1][one.name], batches, coarse=coarse)
        if isinstance(batch, str):
            skipped.append(Skipped(name=one.name, op=one.op, reason=batch))
            continue
        shape = batch.to_front(raw).shape[1:] or (1,)
        axis = batch.channel_axis(raw.shape, followed.get(one.name))
        for pattern, override in overrides.items():
            if one.matches(pattern):
                used.add(pattern)
                axis = _checked_axis(override, shape, one)
        layers.append(
            Layer(
                len(layers), one.name, one.label, one.op, shape, axis, batch,
                "bfloat16" if one.name in narrow else raw.dtype.name,
                maps=one.name in maps and len(shape) == 3,
            )
        )  # fmt: skip
    unused = next((pattern for pattern in overrides if pattern not in used), None)
    if unused is not None:
        hint = did_you_mean(unused, [layer.label for layer in layers])
        raise UsageError(f"--channel-axis: '{unused}' fits no layer.", hint)
    return layers, skipped


def _checked_axis(axis: int, shape: tuple[int, ...], one: Candidate) -> int:
    if not -len(shape) <= axis < len(shape):
        raise UsageError(
            f"--channel-axis {axis} is outside the shape {list(shape)} of '{one.label}'.",
            "Count from 0 without the batch axis.",
        )
    return axis % len(shape)
