"""C1: is the layer profile stable to random initialisation?"""

from __future__ import annotations

import numpy as np

from tools.reproduce import figures, replicates
from tools.reproduce.conditions import conditions, measured
from tools.reproduce.experiment import Experiment, Outcome, Picture, Table, status_of
from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Array, Found
from tools.reproduce.study import Study

ALIKE = 0.9
"""Mean pairwise rank correlation above which profiles count as stable."""

SMALL = 1 / 3
"""Ratio of deviations below which the one between seeds is much smaller than the one between layers."""


def needs(study: Study) -> list[Measurement]:
    """Return the measurements of all augmented conditions."""
    return [each for condition in conditions(study) for each in measured(study, condition)]


def deviation_ratio(profiles: Array) -> float:
    """Return the deviation between seeds, as a mean over layers, over that of the mean profile between layers."""
    return float(profiles.std(axis=0, ddof=1).mean() / profiles.mean(axis=0).std(ddof=1))


def decide(study: Study, found: Found) -> Outcome:
    """Hold every condition against both thresholds."""
    rows, panels, holds, fails = [], {}, True, False
    correlations, ratios = [], []
    for condition in conditions(study):
        group = measured(study, condition)
        profiles = found.profiles(group)
        count = len(profiles)
        alike = replicates.jackknife(count, lambda seeds, p=profiles: replicates.pairwise_spearman(p[seeds]))
        ratio = replicates.jackknife(count, lambda seeds, p=profiles: deviation_ratio(p[seeds]))
        here = status_of(holds=alike.low > ALIKE and ratio.high < SMALL, fails=alike.high < ALIKE or ratio.low > SMALL)
        holds, fails = holds and here == "holds", fails or here == "does not hold"
        rows.append((condition.name, str(count), str(alike), str(ratio), here))
        correlations.append(alike.value)
        ratios.append(ratio.value)
        panels[condition.name] = {"seeds": (found.labels(group[0]), profiles)}
    least, most = np.min(correlations), np.max(ratios)
    return Outcome(
        status_of(holds=holds, fails=fails),
        f"Mean pairwise Spearman correlation of profiles is at least {least:.3g} (asked: interval above {ALIKE}), and "
        f"the deviation between seeds at most {most:.3g} of that between layers (asked: interval below 1/3), over "
        f"{len(rows)} conditions of {study.replicates} seeds.",
        (
            Table(
                "Stability to initialisation, with jackknife intervals over seeds",
                ("condition", "seeds", "Spearman", "deviation ratio", "verdict"),
                rows,
            ),
        ),
        (
            Picture(
                "c01_profiles",
                "Layer profiles of normalized variance: mean over seeds, and range",
                figures.profiles(panels),
            ),
        ),
    )


EXPERIMENT = Experiment(
    "C1",
    "The layer profile is stable to random initialisation.",
    "Networks that differ in their seed alone (weights, order, augmentation) are measured under the transforms they "
    "were trained with. Decided for every condition: the mean pairwise Spearman correlation of the profiles must be "
    f"above {ALIKE}, and the deviation between seeds (mean over layers) below a third of that between layers, each "
    "with its whole 95 % jackknife interval over seeds; it does not hold if one lies on the other side with all of it.",
    needs,
    decide,
)
