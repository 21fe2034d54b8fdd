"""Which axis of an input counts the samples: the one the user marks, else by the names that a model gives its axes."""

from __future__ import annotations

from collections.abc import Collection

from onnxinv.data.fed_input import FedInput
from onnxinv.provenance import TensorInfo


def batch_axis(info: TensorInfo, names: Collection[int | str | None] = ()) -> int:
    """Return the batch axis of an input: the one that is marked, else the one whose name says so, else the first.

    Sequence-first models have shapes such as (length, batch, features).

    Args:
        info: the input.
        names: what the batch axes of other inputs are called; a name that speaks of a batch needs no such company.
    """
    marked = marked_axis(info)
    if marked is not None:
        return marked
    called = [
        axis
        for axis, name in enumerate(info.shape)
        if isinstance(name, str) and (name in names or "batch" in name.lower())
    ]
    return 0 if 0 in called or not called else called[0]


def marked_axis(info: TensorInfo) -> int | None:
    """Return the axis that the user says counts the samples; None where nothing was said."""
    return info.marked_batch if isinstance(info, FedInput) else None


def batch_length(info: TensorInfo) -> int | str | None:
    """Return the length or name of the batch axis of an input; None where it has neither."""
    return info.shape[batch_axis(info)] if info.shape else None
