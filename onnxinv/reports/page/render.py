"""Fills the page: one file that needs nothing else, from a result alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup

from onnxinv.reports.numbers import counts_text, global_text, interval_text, number
from onnxinv.reports.page.curves import curve_keys, curves
from onnxinv.reports.page.filled import filled
from onnxinv.reports.page.gallery import gallery, room_beside
from onnxinv.reports.page.graph import graph
from onnxinv.reports.page.layer_profile import layer_profile
from onnxinv.reports.page.strips import ROWS, counts, scale_of, strips
from onnxinv.reports.printable import printable
from onnxinv.reports.verdict import command, verdict
from onnxinv.result import Result


@dataclass(frozen=True)
class Cell:
    """A value in the table of layers.

    Attributes:
        sort: what it is sorted by; empty where there is no value.
        text: what is shown.
        interval: its 95 % interval as text.
        notes: what else is to be said, such as dead or infinite channels.
    """

    sort: str
    text: str
    interval: str
    notes: str


@dataclass(frozen=True)
class Shown:
    """A measure on the page.

    Attributes:
        key: its name.
        whole: what it says of all layers.
        profile: its drawing against depth.
        low: value at the lower end of the colours.
        high: value at the upper end.
    """

    key: str
    whole: str
    profile: Markup
    low: str
    high: str


def page(result: Result) -> str:
    """Return the HTML text."""
    scales = {key: scale_of(result, key) for key in result.measures}
    layered = graph(result)
    drawn = {
        "graph": layered.steps if layered else [],
        "rows": ROWS,
        "layers": [printable(layer.label, 80) for layer in result.layers],
        "measures": [
            {"low": low, "high": high, "counts": counts(result, key), "strips": strips(result, key, (low, high))}
            for key, (low, high) in scales.items()
        ],
    }
    fill = partial(
        filled,
        "page.html.j2",
        result=result,
        meta=result.meta,
        verdict=verdict(result),
        command=command(result),
        measures=[
            Shown(
                key,
                global_text(result.document.summary[key]),
                layer_profile(result, key),
                number(scales[key][0]),
                number(scales[key][1]),
            )
            for key in result.measures
        ],
        graph=layered,
        curves=[(key, curves(result, key)) for key in curve_keys(result)],
        outputs=[
            (key, number(output.value), interval_text(output.ci)) for key, output in result.document.outputs.items()
        ],
        layers=[
            (layer, [_cell(result, key, place) for key in result.measures]) for place, layer in enumerate(result.layers)
        ],
        data=_inert(drawn),
    )
    plain = fill(gallery=None)
    shown = gallery(result, room_beside(len(plain)))
    return plain if shown is None else fill(gallery=shown)


def _cell(result: Result, key: str, place: int) -> Cell:
    summary = result.layers[place].measures[key]
    if summary.reason is not None:
        return Cell("", "-", "", printable(summary.reason, 200))
    sort = "" if summary.mean is None else repr(summary.mean)
    return Cell(sort, number(summary.mean), interval_text(summary.ci["mean"]), counts_text(summary))


def _inert(content: object) -> Markup:
    """Return JSON that may stand in a script element: nothing in it ends that, or begins a comment."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
