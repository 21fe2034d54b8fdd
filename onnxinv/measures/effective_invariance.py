"""Effective invariance: whether a transform leaves the predicted class, and how sure the model is of it both times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.classification import ClassificationMeasure, share_by_transform
from onnxinv.measures.measure import Direction, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State
from onnxinv.statistics.predictions import Predictions


@register("effective-invariance")
class EffectiveInvariance(ClassificationMeasure):
    """The mean geometric mean of the two top probabilities where the class is kept, and 0 where it is not.

    `EI = mean_ij 1[argmax f(t_j(x_i)) = argmax f(x_i)] sqrt(p_i p_ij)`, with p_i the top probability of the
    untransformed sample and p_ij that of the transformed one; the mean runs over the n samples and the m transforms,
    the identity among them if it is one of the set. Its profile is the mean over samples for every transform.

    Range 0 to 1; higher is more invariant. It is 1 only where every class is kept with probability 1, and it is never
    above `top1-consistency`: the identity alone gives the mean top probability. nan: a probability was not finite. The
    model must have a class output; one sample and one transform are enough.

    Cost: nothing beside `top1-consistency`.

    Source: Deng, Gould, Zheng, On the Strong Correlation Between Model Invariance and Generalization, NeurIPS 2022,
    arXiv 2207.07065.
    """

    direction: ClassVar[Direction] = "higher"
    parts: ClassVar = ("effective-invariance",)

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the mean by key."""
        predictions = state[Predictions]
        return dict.fromkeys(self.result_keys(), share_by_transform(predictions.effective, predictions.count))
