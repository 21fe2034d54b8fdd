"""Inputs that are held constant: what `--set-input` says, as arrays of the shapes that the model declares."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onnxinv.data.batch_axis import batch_axis, batch_length, marked_axis
from onnxinv.data.fed_types import fed_type
from onnxinv.data.files import require_file
from onnxinv.data.source import Array
from onnxinv.data.stated_shapes import shown
from onnxinv.errors import DataError, UsageError
from onnxinv.provenance import TensorInfo
from onnxinv.spec import did_you_mean
from onnxinv.stored_arrays import BROKEN, read_array

_STATES = re.compile(
    r"(?i)(^|[^a-z])(h|c|hc|hx|cx)_?\d*($|[^a-z])|state|hidden|cell|past|cache|initial_[hc]|carry|memory"
)
_WORDS = {"zeros": 0, "ones": 1, "true": True, "false": False}


@dataclass(frozen=True)
class Constant:
    """An input that is fed the same numbers whatever the sample.

    Attributes:
        name: of the input.
        text: what the user set it to.
        values: shape as the model takes it, but of length 1 on the batch axis.
        batch_axis: the axis along which the values are repeated for each variant; None for an input without one.
    """

    name: str
    text: str
    values: Array
    batch_axis: int | None

    def batch(self, size: int) -> Array:
        """Return what is fed with a batch of this many variants."""
        return self.values if self.batch_axis is None else np.repeat(self.values, size, axis=self.batch_axis)


def hold_constant(
    inputs: Sequence[TensorInfo], texts: Sequence[str], unranked: Collection[str] = ()
) -> dict[str, Constant]:
    """Return the constants by the name of their input.

    A batch axis is one that the user marks, or that the model leaves free as it does that of the other inputs, or whose
    fixed length is theirs: the first axis, or else the one of the same dimension name, or else the only free one. An
    input without such an axis (a single number, a state of fixed size) is fed as it is.

    Args:
        inputs: what the model must be fed, with the free dimensions that `--shape` states.
        texts: each `NAME=VALUE`; the value is a number or several (`16000`, `0.5,1`), `zeros`, `ones`, `true`, `false`
            or the path of a `.npy` file. It is broadcast to the shape of one variant of the input.
        unranked: names of the inputs whose number of axes is not known; they take the value as it is.

    Raises:
        UsageError: a text is not NAME=VALUE, names no input or one twice, no input is left for the data, the value is
            not one for the input, or a free dimension must be stated first.
        DataError: a file is missing or is no array of numbers.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, value = _parse(text, [info.name for info in inputs])
        if name in values:
            raise UsageError(f"--set-input is given twice for the input '{name}'.", "Keep one of the two.")
        values[name] = value
    fed = [info for info in inputs if info.name not in values]
    if not fed:
        raise UsageError(
            f"--set-input holds {'every input' if len(inputs) > 1 else 'the only input'} of the model constant.",
            "Leave one to the data.",
        )
    return {
        info.name: _constant(info, values[info.name], fed, ranked=info.name not in unranked)
        for info in inputs
        if info.name in values
    }


def how_to_set(name: str, *, is_state: bool = False) -> str:
    """Return the option that would hold an input constant; at zero where it is a state or has the name of one."""
    return f"--set-input {name}={'zeros' if is_state or named_like_a_state(name) else 'VALUE'}"


def named_like_a_state(name: str) -> bool:
    """Whether an input has a name such as those of recurrent states and of caches have."""
    return bool(_STATES.search(name))


def _parse(text: str, names: Sequence[str]) -> tuple[str, str]:
    # Names may contain equals signs: the longest that fits is meant.
    for name in sorted(names, key=len, reverse=True):
        if text.startswith(f"{name}="):
            value = text[len(name) + 1 :].strip()
            if value:
                return name, value
    name, equals, value = text.partition("=")
    if not equals or not value.strip():
        raise UsageError(
            f"--set-input '{text}' is not NAME=VALUE.", "Write for example --set-input sr=16000 or state=zeros."
        )
    raise UsageError(f"--set-input '{text}': the model has no input '{name}'.", did_you_mean(name, names))


