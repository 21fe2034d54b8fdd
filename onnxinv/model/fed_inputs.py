"""What a model is to be fed: its inputs with the shapes that are stated, and those that are held constant."""

from __future__ import annotations

from collections.abc import Sequence

from onnxinv.data.constants import Constant, hold_constant, how_to_set
from onnxinv.data.random_uniform import LookedUp
from onnxinv.data.stated_shapes import state_shapes
from onnxinv.errors import UsageError
from onnxinv.model.load import Model
from onnxinv.model.vocabulary import vocabulary_sizes
from onnxinv.result import TensorInfo


def fed_inputs(
    model: Model, shapes: Sequence[str] = (), constants: Sequence[str] = ()
) -> tuple[list[TensorInfo], dict[str, Constant]]:
    """Return the inputs that the samples are to feed, and the constants by the name of their input.

    Args:
        model: the model.
        shapes: as `--shape`; see `state_shapes`.
        constants: as `--set-input`; see `hold_constant`.

    Raises:
        UsageError: an option contradicts the model, or an input declares no shape and none is stated.
        DataError: the file of a constant cannot be read.
    """
    declared = {
        value.name: value.type.tensor_type.HasField("shape")
        for value in model.proto.graph.input
        if value.type.HasField("tensor_type")
    }
    unranked = {info.name for info in model.inputs if not declared.get(info.name, True)}
    inputs = state_shapes(model.inputs, shapes, unranked)
    still = {info.name for info in inputs if info.name in unranked and not info.shape}
    held = hold_constant(inputs, constants, still)
    unclear = next((info.name for info in inputs if info.name in still and info.name not in held), None)
    if unclear is not None:
        raise UsageError(
            f"The model '{model.path}' does not say what shape its input '{unclear}' has.",
            f"Say it, for example with --shape {unclear}:1,3,224,224 (the batch axis first; any number, it stays "
            f"free), or hold the input constant with {how_to_set(unclear)}.",
        )
    sizes = vocabulary_sizes(model.proto)
    return [_looked_up(info, sizes) for info in inputs if info.name not in held], held


def _looked_up(info: TensorInfo, sizes: dict[str, int]) -> TensorInfo:
    if info.name not in sizes:
        return info
    return LookedUp(name=info.name, dtype=info.dtype, shape=info.shape, entries=sizes[info.name])
