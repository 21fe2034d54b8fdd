"""Which layers can be summed inside the graph, and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx

from onnxinv.config import Reduce
from onnxinv.model.layers import Layer
from onnxinv.model.pushdown import obstacle
from onnxinv.runtime import Device
from onnxinv.statistics.single_moments import SINGLE
from onnxinv.subjects import Subject


@dataclass(frozen=True)
class Pushable:
    """The layers, by what stands in their way.

    Attributes:
        layers: tensors that can be summed in the graph.
        obstacles: why the others cannot, by tensor.
    """

    layers: frozenset[str]
    obstacles: Mapping[str, str]

    @property
    def reasons(self) -> str:
        """Every obstacle once, in words."""
        return "; ".join(sorted(set(self.obstacles.values())))


def in_graph(how: Reduce, device: Device) -> bool:
    """Whether layers are summed in the graph where they can be: on the CPU that is no faster."""
    return how == "pushdown" or (how == "auto" and device.kind == "cuda")


def pushable(
    model: onnx.ModelProto,
    layers: Sequence[Layer],
    subjects: Sequence[Subject],
    *,
    transforms: int,
    columns: int,
    fixed_batch: int | None,
) -> Pushable:
    """Find out what can be summed in the graph, if blocks hold whole rows.

    Args:
        model: the model that is run.
        layers: what is measured.
        subjects: in which views; all of the run.
        transforms: m.
        columns: variants of each sample.
        fixed_batch: the model's batch size, where it takes no other.
    """
    for_all = ""
    if fixed_batch is not None:
        for_all = "the model's batch size is fixed"
    elif columns != transforms:
        for_all = "a measure compares with the untransformed samples, which are no transform of the set"
    looking: dict[str, list[Subject]] = {}
    for each in subjects:
        looking.setdefault(each.layer.name, []).append(each)
    obstacles = {
        layer.name: reason
        for layer in layers
        if (reason := for_all or _reason(looking.get(layer.name, [])) or obstacle(model, layer))
    }
    return Pushable(frozenset(layer.name for layer in layers) - obstacles.keys(), obstacles)


def _reason(subjects: Sequence[Subject]) -> str:
    if len(subjects) != 1:
        return "it is looked at in several ways"
    (subject,) = subjects
    if set(subject.kinds) != SINGLE or subject.untransformed:
        return "a measure takes more than sums of rows and columns"
    if subject.is_exact:
        return "a measure needs its sums in float64"
    return "" if subject.is_single else "it is not looked at as it is, in float32 or coarser"
