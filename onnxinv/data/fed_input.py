"""What is known of an input beside its name, type and shape, from the model's graph or from the user."""

from __future__ import annotations

from onnxinv.result import TensorInfo


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


def fed_input(info: TensorInfo) -> FedInput:
    """Return an input as one of which more may be known."""
    return info if isinstance(info, FedInput) else FedInput(name=info.name, dtype=info.dtype, shape=info.shape)
