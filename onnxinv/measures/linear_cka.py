"""Linear CKA: whether samples lie to each other under a transform as they do without it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from onnxinv.measures import register
from onnxinv.measures.measure import Bounds, Direction, Measure, Scope, Values
from onnxinv.measures.needs import RANDOM_ORDER, Need
from onnxinv.measures.units import Units
from onnxinv.statistics import Array, State, Statistic
from onnxinv.statistics.minibatch_hsic import LEAST_SAMPLES, MinibatchHsic


@register("linear-cka")
class LinearCka(Measure):
    """Linear centred kernel alignment between the layer on the untransformed samples and on each transform of them.

    `CKA_j = mean_b HSIC1(K_b, L_bj) / sqrt(mean_b HSIC1(K_b, K_b) mean_b HSIC1(L_bj, L_bj))`, where K_b and L_bj hold
    the scalar products of the layer's whole vectors on block b of samples, untransformed and under transform j, and
    HSIC1 is the unbiased estimator of Song et al. Blocks are 16 consecutive samples of a shuffled group, its last block
    fewer; one of fewer than 4 is skipped, any other weighs the same. The value is the mean over the m transforms, the
    identity among them if it is one of the set; the profile is CKA_j of each transform.

    Range -1 to 1; higher is more invariant. 1: the transform leaves how samples lie to each other, though it may shift,
    rotate, mirror or scale all vectors alike: the layer is then not invariant, but nothing that tells samples apart is
    lost. About 0: nothing in common; unbiased estimates scatter about 0, so they can be negative, but not beyond -1
    and 1, since HSIC1 is an inner product. Null: under some transform, or without any, the layer tells no sample of a
    block from another, or no group has 4 samples; dead where it never tells any apart. What rounding alone would give
    counts as none. nan: an activation was not finite, and with it the vectors.

    It needs groups of four samples and one transform. Samples must come in random order. Cost: one difference and 16
    products for every activation; the engine collects 16 samples with all transforms at a time.

    Source: Kornblith, Norouzi, Lee, Hinton, Similarity of Neural Network Representations Revisited, ICML 2019, arXiv
    1905.00414; the estimator from minibatches by Nguyen, Raghu, Kornblith, Do Wide and Deep Networks Learn the Same
    Things?, ICLR 2021, arXiv 2010.15327; Song et al., Feature Selection via Dependence Maximization, JMLR 13, 2012.
    """

    statistics: ClassVar[tuple[type[Statistic], ...]] = (MinibatchHsic,)
    scope: ClassVar[Scope] = "layer"
    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[Bounds] = (-1.0, 1.0)
    samples_needed: ClassVar[int] = LEAST_SAMPLES
    needs: ClassVar[tuple[Need, ...]] = (RANDOM_ORDER,)
    parts: ClassVar = ("linear-cka",)
    aggregation: ClassVar[str] = "one value for the layer: scalar products of whole vectors"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the mean alignment by key, with that of each transform as profile."""
        found = state[MinibatchHsic]
        count = found.count or math.nan
        # What comes out where every activation is off by its own rounding: of u units, a u-th of the squared size.
        rounding = np.square(units.resolution**2 * found.squares / count) / units.total
        alone = np.where(found.alone / count <= rounding, 0.0, found.alone / count)
        profile = _alignment(found.cross / count, alone[0], alone[1:])
        value = profile.mean(keepdims=True)
        dead = np.array([not alone.any()])
        silent = np.isnan(value) & np.isfinite(found.alone).all()
        return dict.fromkeys(self.result_keys(), Values(value, dead, profile=profile[:, None], silent=silent))


def _alignment(cross: Array, own: Array, other: Array) -> Array:
    defined = (own > 0) & (other > 0) & np.isfinite(cross) & np.isfinite(own) & np.isfinite(other)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The root of a quotient, not of a product, is exactly 1 where both are equal.
        return np.where(defined, np.clip(cross / (other * np.sqrt(own / other)), -1, 1), math.nan)
