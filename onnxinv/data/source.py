"""What a data source is, and the samples it hands out one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from onnxinv.data.fed_input import spare_states
from onnxinv.provenance import TensorInfo

Array = npt.NDArray[Any]

SampleLayout = Literal["HW", "HWC", "CHW"]
"""Axes of one image sample: height, width, channels."""

PRIMARY = ""
"""Key of an array that names no input: it goes to the model's first (or only) input."""


@dataclass(frozen=True)
class Samples:
    """An ordered set of samples that are read one at a time, so that memory does not grow with their number.

    Attributes:
        source: where they come from, for the result.
        count: how many there are.
        read: sample index -> arrays by input name (or `PRIMARY`), without the batch axis, dtype as stored.
        labels: one integer class a sample, or None.
        label_names: class names by label, where the source has them.
        layout: layout of one image sample, `HW`, `HWC` or `CHW`, where the source knows it.
        first: index of a sample that tells what all of them are like.
        without_states: whether states of recurrent layers, which it has nothing for, are to be held at zero.
    """

    source: str
    count: int
    read: Callable[[int], dict[str, Array]]
    labels: npt.NDArray[np.int64] | None = None
    label_names: tuple[str, ...] = ()
    layout: SampleLayout | None = None
    without_states: bool = False
    first: int = 0

    def held_at_zero(self, inputs: Sequence[TensorInfo]) -> tuple[str, ...]:
        """Return the names of the inputs that are to be held at zero; not where that would be all of them."""
        return spare_states(inputs) if self.without_states else ()


class Source(BaseModel, ABC):
    """A way to read samples; a registered source is one file and its fields are its parameters.

    A source that takes bare paths has a field `path`, says in `accepts` which ones, and in `accepted` how a message
    lists them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    accepted: ClassVar[str] = ""
    """What bare paths the source takes, in words for messages, for example `*.npy`."""

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether a bare path given to `--data`, which exists, means this source."""
        return False

    @abstractmethod
    def open(self, inputs: Sequence[TensorInfo]) -> Samples:
        """Open the source for a model with these inputs.

        Raises:
            DataError: the source is missing, empty, unreadable or does not fit; the message names the file.
        """
