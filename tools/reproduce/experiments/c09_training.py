"""C9: do the measures track training?"""

from __future__ import annotations

import json

import numpy as np
from scipy import stats

from tools.reproduce import figures
from tools.reproduce.conditions import Condition, measured
from tools.reproduce.experiment import Experiment, Outcome, Picture, Table, status_of
from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Found
from tools.reproduce.recipe import CHECKPOINTS
from tools.reproduce.replicates import mean_correlation
from tools.reproduce.study import Study


def _points(study: Study) -> dict[int, list[Measurement]]:
    condition = Condition(study.digits, "rotation")
    return {percent: measured(study, condition, percent=percent) for percent in CHECKPOINTS}


def needs(study: Study) -> list[Measurement]:
    """Return augmented networks at all checkpoints."""
    return [each for group in _points(study).values() for each in group]


def decide(study: Study, found: Found) -> Outcome:
    """Correlate the distance to the final profile with the course of the training."""
    points = _points(study)
    profiles = np.stack([found.profiles(group) for group in points.values()])
    gaps = np.sqrt(((profiles[:-1] - profiles[-1]) ** 2).mean(axis=2))
    course = np.arange(len(gaps))
    estimate = mean_correlation([stats.spearmanr(course, gaps[:, seed]).statistic for seed in range(gaps.shape[1])])
    rows = [
        (
            f"{percent} %",
            f"{profiles[place].mean():.3f}",
            f"{profiles[place, :, -1].mean():.3f}",
            f"{gaps[place].mean():.3g}" if place < len(gaps) else "0",
        )
        for place, percent in enumerate(points)
    ]
    final = [
        json.loads((found.workshop.network(each.recipe) / "training.json").read_text())
        for each in points[CHECKPOINTS[-1]]
    ]
    accuracy = np.mean([each["accuracy_augmented"] for each in final])
    labels = found.labels(points[CHECKPOINTS[-1]][0])
    lines = {f"{percent} %": (labels, profiles[place]) for place, percent in enumerate(points)}
    return Outcome(
        status_of(holds=estimate.high < 0, fails=estimate.low > 0),
        f"The Spearman correlation of training and distance to the final profile is {estimate}, mean over seeds; the "
        f"output's normalized variance goes from {rows[0][2]} to {rows[-1][2]} while accuracy under rotation reaches "
        f"{100 * accuracy:.1f} %.",
        (
            Table(
                "Normalized variance in the course of training, mean over seeds",
                ("training", "mean of layers", "output", "distance to the final profile"),
                rows,
            ),
        ),
        (Picture("c09_profiles", "Layer profiles in the course of training", figures.profiles({"": lines})),),
    )


EXPERIMENT = Experiment(
    "C9",
    "The measures track training.",
    f"Augmented networks are measured at {', '.join(map(str, CHECKPOINTS))} % of their training. For each seed the "
    "distance of the profile to the final one is correlated (Spearman) with the course of training; the mean over "
    "seeds must be below 0 with its whole 95 % t interval; it does not hold if the interval lies above 0.",
    needs,
    decide,
)
