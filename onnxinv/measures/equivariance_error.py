"""Equivariance error: how far a feature map is from being transformed like its input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from onnxinv.measures import register
from onnxinv.measures.measure import Direction, Measure, Values, View
from onnxinv.measures.needs import Need
from onnxinv.measures.normalized_variance_se import NEEDS
from onnxinv.measures.units import Units
from onnxinv.statistics import Array, State
from onnxinv.statistics.residuals import Residuals


@register("equivariance-error")
class EquivarianceError(Measure):
    """Root mean square of `F(t_j(x_i)) - t_j(F(x_i))` over that of `F(x_i)`.

    `sqrt(sum_ij |F(t_j x_i) - t_j F(x_i)|^2 / (m sum_i |F(x_i)|^2))` over the pixels that count, those in frame under
    every transform and every inverse, and over samples; the profile holds the same for single transforms.

    Range 0 to infinity: 0 is equivariant; about 1.4 is a map that has nothing in common with the transformed one. A
    channel whose map is 0 for every untransformed sample has no error and is dead, or infinite where it is not 0 under
    a transform. Errors within the rounding of activations count as 0. Beside it the `floor`: the same measure of the
    input image, resampled to the size of the map, which is what interpolation alone makes.

    It needs feature maps and transforms that can be undone: geometric ones, or a user's callables with an inverse.

    Source: the relative equivariance error as in Lenc and Vedaldi, Understanding image representations by measuring
    their equivariance and equivalence, CVPR 2015, without a learnt map.
    """

    view: ClassVar[View] = "residual"
    needs: ClassVar[tuple[Need, ...]] = NEEDS
    statistics: ClassVar = (Residuals,)
    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar = (0.0, math.inf)
    samples_needed: ClassVar[int] = 1
    parts: ClassVar = ("equivariance-error",)
    aggregation: ClassVar = "squares added over space, then the quotient"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the error by key."""
        residuals = state[Residuals]
        squares = np.stack([units.sum(each) for each in residuals.squares])
        energy = units.sum(residuals.energy)
        total = squares.sum(axis=0)
        profile = _relative(squares, energy, units)
        error = _relative(total / len(squares), energy, units)
        return dict.fromkeys(self.result_keys(), Values(error, (total == 0) & (energy == 0), profile))


def _relative(squares: Array, energy: Array, units: Units) -> Array:
    """Return the root of the quotient: 0 where it is rounding, nan where an activation is not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(squares / energy)
    error = np.where(error <= units.resolution, 0.0, error)
    known: Array = np.where(np.isfinite(squares) & np.isfinite(energy), error, np.nan)
    return known
