"""What a measure is: a pure function from the finished statistics of a layer to one value a channel (or unit)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from onnxinv.measures.needs import Need
from onnxinv.measures.units import Units
from onnxinv.statistics import Array, State, Statistic

Direction = Literal["lower", "higher", "neither"]
"""Which way a measure says "more invariant"."""

View = Literal["plain", "aligned", "residual", "classes"]
"""What a measure looks at.

`plain`: the activations. `aligned`: feature maps with the transform undone, `t_j^-1(F(t_j(x_i)))`. `residual`: what is
left of feature maps when the transform is done to the map of the untransformed sample, `F(t_j(x_i)) - t_j(F(x_i))`.
`classes`: the model's class output, as probabilities.
"""

Scope = Literal["channel", "layer", "output"]
"""What one value speaks of: a channel (or unit), a whole layer, or the model's class output."""

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Values:
    """What one measure says of one layer.

    Attributes:
        values: (channels,) or (units,) float64, (1,) for a measure of whole layers; inf and nan have the meaning that
            the measure gives them.
        dead: which of them do not respond to anything, samples or transforms.
        profile: (m, values) one for each transform, for measures that have such a curve.
        classes: (classes, values) one for each class of samples, where the measure was taken class by class.
        silent: which of them are undefined because the unit never responds, and so are null without being broken.
    """

    values: Array
    dead: npt.NDArray[np.bool_]
    profile: Array | None = None
    classes: Array | None = None
    silent: npt.NDArray[np.bool_] | None = None


class Measure(BaseModel, ABC):
    """A measure or a family of measures that is computed together; its fields are its parameters.

    Attributes:
        parts: names of what it computes, one result each.
        statistics: what must be accumulated for it, unless `kinds` says otherwise.
        view: what it looks at.
        scope: what one value speaks of.
        direction: which way is more invariant; `part_directions` where parts differ.
        bounds: the range that a value, and so its interval, cannot leave; `part_bounds` where parts differ.
        interval: whether a jackknife interval means something for it.
        proportion: whether a value is a share of the samples, so that equal groups still leave an uncertainty.
        stratifies: whether it is taken class by class where that is asked for.
        exact: whether its sums must be taken in float64, since it lives on small differences between large ones.
        samples_needed: fewest samples for which it is defined.
        transforms_needed: fewest transforms for which it is defined.
        needs: what else must be there, unless `needed` says otherwise.
        aggregation: its rule for a channel of several units, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: ClassVar[tuple[str, ...]]
    statistics: ClassVar[tuple[type[Statistic], ...]]
    view: ClassVar[View] = "plain"
    scope: ClassVar[Scope] = "channel"
    direction: ClassVar[Direction]
    part_directions: ClassVar[Mapping[str, Direction]] = {}
    bounds: ClassVar[Bounds]
    part_bounds: ClassVar[Mapping[str, Bounds]] = {}
    interval: ClassVar[bool] = True
    proportion: ClassVar[bool] = False
    stratifies: ClassVar[bool] = False
    exact: ClassVar[bool] = False
    samples_needed: ClassVar[int] = 2
    transforms_needed: ClassVar[int] = 1
    needs: ClassVar[tuple[Need, ...]] = ()
    aggregation: ClassVar[str]

    @abstractmethod
    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the values of every part, by the keys that `result_keys` lists.

        Args:
            state: closed statistics of the layer's units.
            units: how these units fall into channels.
        """

    def compute_by_class(self, classes: Sequence[State], units: Units) -> Mapping[str, Values]:
        """Return the values from one state for each class of samples: the plain mean over classes.

        An infinite class makes the mean infinite; a unit is dead where it is dead in every class.
        """
        found = [self.compute(state, units) for state in classes]
        return {
            key: Values(
                np.stack([each[key].values for each in found]).mean(axis=0),
                np.logical_and.reduce([each[key].dead for each in found]),
                classes=np.stack([each[key].values for each in found]),
            )
            for key in self.result_keys()
        }

    def kinds(self) -> tuple[type[Statistic], ...]:
        """Return what must be accumulated, given the parameters."""
        return self.statistics

    def needed(self) -> tuple[Need, ...]:
        """Return what must be there beside samples and transforms, given the parameters."""
        return self.needs

    def wants_whole_layers(self) -> bool:
        """Whether some positions of each channel, drawn at random, would not do, given the parameters."""
        return self.scope == "layer" or self.view in ("aligned", "residual")

    def result_keys(self) -> list[str]:
        """Return the keys of its results."""
        return [self.key(part) for part in self.parts]

    def bounds_by_key(self) -> dict[str, Bounds]:
        """Return the range of every part by its key."""
        return {self.key(part): self.part_bounds.get(part, self.bounds) for part in self.parts}

    def direction_by_key(self) -> dict[str, Direction]:
        """Return which way is more invariant, for every part by its key."""
        return {self.key(part): self.part_directions.get(part, self.direction) for part in self.parts}

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
