"""Which output of a model holds its classes, and whether as probabilities or as logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx

from onnxinv.errors import UsageError
from onnxinv.model.load import Model
from onnxinv.spec import did_you_mean

Tensor = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]
Kind = Literal["logits", "probabilities"]

_SOFTMAX = frozenset("Softmax QLinearSoftmax".split())
_CLASSIFIES = _SOFTMAX | {"LogSoftmax"}
"""Operators that end a classifier. What LogSoftmax makes counts as logits: its softmax is the softmax of its input."""

_HANDS_ON = frozenset(
    "Identity Reshape Squeeze Unsqueeze Flatten Cast Transpose Dropout QuantizeLinear DequantizeLinear".split()
)
"""Operators that leave probabilities what they are, up to the rounding of quantised models."""

_SAYS_CLASSES = ("prob", "softmax", "logit", "class", "score", "pred")
"""What output names hold that speak of classes; "output" itself says nothing."""

_TOLERANCE = 1e-3
"""How far from 1 probabilities may add up: those of 1000 classes in float16 do to 5e-4."""


@dataclass(frozen=True)
class ClassOutput:
    """The output of a model that holds one number for each class.

    Attributes:
        name: the output's name.
        kind: whether its numbers are probabilities, or logits whose softmax is.
        classes: how many classes.
        chosen: whether it was found or named by the user. A regression or an embedding of one vector a sample looks
            like logits: only who knows the model can tell.
    """

    name: str
    kind: Kind
    classes: int
    chosen: Literal["detected", "named"]

    def read(self, values: Tensor) -> Doubles:
        """Return the (batch, classes) probabilities of the output's (batch, *shape) values."""
        return probabilities(values.reshape(len(values), self.classes), self.kind)


def probabilities(values: Tensor, kind: Kind) -> Doubles:
    """Return float64 probabilities: the values as they are, or the softmax of logits over the last axis.

    The softmax of minus infinity is 0; with any nan or plus infinity, or nothing but minus infinity, it is nan.

    Args:
        values: the last axis counts classes.
        kind: what they are.
    """
    doubles = values.astype(np.float64)
    if kind == "probabilities":
        return doubles
    with np.errstate(invalid="ignore"):  # infinity less infinity is the nan it should be
        powers = np.exp(doubles - doubles.max(axis=-1, keepdims=True))
    shares: Doubles = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def find_class_output(
    model: Model, probe: Mapping[str, Tensor | None], named: str | None = None, kind: Kind | None = None
) -> ClassOutput | str:
    """Find the output that holds classes.

    It has one floating-point number for each of two or more classes, axes of length 1 aside. Of several such outputs it
    is the one that a softmax makes or whose name speaks of classes, if that is true of only one; logits whose softmax
    is another of them are the same classes and give way to it. Its numbers are probabilities where a softmax makes
    them, or where on the probe none is negative and those of a sample add up to 1; else logits, those of independent
    sigmoids among them.

    An output that means something else (a regression, an embedding) cannot be told from logits: what was detected is
    stated in the result, and the user can name another output.

    Args:
        model: the model.
        probe: the values of its outputs on some samples, (batch, *shape); None for an output without a batch axis or
            of another type than floating point.
        named: the output that the user says holds the classes.
        kind: what the user says its numbers are.

    Returns:
        The output, or the reason why there is none.

    Raises:
        UsageError: the named output is not there or cannot hold classes, or its values are no probabilities although
            the user says so.
    """
    names = list(dict.fromkeys(info.name for info in model.outputs))
    counts = {name: _classes(probe.get(name)) for name in names}
    suited = [name for name in names if counts[name]]
    graph = _Producers.of(model.proto.graph)
    if named is not None:
        _check_named(named, probe, names, suited)
        found = named
    elif not suited:
        listed = _listed([f"'{name}' has {_in_words(probe.get(name))}" for name in names])
        return f"no output of the model has one number for each class: {listed}"
    else:
        speaking = suited if len(suited) == 1 else _speaking(suited, graph)
        if len(speaking) != 1:
            listed = _listed([f"'{name}' ({counts[name]} numbers)" for name in speaking or suited])
            return f"several outputs could hold classes: {listed}"
        found = speaking[0]
    values = probe[found]
    assert values is not None, "an output without values is not suited"
    rows = values.reshape(len(values), -1).astype(np.float64)
    if kind == "probabilities":
        _check_probabilities(found, rows)
    detected: Kind = "probabilities" if graph.op(found) in _SOFTMAX or _add_up(rows) else "logits"
    return ClassOutput(found, kind or detected, rows.shape[1], "detected" if named is None else "named")


