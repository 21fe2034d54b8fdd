"""The gallery: what was fed, what the most and least invariant units make of it, and their feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onnxinv.pictures import Pictures, PicturesMeta
from onnxinv.reports.page.bitmap import beside, many_colours
from onnxinv.reports.page.kept_units import Kept, map_rows, matrices
from onnxinv.reports.page.picture import LayerPictured, Picture, evenly, fitting
from onnxinv.reports.printable import printable
from onnxinv.result import Result
from onnxinv.shrink import shrink

_PAGE, _LEAST, _MOST = 950_000, 60_000, 400_000
"""Characters that the page may have in all, and that the gallery has at least and at most."""

_SIDES = (96, 64, 48, 32)
"""Pixels of the longer side of a variant, as there is room."""

_COLUMNS = (96, 48, 24)
"""Transforms in a matrix, as there is room."""

_MAPS = ((32, 24), (32, 12), (24, 12), (24, 6))
"""Pixels of the longer side of a map, and layers, as there is room."""

_MOST_LAYERS = 200
"""Layers whose matrices are shown, at most."""

_GREY = 128


@dataclass(frozen=True)
class Gallery:
    """What the page shows of the pictures.

    Attributes:
        variants: one row for each sample.
        names: of the first and of the last transform of a row.
        matrices: of the units of each layer.
        units_of: how many layers have such, whether they are shown or not.
        maps: feature maps of each layer.
        maps_of: how many layers have such, likewise.
    """

    variants: Sequence[Picture]
    names: tuple[str, str]
    matrices: Sequence[LayerPictured]
    units_of: int
    maps: Sequence[LayerPictured]
    maps_of: int


def room_beside(size: int) -> int:
    """Return how many characters the gallery may take on a page that has so many without it."""
    return min(_MOST, max(_LEAST, _PAGE - size))


def gallery(result: Result, room: int) -> Gallery | None:
    """Return what the page shows, cut down to the room there is; None where there is nothing.

    Raises:
        OutputError: the pictures are damaged.
    """
    told, pictures = result.meta.pictures, result.pictures
    if told is None or pictures is None or not told.transforms:
        return None
    variants = fitting(room // 4, _SIDES, lambda side: _variants(pictures, told, side))
    room -= sum(each.size for each in variants)
    kept = [Kept(layer, pictures.layers[layer.index]) for layer in result.layers if layer.index in pictures.layers]
    # What was fed is shown already.
    mapped = [each for each in kept if each.pictures.maps is not None and not (variants and each.layer.op == "Input")]
    shown = fitting(
        room // 2 if mapped else room,
        _COLUMNS,
        lambda most: [matrices(result, told, each, most) for each in evenly(kept, _MOST_LAYERS)],
    )
    room -= sum(each.size for each in shown)
    maps = fitting(room, _MAPS, lambda level: [map_rows(told, each, level[0]) for each in evenly(mapped, level[1])])
    items = result.meta.transforms.items
    first, last = (
        printable(str(items[place].get("name", place)), 60) for place in (told.transforms[0], told.transforms[-1])
    )
    made = Gallery(variants, (first, last), shown, len(kept), maps, len(mapped))
    return made if variants or shown or maps else None


def _variants(pictures: Pictures, told: PicturesMeta, side: int) -> list[Picture]:
    """Return a row of the variants of each sample."""
    if pictures.variants is None:
        return []
    planes = np.moveaxis(shrink(np.moveaxis(pictures.variants, -1, 2), side), 2, -1)
    small = np.rint(planes).astype(np.uint8)
    count = len(told.transforms)
    return [
        Picture(
            many_colours(beside(row, _GREY)), f"Sample {sample} under {count} transforms, as fed", f"sample {sample}"
        )
        for sample, row in zip(told.shown, small, strict=True)
    ]
