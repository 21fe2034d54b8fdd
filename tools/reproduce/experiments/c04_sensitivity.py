"""C4: is normalized variance more sensitive than earlier measures?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tools.reproduce import figures
from tools.reproduce.conditions import Condition, measured
from tools.reproduce.experiment import Experiment, Outcome, Picture, Table, status_of
from tools.reproduce.measurement import NORMALIZED_VARIANCE, Measurement
from tools.reproduce.profiles import Array, Found
from tools.reproduce.replicates import Estimate, hedges, jackknife
from tools.reproduce.study import Study

EARLIER = ("goodfellow", "firing-ratio", "anova-f")
"""Measures that the paper's are compared with."""

MORE_INVARIANT = {
    NORMALIZED_VARIANCE: -1,
    "normalized-distance": -1,
    "variance-share-sample": 1,
    "variance-share-interaction": -1,
    "goodfellow": 1,
    "firing-ratio": 1,
    "anova-f": -1,
    "anova-variant": -1,
}
"""Sign of the change with which a measure says that a network became more invariant."""


def needs(study: Study) -> list[Measurement]:
    """Return augmented and plain networks, measured under every transform set."""
    return [
        each
        for name in study.transforms
        for augmented in (True, False)
        for each in measured(study, Condition(study.digits, name), augmented=augmented)
    ]


def effect(augmented: list[Array], plain: list[Array], sign: int, rows: NDArray[np.intp]) -> float:
    """Return the median effect size over the layers of all transform sets, of the seeds in `rows`.

    A layer that has no effect size, because the measure is constant there or undefined, has none to show: 0.
    """
    sizes = [hedges(a[rows], b[rows]) for a, b in zip(augmented, plain, strict=True)]
    signed = np.concatenate(sizes) * sign
    return float(np.median(np.where(np.isnan(signed), 0.0, signed)))


def told(augmented: list[Array], plain: list[Array]) -> float:
    """Return the share of layers that have an effect size, of all transform sets."""
    sizes = [hedges(a, b) for a, b in zip(augmented, plain, strict=True)]
    return float(1 - np.isnan(np.concatenate(sizes)).mean())


def decide(study: Study, found: Found) -> Outcome:
    """Compare effect sizes, with intervals over seeds."""
    shown: dict[str, Estimate] = {}
    profiles: dict[str, tuple[list[Array], list[Array]]] = {}
    for key, sign in MORE_INVARIANT.items():
        augmented, plain = (
            [
                found.profiles(measured(study, Condition(study.digits, name), augmented=each), key)
                for name in study.transforms
            ]
            for each in (True, False)
        )
        profiles[key] = augmented, plain
        shown[key] = jackknife(study.replicates, lambda rows, a=augmented, b=plain, s=sign: effect(a, b, s, rows))

    def lead(other: str) -> Estimate:
        def difference(rows: NDArray[np.intp]) -> float:
            ours, theirs = (effect(*profiles[key], MORE_INVARIANT[key], rows) for key in (NORMALIZED_VARIANCE, other))
            return ours - theirs

        return jackknife(study.replicates, difference)

    leads = {other: lead(other) for other in MORE_INVARIANT if other != NORMALIZED_VARIANCE}
    status = status_of(
        holds=all(leads[other].low > 0 for other in EARLIER), fails=any(leads[other].high < 0 for other in EARLIER)
    )
    ranked = sorted(shown, key=lambda key: -shown[key].value)
    against = ", ".join(f"{other} {leads[other]}" for other in EARLIER)
    rows = [
        (
            key,
            str(shown[key]),
            "" if key == NORMALIZED_VARIANCE else str(leads[key]),
            f"{100 * told(*profiles[key]):.0f} %",
        )
        for key in ranked
    ]
    bars = {key: (shown[key].value, shown[key].low, shown[key].high) for key in ranked}
    return Outcome(
        status,
        f"The median effect size of normalized variance is {shown[NORMALIZED_VARIANCE]}; its lead over earlier "
        f"measures: {against}. Most sensitive of all: {ranked[0]}.",
        (
            Table(
                "Effect size of augmentation, by measure",
                ("measure", "median Hedges' g", "lead of NV", "layers with one"),
                rows,
            ),
        ),
        (
            Picture(
                "c04_effects",
                "Effect size of augmentation by measure, in deviations between seeds, positive where the measure calls "
                "augmented networks more invariant",
                figures.bars(bars, label="median Hedges' g over layers"),
            ),
        ),
    )


EXPERIMENT = Experiment(
    "C4",
    "Normalized variance is more sensitive than earlier measures.",
    "Networks with and without augmentation are measured under every transform set. The effect size of a layer is "
    "Hedges' g of the augmented against the plain networks, seeds being the replicates, positive where the measure "
    "calls the augmented ones more invariant; a measure's sensitivity is its median over layers and sets, where "
    "a layer that has no value in some network, or the same in all, counts as 0. "
    "Normalized variance must lead Goodfellow's measure, the firing ratio (what the original code computes under "
    "Goodfellow's name) and the ANOVA F, each with its whole 95 % jackknife interval over seeds; it does not hold "
    "where one leads it.",
    needs,
    decide,
)
