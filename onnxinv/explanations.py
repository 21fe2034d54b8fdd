"""What a registered name is, with its parameters: the answers of `onnxinv explain`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import fill

from onnxinv.data import sources
from onnxinv.errors import UsageError
from onnxinv.measures import measures
from onnxinv.reports import reports
from onnxinv.reports.checks import check_reports
from onnxinv.reports.comparisons import comparison_reports
from onnxinv.spec import did_you_mean
from onnxinv.transforms import families

_REGISTRIES = (measures, families, sources, reports, comparison_reports, check_reports)


def explain(name: str) -> str:
    """Return what a registered name is, with its parameters.

    Raises:
        UsageError: nothing has that name.
    """
    texts = [
        f"{name}: a {registry.kind}\n\n{registry.describe(name)}"
        for registry in _REGISTRIES
        if name in registry.names()
    ]
    if not texts:
        names = [each for registry in _REGISTRIES for each in registry.names()]
        raise UsageError(f"Nothing is called '{name}'.", did_you_mean(name, names))
    if name in measures.names():
        texts[0] += "\n\n" + "\n".join(_measure_rules(name))
    return wrapped("\n\n".join(texts))


def list_names() -> str:
    """Return every name that can be explained, by kind."""
    return wrapped("\n\n".join(f"{registry.kind}s: {', '.join(registry.names())}" for registry in _REGISTRIES))


def wrapped(text: str) -> str:
    """Return text of at most 80 columns: a line that ended for lack of room goes on, one that ended a sentence ends."""
    joined = re.sub(r"(?<![.:\n])\n(?![ \n])", " ", text)
    return "\n".join(
        fill(line, 80, subsequent_indent="    " * line.startswith(" "), break_on_hyphens=False)
        for line in joined.split("\n")
    )


def _measure_rules(name: str) -> Iterator[str]:
    measure = measures.get(name)
    built = measures.build(name)
    means = {"lower": "lower is more invariant", "higher": "higher is more invariant"}
    for key, direction in built.direction_by_key().items():
        low, high = built.bounds_by_key()[key]
        what = means.get(direction, "says nothing of invariance by itself")
        yield f"{key}: {low:g} to {high:g}; {what}."
    scope = {"channel": f"for a channel of several units, {measure.aggregation}"}
    yield f"One value: {scope.get(measure.scope, measure.aggregation)}."
    yield f"Interval: {'delete-a-group jackknife' if measure.interval else 'none'}."
    yield f"By class with --stratify: {'yes' if measure.stratifies else 'no'}."
    yield f"Samples needed: {measure.samples_needed}. Transforms needed: {measure.transforms_needed}."
