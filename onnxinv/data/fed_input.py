"""What is known of an input beside its name, type and shape, from the model's graph or from the user."""

from __future__ import annotations

from collections.abc import Sequence

from onnxinv.provenance import TensorInfo


class FedInput(TensorInfo):
    """An input that the samples are to feed.

    Attributes:
        entries: length of the table that the model looks its whole numbers up in; None where it looks nothing up.
        marked_batch: the axis that the user says counts the samples; None where nothing was said.
        is_state: whether it is where a recurrent layer starts, or a cache: nothing that data hold, usually.
    """

    entries: int | None = None
    marked_batch: int | None = None
    is_state: bool = False


def spare_states(inputs: Sequence[TensorInfo]) -> tuple[str, ...]:
    """Return the names of the inputs that are states; none where all are, so that there is something to feed."""
    states = tuple(info.name for info in inputs if isinstance(info, FedInput) and info.is_state)
    return states if len(states) < len(inputs) else ()


def fed_input(info: TensorInfo) -> FedInput:
    """Return an input as one of which more may be known."""
    return info if isinstance(info, FedInput) else FedInput(name=info.name, dtype=info.dtype, shape=info.shape)
