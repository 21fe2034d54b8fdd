"""The graph of the layers for Graphviz, coloured by a measure."""

from __future__ import annotations

from collections.abc import Iterator

from onnxinv.reports import register
from onnxinv.reports.colours import colour, letters_on, mean_scale, share_of
from onnxinv.reports.numbers import interval_text, number
from onnxinv.reports.printable import printable
from onnxinv.reports.report import Report
from onnxinv.result import LayerResult, Result


@register("dot")
class DotReport(Report):
    """The graph of the layers as Graphviz draws it (`dot -Tsvg`), each coloured by its mean, dashed where it has none.

    An arrow leads to a layer from each one that it is computed from with no other layer in between. Colours go from 0
    (dark violet) to the highest mean (yellow). The text shows the first measure; written to a file, every other one has
    a file of its own beside it.
    """

    def render(self, result: Result) -> str:
        """Return the graph of the first measure."""
        return _graph(result, result.measures[0] if result.measures else None)

    def beside(self, result: Result) -> dict[str, str]:
        """Return the graphs of the other measures."""
        return {key: _graph(result, key) for key in result.measures[1:]}


def _graph(result: Result, measure: str | None) -> str:
    lines = [
        "digraph invariance {",
        f"  label={_quoted(f'{printable(measure)} of {printable(result.meta.model.path)}' if measure else '')};",
        '  node [shape=box, style="filled,rounded", fontname="Helvetica"];',
        *(_node(result, layer, measure) for layer in result.layers if measure),
        *_edges(result),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _node(result: Result, layer: LayerResult, measure: str) -> str:
    summary = layer.measures[measure]
    label, op = printable(layer.label, 60), printable(layer.op, 40)
    attributes = {"label": f"{label}\n{number(summary.mean)}"}
    if summary.mean is None:
        attributes |= {"tooltip": f"{label} ({op}): no value", "style": "dashed,rounded"}
    else:
        fill = colour(share_of(summary.mean, mean_scale(result, measure)))
        told = f"{label} ({op}): {number(summary.mean)} {interval_text(summary.ci['mean'])}".rstrip()
        attributes |= {"tooltip": told, "fillcolor": fill, "fontcolor": letters_on(fill)}
    return f"  n{layer.index} [{', '.join(f'{key}={_quoted(text)}' for key, text in attributes.items())}];"


def _edges(result: Result) -> Iterator[str]:
    for layer in result.layers:
        yield from (f"  n{before} -> n{layer.index};" for before in layer.after)


def _quoted(text: str) -> str:
    """Return a string of the language, in which neither quotes nor escapes such as that for the name mean anything."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
