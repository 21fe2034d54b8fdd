"""Pictures of the units that were kept of a layer: matrices of samples and transforms, and rows of feature maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from onnxinv.pictures import LayerPictures, PicturesMeta
from onnxinv.reports.numbers import number
from onnxinv.reports.page.bitmap import LEVELS, beside, few_colours, steps
from onnxinv.reports.page.picture import LayerPictured, Picture
from onnxinv.reports.printable import printable
from onnxinv.result import LayerResult, Result, units_key
from onnxinv.shrink import shrink


class Kept(NamedTuple):
    """A layer, and what was kept of it."""

    layer: LayerResult
    pictures: LayerPictures


def matrices(result: Result, told: PicturesMeta, kept: Kept, most: int) -> LayerPictured:
    """Return the matrices of the most and the least invariant unit of a layer.

    Args:
        result: what was found.
        told: what is said of the pictures.
        kept: of the layer.
        most: transforms that are shown, evenly chosen of those there are.
    """
    rows = kept.pictures.rows
    count = rows.shape[1]
    columns = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))
    name = printable(kept.layer.label, 80)
    made = []
    for place, word in _ends(len(kept.pictures.units), told.words):
        unit = int(kept.pictures.units[place])
        value = number(value_of(result, told, kept.layer, unit))
        caption = f"{word}: channel {channel_of(kept.layer, unit)}, {value}"
        address = few_colours(steps(rows[:, columns, place].astype(np.float64)), grey=False)
        made.append(Picture(address, f"Unit {unit} of {name}, {caption}", caption))
    return LayerPictured(name, tuple(made))


def map_rows(told: PicturesMeta, kept: Kept, side: int) -> LayerPictured:
    """Return the feature maps of the most and the least invariant channel of a layer, a row for each sample.

    Args:
        told: what is said of the pictures.
        kept: of the layer, which has maps.
        side: pixels of the longer side of a map, at most.
    """
    pictures = kept.pictures
    assert pictures.maps is not None
    assert pictures.channels is not None
    name = printable(kept.layer.label, 80)
    made = []
    same = pictures.channels[0] == pictures.channels[1]
    for place, sample in enumerate(told.shown):
        for end, word in _ends(1 if same else 2, told.words):
            maps = shrink(pictures.maps[end, place], side)
            levels = np.rint(maps.astype(np.float64) / 255 * (LEVELS - 1)).astype(np.uint8)
            caption = f"sample {sample}, {word}: channel {int(pictures.channels[end])}"
            made.append(Picture(few_colours(beside(levels, LEVELS), grey=True), f"Maps of {name}, {caption}", caption))
    return LayerPictured(name, tuple(made))


def _ends(count: int, words: tuple[str, str]) -> Iterator[tuple[int, str]]:
    """Yield the places of the first and the last with what they are called; one that is both is called neither."""
    if count == 1:
        yield 0, "the only one"
        return
    yield from ((0, words[0]), (count - 1, words[1]))


def channel_of(layer: LayerResult, unit: int) -> int:
    """Return the channel that a unit is in."""
    return int(np.unravel_index(unit, layer.shape)[layer.channel_axis])


def value_of(result: Result, told: PicturesMeta, layer: LayerResult, unit: int) -> float | None:
    """Return the value that a unit, or its channel, was chosen by; None where the result lacks it."""
    values = result.units.get(units_key(told.by or "", layer.index), np.zeros(0)).reshape(-1)
    place = unit if len(values) == layer.units else channel_of(layer, unit)
    return float(values[place]) if place < len(values) else None
