"""Checks weights that are kept in files beside the model: they exist, are complete and lie in the model's folder."""

from __future__ import annotations

import math
import os
from pathlib import Path

import onnx

from onnxinv.errors import ModelError
from onnxinv.model.messages import tensors

_MEMORY = "_ORT_MEM_ADDR_"
"""What onnxruntime marks tensors in its own memory with; in a file it would make it read anywhere."""

_BITS = {"FLOAT": 32, "DOUBLE": 64, "FLOAT16": 16, "BFLOAT16": 16, "INT64": 64, "INT32": 32, "INT16": 16, "INT8": 8}
_BITS |= {"UINT64": 64, "UINT32": 32, "UINT16": 16, "UINT8": 8, "BOOL": 8, "INT4": 4, "UINT4": 4}


def check_external(path: Path, proto: onnx.ModelProto) -> bool:
    """Check every tensor whose data is kept in another file, wherever in the model it is.

    Returns:
        Whether there is one.

    Raises:
        ModelError: the file is missing or too short, or lies outside the model's folder.
    """
    external = _external(proto)
    for tensor in external:
        _check_tensor(path, tensor)
    return bool(external)


def external_files(path: Path, proto: onnx.ModelProto) -> list[Path]:
    """Return the files beside a model that hold weights, each once, by name."""
    return [path.parent / location for location in sorted({_location(tensor) for tensor in _external(proto)})]


def _external(proto: onnx.ModelProto) -> list[onnx.TensorProto]:
    return [tensor for tensor in tensors(proto) if tensor.data_location == onnx.TensorProto.EXTERNAL]


def _location(tensor: onnx.TensorProto) -> str:
    entries: dict[str, str] = {entry.key: entry.value for entry in tensor.external_data}
    return entries.get("location", "")


def _check_tensor(path: Path, tensor: onnx.TensorProto) -> None:
    subject = f"The weights '{tensor.name}' of '{path}'"
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if not location or "\0" in location or _MEMORY in location:
        raise ModelError(f"{subject} are kept in an external file, but no valid file is named.", "Export it again.")
    folder = path.parent.resolve()
    file = folder / location
    try:
        target = file.resolve()
    except (OSError, RuntimeError):  # RuntimeError: a loop of symbolic links
        target = Path("/")
    if Path(location).is_absolute() or ".." in Path(location).parts or not target.is_relative_to(folder):
        raise ModelError(
            f"{subject} are said to be in '{location}', outside the model's folder.",
            "Put the model and its external data into one folder, without links; be wary of where this model is from.",
        )
    if not os.path.isfile(file):  # unlike the method of a path, it takes names that are too long for one
        raise ModelError(
            f"{subject} are kept in the file '{location}', which is missing.",
            f"Put it into '{path.parent}'; it was written together with the model.",
        )
    _check_length(subject, file, entries, tensor)


def _check_length(subject: str, file: Path, entries: dict[str, str], tensor: onnx.TensorProto) -> None:
    size = file.stat().st_size
    values = [entries.get("offset", "0"), entries.get("length", "0")]
    # isascii: isdigit is true of digits that int refuses; nineteen digits hold any file's length.
    if not all(value.isascii() and value.isdigit() and len(value) < 20 for value in values):
        raise ModelError(f"{subject} are kept at an impossible place of '{file.name}'.", "Export it again.")
    offset, length = map(int, values)
    wanted = max(length, _bytes_of(tensor))
    if offset + wanted > size:
        raise ModelError(
            f"{subject} need bytes {offset} to {offset + wanted} of '{file.name}', which has only {size}.",
            "The file is cut short or belongs to another model; copy it again.",
        )


def _bytes_of(tensor: onnx.TensorProto) -> int:
    names = {number: name for name, number in onnx.TensorProto.DataType.items()}
    bits = _BITS.get(names.get(tensor.data_type, ""), 0)
    return math.prod(tensor.dims) * bits // 8 if all(length >= 0 for length in tensor.dims) else 0
