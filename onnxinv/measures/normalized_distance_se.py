"""Same-equivariance by distances: normalized distance of feature maps with the transform undone on the map."""

from __future__ import annotations

from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.measure import View
from onnxinv.measures.needs import Need
from onnxinv.measures.normalized_distance import NormalizedDistance
from onnxinv.measures.normalized_variance_se import NEEDS


@register("normalized-distance-se")
class NormalizedDistanceSe(NormalizedDistance):
    """Normalized distance of `B[i,j] = t_j^-1(F(t_j(x_i)))`: whether a feature map turns with its input.

    Range 0 to infinity: 0 is same-equivariant; the rest as for `normalized-distance`, and the pixels that count, the
    exact transforms and the floor beside it as for `normalized-variance-se`.

    It needs feature maps, geometric transforms and two samples in a group.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404.
    """

    view: ClassVar[View] = "aligned"
    needs: ClassVar[tuple[Need, ...]] = NEEDS
    parts: ClassVar = ("normalized-distance-se",)
