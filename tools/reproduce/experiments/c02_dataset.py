"""C2: does the layer profile depend on the dataset?"""

from __future__ import annotations

from tools.reproduce.conditions import Condition, measured
from tools.reproduce.experiment import Experiment, Outcome
from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Found
from tools.reproduce.separation import RULE, compared
from tools.reproduce.study import Study

TRANSFORMS = "rotation"


def _groups(study: Study) -> dict[str, list[Measurement]]:
    return {name: measured(study, Condition(name, TRANSFORMS)) for name in study.datasets}


def needs(study: Study) -> list[Measurement]:
    """Return the networks of all datasets, augmented with and measured under rotation."""
    return [each for group in _groups(study).values() for each in group]


def decide(study: Study, found: Found) -> Outcome:
    """Compare every two datasets."""
    return compared(found, _groups(study), title=f"measured under {TRANSFORMS}", picture="c02_profiles", by="dataset")


EXPERIMENT = Experiment(
    "C2",
    "The layer profile is not stable to the dataset.",
    f"The same architecture is trained on each dataset, augmented with {TRANSFORMS}, and measured under it. {RULE}",
    needs,
    decide,
)
