"""A session that exposes layers as they are, made when it is first wanted: for what the session at work lacks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from onnxinv.landing import Raw
from onnxinv.runtime import Session


@dataclass(frozen=True)
class Exposing:
    """A session, and the name of the output that carries each tensor."""

    session: Session
    outputs: Mapping[str, str]


class Spare:
    """Exposes those tensors that were asked for so far, for all workers.

    Args:
        make: returns a session that exposes just these tensors.

    Attributes:
        made: how many sessions it took.
    """

    def __init__(self, make: Callable[[Sequence[str]], Exposing]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._now: Exposing | None = None
        self.made = 0

    def run(self, feed: Mapping[str, Raw], tensors: Sequence[str]) -> list[Raw]:
        """Return the raw activations of these tensors for a batch, in their order.

        Raises:
            ModelError: the runtime cannot compute this batch.
        """
        exposing = self._exposing(tensors)
        return exposing.session.run(feed, [exposing.outputs[name] for name in tensors])

    def _exposing(self, tensors: Sequence[str]) -> Exposing:
        with self._making:
            known = () if self._now is None else tuple(self._now.outputs)
            if self._now is None or not set(tensors) <= set(known):
                self._now = self._make(list(dict.fromkeys((*known, *tensors))))
                self.made += 1
            return self._now
