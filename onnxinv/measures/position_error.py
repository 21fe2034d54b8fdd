"""What it adds to the uncertainty of a layer value that some positions of each channel are measured, not all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onnxinv.measures.units import Units
from onnxinv.statistics import Array

_MOST_FOLDS = 16
"""Folds, at most, that the positions of few channels are left out in."""

_FOLDS_OF_MANY, _MANY_CHANNELS = 8, 16
"""As many deviations as that many folds give for each of so many channels tell the error just as well."""

_SHUFFLES = 8


@dataclass(frozen=True)
class Replicates:
    """Values of a layer, each time without some of the positions that were drawn.

    Attributes:
        values: (folds, values) for each fold, on the positions of all the others.
        missed: share of the positions that were not drawn.
    """

    values: Array
    missed: float


@dataclass(frozen=True)
class PositionError:
    """What the choice of positions adds to the standard error of a layer value, and to its bias."""

    se: float
    bias: float


def remaining(units: Units) -> list[npt.NDArray[np.intp]]:
    """Return, for each fold of the drawn positions, the units of all the others; none where nothing was drawn.

    A channel's positions stand in the order they were drawn in, so any part of them is a random fold.
    """
    if units.drawn is None:
        return []
    folds = min(units.drawn, _MOST_FOLDS if units.count < _MANY_CHANNELS else _FOLDS_OF_MANY)
    fold = np.arange(units.channel.size) % units.drawn % folds
    return [np.flatnonzero(fold != left_out) for left_out in range(folds)]


def missed(units: Units) -> float:
    """Return the share of the layer's units that were not drawn."""
    return 1 - units.channel.size / units.total


def position_errors(
    values: Array, replicates: Replicates, locations: Mapping[str, Callable[[Array], Array]]
) -> dict[str, PositionError]:
    """Return the delete-a-group jackknife over positions, for each location over channels.

    `se^2 = (1 - P/N) (K-1)/K sum_k (v_-k - mean)^2` and `bias = (1 - P/N) (K-1) (mean(v_-k) - v)`, of P positions
    out of N in K folds. Every channel has positions of its own, so which of a channel's folds is left out together with
    which of another's means nothing: the sum is averaged over such pairings, for the mean over all of them.

    The bias of the mean is that of the values. Beside it, errors of single values spread them, which moves quantiles
    outwards: a quantile is held against that of the values drawn together to the spread that they have without errors.

    Args:
        values: (values,) on all positions that were drawn.
        replicates: the same without one fold after the other.
        locations: mean, median and the like, along the last axis.

    Returns:
        What is known of each location; nothing where no value is finite all along.

    Source: Shao and Wu, The Jackknife and Bootstrap (1995), chapters 2 and 6, for samples without replacement; Louis,
    Estimating a population of parameter values using Bayes and empirical Bayes methods, JASA 79 (1984), for the spread.
    """
    common = np.isfinite(values) & np.isfinite(replicates.values).all(axis=0)
    if not common.any():
        return {}
    whole, parts = values[common], replicates.values[:, common]
    folds = len(parts)
    deviations = parts - parts.mean(axis=0)
    factor = replicates.missed * (folds - 1) / folds
    errors = factor * np.square(deviations).sum(axis=0)
    bias = float(replicates.missed * (folds - 1) * (parts.mean(axis=0) - whole).mean())
    together = _drawn_together(whole, errors)
    generator = np.random.default_rng(0)
    paired = generator.permuted(np.broadcast_to(parts, (_SHUFFLES, *parts.shape)), axis=1)
    found = {}
    for name, location in locations.items():
        if name == "mean":
            variance = float(errors.sum()) / whole.size**2
        else:
            of_parts = location(paired)
            variance = factor * float(np.square(of_parts - of_parts.mean(axis=1, keepdims=True)).sum()) / _SHUFFLES
        found[name] = PositionError(variance**0.5, bias + float(location(whole) - location(together)))
    return found


def _drawn_together(values: Array, errors: Array) -> Array:
    """Return values with the same mean, and with the variance that is left without that of their errors."""
    spread = float(values.var(ddof=1)) if values.size > 1 else 0.0
    left = max(0.0, 1 - float(errors.mean()) / spread) if spread else 1.0
    together: Array = values.mean() + left**0.5 * (values - values.mean())
    return together