def _constant(info: TensorInfo, text: str, fed: Sequence[TensorInfo], *, ranked: bool) -> Constant:
    given = _as_type(_values(text, info), info, text)
    if not ranked:
        return Constant(info.name, text, given, None)
    axis = _batch_axis(info, fed)
    shape = [1 if place == axis else length for place, length in enumerate(info.shape)]
    # A free dimension that is no batch axis takes the length that a file has there.
    missing = len(shape) - given.ndim
    lengths = [
        length if isinstance(length, int) else given.shape[place - missing] if place >= missing else None
        for place, length in enumerate(shape)
    ]
    free = next((place for place, length in enumerate(lengths) if length is None), None)
    if free is not None:
        example = ",".join(str(length) if isinstance(length, int) else "LENGTH" for length in shape)
        raise UsageError(
            f"The input '{info.name}' cannot be filled: its axis {free} has no fixed length: {shown(info.shape)}.",
            f"State it, with --shape {info.name}:{example}.",
        )
    try:
        values: Array = np.broadcast_to(given, [length for length in lengths if length is not None])
    except ValueError:
        raise UsageError(
            f"--set-input {info.name}: a value of shape {shown(given.shape)} does not fit the input "
            f"{shown(info.shape)}.",
            "Give one variant of it, without the batch axis or with a batch axis of length 1.",
        ) from None
    return Constant(info.name, text, np.ascontiguousarray(values).reshape(values.shape), axis)


def _batch_axis(info: TensorInfo, fed: Sequence[TensorInfo]) -> int | None:
    if not info.shape:
        return None
    marked = marked_axis(info)
    if marked is not None:
        return marked
    batches = {batch_length(each) for each in fed if each.shape}
    if axis := batch_axis(info, batches - {None}):
        return axis
    first = info.shape[0]
    if not isinstance(first, int):
        return 0
    if first in batches and info.shape != [1]:  # a list of one number, such as a sample rate, has no batch axis
        return 0
    free = [axis for axis, length in enumerate(info.shape) if not isinstance(length, int)]
    # Where the batch of the others is fixed, a free axis is something else.
    return free[0] if len(free) == 1 and not all(isinstance(each, int) for each in batches) else None


def _values(text: str, info: TensorInfo) -> Array:
    if text.lower().endswith(".npy"):
        return _read(Path(text))
    if text.lower() in _WORDS:
        return np.asarray(_WORDS[text.lower()])
    words = [word.strip() for word in text.split(",")]
    for kind in (int, float):
        with suppress(ValueError, OverflowError):
            numbers = np.asarray([kind(word) for word in words])
            return numbers if len(words) > 1 else numbers[0]
    raise UsageError(
        f"--set-input {info.name}: '{text}' is not a value.",
        "Give a number, several (0.5,1,2), zeros, ones, true, false or a .npy file.",
    )


def _read(path: Path) -> Array:
    require_file(path)
    try:
        with path.open("rb") as stream:
            array: Array = read_array(stream, path.stat().st_size)
    except BROKEN as error:
        raise DataError(f"'{path}' cannot be read as a .npy file: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"'{path}' is not an array of real numbers.")
    return array


def _as_type(given: Array, info: TensorInfo, text: str) -> Array:
    """Return the values in the type that the input takes; one that cannot hold them exactly enough is refused."""
    wanted = fed_type(info)
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.asarray(given).astype(wanted)
    if wanted.kind != "f" and not np.array_equal(values.astype(np.asarray(given).dtype), given):
        raise UsageError(
            f"--set-input {info.name}: '{text}' is not a value of type {info.dtype}, which the input takes."
        )
    if wanted.kind == "f" and not np.array_equal(np.isfinite(values), np.isfinite(given)):
        raise UsageError(f"--set-input {info.name}: '{text}' is too large for {info.dtype}, which the input takes.")
    return values
