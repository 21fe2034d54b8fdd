"""Rows as a pandas data frame with a type for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxinv.extras import from_extra
from onnxinv.long_form import COUNTS, TEXTS, columns, rows
from onnxinv.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame


def frame_of(result: Result) -> DataFrame:
    """Return the rows of `long_form`: texts as `string`, counts as `Int64`, real numbers as `float64`.

    Names are as the model has them. What a row lacks is `NA`, or `nan` in a column of real numbers.

    Raises:
        OnnxinvError: pandas is not installed.
    """
    with from_extra("frame", "A data frame"):
        from pandas import DataFrame
    frame = DataFrame(list(rows(result)), columns=columns(result))
    types = {name: "string" if name in TEXTS else "Int64" if name in COUNTS else "float64" for name in columns(result)}
    return frame.astype(types)
