"""Fills the page of a comparison: one file that needs nothing else, from a comparison alone."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from onnxinv.comparison import Comparison, ModelComparison, PairedLayers
from onnxinv.provenance import Meta
from onnxinv.reports.comparisons.rows import Row, letter, output_rows, pair_rows, unmatched_labels
from onnxinv.reports.comparisons.sentences import measured, no_correspondence, remarks
from onnxinv.reports.numbers import global_text
from onnxinv.reports.page.changes import changes
from onnxinv.reports.page.comparison_verdict import comparison_verdict
from onnxinv.reports.page.filled import filled
from onnxinv.reports.page.overlay import overlay, sign, tracks
from onnxinv.reports.printable import printable
from onnxinv.reports.verdict import command, direction_of


@dataclass(frozen=True)
class Model:
    """One of the models.

    Attributes:
        letter: what it is called in tables.
        name: short.
        sign: its line on the chart.
        meta: its provenance.
        command: measures it again.
    """

    letter: str
    name: str
    sign: Markup
    meta: Meta
    command: str


@dataclass(frozen=True)
class Shown:
    """A measure on the page.

    Attributes:
        key: its name.
        direction: which values are more invariant, in words.
        wholes: what it says of all layers of each model.
        profiles: of all models against depth.
    """

    key: str
    direction: str
    wholes: list[str]
    profiles: Markup


@dataclass(frozen=True)
class Line:
    """A pair of layers in the table.

    Attributes:
        row: its cells.
        cost: how unlike the two look, 0 to 1.
        cka: of their activations; empty where those were not at hand.
        sort: by what both values and their change are sorted; empty where there is no value.
    """

    row: Row
    cost: str
    cka: str
    sort: tuple[str, str, str]


@dataclass(frozen=True)
class Between:
    """The first model and one of the others.

    Attributes:
        a: letter of the first, `b` of the other.
        found: what was found.
        verdict: in a sentence.
        remarks: what must be known to read the table.
        apart: that layers do not correspond; empty where they do.
        alike: whether layers that correspond have the same names.
        has_cka: whether the likeness of activations is known of any pair.
        changes: drawing by measure.
        tables: lines by measure.
        outputs: measures of the class output.
        alone: letter and labels of the layers that only one has.
    """

    a: str
    b: str
    found: ModelComparison
    verdict: str
    remarks: list[str]
    apart: str
    alike: bool
    has_cka: bool
    changes: list[Markup]
    tables: list[list[Line]]
    outputs: list[Row]
    alone: list[tuple[str, list[str]]]


def comparison_page(comparison: Comparison) -> str:
    """Return the HTML text."""
    keys = measures_of(comparison)
    models = tracks(comparison)
    return filled(
        "comparison.html.j2",
        meta=comparison.document.meta,
        names=[printable(name, 60) for name in comparison.names],
        verdicts=[comparison_verdict(comparison, each) for each in comparison.comparisons],
        measured=measured(comparison, printable),
        models=[
            Model(letter(track.place), track.name, sign(track), result.meta, command(result))
            for track, result in zip(models, comparison.results, strict=True)
        ],
        measures=[
            Shown(
                key,
                _meaning(key),
                [global_text(result.document.summary[key]) for result in comparison.results],
                overlay(models, key),
            )
            for key in keys
        ],
        comparisons=[_between(comparison, each, keys) for each in comparison.comparisons],
    )


def measures_of(comparison: Comparison) -> list[str]:
    """Return the measures that all models have, the one that verdicts are about first."""
    main, results = comparison.document.meta.measure, comparison.results
    shared = [key for key in results[0].measures if all(key in each.measures for each in results)]
    return [main, *(key for key in shared if key != main)]


def _between(comparison: Comparison, between: ModelComparison, keys: list[str]) -> Between:
    return Between(
        a=letter(between.a),
        b=letter(between.b),
        found=between,
        verdict=comparison_verdict(comparison, between),
        remarks=list(remarks(comparison, between, printable)),
        apart=no_correspondence(comparison, between),
        alike=all(pair.label_a == pair.label_b for pair in between.pairs),
        has_cka=any(pair.cka is not None for pair in between.pairs),
        changes=[changes(comparison, between, key) for key in keys],
        tables=[
            [_line(pair, row, key) for pair, row in zip(between.pairs, pair_rows(between, key), strict=True)]
            for key in keys
        ],
        outputs=output_rows(between),
        alone=list(unmatched_labels(comparison, between)),
    )


def _line(pair: PairedLayers, row: Row, key: str) -> Line:
    found = pair.measures[key]
    values = (found.a, found.b, found.difference)
    a, b, change = ("" if value is None else repr(value) for value in values)
    cka = "" if pair.cka is None else f"{pair.cka:.2f}"
    return Line(row, f"{pair.cost:.2f}", cka, (a, b, change))


def _meaning(key: str) -> str:
    return {
        "lower": "lower is more invariant",
        "higher": "higher is more invariant",
        "neither": "neither low nor high values are more invariant",
    }[direction_of(key)]
