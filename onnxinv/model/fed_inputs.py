"""What a model is to be fed: its inputs with the shapes that are stated, and those that are held constant."""

from __future__ import annotations

from collections.abc import Sequence

from onnxinv.data.constants import Constant, hold_constant, how_to_set
from onnxinv.data.fed_input import fed_input
from onnxinv.data.fed_types import OPTIONAL, fed_type
from onnxinv.data.stated_shapes import state_shapes
from onnxinv.errors import UsageError
from onnxinv.model.load import Model
from onnxinv.model.roles import role_of
from onnxinv.model.vocabulary import vocabulary_sizes
from onnxinv.provenance import TensorInfo


def fed_inputs(
    model: Model, shapes: Sequence[str] = (), constants: Sequence[str] = ()
) -> tuple[list[TensorInfo], dict[str, Constant]]:
    """Return the inputs that the samples are to feed, and the constants by the name of their input.

    Optional inputs are in neither where the model does without them: the runtime lets them be left out.

    Args:
        model: the model.
        shapes: as `--shape`; see `state_shapes`.
        constants: as `--set-input`; see `hold_constant`.

    Raises:
        UsageError: an option contradicts the model, or an input declares no shape and none is stated.
        DataError: the file of a constant cannot be read, or all inputs are optional, so that there is none to feed.
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
    states = _states(model)
    unclear = next((info.name for info in inputs if info.name in still and info.name not in held), None)
    if unclear is not None:
        raise UsageError(
            f"The model '{model.path}' does not say what shape its input '{unclear}' has.",
            f"Say it, for example with --shape {unclear}:1,3,224,224 (the batch axis first; any number, it stays "
            f"free), or hold the input constant with {how_to_set(unclear, is_state=unclear in states)}.",
        )
    sizes = vocabulary_sizes(model.proto)
    fed = [info for info in inputs if info.name not in held]
    given = [info for info in fed if info.dtype != OPTIONAL or info.name in _needed(model)]
    if not given:
        fed_type(fed[0])  # refuses it, and says why
    return [
        fed_input(info).model_copy(update={"entries": sizes.get(info.name), "is_state": info.name in states})
        for info in given
    ], held


def _needed(model: Model) -> set[str]:
    """Return the names of what the model takes out of optional values without asking whether something is in them."""
    return {node.input[0] for node in model.proto.graph.node if node.op_type == "OptionalGetElement" and node.input}


def _states(model: Model) -> set[str]:
    """Return the inputs that are states; the first one is what the model is for, whatever it is called."""
    return {info.name for info in model.inputs[1:] if role_of(info, model.proto.graph) == "state"}
