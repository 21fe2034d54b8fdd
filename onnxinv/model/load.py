"""Reads a model file and says what is wrong with it, before anything else touches it."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from onnxinv.data.fed_types import OPTIONAL
from onnxinv.errors import ModelError
from onnxinv.files import read_up_to
from onnxinv.model.external import check_external
from onnxinv.model.inline_if import inline_ifs
from onnxinv.model.ir_version import lower_ir_version
from onnxinv.model.messages import first_unreadable_name
from onnxinv.model.rewrite import inline_functions
from onnxinv.model.specification import check_specification
from onnxinv.model.tidy import tidy
from onnxinv.provenance import ModelMeta, TensorInfo

_LARGEST = 2**31 - 1
"""Bytes that a protobuf message can have."""

_EXPORT = "Export the model to ONNX (for example with torch.onnx.export) and name that file."


@dataclass(frozen=True)
class Model:
    """A validated model; weights kept in external files are not in `proto`.

    Attributes:
        path: the file.
        proto: its content, nodes in order, with local functions and branches that are always taken inlined; not to be
            changed.
        meta: identity and signature, for the result.
        inlined_ifs: how many Ifs have given place to the branch that they always take.
        notices: what the user should know of how the file was read.
    """

    path: Path
    proto: onnx.ModelProto
    meta: ModelMeta
    inlined_ifs: int = 0
    notices: tuple[str, ...] = ()

    @property
    def inputs(self) -> list[TensorInfo]:
        """What the model must be fed: float32 for bfloat16, which numpy cannot hold; the widened model rounds it."""
        return [
            info.model_copy(update={"dtype": "float32"}) if info.dtype == "bfloat16" else info
            for info in self.meta.inputs
        ]

    @property
    def outputs(self) -> list[TensorInfo]:
        """What the model hands back."""
        return self.meta.outputs


def load(path: Path) -> Model:
    """Read and check a model.

    Raises:
        ModelError: the file is missing, is no ONNX model, is damaged or breaks the ONNX specification.
    """
    content = _read(path)
    proto = _parse(path, content)
    unreadable = first_unreadable_name(proto)
    if unreadable is not None:
        raise ModelError(f"The model '{path}' is damaged: it holds a name that is not UTF-8: {unreadable!r}.", _EXPORT)
    external = check_external(path, proto)
    tidy(proto, path)
    check_specification(path, proto, external=external)
    meta = _describe(path, content, proto)
    inlined = inline_functions(proto, path)
    replaced = inline_ifs(inlined)
    tidy(inlined, path)  # what came out of functions and branches may repeat names of nodes
    notices = [f"The optional input '{info.name}' is left out." for info in meta.inputs if info.dtype == OPTIONAL]
    notices += filter(None, [lower_ir_version(inlined)])
    return Model(path, inlined, meta, replaced, tuple(notices))


def _read(path: Path) -> bytes:
    if path.is_dir():
        found = _models_in(path)
        raise ModelError(f"'{path}' is a folder, not a model.", f"Name a file in it: {found}." if found else _EXPORT)
    try:
        with path.open("rb") as stream:
            content = read_up_to(stream, _LARGEST) if path.stat().st_size <= _LARGEST else None
    except FileNotFoundError:
        raise ModelError(f"There is no model '{path}'.", _siblings(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelError(f"The model '{path}' cannot be read: {reason}.") from error
    if content is None or len(content) > _LARGEST:  # the second of a device, which tells no size
        raise ModelError(
            f"The model '{path}' is larger than 2 GiB, more than one ONNX file can hold.",
            "Export it with its weights in an external file.",
        )
    return content


def _parse(path: Path, content: bytes) -> onnx.ModelProto:
    if not content:
        raise ModelError(f"The model '{path}' is empty.", _EXPORT)
    try:
        proto = onnx.load_model_from_string(content)
    except DecodeError:
        raise ModelError(f"'{path}' is not an ONNX model, or is damaged or cut short.", _EXPORT) from None
    if not proto.ir_version or not proto.opset_import or not proto.HasField("graph"):
        raise ModelError(f"'{path}' is not an ONNX model, or is damaged or cut short: it holds no graph.", _EXPORT)
    lacking = next((what for what in ("node", "input", "output") if not getattr(proto.graph, what)), None)
    if lacking:
        raise ModelError(f"The model '{path}' computes nothing: its graph has no {lacking}s.", _EXPORT)
    return proto


def _describe(path: Path, content: bytes, proto: onnx.ModelProto) -> ModelMeta:
    initialized = {tensor.name for tensor in proto.graph.initializer}
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    inputs = [_tensor(path, value) for value in proto.graph.input if value.name not in initialized]
    if not inputs:
        raise ModelError(f"The model '{path}' takes no input: all of its inputs have fixed values.", _EXPORT)
    return ModelMeta(
        path=str(path),
        sha256=hashlib.sha256(content).hexdigest(),
        opset=opsets.get("", opsets.get("ai.onnx", 0)),
        producer=f"{proto.producer_name} {proto.producer_version}".strip(),
        inputs=inputs,
        outputs=[_tensor(path, value) for value in proto.graph.output],
    )


def _tensor(path: Path, value: onnx.ValueInfoProto) -> TensorInfo:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return TensorInfo(name=value.name, dtype=(kind or "unknown").removesuffix("_type"), shape=[])
    tensor = value.type.tensor_type
    try:
        dtype = _dtype_name(tensor.elem_type)
    except (KeyError, TypeError, ValueError):
        raise ModelError(
            f"The model '{path}' gives '{value.name}' the element type {tensor.elem_type}, which is unknown.",
            "Upgrade onnx (pip install --upgrade onnx), or export the model again.",
        ) from None
    return TensorInfo(name=value.name, dtype=dtype, shape=list(_dimensions(tensor)))


def _dtype_name(element: int) -> str:
    if element == onnx.TensorProto.STRING:
        return "string"
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element)).name


def _dimensions(tensor: onnx.TypeProto.Tensor) -> Iterable[int | str | None]:
    for dimension in tensor.shape.dim:
        if dimension.HasField("dim_value") and dimension.dim_value > 0:
            yield dimension.dim_value
        else:
            yield dimension.dim_param or None


def _models_in(folder: Path, like: str = "") -> str:
    """Return the names of the models in a folder that are like the given one, or of all where none is."""
    try:
        names = sorted(each.stem for each in folder.glob("*.onnx"))
    except (OSError, ValueError):
        return ""
    close = difflib.get_close_matches(like, names, n=3) if like else []
    return ", ".join(f"{name}.onnx" for name in (close or names)[:8])


def _siblings(path: Path) -> str:
    found = _models_in(path.parent, path.stem)
    return f"In '{path.parent}' there is {found}." if found else "Check the path."
