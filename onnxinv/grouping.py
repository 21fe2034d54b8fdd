"""How samples are shuffled and cut into groups, the unit of work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from onnxinv.config import RunConfig
from onnxinv.data import Samples
from onnxinv.errors import DataError, UsageError
from onnxinv.measures import Measure

MOST_EXTENDED = 10
"""Times the samples asked for that a run takes at most that may take more."""

Group = tuple[npt.NDArray[np.int64], ...]
"""The samples of one group, class by class; just one array unless samples are taken class by class."""


def group_samples(
    source: Samples, samples: npt.NDArray[np.int64], config: RunConfig
) -> tuple[tuple[str, ...], tuple[Group, ...]]:
    """Shuffle the samples once and cut them into groups whose sizes differ by at most one, also class by class.

    Returns:
        The names of the classes (none unless samples are taken class by class), and the groups.
    """
    shuffled = np.random.default_rng(config.seed).permutation(samples)
    count = min(config.groups, len(shuffled))
    if config.part[1] > count:
        raise UsageError(
            f"There are {count} groups and {config.part[1]} shards, so that some would measure nothing.",
            f"Cut the samples into more groups with --groups {config.part[1]}.",
        )
    if not config.stratify:
        return (), tuple((group,) for group in np.array_split(shuffled, count))
    if source.labels is None:
        raise DataError(
            f"--stratify takes samples class by class, and '{source.source}' has no labels.",
            "Give an npz file with an array y or labels, or an image folder with one subfolder a class.",
        )
    labels = source.labels[shuffled]
    present = np.unique(labels)
    # Dealt out class after class: every group gets its share of each, and sizes still differ by one at most.
    dealt = shuffled[np.argsort(labels, kind="stable")]
    groups = tuple(
        tuple(part[source.labels[part] == label] for label in present)
        for part in (dealt[position::count] for position in range(count))
    )
    names = source.label_names
    texts = (names[label] if 0 <= label < len(names) else str(label) for label in present)
    # The name of a folder need not be text; what JSON cannot hold is spelt out.
    return tuple(text.encode("utf-8", "backslashreplace").decode() for text in texts), groups


def further_groups(samples: npt.NDArray[np.int64], source: Samples, config: RunConfig) -> list[npt.NDArray[np.int64]]:
    """Return further groups of the size of those asked for, where the run may take more: ten times as many in all."""
    if not config.extends or config.stratify:
        return []
    size = max(1, len(samples) // min(config.groups, len(samples)))
    others = np.random.default_rng([config.seed, len(samples)]).permutation(
        np.setdiff1d(np.arange(source.count, dtype=np.int64), samples)
    )
    count = min(len(others) // size, (MOST_EXTENDED - 1) * config.groups)
    return [others[start * size : (start + 1) * size] for start in range(count)]


def check_classes(
    source: Samples, samples: npt.NDArray[np.int64], classes: Sequence[str], measures: Sequence[Measure]
) -> None:
    """Make sure that every class has enough samples for the measures that are taken class by class."""
    if not classes or source.labels is None:
        return
    needed = max((each.samples_needed for each in measures if each.stratifies), default=1)
    for name, count in zip(classes, np.unique(source.labels[samples], return_counts=True)[1], strict=True):
        if count < needed:
            raise DataError(
                f"The class '{name}' has {count} sample, and --stratify needs {needed} of each.",
                "Take more samples, or leave that class out of the data.",
            )
