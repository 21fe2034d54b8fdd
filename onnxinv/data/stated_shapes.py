"""What `--shape` says, applied to the model's inputs: lengths of free dimensions, and which axis counts the samples."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from onnxinv.data.batch_axis import batch_axis
from onnxinv.data.fed_input import fed_input
from onnxinv.errors import UsageError
from onnxinv.provenance import TensorInfo
from onnxinv.spec import did_you_mean

_AXIS = r"\s*(\d{1,9}|[^\W\d]\w*)\s*"
_LENGTHS = re.compile(f"{_AXIS}(,{_AXIS})*")

Stated = tuple[int | None, ...]
"""What is stated of each axis: its length, None at the one that a word marks as the batch axis."""


def state_shapes(
    inputs: Sequence[TensorInfo], texts: Sequence[str], unranked: Collection[str] = ()
) -> list[TensorInfo]:
    """Return the inputs with the stated lengths in place of their free dimensions.

    Args:
        inputs: what the model must be fed.
        texts: each `NAME:1,3,224,224`, or just the lengths where the model has one input. The length at the batch axis
            (nearly always the first) says nothing, as the batch axis keeps what the model declares. A word in place of
            a length marks the batch axis: `NAME:5,batch,3`.
        unranked: names of the inputs that declare no shape, not even how many axes they have.

    Raises:
        UsageError: a text is no shape, names no input or one twice, or contradicts what the model declares.
    """
    stated: dict[str, Stated] = {}
    for text in texts:
        name, lengths = _parse(text, inputs)
        if name in stated:
            raise UsageError(f"--shape is given twice for the input '{name}'.", "Keep one of the two.")
        stated[name] = lengths
    return [
        _stated(info, stated[info.name], ranked=info.name not in unranked) if info.name in stated else info
        for info in inputs
    ]


def _parse(text: str, inputs: Sequence[TensorInfo]) -> tuple[str, Stated]:
    name, _, lengths = text.rpartition(":")  # names may contain colons
    # A lone word is the name of an input without its lengths.
    if not _LENGTHS.fullmatch(lengths) or not (name or re.search(r"[\d,]", lengths)):
        raise UsageError(f"--shape '{text}' is not a shape.", f"Write --shape {name or inputs[0].name}:1,3,224,224.")
    names = [info.name for info in inputs]
    if not name and len(names) > 1:
        raise UsageError(
            f"--shape '{text}' does not say which input it is of: the model has {len(names)}.",
            f"Write for example --shape {names[0]}:{lengths}.",
        )
    if name and name not in names:
        raise UsageError(f"--shape '{text}': the model has no input '{name}'.", did_you_mean(name, names))
    words = [word.strip() for word in lengths.split(",")]
    marks = [word for word in words if not word.isdecimal()]
    if len(marks) > 1:
        raise UsageError(
            f"--shape '{text}' marks {len(marks)} axes: a word stands at the batch axis, and there is one.",
            "Give the other axes their lengths as numbers.",
        )
    return name or names[0], tuple(None if word in marks else int(word) for word in words)


def _stated(info: TensorInfo, lengths: Stated, *, ranked: bool) -> TensorInfo:
    if None in lengths:
        info = fed_input(info).model_copy(update={"marked_batch": lengths.index(None)})
    if not ranked:
        free = lengths if None in lengths else [None, *lengths[1:]]
        return info.model_copy(update={"shape": list(free)})
    if len(lengths) != len(info.shape):
        raise UsageError(
            f"--shape gives the input '{info.name}' {_axes(len(lengths))}, and the model declares "
            f"{_axes(len(info.shape))}: {shown(info.shape)}.",
            "Give one length an axis, the batch axis first." if info.shape else "",
        )
    batch = batch_axis(info)
    for axis, (declared, length) in enumerate(zip(info.shape, lengths, strict=True)):
        if axis != batch and isinstance(declared, int) and declared != length:
            raise UsageError(
                f"--shape gives axis {axis} of the input '{info.name}' the length {length}, and the model fixes it at "
                f"{declared}: {shown(info.shape)}.",
                "Only free dimensions can be chosen.",
            )
    kept = [info.shape[axis] if axis == batch else length for axis, length in enumerate(lengths)]
    return info.model_copy(update={"shape": kept})


def shown(shape: Sequence[int | str | None]) -> str:
    """Return a shape in words for a message, free dimensions by their names or as question marks."""
    return "(" + ", ".join("?" if length is None else str(length) for length in shape) + ")"


def _axes(count: int) -> str:
    return f"{count} {'axis' if count == 1 else 'axes'}"
