"""From closed statistics to values: every subject by itself, then brought together by layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from onnxinv.measured import Found
from onnxinv.measures import Measure, Values
from onnxinv.measures.dispersion import count_faint
from onnxinv.measures.layer import SLICE_UNITS, Collected, measure_layer
from onnxinv.measures.units import Units
from onnxinv.result import MeasureSummary
from onnxinv.sketch import Sketch
from onnxinv.spent import Spent
from onnxinv.statistics import State
from onnxinv.views.aligned import MapSize


@dataclass(frozen=True)
class Together:
    """What was found of some layers.

    Attributes:
        layers: by index of the layer.
        outputs: of the class output.
        faint: how many units of each layer rounding blurs.
        spent: seconds on each measure.
    """

    layers: Mapping[int, Found]
    outputs: Found
    faint: Counter[int]
    spent: Spent[Measure]


def finish(sketches: Sequence[Sketch], collected: Callable[[int], Collected], threads: int) -> Together:
    """Compute every measure of every subject.

    Args:
        sketches: of the subjects.
        collected: hands out the closed states of a subject by its place; called once for each.
        threads: how many are worked on at the same time.
    """
    largest = max((sketch.units.channel.size for sketch in sketches), default=0)
    with ThreadPoolExecutor(threads if largest > SLICE_UNITS else 1) as pool:  # small ones leave no other thread a turn
        done = list(pool.map(lambda place: _finish_one(sketches[place], collected, place), range(len(sketches))))
    layers: dict[int, dict[str, tuple[Values, MeasureSummary]]] = {}
    floors: dict[MapSize | None, dict[str, tuple[Values, MeasureSummary]]] = {}
    outputs: Found = {}
    faint: Counter[int] = Counter()
    every: Spent[Measure] = Spent()
    for sketch, (found, count, spent) in zip(sketches, done, strict=True):
        every.include(spent.items())
        if sketch.role == "output":
            outputs = found
        elif sketch.role == "floor":
            floors.setdefault(sketch.map_size, {}).update(found)
        else:
            layers.setdefault(sketch.layer, {}).update(found)
            faint[sketch.layer] += count
    for sketch in sketches:
        if sketch.role == "layer" and sketch.map_size:
            _add_floors(sketch, layers[sketch.layer], floors.get(sketch.map_size, {}))
    return Together(layers, outputs, faint, every)


@np.errstate(all="ignore")  # in its own thread, which does not have that of the engine
def _finish_one(sketch: Sketch, collected: Callable[[int], Collected], place: int) -> tuple[Found, int, Spent[Measure]]:
    spent: Spent[Measure] = Spent()
    faint: Counter[None] = Counter()

    def count(state: State, units: Units) -> None:
        faint[None] += count_faint(state, units)

    found = measure_layer(sketch.measures, collected(place), sketch.units, spent, *([count] if sketch.plain else []))
    return found, faint[None], spent


def _add_floors(sketch: Sketch, found: dict[str, tuple[Values, MeasureSummary]], floors: Found) -> None:
    for measure in sketch.measures:
        for key in measure.result_keys():
            if key in floors:
                values, summary = found[key]
                found[key] = values, summary.model_copy(update={"floor": floors[key][1].mean})
