"""Which samples of a source are measured: all of them, or a seeded choice that keeps the shares of the classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from onnxinv.data.source import Samples
from onnxinv.errors import DataError, UsageError


def select(samples: Samples, count: int | None, seed: int) -> npt.NDArray[np.int64]:
    """Choose samples without replacement.

    With labels the choice is stratified: each class gets its share of `count`, rounded down, and the places left go one
    each to the classes with the largest remainders (the smaller label first where they are equal).

    Args:
        samples: the source; only its count and labels are looked at.
        count: how many to choose, None for all.
        seed: of the choice, 0 or more.

    Returns:
        Their indices in ascending order, shape (count,).

    Raises:
        UsageError: count is below one, or seed below zero.
        DataError: there are fewer samples than asked for.
    """
    if seed < 0:
        raise UsageError(f"The seed must not be negative, but is {seed}.")
    if count is None or count == samples.count:
        return np.arange(samples.count, dtype=np.int64)
    if count < 1:
        raise UsageError(f"At least one sample must be taken, but {count} were asked for.")
    if count > samples.count:
        raise DataError(
            f"'{samples.source}' holds {samples.count} samples, fewer than the {count} asked for.",
            f"Ask for --samples {samples.count} or fewer; without --samples all are taken.",
        )
    generator = np.random.default_rng(seed)
    if samples.labels is None:
        return np.sort(generator.choice(samples.count, count, replace=False)).astype(np.int64)
    _, classes, sizes = np.unique(samples.labels, return_inverse=True, return_counts=True)
    chosen = [
        generator.choice(np.flatnonzero(classes == number), quota, replace=False)
        for number, quota in enumerate(apportion(sizes, count))
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def apportion(sizes: npt.NDArray[np.integer], count: int) -> npt.NDArray[np.int64]:
    """Divide `count` places among classes in proportion to their sizes by the method of largest remainders.

    Args:
        sizes: members of each class, shape (classes,); their sum is at least `count`.
        count: places to give away.

    Returns:
        Places of each class, shape (classes,); they sum to `count` and none exceeds its class.
    """
    quotas, remainders = np.divmod(sizes.astype(np.int64) * count, int(sizes.sum()))
    left = count - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:left]] += 1
    return quotas
