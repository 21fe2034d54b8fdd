"""Which samples can be used, and what is said of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from onnxinv.data import Samples
from onnxinv.data.finite import check_finite
from onnxinv.errors import DataError
from onnxinv.feeds import Feeds
from onnxinv.provenance import SkippedSample


def beginning_with_usable(source: Samples) -> Samples:
    """Return samples of which the first that can be used tells what all of them are like.

    Raises:
        DataError: none can be used.
    """
    first: DataError | None = None
    for index in range(source.count):
        try:
            check_finite(source.read(index), index, source.source)
        except DataError as error:
            first = first or error
        else:
            return replace(source, first=index)
    reason = f"; the first: {first.message}" if first else "."
    raise DataError(f"None of the {source.count} samples of '{source.source}' can be used{reason}")


def usable(feeds: Feeds, samples: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], tuple[SkippedSample, ...]]:
    """Read all samples once; return those that can be used, and those that cannot.

    Raises:
        DataError: none can be used.
    """
    bad: list[SkippedSample] = []
    for index in samples.tolist():
        try:
            feeds.digest_of(index)
        except DataError as error:
            bad.append(SkippedSample(index=index, reason=error.message))
    if len(bad) == len(samples):
        raise DataError(f"None of the {len(samples)} samples can be used; the first: {bad[0].reason}")
    return np.setdiff1d(samples, [each.index for each in bad]), tuple(bad)


def left_out(bad: Sequence[SkippedSample], used: int) -> list[str]:
    """Return what the user is told of samples that cannot be used; nothing where there are none."""
    if not bad:
        return []
    listed = "; ".join(f"{each.index}: {each.reason}" for each in bad[:3])
    more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
    return [f"{len(bad)} of {len(bad) + used} samples cannot be used and are left out ({listed}{more})."]
