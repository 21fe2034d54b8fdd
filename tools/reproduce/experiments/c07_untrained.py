"""C7: do untrained networks already show the structure?"""

from __future__ import annotations

import numpy as np
from scipy import stats

from tools.reproduce import figures
from tools.reproduce.conditions import conditions, measured
from tools.reproduce.experiment import Experiment, Outcome, Picture, Table, status_of
from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Found
from tools.reproduce.replicates import mean_correlation
from tools.reproduce.study import Study

STRONG = 0.5
"""Correlation from which on it is called strong (Cohen 1988)."""


def needs(study: Study) -> list[Measurement]:
    """Return the networks of all conditions before and after their training."""
    return [
        each
        for condition in conditions(study)
        for percent in (0, 100)
        for each in measured(study, condition, percent=percent)
    ]


def decide(study: Study, found: Found) -> Outcome:
    """Correlate every network's profile with its own before training."""
    rows, panels, holds, fails, averages = [], {}, True, False, []
    for condition in conditions(study):
        before, after = (found.profiles(measured(study, condition, percent=percent)) for percent in (0, 100))
        estimate = mean_correlation([stats.spearmanr(a, b).statistic for a, b in zip(before, after, strict=True)])
        here = status_of(holds=estimate.low > STRONG, fails=estimate.high < STRONG)
        holds, fails = holds and here == "holds", fails or here == "does not hold"
        averages.append(estimate.value)
        rows.append((condition.name, str(estimate), here))
        labels = found.labels(measured(study, condition)[0])
        if len(panels) < len(study.transforms):
            panels[condition.name] = {"trained": (labels, after), "untrained": (labels, before)}
    return Outcome(
        status_of(holds=holds, fails=fails),
        f"The Spearman correlation of untrained and trained profiles is at least {np.min(averages):.3g} on average "
        f"over seeds, in {sum(row[2] == 'holds' for row in rows)} of {len(rows)} conditions clearly above {STRONG}.",
        (
            Table(
                "Rank correlation of a network's profile before and after training, mean over seeds",
                ("condition", "Spearman", "verdict"),
                rows,
            ),
        ),
        (Picture("c07_profiles", "Layer profiles before and after training", figures.profiles(panels)),),
    )


EXPERIMENT = Experiment(
    "C7",
    "Untrained networks already show the structure.",
    "Each network is measured with its initial weights and after training. Decided for every condition: the mean "
    f"over seeds of the Spearman correlation of the two profiles must be above {STRONG}, which is called strong, "
    "with its whole 95 % t interval; it does not hold if the interval of a condition lies below.",
    needs,
    decide,
)
