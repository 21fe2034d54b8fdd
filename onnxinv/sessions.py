"""Makes sessions of one model, and fetches the tensors that its copies expose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import onnx

from onnxinv.model.load import Model
from onnxinv.model.rewrite import Exposed
from onnxinv.model.widen import widened
from onnxinv.runtime import Device, Session

Array = npt.NDArray[Any]
Batch = Mapping[str, Array]

NUMERIC = frozenset(
    f"tensor({kind})" for kind in "float double float16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool".split()
)
"""Types that the runtime hands to numpy as numbers."""


@dataclass(frozen=True)
class Sessions:
    """Makes sessions of one model, all alike but for the graph.

    Attributes:
        model: the model.
        device: where they run.
        threads: of the CPU provider.
    """

    model: Model
    device: Device
    threads: int

    def session(self, proto: onnx.ModelProto, *, optimize: bool = False) -> Session:
        """Return a session of the model or of a copy of it.

        Raises:
            ModelError: the runtime refuses it.
        """
        return Session(
            widened(proto).SerializeToString(),
            self.device,
            threads=self.threads,
            optimize=optimize,
            folder=self.model.path.parent,
        )


def fetch(session: Session, exposed: Exposed, feed: Batch, names: Sequence[str]) -> dict[str, Array]:
    """Run a batch and return raw tensors by their names in the model.

    Args:
        session: a session of the model that exposes them.
        exposed: that model.
        feed: the batch, by input name.
        names: which tensors.

    Raises:
        ModelError: the runtime cannot compute this batch.
    """
    return dict(zip(names, session.run(feed, [exposed.outputs[name] for name in names]), strict=True))
