"""What is to be pictured beside the measures, decided before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onnxinv.errors import UsageError
from onnxinv.measures import Measure
from onnxinv.measures.measure import Direction

_MOST_SAMPLES, _LEAST_SAMPLES = 16, 2
"""Rows of a matrix of samples and transforms; fewer where that would take much room."""

_SHOWN = 2
"""Samples whose variants and feature maps are shown."""

_MOST_TRANSFORMS = 16
"""Transforms under which they are shown, evenly chosen."""

_SKIPPED = 4
"""Of these transforms, one in so many is enough to see which unit of a channel varies most."""

_ROWS_BYTES, _MAPS_BYTES = 32 << 20, 16 << 20
"""Room for the rows, and for the maps."""

_SIDES = (64, 48, 32, 24, 16)
"""Pixels of the longer side of a map; the more layers, the fewer."""


@dataclass(frozen=True)
class PicturePlan:
    """How much is kept.

    Attributes:
        keep_units: how many units of each layer; 0 for none, and then no layer is looked at again.
        by: the measure by which they are chosen: the first that has a value for every channel or unit.
        direction: which way is more invariant by it.
        samples: how many samples' activations of these units.
        shown: how many of them in variants and feature maps.
        transforms: places, in the set, of those in variants and feature maps.
        side: pixels of the longer side of a feature map, at most.
        inferences: how many variants are run for it.
    """

    keep_units: int
    by: str | None
    direction: Direction
    samples: int
    shown: int
    transforms: tuple[int, ...]
    side: int
    inferences: int

    @property
    def glimpsed(self) -> tuple[int, ...]:
        """Places of the transforms under which samples that are not shown are looked at to choose units."""
        return self.transforms[::_SKIPPED]

    @property
    def notices(self) -> list[str]:
        """What the user should know of it; nothing where no sample is run once more."""
        if not self.inferences:
            return []
        return [
            f"Up to {self.keep_units} units a layer are kept: after measuring, {self.samples} of the samples are run "
            f"once more for them ({self.inferences:,} inferences)."
        ]


def plan_pictures(
    keep_units: int, measures: Sequence[Measure], *, samples: int, transforms: int, layers: int
) -> PicturePlan:
    """Decide how much is kept.

    Args:
        keep_units: how many units of each layer are asked for.
        measures: what is computed.
        samples: how many are measured.
        transforms: how many there are.
        layers: how many are measured.

    Raises:
        UsageError: so much would not fit into the file, or no measure says which units are to be kept.
    """
    directions = {
        key: way for each in measures if each.scope == "channel" for key, way in each.direction_by_key().items()
    }
    by = next(iter(directions), None)
    if keep_units and by is None:
        raise UsageError(
            "Units are kept by a measure that has a value for every channel, and no such measure is taken.",
            "Measure normalized-variance too, or leave --keep-units out.",
        )
    chosen = np.unique(np.linspace(0, transforms - 1, min(_MOST_TRANSFORMS, transforms)).round().astype(int))
    shown = min(_SHOWN, samples)
    size = transforms * keep_units * layers * np.dtype(np.float32).itemsize
    if size * min(_LEAST_SAMPLES, samples) > _ROWS_BYTES:
        raise UsageError(
            f"The activations of {keep_units} units of {layers} layers under {transforms} transforms are too many to "
            "keep.",
            "Choose a smaller --keep-units, or fewer layers with --layers.",
        )
    rows = min(_MOST_SAMPLES, samples, _ROWS_BYTES // size if size else _MOST_SAMPLES)
    maps = 2 * shown * len(chosen) * layers
    side = next((side for side in _SIDES if maps * side**2 <= _MAPS_BYTES), _SIDES[-1])
    glimpses = shown * len(chosen) + (rows - shown) * len(chosen[::_SKIPPED])
    inferences = rows * transforms + glimpses if keep_units else 0
    deciding = by if keep_units else None
    direction: Direction = directions[deciding] if deciding else "neither"
    return PicturePlan(
        keep_units, deciding, direction, rows, shown, tuple(int(place) for place in chosen), side, inferences
    )


def draw_samples(samples: npt.NDArray[np.int64], plan: PicturePlan, seed: int) -> tuple[list[int], list[int]]:
    """Return which samples are kept, and which of them are shown, each ascending.

    Args:
        samples: that were measured; they may be fewer than planned.
        plan: how many.
        seed: of the draw.
    """
    drawn = np.random.default_rng([seed, len(samples)]).permutation(samples)
    return sorted(drawn[: plan.samples].tolist()), sorted(drawn[: plan.shown].tolist())
