"""The conditions that several experiments share: a dataset, and the transforms that belong to it."""

from __future__ import annotations

from dataclasses import dataclass

from tools.reproduce.measurement import COMPARED, NORMALIZED_VARIANCE, Measurement
from tools.reproduce.study import Study


@dataclass(frozen=True)
class Condition:
    """A dataset and a transform set.

    Attributes:
        dataset: a name of `datasets`.
        transforms: a name of the study's transforms.
    """

    dataset: str
    transforms: str

    @property
    def name(self) -> str:
        """What figures call it."""
        return f"{self.dataset}, {self.transforms}"


def conditions(study: Study) -> list[Condition]:
    """Return all transform sets on the digits, and rotation on the other datasets."""
    on_digits = [Condition(study.digits, transforms) for transforms in study.transforms]
    return on_digits + [Condition(other, "rotation") for other in study.others]


def measured(study: Study, condition: Condition, *, augmented: bool = True, percent: int = 100) -> list[Measurement]:
    """Return the measurements of a condition's networks, one a seed.

    Args:
        study: sizes.
        condition: data and transforms.
        augmented: whether the networks were trained with the transforms that they are measured with.
        percent: of the training; before its begin augmentation makes no difference.
    """
    augment = condition.transforms if augmented else None
    # One pass yields all measures, so networks whose measures are compared are measured once.
    compared = condition.dataset == study.digits and percent == 100
    return [
        study.measured(
            study.recipe(condition.dataset, augment, seed),
            condition.transforms,
            measures=COMPARED if compared else (NORMALIZED_VARIANCE,),
            percent=percent,
        )
        for seed in study.seeds
    ]
