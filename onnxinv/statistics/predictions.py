"""Predictions: how often, and how surely, each transform leaves the class that a model predicts."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array, Block, Extent, Statistic


class Predictions(Statistic):
    """Sums over samples of what the transforms do to the top class and to its probability.

    The units of its blocks are the classes, and their values are probabilities. Of classes that are equally probable
    the first is the top one. Where a probability is not finite, every sum that it enters becomes nan.

    Attributes:
        count: samples seen, n.
        same: (transforms,) samples whose top class is that of the untransformed sample.
        effective: (transforms,) sum of `1[same class] sqrt(p p_t)`, with p the top probability of the untransformed
            sample and p_t that of the transformed one.
        change: (transforms,) sum of `|p_t - p|`.
        correct: (transforms,) samples whose top class is their label.
        always_correct: samples whose top class is their label under every transform.
        labelled: samples that have a label.
        agreeing: ordered pairs of different transforms under which a sample has the same top class, over all samples.
    """

    window: ClassVar[Literal[0, 1, 16]] = 1
    whole: ClassVar[bool] = True
    reference: ClassVar[bool] = True

    def __init__(
        self,
        count: int,
        same: Array,
        effective: Array,
        change: Array,
        correct: Array,
        always_correct: float,
        labelled: int,
        agreeing: float,
    ) -> None:
        self.count = count
        self.same = same
        self.effective = effective
        self.change = change
        self.correct = correct
        self.always_correct = always_correct
        self.labelled = labelled
        self.agreeing = agreeing

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the sums of no samples."""
        same, effective, change, correct = np.zeros((4, extent.transforms))
        return cls(0, same, effective, change, correct, 0.0, 0, 0.0)

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 16 bytes a transform and 16 more: the share of one of two classes, the fewest there can be."""
        return 16 * transforms + 16

    def update(self, block: Block) -> None:
        """Add the block's samples."""
        assert block.reference is not None, "it compares with the untransformed sample"
        top, probability = _top_class(block.values)
        top_before, before = (each[:, None] for each in _top_class(block.reference))
        same = np.where(np.isnan(probability + before), np.nan, top == top_before)
        self.same += same.sum(axis=0)
        self.effective += (same * np.sqrt(probability * before)).sum(axis=0)
        self.change += np.abs(probability - before).sum(axis=0)
        self.agreeing += _agreeing_pairs(top) if np.isfinite(probability).all() else np.nan
        if block.labels is not None:
            correct = np.where(np.isnan(probability), np.nan, top == block.labels[:, None])
            self.correct += correct.sum(axis=0)
            self.always_correct += float(correct.prod(axis=1).sum())
            self.labelled += len(correct)

    def close(self, samples: int) -> None:
        """Remember how many samples there were."""
        self.count = samples

    def merge(self, other: Self) -> Self:
        """Return the sums of both sets of samples."""
        return type(self)(
            self.count + other.count,
            self.same + other.same,
            self.effective + other.effective,
            self.change + other.change,
            self.correct + other.correct,
            self.always_correct + other.always_correct,
            self.labelled + other.labelled,
            self.agreeing + other.agreeing,
        )

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return itself: it speaks of all classes together."""
        return self


def _top_class(probabilities: npt.NDArray[Any]) -> tuple[npt.NDArray[np.intp], Array]:
    """Return the top class and its probability, nan where any class has none; the last axis counts classes."""
    top = probabilities.argmax(axis=-1)
    largest = np.take_along_axis(probabilities, top[..., None], axis=-1)[..., 0].astype(np.float64)
    return top, np.where(np.isfinite(probabilities).all(axis=-1), largest, np.nan)


def _agreeing_pairs(top: npt.NDArray[np.intp]) -> float:
    """Return the sum over samples and classes c of `n_c (n_c - 1)`, n_c the transforms with that top class."""
    sample = np.arange(len(top))[:, None]
    _, counts = np.unique(sample * (top.max() + 1) + top, return_counts=True)
    return float((counts * (counts - 1)).sum())
