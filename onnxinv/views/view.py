"""What a view is, and the grid that it shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.measures import Units
from onnxinv.statistics import Array

Raw = npt.NDArray[Any]


@dataclass(frozen=True)
class Look:
    """The grid of some samples, as a view shows it.

    Attributes:
        grid: (k, m, outer, inner) activations; unit `o * len(inner) + i` of the subject is at (o, i).
        reference: (k, outer, inner) those of the untransformed samples; None where nothing asked for it.
    """

    grid: Raw
    reference: Raw | None

    @property
    def inner(self) -> int:
        """How many neighbouring units always stay together."""
        return int(self.grid.shape[3])

    def flat(self) -> tuple[Raw, Raw | None]:
        """Return grid (k, m, units) and reference (k, units); a copy where they do not lie that way in memory."""
        grid = self.grid.reshape(*self.grid.shape[:2], -1)
        return grid, None if self.reference is None else self.reference.reshape(len(grid), -1)


class View(ABC):
    """A way to look at one layer.

    Attributes:
        units: how its units fall into values.
        channel: (units,) the real channel of each unit.
    """

    units: Units
    channel: npt.NDArray[np.intp]

    @abstractmethod
    def look(self, raw: Raw, transforms: slice, reference: int | None) -> Look:
        """Return what statistics see.

        Args:
            raw: (k, columns, *shape) activations of the layer.
            transforms: which transforms the first columns are of.
            reference: which column holds the untransformed samples, None where nothing asked for it.
        """

    @abstractmethod
    def bytes_per_variant(self) -> int:
        """Return the size of what `look` makes of one variant, beside the raw activations."""

    def arrange(self, values: Array) -> Array:
        """Return values as they are stored: one a channel, or in the layer's shape where every unit has its own."""
        return values


def columns_of(raw: Raw, transforms: slice) -> Raw:
    """Return the columns of raw activations that belong to a run of transforms."""
    return raw[:, : transforms.stop - transforms.start]
