"""Lowers a model's IR version to one that the runtime reads, where the model uses nothing that came later."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from google.protobuf.message import Message

from onnxinv.model.bfloat16 import names_type
from onnxinv.model.messages import messages
from onnxinv.runtime import newest_ir_version

_ALWAYS_READ = 10
"""Every runtime that this package can be installed with reads versions up to this."""

_TYPES = {11: {23}, 12: {24}, 13: {25, 26}, 14: {27, 28}}
"""Element types by the IR version that brought them, as numbers: an older onnx package has no names for them."""

_FIELDS = {11: {"configuration", "device_configurations"}, 14: {"opaque_type"}}
"""Fields of messages by the IR version that brought them; what it only relaxed is not among them."""

_NEWEST_KNOWN = 14
"""The last IR version of which is known what it brought."""


def lower_ir_version(model: onnx.ModelProto) -> str:
    """Lower the IR version where the runtime would refuse the model for it alone.

    Args:
        model: the model; only its IR version is changed.

    Returns:
        What the user should know, empty where nothing was changed. A model that does use what is newer, or whose
        version is not known here, stays as it is: the runtime will say that it cannot read it.
    """
    version = model.ir_version
    if not _ALWAYS_READ < version <= _NEWEST_KNOWN:
        return ""
    readable = newest_ir_version()
    if readable is None or not _ALWAYS_READ <= readable < version or _needs(model) > readable:
        return ""
    model.ir_version = readable
    return (
        f"IR version {version} is read as {readable}, the newest that onnxruntime knows: the model uses nothing newer."
    )


def _needs(model: onnx.ModelProto) -> int:
    """Return the oldest IR version that has everything that a model uses, as far as those after 10 brought it."""
    used = set(_used_types(model))
    names = {field.name for part in messages(model) for field, _ in part.ListFields()}
    by_type = [version for version, types in _TYPES.items() if types & used]
    return max([_ALWAYS_READ, *by_type, *(version for version, fields in _FIELDS.items() if fields & names)])


def _used_types(model: Message) -> Iterator[int]:
    """Yield the numbers of the element types of tensors, of inputs and outputs, and those that operators are told."""
    for part in messages(model):
        if isinstance(part, onnx.TensorProto):
            yield part.data_type
        elif isinstance(part, onnx.TypeProto.Tensor | onnx.TypeProto.SparseTensor):
            yield part.elem_type
        elif isinstance(part, onnx.AttributeProto) and names_type(part):
            yield part.i
