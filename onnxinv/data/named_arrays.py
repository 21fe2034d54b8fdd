"""Samples made of named arrays: which of them are inputs, which are labels, and whether they fit together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from onnxinv.data.source import PRIMARY, Array, SampleLayout, Samples
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo

_LABEL_KEYS = ("y", "labels")


def check_kind(shape: tuple[int, ...], dtype: np.dtype[np.generic], subject: str) -> None:
    """Check that an array can hold samples: real numbers or booleans, and at least one of them.

    Args:
        shape: of the whole array, samples first.
        dtype: of its elements.
        subject: how a message names it, for example `'x' in 'digits.npz'`.

    Raises:
        DataError: the elements are not numbers, or there are no samples.
    """
    if dtype.kind not in "biuf":
        raise DataError(f"{subject} is not an array of real numbers (its dtype is {dtype}).")
    if not shape:
        raise DataError(f"{subject} is a single number.", "The first axis must count the samples.")
    if shape[0] == 0:
        raise DataError(f"{subject} holds no samples (its shape is {shape}).")
    if 0 in shape:
        raise DataError(f"{subject} holds samples without any value (its shape is {shape}).")


def samples_of(
    keys: Sequence[str],
    load: Callable[[str], Array],
    inputs: Sequence[TensorInfo],
    *,
    source: str,
    layout: SampleLayout | None = None,
) -> Samples:
    """Make samples of named arrays whose first axis counts the samples.

    Arrays named like an input of the model go to it, `x` or else the only array that is no label goes to the first
    input, `y` or `labels` are labels (unless the model has an input of that name); any other array is left alone.

    Args:
        keys: the names of the arrays.
        load: returns the array of a name; called for those that are used.
        inputs: the model's inputs.
        source: the file or function, for messages and the result.
        layout: layout of one image sample where it is known.

    Raises:
        DataError: no array is an input, or the arrays are of the wrong kind or of different lengths.
    """
    label_key = _label_key(keys, inputs, source)
    chosen = _input_keys(keys, inputs, label_key, source)
    arrays = {name: load(key) for name, key in chosen.items()}
    for name, array in arrays.items():
        check_kind(array.shape, array.dtype, f"'{chosen[name]}' in '{source}'")
    lengths = {chosen[name]: len(array) for name, array in arrays.items()}
    labels: npt.NDArray[np.int64] | None = None
    label_names: tuple[str, ...] = ()
    if label_key is not None:
        labels, label_names = parse_labels(load(label_key), f"'{label_key}' in '{source}'")
        lengths[label_key] = len(labels)
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"'{key}' has {length}" for key, length in lengths.items())
        raise DataError(f"The arrays in '{source}' differ in their number of samples: {shown}.")
    count = next(iter(lengths.values()))
    return Samples(source, count, reader(arrays), labels, label_names, layout)


def reader(arrays: dict[str, Array]) -> Callable[[int], dict[str, Array]]:
    """Return the function that copies one sample out of the arrays, in the byte order of this machine."""

    def read(index: int) -> dict[str, Array]:
        return {name: np.array(array[index], array.dtype.newbyteorder("=")) for name, array in arrays.items()}

    return read


def parse_labels(array: Array, subject: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Turn stored labels into integers.

    Args:
        array: one whole number or one string a sample; shape (samples,) or (samples, 1).
        subject: how a message names it.

    Returns:
        The integer labels, and the class names (sorted; label i is name i) where the labels were strings.

    Raises:
        DataError: the shape is another, or the labels are neither whole numbers nor strings.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        hint = "Store class numbers, for example one_hot.argmax(axis=1)." if array.ndim == 2 else ""
        raise DataError(f"The labels {subject} are not one per sample (their shape is {array.shape}).", hint)
    if array.dtype.kind in "US":
        names, numbers = np.unique(array.astype(str), return_inverse=True)
        return numbers.astype(np.int64), tuple(str(name) for name in names)
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.rint(array)).all()):
        raise DataError(f"The labels {subject} are not whole numbers.")
    if array.dtype.kind not in "biuf":
        raise DataError(f"The labels {subject} are neither whole numbers nor strings (their dtype is {array.dtype}).")
    return array.astype(np.int64), ()


def _label_key(keys: Sequence[str], inputs: Sequence[TensorInfo], source: str) -> str | None:
    taken = {info.name for info in inputs}
    found = [key for key in _LABEL_KEYS if key in keys and key not in taken]
    if len(found) > 1:
        raise DataError(f"'{source}' holds both 'y' and 'labels'.", "Keep the one that has the labels.")
    return found[0] if found else None


def _input_keys(
    keys: Sequence[str], inputs: Sequence[TensorInfo], label_key: str | None, source: str
) -> dict[str, str]:
    """Return input name (or `PRIMARY`) -> key of the array that feeds it."""
    chosen = {info.name: info.name for info in inputs if info.name in keys}
    if "x" in keys and "x" not in chosen and not (inputs and inputs[0].name in chosen):
        return {PRIMARY: "x", **chosen}
    if chosen:
        return chosen
    candidates = [key for key in keys if key != label_key]
    if len(candidates) == 1:
        return {PRIMARY: candidates[0]}
    has = ", ".join(f"'{key}'" for key in keys) or "nothing"
    wants = ", ".join(f"'{info.name}'" for info in inputs) or "nothing"
    raise DataError(
        f"No array in '{source}' is an input of the model: it holds {has}, the model takes {wants}.",
        "Name the array 'x' or like an input.",
    )
