"""Pairwise consistency: how often two transforms of a sample are given the same class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.classification import ClassificationMeasure, one_value
from onnxinv.measures.measure import Direction, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State
from onnxinv.statistics.predictions import Predictions


@register("pairwise-consistency")
class PairwiseConsistency(ClassificationMeasure):
    """The share of pairs of different transforms under which a sample is given the same class.

    `mean_i sum_c n_ic (n_ic - 1) / (m (m - 1))`, with n_ic the number of the m transforms under which sample i is given
    class c. The untransformed sample takes part only where the identity is one of the transforms. Of classes that are
    equally probable the first counts.

    Range 0 to 1; higher is more invariant, and 1 is no class ever changed. nan: a probability was not finite. It needs
    two transforms and a class output; one sample is enough.

    Cost: beside `top1-consistency`, the sorting of m class numbers for every sample.

    Source: Zhang, Making Convolutional Networks Shift-Invariant Again, ICML 2019, arXiv 1904.11486 (classification
    consistency, of two random shifts; here of all pairs of transforms).
    """

    direction: ClassVar[Direction] = "higher"
    transforms_needed: ClassVar[int] = 2
    parts: ClassVar = ("pairwise-consistency",)

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the share by key."""
        predictions = state[Predictions]
        transforms = predictions.same.size
        pairs = predictions.count * transforms * (transforms - 1)
        return dict.fromkeys(self.result_keys(), one_value(predictions.agreeing / (pairs or math.nan)))
