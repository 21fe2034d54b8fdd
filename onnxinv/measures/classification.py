"""What the measures of a model's class output share."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from onnxinv.measures.measure import Bounds, Measure, Scope, Values, View
from onnxinv.measures.needs import CLASS_OUTPUT, Need
from onnxinv.statistics import Array
from onnxinv.statistics.predictions import Predictions


class ClassificationMeasure(Measure):
    """A measure of the classes that a model predicts: a mean over samples of numbers between 0 and 1.

    Where all groups of samples agree, as where no class ever changes, its interval is that of a proportion. For means
    of numbers between 0 and 1 that are all 0 or all 1 it holds the true mean at least as often.
    """

    statistics: ClassVar = (Predictions,)
    view: ClassVar[View] = "classes"
    scope: ClassVar[Scope] = "output"
    bounds: ClassVar[Bounds] = (0.0, 1.0)
    proportion: ClassVar[bool] = True
    samples_needed: ClassVar[int] = 1
    needs: ClassVar[tuple[Need, ...]] = (CLASS_OUTPUT,)
    aggregation: ClassVar[str] = "one value for the model"


def one_value(value: float) -> Values:
    """Return the values of a measure that has just one number for the model; no model is dead."""
    return Values(np.array([value]), np.zeros(1, dtype=np.bool_))


def share_by_transform(sums: Array, samples: int) -> Values:
    """Return the mean over samples and transforms, with the mean over samples as profile.

    Args:
        sums: (transforms,) sums over samples.
        samples: how many; without any the values are nan.
    """
    count = samples or math.nan
    # Divided once, so that equal counts over equal totals give equal numbers whichever transforms they came from.
    mean = float(sums.sum()) / (count * sums.size)
    return Values(np.array([mean]), np.zeros(1, dtype=np.bool_), profile=(sums / count)[:, None])
