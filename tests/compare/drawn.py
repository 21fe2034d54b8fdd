"""Outlines of layers and evidence about them, written down by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from onnxinv.alignment import Alignment, Evidence
from onnxinv.op_classes import op_class
from onnxinv.outline import Outline


def layer(name: str, op: str = "Conv", channels: int = 16, *, label: str | None = None, extent: int = 64) -> Outline:
    """Return a layer that is called by its tensor where its author called it nothing else."""
    return Outline(name, name if label is None else label, op, op_class(op), channels, channels * extent)


def chain(names: Iterable[str], op: str = "Conv", channels: int = 16) -> list[Outline]:
    """Return layers of one operator, alike in all but their names."""
    return [layer(name, op, channels) for name in names]


def blocks(labels: Sequence[str], channels: Sequence[int] | None = None) -> list[Outline]:
    """Return a network of a convolution and a ReLU for each label, between an input and a dense layer."""
    inner = [
        layer(f"{label}/{op}", op, channels[place] if channels else 16, label=f"{label}.{op.lower()}")
        for place, label in enumerate(labels)
        for op in ("Conv", "Relu")
    ]
    return [layer("image", "Input", 3), *inner, layer("classes", "Gemm", 10, extent=1)]


def counted(widths: Sequence[int], first: int = 0) -> list[Outline]:
    """Return such a network with the names that Keras gives: conv2d, conv2d_1, ..., counted on from a number."""
    ends = [f"_{number}" if number else "" for number in range(first, first + len(widths))]
    inner = [
        layer(f"{name}{end}", op, width)
        for end, width in zip(ends, widths, strict=True)
        for name, op in (("conv2d", "Conv"), ("relu", "Relu"))
    ]
    return [layer("image", "Input", 3), *inner, layer("classes", "Gemm", 10, extent=1)]


def evidence(
    a: Sequence[Outline], b: Sequence[Outline], truth: Mapping[int, int], *, same: bool, other: float = 0.3
) -> Evidence:
    """Return what activations say where layers correspond: high CKA there, and equality where it is asked for."""
    cka = np.full((len(a), len(b)), other)
    equal = np.zeros(cka.shape, bool)
    for one, two in truth.items():
        cka[one, two] = 1.0 if same else 0.9
        equal[one, two] = same
    return Evidence(cka, equal)


def places(found: Alignment) -> dict[int, int]:
    """Return the pairs of an alignment by the first's layer."""
    return {pair.a: pair.b for pair in found.pairs}


def named(found: Alignment, a: Sequence[Outline], b: Sequence[Outline]) -> dict[str, str]:
    """Return the pairs of an alignment by tensor name."""
    return {a[pair.a].name: b[pair.b].name for pair in found.pairs}
