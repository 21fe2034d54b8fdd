"""What a measure is: a pure function from the finished statistics of a layer to one value a channel (or unit)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from onnxinv.measures.units import Units
from onnxinv.statistics import Array, State, Statistic

Direction = Literal["lower", "higher", "neither"]
"""Which way a measure says "more invariant"."""


@dataclass(frozen=True)
class Values:
    """What one measure says of one layer.

    Attributes:
        values: (channels,) or (units,) float64; inf and nan have the meaning that the measure gives them.
        dead: which of them do not respond to anything, samples or transforms.
    """

    values: Array
    dead: npt.NDArray[np.bool_]


class Measure(BaseModel, ABC):
    """A measure or a family of measures that is computed together; its fields are its parameters.

    Attributes:
        parts: names of what it computes, one result each.
        statistics: what must be accumulated for it.
        direction: which way is more invariant.
        bounds: the range that a value, and so its interval, cannot leave.
        interval: whether a jackknife interval means something for it.
        samples_needed: fewest samples for which it is defined.
        aggregation: its rule for a channel of several units, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: ClassVar[tuple[str, ...]]
    statistics: ClassVar[tuple[type[Statistic], ...]]
    direction: ClassVar[Direction]
    bounds: ClassVar[tuple[float, float]]
    interval: ClassVar[bool] = True
    samples_needed: ClassVar[int] = 2
    aggregation: ClassVar[str]

    @abstractmethod
    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the values of every part, by the keys that `result_keys` lists.

        Args:
            state: closed statistics of the layer's units.
            units: how these units fall into channels.
        """

    def result_keys(self) -> list[str]:
        """Return the keys of its results."""
        return [self.key(part) for part in self.parts]

    def key(self, name: str) -> str:
        """Return the key of a result: the name, and the parameters that are not at their default, sorted."""
        changed = [
            f"{field}={_text(getattr(self, field))}"
            for field, info in sorted(type(self).model_fields.items())
            if getattr(self, field) != info.default
        ]
        return f"{name}:{','.join(changed)}" if changed else name


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
