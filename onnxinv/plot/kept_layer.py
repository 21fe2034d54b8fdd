"""Finds a layer of a result, and what was kept of it to be looked at."""

from __future__ import annotations

from onnxinv.errors import OnnxinvError, UsageError
from onnxinv.pictures import PicturesMeta
from onnxinv.reports.page.kept_units import Kept
from onnxinv.result import Result
from onnxinv.spec import did_you_mean


def kept_layer(result: Result, layer: str | int) -> tuple[Kept, PicturesMeta]:
    """Return a layer with what was kept of it, and what the result says of all that was kept.

    Args:
        result: the result.
        layer: the layer's label, its tensor's name, or its index.

    Raises:
        UsageError: there is no such layer.
        OnnxinvError: nothing was kept of it, or the file is damaged.
    """
    named = {each.index: each for each in result.layers if layer in (each.index, each.name)}
    labelled = {each.index: each for each in result.layers if layer == each.label}
    found = next(iter((named or labelled).values()), None)
    if found is None:
        raise UsageError(
            f"There is no layer {layer!r}.", did_you_mean(str(layer), [each.label for each in result.layers])
        )
    told, pictures = result.meta.pictures, result.pictures
    if told is None or pictures is None or not pictures.layers:
        raise OnnxinvError("The result holds no units to look at.", "Measure with keep_units=2 (--keep-units 2).")
    if found.index not in pictures.layers:
        raise OnnxinvError(
            f"No unit of the layer '{found.label}' was kept: none responds and has a value of {told.by}.",
            "Name another layer.",
        )
    return Kept(found, pictures.layers[found.index]), told
