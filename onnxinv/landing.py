"""Arrays that the outputs of run after run are written into, so that no run needs memory of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.errors import MemoryExhaustedError, ModelError
from onnxinv.model.layers import Layer
from onnxinv.runtime import Session
from onnxinv.statistics.spare_arrays import take_array

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

    def of(self, rows: int, elsewhere: Collection[int] = ()) -> list[Raw]:
        """Return arrays for that many variants, empty ones for the layers whose place is elsewhere."""
        for place, layer in enumerate(self._layers):
            length = rows * layer.batch.repeats
            if place not in elsewhere and len(self._arrays[place]) < length:
                shape = layer.shape[1:] if layer.batch.repeats > 1 else layer.shape
                kind = "float32" if layer.dtype == "bfloat16" else layer.dtype
                self._arrays[place] = take_array((length, *shape), kind)
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
        lanes: runs at the same time, where there are several.
    """

    def __init__(
        self,
        session: Session,
        outputs: Sequence[str],
        layers: Sequence[Layer],
        batched: Collection[str] = (),
        at_once: int | None = None,
        lanes: int = 1,
    ) -> None:
        self._session = session
        self._outputs = outputs
        self._layers = layers
        self._batched = batched
        self._at_once = at_once
        self._lanes = lanes
        self._room = Room(layers)
        self._lands = session.on_cpu and self._room.fits

    def forget(self) -> None:
        """Give the memory of earlier runs back."""
        self._room.clear()

    def run(
        self,
        feed: Mapping[str, Raw],
        there: Mapping[int, Raw] | None = None,
        spread: Callable[..., Iterable[ModelError | None]] = map,
    ) -> list[Raw]:
        """Return the raw outputs for a batch, in their order.

        Args:
            feed: arrays by input name.
            there: by place, contiguous arrays that some of the outputs are to be written into.
            spread: calls a function with each of some items, perhaps in threads.

        Raises:
            ModelError: the runtime cannot compute this batch.
        """
        there = there or {}
        if self._lands and self._outputs:
            rows = len(next(iter(feed.values())))
            arrays = [there.get(place, array) for place, array in enumerate(self._room.of(rows, there))]
            least = None if self._at_once is None else min(self._at_once, -(-rows // self._lanes))
            try:
                # All of them end before anything is said of one: they write into the arrays.
                for error in list(spread(lambda part: self._attempt(feed, arrays, part), _parts(rows, least))):
                    if error is not None:
                        raise error
            except MemoryExhaustedError:
                raise
            except ModelError:  # an output may have another shape than it had in a small batch
                self._lands = False
                self._room.clear()
            else:
                return arrays
        arrays = self._session.run(feed, self._outputs)
        for place, array in there.items():
            if array.shape == arrays[place].shape:
                array[...] = arrays[place]
        return arrays

    def _attempt(self, feed: Mapping[str, Raw], arrays: Sequence[Raw], part: slice) -> ModelError | None:
        """Run some variants; return what went wrong."""
        some = {name: each[part] if name in self._batched else each for name, each in feed.items()}
        try:
            self._session.run_into(some, self._outputs, self._places(arrays, part))
        except ModelError as error:
            return error
        return None

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
