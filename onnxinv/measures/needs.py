"""What a measure may need beside samples and transforms, and why a run does not give it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """What a run offers to measures; a text says why something is not there and is empty where it is.

    Attributes:
        samples: n.
        transforms: m.
        together: samples of the largest group; of the class that has the fewest, where samples are taken by class.
        aggregate: how units become channels.
        sampled: whether only some positions of each channel are measured.
        stratified: whether samples are taken class by class.
        may_stop_early: whether the run may end before all samples are measured.
        no_labels: why the samples have no usable class numbers.
        no_classes: why the model has no class output.
        no_geometry: why the transforms cannot be undone on feature maps.
        no_maps: why no layer has feature maps.
    """

    samples: int
    transforms: int
    together: int = 1
    aggregate: str = "channel"
    sampled: bool = False
    stratified: bool = False
    may_stop_early: bool = False
    no_labels: str = ""
    no_classes: str = ""
    no_geometry: str = ""
    no_maps: str = ""


@dataclass(frozen=True)
class Need:
    """Something that a measure needs.

    Attributes:
        lacking: returns why it is not there, empty where it is.
        hint: what would help.
    """

    lacking: Callable[[Facts], str]
    hint: str


CLASS_OUTPUT = Need(lambda facts: facts.no_classes, "Name the output that holds the classes with --class-output.")
LABELS = Need(lambda facts: facts.no_labels, "Give the data labels that number the classes of the model, 0, 1, 2, ...")
GEOMETRY = Need(
    lambda facts: facts.no_geometry,
    "Take rotation, translation, scale, shear or flip, or callables of your own that have .inverse.",
)
FEATURE_MAPS = Need(lambda facts: facts.no_maps, "Choose layers that have feature maps, (channels, height, width).")
MAPS_KEPT = Need(
    lambda facts: (
        f"--aggregate {facts.aggregate} takes the maps away" if facts.aggregate.startswith("activation-") else ""
    ),
    "Take --aggregate channel or unit.",
)
ONE_VALUE_A_CHANNEL = Need(
    lambda facts: "it has one value a channel, and --aggregate is unit" if facts.aggregate == "unit" else "",
    "Take --aggregate channel.",
)
WHOLE_LAYERS = Need(
    lambda facts: (
        "it looks at layers or maps as a whole, and --sample-units at a part of them" if facts.sampled else ""
    ),
    "Measure it without --sample-units.",
)
ALL_SAMPLES = Need(
    lambda facts: "its thresholds rank all samples, and --precision may leave some out" if facts.may_stop_early else "",
    "Measure it without --precision.",
)


def in_one_group(count: int) -> Need:
    """Return the need for so many samples in one of the groups, of each class where they are taken by class."""

    def lacking(facts: Facts) -> str:
        if facts.together >= count:
            return ""
        of_class = " of some class" if facts.stratified else ""
        return f"it compares {count} samples of a group, and the groups have at most {facts.together}{of_class}"

    return Need(lacking, "Take more samples, or fewer --groups.")


RANDOM_ORDER = Need(
    lambda facts: (
        "it compares samples with random others, and --stratify orders them by class" if facts.stratified else ""
    ),
    "Measure it without --stratify.",
)
