"""Arrays that the outputs of run after run are written into, so that no run needs memory of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.errors import MemoryExhaustedError, ModelError
from onnxinv.model.layers import Layer
from onnxinv.runtime import Session

Raw = npt.NDArray[Any]


class Room:
    """Arrays for the activations of some layers, used again for batch after batch.

    Args:
        layers: what is written into them.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers
        self._arrays: list[Raw] = [np.empty(0)] * len(layers)

    @property
    def fits(self) -> bool:
        """Whether a part of each array holds a smaller batch: one along another axis than the first leaves gaps."""
        return all(layer.batch.axis == 0 for layer in self._layers)

    def of(self, rows: int) -> list[Raw]:
        """Return arrays for that many variants."""
        for place, layer in enumerate(self._layers):
            length = rows * layer.batch.repeats
            if len(self._arrays[place]) < length:
                shape = layer.shape[1:] if layer.batch.repeats > 1 else layer.shape
                kind = "float32" if layer.dtype == "bfloat16" else layer.dtype
                self._arrays[place] = np.empty((length, *shape), kind)
        return [array[: rows * layer.batch.repeats] for array, layer in zip(self._arrays, self._layers, strict=True)]

    def clear(self) -> None:
        """Give the memory back."""
        self._arrays = [np.empty(0)] * len(self._layers)


class Landing:
    """Runs a session; what it hands out is overwritten by the next run.

    Args:
        session: the session.
        outputs: names of what it exposes.
        layers: what these are, in the same order.
        batched: names of the inputs whose first axis is the batch; others are fed whole.
        at_once: variants in one run of the session, at most; None for all that are asked for.
    """

    def __init__(
        self,
        session: Session,
        outputs: Sequence[str],
        layers: Sequence[Layer],
        batched: Collection[str] = (),
        at_once: int | None = None,
    ) -> None:
        self._session = session
        self._outputs = outputs
        self._layers = layers
        self._batched = batched
        self._at_once = at_once
        self._room = Room(layers)
        self._lands = session.on_cpu and self._room.fits

    def forget(self) -> None:
        """Give the memory of earlier runs back."""
        self._room.clear()

    def run(self, feed: Mapping[str, Raw]) -> list[Raw]:
        """Return the raw outputs for a batch, in their order.

        Raises:
            ModelError: the runtime cannot compute this batch.
        """
        if self._lands and self._outputs:
            rows = len(next(iter(feed.values())))
            arrays = self._room.of(rows)
            try:
                for part in _parts(rows, self._at_once):
                    some = {name: each[part] if name in self._batched else each for name, each in feed.items()}
                    self._session.run_into(some, self._outputs, self._places(arrays, part))
            except MemoryExhaustedError:
                raise
            except ModelError:  # an output may have another shape than it had in a small batch
                self._lands = False
                self._room.clear()
            else:
                return arrays
        return self._session.run(feed, self._outputs)

    def _places(self, arrays: Sequence[Raw], part: slice) -> list[Raw]:
        """Return where the outputs for some variants go."""
        return [
            array[part.start * layer.batch.repeats : part.stop * layer.batch.repeats]
            for array, layer in zip(arrays, self._layers, strict=True)
        ]


def _parts(rows: int, at_once: int | None) -> list[slice]:
    """Return runs of about the same length, none longer than asked for."""
    count = -(-rows // (at_once or rows))
    ends = [rows * number // count for number in range(count + 1)]
    return [slice(*each) for each in pairwise(ends)]
