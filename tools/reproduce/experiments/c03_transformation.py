"""C3: does the layer profile depend on the transformation?"""

from __future__ import annotations

from tools.reproduce.conditions import Condition, measured
from tools.reproduce.experiment import Experiment, Outcome
from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Found
from tools.reproduce.separation import RULE, compared
from tools.reproduce.study import Study


def _groups(study: Study) -> dict[str, list[Measurement]]:
    return {name: measured(study, Condition(study.digits, name)) for name in study.transforms}


def needs(study: Study) -> list[Measurement]:
    """Return the networks of all transform sets, augmented with and measured under them."""
    return [each for group in _groups(study).values() for each in group]


def decide(study: Study, found: Found) -> Outcome:
    """Compare every two transform sets."""
    return compared(found, _groups(study), title=study.digits, picture="c03_profiles", by="transformation")


EXPERIMENT = Experiment(
    "C3",
    "The layer profile is not stable to the transformation.",
    f"The same architecture is trained on the digits with each transform set, and measured under it. {RULE}",
    needs,
    decide,
)