def doubt_labels(labels: npt.NDArray[Any] | None, classes: int, names: Sequence[str] = ()) -> str:
    """Return why labels cannot be compared with the classes of a model, empty where they can.

    Args:
        labels: one a sample, or None.
        classes: how many classes the model has.
        names: class names by label, where the data has them; their number must be that of the classes, since the data
            numbers them by itself.
    """
    if labels is None or not labels.size:
        return "the data has no labels"
    if not np.issubdtype(labels.dtype, np.integer):
        return f"the labels are not whole numbers (their dtype is {labels.dtype})"
    if labels.min() < 0:
        return f"the label {labels.min()} is negative"
    if labels.max() >= classes:
        return f"the label {labels.max()} is none of the model's {classes} classes, 0 to {classes - 1}"
    if names and len(names) != classes:
        return f"the data numbers {len(names)} classes by their names, and the model has {classes}"
    return ""


@dataclass(frozen=True)
class _Producers:
    """Which node makes each tensor, looking back through those that leave its numbers what they are."""

    nodes: Mapping[str, onnx.NodeProto]

    @classmethod
    def of(cls, graph: onnx.GraphProto) -> _Producers:
        return cls({name: node for node in graph.node for name in node.output if name})

    def origin(self, tensor: str) -> str:
        """Return the tensor that the numbers of this one come from."""
        while tensor in self.nodes and self.nodes[tensor].op_type in _HANDS_ON:
            tensor = self.nodes[tensor].input[0]
        return tensor

    def op(self, tensor: str) -> str:
        """Return the operator that makes its numbers, empty for an input or constant."""
        node = self.nodes.get(self.origin(tensor))
        return node.op_type if node else ""

    def logits(self, tensor: str) -> str:
        """Return the origin of what a softmax makes its numbers from, empty where none does."""
        if self.op(tensor) not in _CLASSIFIES:
            return ""
        return self.origin(self.nodes[self.origin(tensor)].input[0])


def _classes(values: Tensor | None) -> int:
    """Return how many classes an output can hold, 0 where it holds none."""
    if values is None or not values.size:
        return 0
    lengths = [length for length in values.shape[1:] if length > 1]
    return lengths[0] if len(lengths) == 1 else 0


def _speaking(suited: Sequence[str], graph: _Producers) -> list[str]:
    """Return the outputs whose operator or name speaks of classes, less the logits of another of them."""
    said = [
        name for name in suited if graph.op(name) in _CLASSIFIES or any(word in name.lower() for word in _SAYS_CLASSES)
    ]
    same = {graph.logits(name) for name in said}
    return [name for name in said if graph.origin(name) not in same]


def _check_named(named: str, probe: Mapping[str, Tensor | None], names: Sequence[str], suited: Sequence[str]) -> None:
    if named not in names:
        raise UsageError(f"--class-output: the model has no output '{named}'.", did_you_mean(named, names))
    if named not in suited:
        raise UsageError(
            f"--class-output: '{named}' cannot hold classes: it has {_in_words(probe.get(named))}, "
            "where one number for each of two or more classes is needed.",
            did_you_mean(named, suited),
        )


def _check_probabilities(name: str, rows: Doubles) -> None:
    known = rows[np.isfinite(rows)]
    wrong = known[(known < -_TOLERANCE) | (known > 1 + _TOLERANCE)]
    if wrong.size:
        raise UsageError(
            f"--probabilities: output '{name}' holds {wrong[0]:.4g}, which is no probability.", "Take --logits."
        )


def _add_up(rows: Doubles) -> bool:
    """Whether the finite rows are probability distributions."""
    known = rows[np.isfinite(rows).all(axis=1)]
    return bool(known.size) and bool((known >= 0).all() and (np.abs(known.sum(axis=1) - 1) <= _TOLERANCE).all())


def _in_words(values: Tensor | None) -> str:
    if values is None:
        return "no batch axis, or numbers of another type than floating point"
    if not values.size:
        return "no numbers"
    return f"the shape {list(values.shape[1:])} for a sample" if values.ndim > 1 else "one number for a sample"


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items[:6]) + (", ..." if len(items) > 6 else "")
