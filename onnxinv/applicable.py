"""Which of the measures that were asked for apply to a run, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnxinv.config import Aggregate
from onnxinv.errors import DataError
from onnxinv.measures import ALL, DEFAULT, DEFAULT_OF_CLASSES, Measure, measures
from onnxinv.measures.needs import WHOLE_LAYERS, Facts
from onnxinv.model.class_output import ClassOutput
from onnxinv.model.layers import Layer
from onnxinv.provenance import SkippedMeasure
from onnxinv.subjects import NO_MAPS, Subjects, choose_subjects
from onnxinv.transforms import Transform
from onnxinv.transforms.alignment import warp_of


@dataclass(frozen=True)
class Asked:
    """A measure that is to be taken.

    Attributes:
        measure: the measure.
        named: whether it was named, so that it must be possible; else it is dropped where it is not.
        told: whether it is told that it was dropped.
    """

    measure: Measure
    named: bool
    told: bool = True


@dataclass(frozen=True)
class Offer:
    """What a run has for measures.

    Attributes:
        samples: n.
        together: samples of the largest group; of the class that has the fewest, where samples are taken by class.
        transforms: the transform set.
        layers: what is measured.
        image: the input image as a layer, None where the input is none.
        class_output: the tensor of the class output and what it is, or why there is none.
        no_labels: why the labels cannot be compared with classes, empty where they can.
        aggregate: how units become values.
        sampled: whether only some positions of each channel are measured.
        stratified: whether samples are taken class by class.
        may_stop_early: whether the run may end before all samples are measured.
    """

    samples: int
    together: int
    transforms: tuple[Transform, ...]
    layers: tuple[Layer, ...]
    image: Layer | None
    class_output: tuple[Layer, ClassOutput] | str
    no_labels: str
    aggregate: Aggregate
    sampled: bool
    stratified: bool
    may_stop_early: bool


def asked_measures(texts: Sequence[str]) -> list[Asked]:
    """Return the measures of some specifications, each once; none named means the default ones.

    Raises:
        UsageError: there is no such measure, or a parameter is refused.
    """
    wanted = [Asked(measures.build(text), named=True) for text in texts if text != ALL]
    if ALL in texts:
        names = dict.fromkeys((*DEFAULT, *measures.names()))
        wanted += [Asked(measures.build(name), named=False) for name in names]
    if not texts:
        wanted = [Asked(measures.build(name), named=True) for name in DEFAULT]
        wanted += [Asked(measures.build(name), named=False, told=False) for name in DEFAULT_OF_CLASSES]
    known: dict[Measure, Asked] = {}
    for each in wanted:
        known.setdefault(each.measure, each)
    return list(known.values())


def applicable(
    asked: Sequence[Asked], offer: Offer
) -> tuple[tuple[Measure, ...], tuple[SkippedMeasure, ...], Subjects]:
    """Return the measures that apply, those that were dropped, and what is measured.

    Raises:
        DataError: a measure that was named lacks something.
    """
    facts = _facts(offer)
    kept: list[Asked] = []
    dropped: list[SkippedMeasure] = []
    for each in asked:
        lacking = _lacking(each.measure, facts)
        if lacking is None:
            kept.append(each)
        else:
            _drop(each, *lacking, dropped)
    chosen = [each.measure for each in kept]
    output = None if isinstance(offer.class_output, str) else offer.class_output
    subjects = choose_subjects(offer.layers, chosen, offer.transforms, offer.aggregate, offer.image, output)
    for each in kept:
        if not any(each.measure in subject.measures for subject in subjects.every if subject.role != "floor"):
            reasons = [reason for (_, measure), reason in subjects.lacking.items() if measure == each.measure]
            # The first layer that has maps says more than those that have none.
            telling = next(reason for reason in reasons if reason != NO_MAPS)
            _drop(each, telling, "Choose other layers, or smaller transforms.", dropped)
            chosen.remove(each.measure)
    return tuple(chosen), tuple(dropped), subjects


def _drop(asked: Asked, reason: str, hint: str, dropped: list[SkippedMeasure]) -> None:
    name = measures.name_of(type(asked.measure))
    if asked.named:
        raise DataError(f"'{name}' cannot be measured: {reason}.", hint)
    if asked.told:
        dropped.append(SkippedMeasure(name=name, reason=reason))


def _lacking(measure: Measure, facts: Facts) -> tuple[str, str] | None:
    """Return why a measure does not apply and what would help, None where it does."""
    if facts.samples < measure.samples_needed:
        return f"it needs {measure.samples_needed} samples, and the data gives {facts.samples}", "Take more samples."
    if facts.transforms < measure.transforms_needed:
        count = measure.transforms_needed
        return f"it needs {count} transforms, and the set has {facts.transforms}", "Take a larger transform set."
    for need in (*((WHOLE_LAYERS,) if measure.wants_whole_layers() else ()), *measure.needed()):
        if reason := need.lacking(facts):
            return reason, need.hint
    return None


def _facts(offer: Offer) -> Facts:
    return Facts(
        samples=offer.samples,
        together=offer.together,
        transforms=len(offer.transforms),
        aggregate=offer.aggregate,
        sampled=offer.sampled,
        stratified=offer.stratified,
        may_stop_early=offer.may_stop_early,
        no_labels=offer.no_labels,
        no_classes=offer.class_output if isinstance(offer.class_output, str) else "",
        no_geometry=_no_geometry(offer),
        no_maps="" if any(layer.maps for layer in offer.layers) else "no layer has feature maps",
    )


def _no_geometry(offer: Offer) -> str:
    if offer.image is None:
        return "the model's input is no image"
    warps = (warp_of(transform, 1, 1) for transform in offer.transforms)
    return next((reason for reason in warps if isinstance(reason, str)), "")
