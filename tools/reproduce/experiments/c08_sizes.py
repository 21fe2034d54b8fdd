"""C8: do small numbers of samples and transforms suffice?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tools.reproduce import figures
from tools.reproduce.experiment import Experiment, Outcome, Picture, Table, status_of
from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Array, Found
from tools.reproduce.study import Study

ENOUGH = 96
"""Number of samples and of transforms that is called small."""

ERROR = 0.025
"""Mean relative error that is called small: values differ by 5 %."""


def _grid(study: Study, seed: int) -> dict[tuple[int, int], Measurement]:
    """Return the measurements of one network by numbers of samples and transforms."""
    base = study.measured(study.recipe(study.grid_dataset, "rotation", seed), "rotation")
    return {
        (samples, count): replace(base, transforms=f"rotation:steps={count}", samples=samples)
        for samples in study.grid
        for count in study.grid
    }


def _seeds(study: Study) -> list[int]:
    return list(study.seeds)[: study.grid_networks]


def needs(study: Study) -> list[Measurement]:
    """Return the grids of all networks."""
    return [each for seed in _seeds(study) for each in _grid(study, seed).values()]


def relative_error(found: Array, reference: Array) -> float:
    """Return the mean over layers of `|r - x| / (|r| + |x|)`, 0 where both are 0, nan where either is."""
    sums = np.abs(reference) + np.abs(found)
    return float(np.divide(np.abs(reference - found), sums, out=np.zeros_like(sums), where=sums != 0).mean())


def decide(study: Study, found: Found) -> Outcome:
    """Hold every number of samples and transforms against the largest."""
    panels, at_enough, place = {}, [], study.grid.index(ENOUGH)
    for seed in _seeds(study):
        profiles = {size: found.profile(each) for size, each in _grid(study, seed).items()}
        reference = profiles[study.grid[-1], study.grid[-1]]
        errors = np.array([[relative_error(profiles[n, m], reference) for m in study.grid] for n in study.grid])
        panels[f"seed {seed}"] = errors
        at_enough.append(float(errors[place, place]))
    worst = np.max(list(panels.values()), axis=0)
    fewest = [size for size, error in zip(study.grid, np.diag(worst), strict=True) if error <= ERROR]
    least, most = np.min(at_enough), np.max(at_enough)
    names = [str(size) for size in study.grid]
    rows = [
        (
            str(samples),
            *(f"{np.mean([errors[row, column] for errors in panels.values()]):.4f}" for column in range(len(names))),
        )
        for row, samples in enumerate(study.grid)
    ]
    return Outcome(
        status_of(holds=bool(most <= ERROR), fails=bool(least > ERROR)),
        f"With {ENOUGH} samples and {ENOUGH} rotations the mean relative error is {most:.3g} in the worst of "
        f"{len(at_enough)} networks (asked: at most {ERROR}); {fewest[0] if fewest else 'none'} of both are the fewest "
        "of the grid that do.",
        (Table("Mean relative error by samples (rows) and rotations (columns)", ("samples", *names), rows),),
        (
            Picture(
                "c08_errors",
                f"Mean relative error over layers against {study.grid[-1]} samples and rotations",
                figures.grid(panels, names, names, row="samples", column="rotations"),
            ),
        ),
    )


EXPERIMENT = Experiment(
    "C8",
    "Small numbers of samples and transforms suffice.",
    "Augmented networks are measured on every size of a grid. The error of a size is the mean over layers of `|r - "
    "x| / (|r| + |x|)`, r being the value at the largest, whose samples include those of the smaller. It holds if "
    f"{ENOUGH} samples and {ENOUGH} rotations have an error of at most {ERROR} (values differ by 5 %) in every "
    "network, and does not if they have a larger one in every network.",
    needs,
    decide,
)
