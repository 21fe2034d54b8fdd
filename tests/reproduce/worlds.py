"""Worlds in which claims are plainly true, false or open: results of networks that nobody trained."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from onnxinv.result import LayerResult, MeasureSummary, Result
from tests.reports.results import layer, result_of, summary
from tools.reproduce.datasets import Folders
from tools.reproduce.measurement import NORMALIZED_VARIANCE, Measurement
from tools.reproduce.profiles import Found
from tools.reproduce.study import small
from tools.reproduce.workshop import Workshop

STUDY = replace(small(0, Folders()), replicates=5, variants=4)
LABELS = ("conv1", "act1", "conv2", "act2", "fc1", "fc2")
BASE = np.array([0.9, 0.8, 0.6, 0.5, 0.3, 0.2])
"""A profile of six layers, no two alike."""

GROUPS = 10

Row = Sequence[float | None] | np.ndarray
Told = Callable[[Measurement], Result]


@dataclass(frozen=True)
class Imagined(Found):
    """What a world tells, and which measurements it was asked for."""

    told: Told
    known: dict[Measurement, Result] = field(default_factory=dict)

    def result(self, measurement: Measurement) -> Result:
        if measurement not in self.known:
            self.known[measurement] = with_image(self.told(measurement), measurement)
        return self.known[measurement]


def imagined(told: Told, folder: Path = Path("nowhere")) -> Imagined:
    """Return a world in which every network is told by a function."""
    return Imagined(Workshop(folder, Folders(), 1), told)


def profiled(profile: Callable[[Measurement], Row]) -> Told:
    """Return a world of normalized variance without intervals."""
    return lambda measurement: network({NORMALIZED_VARIANCE: [known(each) for each in profile(measurement)]})


def known(mean: float | None, *, deviations: Sequence[float] | None = None, se: float | None = None) -> MeasureSummary:
    """Return what a layer has of a measure: its mean, and the deviations from it of leave-one-group-out values."""
    value = None if mean is None else float(mean)
    left_out = None if deviations is None or value is None else (value + np.array(deviations)).tolist()
    return summary(value).model_copy(update={"se": se, "loo": {"mean": left_out, "median": None, "p95": None}})


def network(
    measures: Mapping[str, Sequence[MeasureSummary]], labels: Sequence[str] = LABELS, ops: Sequence[str] = ()
) -> Result:
    """Return the result of a network of some layers."""
    layers = [
        layer(place, label, {key: every[place] for key, every in measures.items()}, op=(ops or ["Conv"] * 99)[place])
        for place, label in enumerate(labels)
    ]
    return result_of(layers)


def with_image(result: Result, measurement: Measurement) -> Result:
    """Put the image and its standardisation before the layers, with values that would spoil every statistic."""
    random = draws(measurement, "image")
    spoilt = {key: known(1000 * random.random(), deviations=[0.0] * GROUPS, se=0.0) for key in result.measures}
    before = [layer(place, label, spoilt) for place, label in enumerate(("image", "normalise/Sub", "normalise/Div"))]
    after: list[LayerResult] = [
        each.model_copy(update={"index": each.index + len(before)}) for each in result.document.layers
    ]
    return result_of([*before, *after])


def draws(measurement: Measurement, *of: object) -> np.random.Generator:
    """Return random numbers of a measurement's own, the same in every process."""
    return np.random.default_rng(zlib.crc32(repr((measurement, *of)).encode()))
