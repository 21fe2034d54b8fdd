"""C2: does the layer profile depend on the dataset?"""

from __future__ import annotations

from tools.reproduce import figures
from tools.reproduce.conditions import Condition, measured
from tools.reproduce.experiment import Experiment, Outcome, Picture
from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Found
from tools.reproduce.separation import RULE, separation
from tools.reproduce.study import Study

TRANSFORMS = "rotation"


def _groups(study: Study) -> dict[str, list[Measurement]]:
    return {name: measured(study, Condition(name, TRANSFORMS)) for name in study.datasets}


def needs(study: Study) -> list[Measurement]:
    """Return the networks of all datasets, augmented with and measured under rotation."""
    return [each for group in _groups(study).values() for each in group]


def decide(study: Study, found: Found) -> Outcome:
    """Compare every two datasets."""
    groups = _groups(study)
    layers, profiles = found.common(list(groups.values()))
    status, sentence, table = separation(list(groups), profiles)
    lines = {name: (layers, each) for name, each in zip(groups, profiles, strict=True)}
    drawn = figures.profiles({f"measured under {TRANSFORMS}": lines})
    picture = Picture("c02_profiles", "Layer profiles by dataset: mean over seeds, and range", drawn)
    return Outcome(status, sentence, (table,), (picture,))


EXPERIMENT = Experiment(
    "C2",
    "The layer profile is not stable to the dataset.",
    f"The same architecture is trained on each dataset, augmented with {TRANSFORMS}, and measured under it. {RULE}",
    needs,
    decide,
)
