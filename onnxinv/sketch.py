"""What is left of a subject once its statistics are closed: how values are made of them, without model or data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.measures import Measure, Units, measures
from onnxinv.statistics import Array
from onnxinv.subjects import Role, Subject
from onnxinv.views import PlainView
from onnxinv.views.aligned import MapSize


@dataclass(frozen=True, eq=False)
class Sketch:
    """A subject as its closed statistics need it.

    Attributes:
        role: of the subject.
        layer: index of the layer that it is about.
        map_size: size of the maps that are compared pixel by pixel; None where they are not.
        measures: what is computed of it.
        units: how its units fall into values.
        places: in the shape in which values are stored, which value is where; nan where none is.
        plain: whether the activations are looked at as they are, and so tell which of them rounding blurs.
    """

    role: Role
    layer: int
    map_size: MapSize | None
    measures: tuple[Measure, ...]
    units: Units
    places: Array
    plain: bool

    @classmethod
    def of(cls, subject: Subject) -> Sketch:
        """Return the sketch of a subject."""
        units = subject.units
        return cls(
            subject.role,
            subject.layer.index,
            subject.map_size,
            subject.measures,
            units,
            subject.view.arrange(np.arange(units.count, dtype=np.float64)),
            subject.role == "layer" and isinstance(subject.view, PlainView),
        )

    def arrange(self, values: Array) -> Array:
        """Return values as they are stored; those of the layer as a whole stay as they are."""
        if self._straight or values.size != self.units.count:
            return values.reshape(self.places.shape) if values.size == self.places.size else values
        found: Array = np.full(self.places.shape, np.nan)
        there = ~np.isnan(self.places)
        found[there] = values[self.places[there].astype(np.intp)]
        return found

    @cached_property
    def _straight(self) -> bool:
        return np.array_equal(self.places.reshape(-1), np.arange(self.units.count))


def sketch_all(subjects: Sequence[Subject]) -> tuple[Sketch, ...]:
    """Return the sketches of some subjects, in their order."""
    return tuple(Sketch.of(each) for each in subjects)


Kept = npt.NDArray[np.intp] | None
"""Indices of the units whose group states are kept; None for all."""

Described = tuple[Sketch, Kept]
"""A sketch, and which units' group states there are."""


def sketch_arrays(sketch: Sketch, kept: Kept) -> dict[str, npt.NDArray[Any]]:
    """Return a sketch as named arrays; what is no array is one text, as JSON."""
    units = sketch.units
    told = {
        "role": sketch.role,
        "layer": sketch.layer,
        "map_size": sketch.map_size and [sketch.map_size.height, sketch.map_size.width],
        "measures": [specification(each) for each in sketch.measures],
        "count": units.count,
        "resolution": units.resolution,
        "whole": units.whole,
        "drawn": units.drawn,
        "plain": sketch.plain,
    }
    arrays = {"told": np.array(json.dumps(told)), "channel": units.channel, "places": sketch.places}
    return arrays if kept is None else {**arrays, "kept": kept}


def read_sketch(arrays: Mapping[str, npt.NDArray[Any]]) -> Described:
    """Return what `sketch_arrays` made arrays of.

    Raises:
        KeyError: something is missing.
        ValueError: something is of another kind than it must be.
        UsageError: a measure is not known.
    """
    told = json.loads(str(arrays["told"]))
    units = Units(arrays["channel"], told["count"], told["resolution"], told["whole"], told["drawn"])
    size = told["map_size"]
    sketch = Sketch(
        told["role"],
        told["layer"],
        None if size is None else MapSize(*size),
        tuple(measures.build(text) for text in told["measures"]),
        units,
        arrays["places"],
        told["plain"],
    )
    return sketch, arrays.get("kept")


def specification(measure: Measure) -> str:
    """Return the text that makes a measure again."""
    stated = measure.model_dump(mode="json", exclude_defaults=True)
    parameters = ",".join(f"{key}={_text(value)}" for key, value in sorted(stated.items()))
    name = measures.name_of(type(measure))
    return f"{name}:{parameters}" if parameters else name


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
