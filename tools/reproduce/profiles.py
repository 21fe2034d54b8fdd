"""Layer profiles: the value of a measure in every layer of a network, in the order of the layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onnxinv.result import LayerResult, Result
from tools.reproduce.measurement import NORMALIZED_VARIANCE, Measurement
from tools.reproduce.workshop import Workshop

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """What was measured.

    Attributes:
        workshop: where it lies.
    """

    workshop: Workshop

    def result(self, measurement: Measurement) -> Result:
        """Return a result as onnxinv wrote it."""
        return _loaded(self.workshop.result(measurement))

    def labels(self, measurement: Measurement) -> tuple[str, ...]:
        """Return what the layers are called."""
        return tuple(each.label for each in layers_of(self.result(measurement)))

    def profile(self, measurement: Measurement, key: str = NORMALIZED_VARIANCE) -> Array:
        """Return the value of a measure in each layer, (layers,); nan where there is none."""
        return np.array([value_of(layer, key) for layer in layers_of(self.result(measurement))])

    def profiles(self, measurements: Iterable[Measurement], key: str = NORMALIZED_VARIANCE) -> Array:
        """Return the profiles of networks with the same layers, (networks, layers)."""
        return np.stack([self.profile(each, key) for each in measurements])

    def common(self, groups: Sequence[Sequence[Measurement]]) -> tuple[tuple[str, ...], list[Array]]:
        """Return the layers that all groups of networks have, and the profiles of each group on them alone."""
        labels = [self.labels(group[0]) for group in groups]
        shared = tuple(label for label in labels[0] if all(label in other for other in labels))
        columns = [[told.index(label) for label in shared] for told in labels]
        return shared, [self.profiles(group)[:, column] for group, column in zip(groups, columns, strict=True)]


# A comparison of measures asks for the same results measure by measure.
@lru_cache(maxsize=128)
def _loaded(folder: Path) -> Result:
    return Result.load(folder)


def layers_of(result: Result) -> list[LayerResult]:
    """Return the layers of a profile: not the image and its standardisation, which are the same in every network."""
    return [layer for layer in result.layers if layer.label != "image" and not layer.label.startswith("normalise")]


def value_of(layer: LayerResult, key: str = NORMALIZED_VARIANCE) -> float:
    """Return the mean over the channels of a layer, nan where it has none."""
    mean = layer.measures[key].mean
    return float("nan") if mean is None else mean
