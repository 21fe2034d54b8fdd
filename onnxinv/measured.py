"""What a walk through a plan found, before it becomes a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onnxinv.measures import Measure, Values
from onnxinv.result import MeasureSummary
from onnxinv.spent import Spent

Found = Mapping[str, tuple[Values, MeasureSummary]]
"""Values and summary by measure key."""


@dataclass(frozen=True)
class Finished:
    """What was found of one layer.

    Attributes:
        measures: values and summary by measure key.
        faint: how many units vary so little, beside their size, that rounding blurs what they say.
    """

    measures: Found
    faint: int


@dataclass(frozen=True)
class Measured:
    """What a walk through the plan found.

    Attributes:
        layers: the layers of the plan, in order.
        outputs: of the class output.
        samples: indices of the samples that were measured, ascending.
        groups: how many groups they were in.
        inferences: how many variants were run for them.
        digest: of the samples that were read.
        providers: what the sessions ran on.
        batch: least variants in a run of the model; fewer than planned where memory did not do for more.
        seconds: from the first block to the last finished value; making sessions is not counted.
        spent: on `inference`, on `transforms` and on each measure; what several threads do at once is counted once for
            each.
    """

    layers: tuple[Finished, ...]
    outputs: Found
    samples: npt.NDArray[np.int64]
    groups: int
    inferences: int
    digest: str
    providers: tuple[str, ...]
    batch: int
    seconds: float
    spent: Spent[Measure | str]
