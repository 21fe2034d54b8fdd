"""What a result says in a sentence, and the command that measures it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from onnxinv.errors import UsageError
from onnxinv.measures.measure import Direction
from onnxinv.measures.parts import measure_part
from onnxinv.reports.numbers import interval_text, number
from onnxinv.reports.printable import Quote, printable
from onnxinv.result import LayerResult, Result


def verdict(result: Result, quote: Quote = printable) -> str:
    """Return where the first measure is lowest and highest, and what that means of invariance.

    Args:
        result: the result.
        quote: makes names harmless in the format that shows the sentence.
    """
    if not result.measures:
        return "Only the class output was measured."
    key = result.measures[0]
    # What is dead everywhere counts as something, and says nothing.
    having = [layer for layer in result.layers if layer.measures[key].mean_alive is not None]
    if not having:
        return f"No layer has a value of {quote(key)} in a channel that responds to anything."
    by_value = sorted(having, key=lambda layer: layer.measures[key].mean or 0.0)
    lowest, highest = by_value[0], by_value[-1]
    direction = direction_of(key)
    if direction == "neither":
        words, ends = ("lowest", "highest"), (lowest, highest)
    else:
        words = "most invariant", "least"
        ends = (lowest, highest) if direction == "lower" else (highest, lowest)
    if lowest is highest:
        return f"{_where(lowest, key, quote)} is the only layer with a value of {quote(key)}."
    first, last = (_where(layer, key, quote) for layer in ends)
    trend = _trend(having, key, direction)
    return f"By {quote(key)}, the {words[0]} layer is {first}, the {words[1]} {last}{trend}."


def command(result: Result) -> str:
    """Return a command that measures the same again, as far as a result knows what was asked for."""
    return " ".join(shlex.quote(printable(word, 4000)) for word in _words(result))


def direction_of(key: str) -> Direction:
    """Return whether lower or higher values of a measure are more invariant; of one that is not installed, neither."""
    try:
        return measure_part(key).direction
    except UsageError:  # the measure of another version or package
        return "neither"


def _where(layer: LayerResult, key: str, quote: Quote) -> str:
    summary = layer.measures[key]
    return (
        f"{quote(printable(layer.label, 60))} ({number(summary.mean)} {interval_text(summary.ci['mean'])}".rstrip()
        + ")"
    )


def _trend(layers: list[LayerResult], key: str, direction: Direction) -> str:
    """Return how the last layer compares with the first, where their intervals lie apart."""
    first, last = (layer.measures[key].ci["mean"] for layer in (layers[0], layers[-1]))
    if direction == "neither" or not (first and last) or (first[0] <= last[1] and last[0] <= first[1]):
        return ""
    lower = last[1] < first[0]
    more = lower == (direction == "lower")
    return f"; the last layer is {'more' if more else 'less'} invariant than the first"


def _words(result: Result) -> Iterator[str]:
    meta = result.meta
    yield from ("onnxinv", "analyze", meta.model.path, "--data", meta.data.source)
    for spec in meta.transforms.spec:
        yield from ("--transform", spec)
    yield from ("--samples", str(meta.data.samples), "--seed", str(meta.data.seed))
    for measure in meta.options.measures:
        yield from ("--measure", measure)
    yield from ("--aggregate", meta.options.aggregate, "--groups", str(meta.options.groups))
    if meta.options.stratify:
        yield "--stratify"
    if meta.options.sample_units is not None:
        yield from ("--sample-units", str(meta.options.sample_units))
    if meta.pictures is not None and meta.pictures.keep_units:
        yield from ("--keep-units", str(meta.pictures.keep_units))
    if meta.options.precision is not None:
        yield from ("--precision", f"{meta.options.precision:g}")
