"""The activations of two models on the same untransformed samples: which layers are alike, and how far they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from onnxinv.alignment import Evidence
from onnxinv.model.axes import relative_difference
from onnxinv.model.rewrite import expose
from onnxinv.plan import Plan
from onnxinv.sessions import Sessions
from onnxinv.statistics.minibatch_hsic import LEAST_SAMPLES, u_centred

Array = npt.NDArray[np.float64]

_MOST, _LEAST = 128, 4
"""Samples that are looked at; fewer where memory asks for it, but not fewer than the second."""

_AT_ONCE = 8
"""Samples of one run of the model."""

_NEARLY = 1e-3
"""Relative difference of two Gram matrices up to which activations are taken for the same."""

_SAME_CKA = 0.9
"""Linear CKA that the same activations have at least: a large mean in common makes Gram matrices alike by itself."""

_REORDER = 1e-2
"""Difference, in root mean squares, above which the channels are looked for in another order."""

_RESIDUE = 1e-10
"""Share of a Gram matrix that differences between samples must exceed: a hundredfold rounding to float32, squared."""

_CHANNELS = 2048
"""Most channels that are assigned by least squares."""

_DISTANCES = 1 << 23
"""Distances of channels that are held at once."""


@dataclass(frozen=True)
class Activations:
    """What a model's layers hold on some untransformed samples.

    Attributes:
        layers: one array a layer, (samples, channels, *rest).
    """

    layers: tuple[npt.NDArray[np.float32 | np.float64], ...]

    @cached_property
    def grams(self) -> Array:
        """(layers, samples, samples) scalar products of the samples."""
        with np.errstate(invalid="ignore", over="ignore"):  # layers that are not finite
            return np.stack([_gram(each) for each in self.layers])


@dataclass(frozen=True)
class Agreement:
    """How far two layers agree, activation by activation.

    Attributes:
        difference: largest difference, in root mean squares of the second.
        order: (channels,) which channel of the second is which of the first; None where the order is the same.
    """

    difference: float
    order: npt.NDArray[np.intp] | None


def samples_at_hand(plans: Sequence[Plan]) -> npt.NDArray[np.int64]:
    """Return the samples to look at: the first of the shuffled ones, four or as many as half the memory holds.

    All layers of all models are held at once, in float32.
    """
    order = np.concatenate([part for group in plans[0].groups for part in group])
    size = sum(layer.units for plan in plans for layer in plan.layers) * np.dtype(np.float32).itemsize
    budget = min(plan.layout.memory.budget for plan in plans) // 2
    return order[: min(_MOST, max(_LEAST, budget // max(1, size)))]


def observe(plan: Plan, samples: npt.NDArray[np.int64]) -> Activations:
    """Run the model on untransformed samples and keep what its layers hold."""
    exposed = expose(plan.model.proto, [layer.name for layer in plan.layers])
    sessions = Sessions(plan.model, plan.device, plan.config.threads)
    session = sessions.session(exposed.proto, optimize=plan.probe.optimize)
    column = slice(plan.untransformed, plan.untransformed + 1)
    at_once = plan.probe.fixed_batch or min(_AT_ONCE, plan.layout.batch)
    kept: list[npt.NDArray[np.float32 | np.float64]] = []
    for start in range(0, len(samples), at_once):
        chosen = [int(index) for index in samples[start : start + at_once]]
        feed = plan.feeds.batch(chosen, column, plan.probe.fixed_batch)
        raw = session.run(feed, [exposed.outputs[layer.name] for layer in plan.layers])
        for place, (layer, tensor) in enumerate(zip(plan.layers, raw, strict=True)):
            grid = layer.batch.to_front(tensor)[: len(chosen)].reshape(len(chosen), *layer.shape)
            front = np.moveaxis(grid, layer.channel_axis + 1, 1) if layer.shape else grid
            if not start:
                wide = np.float64 if grid.dtype == np.float64 else np.float32
                kept.append(np.empty((len(samples), *front.shape[1:]), wide))
            kept[place][start : start + len(chosen)] = front
    return Activations(tuple(kept))


def gather_evidence(a: Activations, b: Activations, weights: npt.NDArray[np.bool_] | None = None) -> Evidence | None:
    """Return what is known of which layers correspond; None of too few samples.

    Args:
        a: activations of one model.
        b: of the other, on the same samples.
        weights: (layers of a, layers of b), whether two operators have the same weights.
    """
    if len(a.layers[0]) < LEAST_SAMPLES:
        return None
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # layers of zeros, and ones that are not finite
        grams_a, grams_b = a.grams, b.grams
        flat_a, flat_b = (grams.reshape(len(grams), -1) for grams in (grams_a, grams_b))
        size_a, size_b = ((flat**2).sum(1) for flat in (flat_a, flat_b))
        apart = size_a[:, None] + size_b - 2 * flat_a @ flat_b.T
        same = apart <= _NEARLY**2 * np.minimum.outer(size_a, size_b)
        cka = _cka(grams_a, grams_b)
    same = same & ~(cka < _SAME_CKA) & (size_a[:, None] > 0)
    return Evidence(cka, same, weights)


def agreement(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Agreement | None:
    """Compare two layers activation by activation, in another order of channels where that makes them agree.

    Args:
        a: (samples, channels, *rest) of the first.
        b: of the second.

    Returns:
        None where their shapes differ, but for axes of one element.
    """
    a, b = (each.reshape(*each.shape[:2], *(length for length in each.shape[2:] if length > 1)) for each in (a, b))
    if a.shape != b.shape:
        return None
    plain = relative_difference(a, b)
    if plain <= _REORDER or a.ndim < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return Agreement(plain, None)
    order = _matching_channels(a, b)
    reordered = relative_difference(a, b[:, order])
    return Agreement(reordered, order) if reordered <= _REORDER else Agreement(plain, None)


def _matching_channels(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
    """Return, for every channel of the first, the channel of the second that is its own.

    That is the nearest one, where it is the nearest of no other. The rest, such as channels of zeros, are assigned by
    least squares over all, or in order where they are too many for that.
    """
    from scipy.optimize import linear_sum_assignment  # heavy libraries are imported where used

    first, second = (np.moveaxis(each, 1, 0).reshape(each.shape[1], -1).astype(np.float64) for each in (a, b))
    together = max(1, _DISTANCES // len(second))
    rows = range(0, len(first), together)
    order = np.concatenate([_distances(first[row : row + together], second).argmin(1) for row in rows])
    claims = np.bincount(order, minlength=len(second))
    open_rows, open_columns = np.flatnonzero(claims[order] > 1), np.flatnonzero(claims != 1)
    if len(open_rows) <= _CHANNELS:
        open_columns = open_columns[linear_sum_assignment(_distances(first[open_rows], second[open_columns]))[1]]
    order[open_rows] = open_columns
    return np.asarray(order)


def _distances(a: Array, b: Array) -> Array:
    return np.asarray((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T)


def _gram(values: npt.NDArray[np.floating]) -> Array:
    vectors = values.reshape(len(values), -1).astype(np.float64)
    return np.asarray(vectors @ vectors.T)


def _cka(a: Array, b: Array) -> Array:
    """Return the linear CKA of every two layers from their Gram matrices, by the unbiased estimator of HSIC.

    Source: Kornblith et al., Similarity of Neural Network Representations Revisited, ICML 2019; Song et al., JMLR 13
    (2012).
    """
    centred = [u_centred(_about_first(grams)).reshape(len(grams), -1) for grams in (a, b)]
    lengths = [np.sqrt((each**2).sum(1)) for each in centred]
    for length, grams in zip(lengths, (a, b), strict=True):
        length[length <= _RESIDUE * np.sqrt((grams.reshape(len(grams), -1) ** 2).sum(1))] = np.nan
    return np.asarray(centred[0] @ centred[1].T / np.outer(*lengths))


def _about_first(grams: Array) -> Array:
    """Return the Gram matrices of the differences from the first vector: a mean in common would drown the rest."""
    return np.asarray(grams - grams[:, :1] - grams[:, :, :1] + grams[:, :1, :1])
