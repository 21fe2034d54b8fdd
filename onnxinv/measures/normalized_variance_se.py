"""Same-equivariance by variances: the variance measures of feature maps with the transform undone on the map."""

from __future__ import annotations

from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.measure import View
from onnxinv.measures.needs import FEATURE_MAPS, GEOMETRY, MAPS_KEPT, Need
from onnxinv.measures.normalized_variance import NormalizedVariance
from onnxinv.measures.sample_variance import SampleVariance
from onnxinv.measures.transformational_variance import TransformationalVariance

NEEDS: tuple[Need, ...] = (MAPS_KEPT, GEOMETRY, FEATURE_MAPS)
"""What every measure needs that undoes transforms on feature maps."""


@register("normalized-variance-se")
class NormalizedVarianceSe(NormalizedVariance):
    """Normalized variance of `B[i,j] = t_j^-1(F(t_j(x_i)))`: whether a feature map turns with its input.

    Range 0 to infinity: 0 is same-equivariant, the map of a transformed image is the transformed map; the rest as for
    `normalized-variance`. The inverse of a composition is the composition of the inverses in reverse order, about the
    centre of the map, shifts in proportion to its size. A pixel counts only where it is in frame under every transform
    and every inverse. Flips, quarter turns and whole-pixel shifts are exact; others interpolate, which alone gives the
    `floor` in the result: the same measure of the input image, resampled to the size of the map.

    It needs feature maps, two samples, and transforms that can be undone: geometric ones, or a user's callables with an
    inverse, which are handed the maps of a sample like an image of that many channels; all pixels count then.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404.
    """

    view: ClassVar[View] = "aligned"
    needs: ClassVar[tuple[Need, ...]] = NEEDS
    parts: ClassVar = ("normalized-variance-se",)


@register("transformational-variance-se")
class TransformationalVarianceSe(TransformationalVariance):
    """Transformational variance of `B[i,j] = t_j^-1(F(t_j(x_i)))`, the numerator of `normalized-variance-se`.

    Range 0 to infinity, in units of the activation; 0 is same-equivariant.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404.
    """

    view: ClassVar[View] = "aligned"
    needs: ClassVar[tuple[Need, ...]] = NEEDS
    parts: ClassVar = ("transformational-variance-se",)


@register("sample-variance-se")
class SampleVarianceSe(SampleVariance):
    """Sample variance of `B[i,j] = t_j^-1(F(t_j(x_i)))`, the denominator of `normalized-variance-se`.

    Range 0 to infinity, in units of the activation. It says how selective a pixel is, not how equivariant.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404.
    """

    view: ClassVar[View] = "aligned"
    needs: ClassVar[tuple[Need, ...]] = NEEDS
    parts: ClassVar = ("sample-variance-se",)
