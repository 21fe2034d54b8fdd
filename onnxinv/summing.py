"""Runs a model that sums layers in the graph: what a block adds up to comes out, and the pivots go round in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onnxinv.errors import MemoryExhaustedError, ModelError
from onnxinv.landing import Raw, Room
from onnxinv.model.layers import Layer
from onnxinv.model.pushdown import Pushed
from onnxinv.runtime import Kept, Session
from onnxinv.statistics.single_sums import Single, Summed


@dataclass(frozen=True)
class Handed:
    """What a block gives.

    Attributes:
        raw: activations of the layers that are not summed, in their order.
        summed: the sums of the others, by tensor name.
    """

    raw: Sequence[Raw]
    summed: Mapping[str, Summed]


class Summing:
    """Runs a session that sums layers; what it hands out is overwritten by the next run.

    The pivots of a group stay on the session's device: so each worker has one of its own.

    Args:
        session: runs the pushed model.
        pushed: the model's outputs and inputs.
        layers: those that it hands out as they are.
    """

    def __init__(self, session: Session, pushed: Pushed, layers: Sequence[Layer]) -> None:
        self._session = session
        self._pushed = pushed
        self._outputs = [pushed.outputs[layer.name] for layer in layers]
        self._room = Room(layers)
        self._lands = self._room.fits
        self._sums: dict[str, Raw] = {}
        self._pivots: dict[str, Kept] = {}

    @property
    def layers(self) -> frozenset[str]:
        """The tensors that are summed."""
        return frozenset(self._pushed.layers)

    def run(self, feed: Mapping[str, Raw], samples: int, *, first: bool) -> Handed:
        """Run a block of whole rows.

        Args:
            feed: the batch, transforms varying fastest.
            samples: k.
            first: whether it begins a group: its first sample is then the pivot of the group.

        Raises:
            ModelError: the runtime cannot compute this batch.
        """
        pushed = self._pushed.layers
        for name, layer in pushed.items():
            if name not in self._pivots:  # not looked at, but an input must be there
                self._pivots[name] = self._session.keep(np.zeros((layer.transforms, layer.units), np.float32))
        inputs = {layer.pivot_input: self._pivots[name] for name, layer in pushed.items()}
        pivots = {name: layer.pivot for name, layer in pushed.items()} if first else {}
        arrays = self._arrays(samples, first=first)
        rows = len(next(iter(feed.values())))
        feeds: dict[str, Raw | Kept] = {**feed, self._pushed.first: np.array(first), **inputs}
        kept, raw = self._run(feeds, arrays, list(pivots.values()), rows)
        self._pivots |= {name: kept[output] for name, output in pivots.items()}
        summed = {}
        for name, layer in pushed.items():
            begun = (kept[layer.pivot].read(), float(arrays[layer.largest][0])) if first else (None, None)
            summed[name] = Summed(layer.sums_in(arrays), *begun)
        return Handed(raw, summed)

    def forget(self) -> None:
        """Give the memory of earlier runs back."""
        self._room.clear()
        self._sums.clear()

    def begin(self, tensor: str, pivot: Single) -> None:
        """Have the blocks that follow in the group use this pivot, (m, units), for a layer."""
        self._pivots[tensor] = self._session.keep(pivot)

    def _arrays(self, samples: int, *, first: bool) -> dict[str, Raw]:
        """Return arrays for the sums of a block, by output; they grow with the largest block."""
        arrays: dict[str, Raw] = {}
        for layer in self._pushed.layers.values():
            for name, shape in layer.shapes(samples).items():
                if name == layer.pivot or (name == layer.largest and not first):
                    continue
                if name not in self._sums or len(self._sums[name]) < shape[0]:
                    self._sums[name] = np.empty(shape, np.float32)
                arrays[name] = self._sums[name][: shape[0]]
        return arrays

    def _run(
        self, feeds: Mapping[str, Raw | Kept], sums: Mapping[str, Raw], pivots: Sequence[str], rows: int
    ) -> tuple[Mapping[str, Kept], list[Raw]]:
        """Return the pivots and the raw activations of the other layers; the sums land."""
        if self._lands:
            raw = self._room.of(rows)
            try:
                kept = self._session.run_keeping(feeds, {**sums, **dict(zip(self._outputs, raw, strict=True))}, pivots)
            except MemoryExhaustedError:
                raise
            except ModelError:  # an output may have another shape than it had in a small batch
                self._lands = False
                self._room.clear()
            else:
                return kept, raw
        kept = self._session.run_keeping(feeds, sums, [*pivots, *self._outputs])
        return kept, [kept[output].read() for output in self._outputs]
