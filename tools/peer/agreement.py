"""How far one set of values is from another, channel by channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onnxinv.plan import Plan

MEASURES = ("transformational-variance", "sample-variance", "normalized-variance")
"""What tmeasures and onnxinv both have: TV, SV, and their quotient NV."""

Values = Mapping[str, np.ndarray]
"""One value a channel by `<measure>/<layer index as four digits>`, as in a result."""


@dataclass(frozen=True)
class Agreement:
    """Relative differences of the channels of all layers.

    Attributes:
        channels: how many were compared, for each measure.
        zero: values that are exactly zero on both sides: the variances of dead channels.
        disputed: values that are zero on one side only, or not finite on one only; their difference is infinite.
        median: of the differences of all values.
        largest: likewise.
        where: layer and channel of the largest.
    """

    channels: int
    zero: int
    disputed: int
    median: float
    largest: float
    where: str


def labels(plan: Plan) -> dict[str, str]:
    """Return what the layers are called, by their index as four digits."""
    return {f"{layer.index:04d}": layer.label for layer in plan.layers}


def agreement(layers: Mapping[str, str], ours: Values, theirs: Values, measures: Sequence[str] = MEASURES) -> Agreement:
    """Compare the values of some measures; equal ones, infinities and zeros too, differ by 0.

    Args:
        layers: `labels` of those to compare.
        ours: what the differences are relative to.
        theirs: of the same layers.
        measures: which to compare, together.

    Raises:
        ValueError: a layer has more channels on one side than on the other.
    """
    zero = 0
    differences, where = [], []
    for measure in measures:
        for index, label in layers.items():
            key = f"{measure}/{index}"
            one, other = np.asarray(ours[key], np.float64), np.asarray(theirs[key], np.float64)
            if one.shape != other.shape:
                raise ValueError(f"{key} has {one.shape} values on one side, {other.shape} on the other.")
            with np.errstate(invalid="ignore", divide="ignore"):
                relative = np.abs(other / one - 1)
            same = (one == other) | (np.isnan(one) & np.isnan(other))
            sound = np.isfinite(one) & np.isfinite(other) & (one != 0) & (other != 0)
            differences.append(np.where(same, 0.0, np.where(sound, relative, np.inf)))
            where += [f"{label}, channel {channel}" for channel in range(one.size)]
            zero += int(((one == 0) & (other == 0)).sum())
    every = np.concatenate(differences)
    return Agreement(
        channels=every.size // len(measures),
        zero=zero,
        disputed=int(np.isinf(every).sum()),
        median=float(np.median(every)),
        largest=float(every.max()),
        where=where[int(every.argmax())],
    )
