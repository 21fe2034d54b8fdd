"""Networks other than SimpleConv, on the digits, measured under rotation."""

from __future__ import annotations

from tools.reproduce.measurement import Measurement
from tools.reproduce.study import Study


def architectures(study: Study, network: str, *, augmented: bool) -> list[Measurement]:
    """Return the measurements of an architecture, on half as many seeds as variants have.

    Args:
        study: sizes.
        network: a name of `networks`.
        augmented: whether trained with rotations.
    """
    augment = "rotation" if augmented else None
    seeds = list(study.variant_seeds)[: study.variants // 2]
    return [study.measured(study.recipe(study.digits, augment, seed, network=network), "rotation") for seed in seeds]
