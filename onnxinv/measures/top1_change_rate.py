"""Top-1 change rate: how often a transform changes the predicted class, and by how much its probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.classification import ClassificationMeasure, share_by_transform
from onnxinv.measures.measure import Direction, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State
from onnxinv.statistics.predictions import Predictions


@register("top1-change-rate")
class Top1ChangeRate(ClassificationMeasure):
    """The share of transformed samples whose class changes, and the mean change of the top probability.

    `top1-change-rate`, `P(argmax f(t_j(x_i)) != argmax f(x_i))` over the n samples and m transforms: what
    `top1-consistency` leaves of 1. `top1-probability-change`, `mean_ij |p_ij - p_i|`, with p_i the top probability of
    the untransformed sample and p_ij that of the transformed one, whichever their classes. The means include the
    identity if it is one of the transforms; the profile of either is its mean over samples for every transform.

    Range 0 to 1 for both; lower is more invariant, and 0 is none ever changed. nan: a probability was not finite. The
    model must have a class output; one sample and one transform are enough.

    Cost: nothing beside `top1-consistency`.

    Source: Azulay and Weiss, Why do deep convolutional networks generalize so poorly to small image transformations?,
    JMLR 20 (2019), arXiv 1805.12177 (P(Top-1 Change), and the mean absolute change of the top class's probability).
    """

    direction: ClassVar[Direction] = "lower"
    parts: ClassVar = ("top1-change-rate", "top1-probability-change")

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the rate and the change by key."""
        predictions = state[Predictions]
        sums = predictions.count - predictions.same, predictions.change
        found = [share_by_transform(each, predictions.count) for each in sums]
        return dict(zip(self.result_keys(), found, strict=True))
