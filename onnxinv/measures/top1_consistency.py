"""Top-1 consistency: how often a transform leaves the class that a model predicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.classification import ClassificationMeasure, share_by_transform
from onnxinv.measures.measure import Direction, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State
from onnxinv.statistics.predictions import Predictions


@register("top1-consistency")
class Top1Consistency(ClassificationMeasure):
    """The share of transformed samples that keep the class of the untransformed one.

    `P(argmax f(t_j(x_i)) = argmax f(x_i))` over the n samples and m transforms, the identity among them if it is one
    of the set; its profile is the share of samples for every transform. Of classes that are equally probable the first
    counts. Nothing is said of whether the class is right: a model that always answers the same has 1.

    Range 0 to 1; higher is more invariant, and 1 is no class ever changed. nan: a probability was not finite. The
    model must have a class output; one sample and one transform are enough.

    Cost: one argmax over the classes of every transformed sample, shared by all measures of the class output.

    Source: Zhang, Making Convolutional Networks Shift-Invariant Again, ICML 2019, arXiv 1904.11486, whose consistency
    compares two shifts (`pairwise-consistency`); here one of the two is the untransformed sample.
    """

    direction: ClassVar[Direction] = "higher"
    parts: ClassVar = ("top1-consistency",)

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the share by key."""
        predictions = state[Predictions]
        return dict.fromkeys(self.result_keys(), share_by_transform(predictions.same, predictions.count))
