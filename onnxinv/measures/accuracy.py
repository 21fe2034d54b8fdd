"""Accuracy: how often a model is right under the transforms, and how often under all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.classification import ClassificationMeasure, one_value, share_by_transform
from onnxinv.measures.measure import Direction, Values
from onnxinv.measures.needs import CLASS_OUTPUT, LABELS, Need
from onnxinv.measures.units import Units
from onnxinv.statistics import State
from onnxinv.statistics.predictions import Predictions


@register("accuracy")
class Accuracy(ClassificationMeasure):
    """The share of transformed samples that are given their label, and of samples that are under every transform.

    `accuracy`, `P(argmax f(t_j(x_i)) = y_i)` over the n samples and m transforms; its profile is the accuracy under
    every transform. `worst-case-accuracy`, `mean_i min_j 1[argmax f(t_j(x_i)) = y_i]`: what is left for an adversary
    who may choose the transform for each sample. Both include the identity only if it is one of the transforms. Of
    classes that are equally probable the first counts.

    Range 0 to 1 for both; higher is better, and worst-case accuracy is never above the lowest accuracy of the profile.
    nan: a probability was not finite. It needs a class output and labels that number its classes from 0; one sample
    and one transform are enough.

    Cost: nothing beside `top1-consistency`.

    Source: Engstrom, Tran, Tsipras, Schmidt, Madry, Exploring the Landscape of Spatial Robustness, ICML 2019, arXiv
    1712.02779 (average and worst-case accuracy over a grid of transforms).
    """

    direction: ClassVar[Direction] = "higher"
    needs: ClassVar[tuple[Need, ...]] = (CLASS_OUTPUT, LABELS)
    parts: ClassVar = ("accuracy", "worst-case-accuracy")

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return both accuracies by key."""
        predictions = state[Predictions]
        average = share_by_transform(predictions.correct, predictions.labelled)
        worst = one_value(predictions.always_correct / (predictions.labelled or math.nan))
        return dict(zip(self.result_keys(), (average, worst), strict=True))
