"""The check that input data are finite: one NaN in a sample would make every measure of every layer NaN."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from onnxinv.data.source import PRIMARY, Array
from onnxinv.errors import DataError


def check_finite(arrays: Mapping[str, Array], index: int, source: str) -> None:
    """Check one sample.

    Args:
        arrays: the sample as `Samples.read` returns it.
        index: its index in the source.
        source: where it comes from.

    Raises:
        DataError: a value is NaN or infinite.
    """
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            continue
        bad = int(np.count_nonzero(~np.isfinite(array)))
        if bad:
            where = "" if name == PRIMARY else f" for the input '{name}'"
            raise DataError(
                f"Sample {index} of '{source}'{where} has {bad} of {array.size} values that are NaN or infinite.",
                "Remove or repair the sample.",
            )
