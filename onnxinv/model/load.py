"""Reads a model file and says what is wrong with it, before anything else touches it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from onnxinv.errors import ModelError
from onnxinv.result import ModelMeta, TensorInfo


@dataclass(frozen=True)
class Model:
    """A validated model; weights kept in external files are not in `proto`.

    Attributes:
        path: the file.
        proto: its content, not to be changed.
        meta: identity and signature, for the result.
    """

    path: Path
    proto: onnx.ModelProto
    meta: ModelMeta

    @property
    def inputs(self) -> list[TensorInfo]:
        """What the model must be fed."""
        return self.meta.inputs

    @property
    def outputs(self) -> list[TensorInfo]:
        """What the model hands back."""
        return self.meta.outputs


def load(path: Path) -> Model:
    """Read and check a model.

    Raises:
        ModelError: the file is missing, is no ONNX model, is damaged or breaks the ONNX specification.
    """
    if path.is_dir():
        raise ModelError(f"'{path}' is a folder, not a model.", "Name the .onnx file in it.")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"There is no model '{path}'.", _siblings(path)) from None
    except OSError as error:
        raise ModelError(f"The model '{path}' cannot be read: {error.strerror}.") from error
    proto = _parse(path, content)
    _check(path, proto)
    return Model(path, proto, _describe(path, content, proto))


def _parse(path: Path, content: bytes) -> onnx.ModelProto:
    hint = "Export the model to ONNX (for example with torch.onnx.export) and name that file."
    if not content:
        raise ModelError(f"The model '{path}' is empty.", hint)
    try:
        proto = onnx.load_model_from_string(content)
    except DecodeError:
        raise ModelError(f"'{path}' is not an ONNX model, or is damaged or cut short.", hint) from None
    if not proto.ir_version or not proto.opset_import or not proto.HasField("graph"):
        raise ModelError(f"'{path}' is not an ONNX model: it holds no graph.", hint)
    if not proto.graph.node:
        raise ModelError(f"The model '{path}' computes nothing: its graph has no nodes.", hint)
    return proto


def _check(path: Path, proto: onnx.ModelProto) -> None:
    external = any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in proto.graph.initializer)
    try:
        # By path the checker looks at external files too, and refuses those outside the model's folder.
        onnx.checker.check_model(str(path) if external else proto)
    except (onnx.checker.ValidationError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ModelError(
            f"The model '{path}' breaks the ONNX specification: {reason}.", "Export it again with a current exporter."
        ) from error


def _describe(path: Path, content: bytes, proto: onnx.ModelProto) -> ModelMeta:
    initialized = {tensor.name for tensor in proto.graph.initializer}
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    return ModelMeta(
        path=str(path),
        sha256=hashlib.sha256(content).hexdigest(),
        opset=opsets.get("", opsets.get("ai.onnx", 0)),
        producer=f"{proto.producer_name} {proto.producer_version}".strip(),
        inputs=[_tensor(value) for value in proto.graph.input if value.name not in initialized],
        outputs=[_tensor(value) for value in proto.graph.output],
    )


def _tensor(value: onnx.ValueInfoProto) -> TensorInfo:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return TensorInfo(name=value.name, dtype=(kind or "unknown").removesuffix("_type"), shape=[])
    tensor = value.type.tensor_type
    return TensorInfo(name=value.name, dtype=_dtype_name(tensor.elem_type), shape=list(_dimensions(tensor)))


def _dtype_name(element: int) -> str:
    if element == onnx.TensorProto.STRING:
        return "string"
    try:
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element)).name
    except (KeyError, TypeError):
        return "unknown"


def _dimensions(tensor: onnx.TypeProto.Tensor) -> Iterable[int | str | None]:
    for dimension in tensor.shape.dim:
        if dimension.HasField("dim_value") and dimension.dim_value > 0:
            yield dimension.dim_value
        else:
            yield dimension.dim_param or None


def _siblings(path: Path) -> str:
    found = sorted(each.name for each in path.parent.glob("*.onnx")) if path.parent.is_dir() else []
    return f"In '{path.parent}' there is {', '.join(found[:8])}." if found else "Check the path."
