"""What is known of a layer before any alignment, and how unlike two layers look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from onnxinv.op_classes import REQUANTISED, may_correspond, op_class

_BEFORE_BIAS = "dense before its bias"

BAND = 0.35
"""Layers further apart than this share of the depth are not paired by guess."""

_MOST_DOUBLINGS = 1.25
"""Factors of two in channels from which more cost no more: with these, a pair is too dear for a guess already."""

_OTHER_ARITHMETIC = 0.4
"""Cost of another arithmetic operator: too much for a guess, as a sum does not stand for a product."""


@dataclass(frozen=True)
class Outline:
    """What is known of a layer for the alignment.

    Attributes:
        name: its tensor.
        label: what the author called it.
        op: its operator.
        kind: what kind of work it does.
        channels: length of the channel axis.
        units: number of units.
    """

    name: str
    label: str
    op: str
    kind: str
    channels: int
    units: int

    @cached_property
    def words(self) -> frozenset[str]:
        """The words and numbers of its label: conv1 and conv10 share one of them."""
        return frozenset(re.findall(r"[^\W\d_]+|\d+", self.label.lower()))

    @cached_property
    def scope(self) -> str:
        """The label in small letters without the operator behind it, which exporters call what they like."""
        head, separator, last = self.label.rpartition("/")
        return (head if separator and last.split("_")[0].lower() == self.op.lower() else self.label).lower()


class Described(Protocol):
    """A layer, planned or measured."""

    @property
    def name(self) -> str:
        """Its tensor."""

    @property
    def label(self) -> str:
        """What the author called it."""

    @property
    def op(self) -> str:
        """Its operator."""

    @property
    def shape(self) -> Sequence[int]:
        """Of one sample."""

    @property
    def channels(self) -> int:
        """Length of the channel axis."""

    @property
    def units(self) -> int:
        """Number of units."""


def outlines(layers: Sequence[Described]) -> tuple[Outline, ...]:
    """Return what the alignment needs to know of layers.

    A bias that is added behind a MatMul ends the dense layer, which others compute with one Gemm.
    """
    kinds = [op_class(layer.op) for layer in layers]
    for place in range(1, len(layers)):
        before, layer = layers[place - 1], layers[place]
        if (before.op, layer.op) == ("MatMul", "Add") and before.shape == layer.shape:
            kinds[place - 1], kinds[place] = _BEFORE_BIAS, "dense"
    return tuple(
        Outline(layer.name, layer.label, layer.op, kind, layer.channels, layer.units)
        for layer, kind in zip(layers, kinds, strict=True)
    )


def unlikeness(a: Sequence[Outline], b: Sequence[Outline]) -> npt.NDArray[np.float64]:
    """Return how unlike every two layers look, infinite where they do different work.

    Args:
        a: layers of one model, in topological order.
        b: layers of another.

    Returns:
        (a, b) costs of 0 to 1: for another operator, other channels, extent and depth, other words in the label.
    """
    channels, units = ([[getattr(each, what) for each in side] for side in (a, b)] for what in ("channels", "units"))
    many, spread = (np.log2(np.divide.outer(*map(np.array, values))) for values in (channels, units))
    deep = np.abs(depths(len(a))[:, None] - depths(len(b))) / BAND
    shapes = (
        0.3 * np.abs(many).clip(0, _MOST_DOUBLINGS)
        + 0.3 * (np.abs(spread - many) / 4).clip(0, 1)
        + 0.05 * deep.clip(0, 1)
    )
    others = np.full(shapes.shape, np.inf)
    for row, one in enumerate(a):
        for column, other in enumerate(b):
            if may_correspond(one.kind, other.kind):
                apart = len(one.words ^ other.words) / max(1, len(one.words | other.words))
                others[row, column] = _operators(one, other) + 0.1 * apart
    return np.where(np.isinf(others), others, (shapes + others).clip(0, 1))


def depths(count: int) -> npt.NDArray[np.float64]:
    """Return the relative depth of each of so many layers, 0 to 1."""
    return np.linspace(0.0, 1.0, count) if count > 1 else np.zeros(count)


def _operators(one: Outline, other: Outline) -> float:
    if REQUANTISED in (one.kind, other.kind) and one.kind != other.kind:
        return 0.15
    if one.op == other.op:
        return 0.0
    return _OTHER_ARITHMETIC if one.kind == "arithmetic" else 0.05
