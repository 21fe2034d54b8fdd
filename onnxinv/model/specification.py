"""Holds a model against the ONNX specification, but for declared shapes, which the runtime does without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx

from onnxinv.errors import ModelError
from onnxinv.model.messages import tensors


def check_specification(path: Path, model: onnx.ModelProto, *, external: bool) -> None:
    """Check a model; inputs and outputs may lack a shape, and outputs also a type.

    Args:
        path: its file, which is read again where weights are external.
        model: the model; it is the same afterwards.
        external: whether weights are kept in other files, which have been checked.

    Raises:
        ModelError: the model breaks the specification.
    """
    with _shapes_filled_in(model) as filled:
        if not external:
            subject: onnx.ModelProto | str = model
        elif filled:
            subject = _without_external(model)
        else:
            # By path the checker looks at external files too, and refuses links and what lies outside the folder.
            subject = str(path)
        try:
            onnx.checker.check_model(subject)
        except Exception as error:  # the checker raises its own class, and what C++ raises
            raise ModelError(*_explain(path, str(error))) from error


@contextmanager
def _shapes_filled_in(model: onnx.ModelProto) -> Iterator[bool]:
    """Declare shapes where the specification wants them, for a while: a copy would double the weights.

    Yields whether one was lacking.
    """
    values = [*model.graph.input, *model.graph.output]
    outputs = model.graph.output
    untyped = [value for value in outputs if not value.HasField("type") or not value.type.WhichOneof("value")]
    for value in untyped:
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    kinds = ("tensor_type", "sparse_tensor_type")
    tensor_types = [getattr(value.type, kind) for value in values for kind in kinds if value.type.HasField(kind)]
    lacking = [tensor for tensor in tensor_types if not tensor.HasField("shape")]
    for tensor in lacking:
        tensor.shape.SetInParent()
    try:
        yield bool(lacking)
    finally:
        for tensor in lacking:
            tensor.ClearField("shape")
        for value in untyped:
            value.ClearField("type")


def _without_external(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose external weights are empty: the checker finds their files only by the path of a model."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in tensors(copy):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            tensor.ClearField("data_location")
            tensor.ClearField("external_data")
            tensor.dims[:] = [0]
    return copy


def _explain(path: Path, said: str) -> tuple[str, str]:
    """Return a sentence and a hint for what the checker says."""
    reason = " ".join(re.split("\n\n|==>", said)[0].split()).rstrip(" .:")
    hint = "Export it again with a current exporter."
    unknown = re.match(r"No Op registered for (\S+) with domain_version of (\d+)", reason)
    if unknown:
        reason = f"opset {unknown[2]} has no operator {unknown[1]}"
        hint = "Export it again with its operators in their own domains, or upgrade onnx (pip install -U onnx)."
    if re.search(r"ir_version \d+ is higher", reason):
        hint = "Upgrade onnx (pip install --upgrade onnx), or export the model for an older opset."
    return f"The model '{path}' breaks the ONNX specification: {reason[:300]}.", hint
