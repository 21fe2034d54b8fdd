"""What a comparison says in words, the same in every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnxinv.comparison import Comparison, Difference, ModelComparison, PairedLayers
from onnxinv.reports.comparisons.rows import few_pairs, letter
from onnxinv.reports.printable import Quote, printable
from onnxinv.reports.terminal import abbreviation


def measured(comparison: Comparison, quote: Quote) -> str:
    """Say on what the models were measured."""
    meta = comparison.results[0].meta
    sets = " x ".join(quote(spec) for spec in meta.transforms.spec)
    plural = "s" * (meta.transforms.count != 1)
    return (
        f"{meta.data.samples} samples of {quote(meta.data.source)}, {meta.transforms.count} transform{plural}: {sets}"
    )


def meaning(comparison: Comparison, between: ModelComparison) -> str:
    """Say what the verdict over all pairs means, and that they are few where they are."""
    a, b = letter(between.a), letter(between.b)
    told = {
        "same": f"{b} is as invariant as {a}",
        "better": f"{b} is more invariant than {a}",
        "worse": f"{b} is less invariant than {a}",
        "mixed": f"{b} is more invariant than {a} in some layers and less in others",
        "uncertain": "which is more invariant cannot be told",
    }[between.verdict]
    if between.verdict == "uncertain" and any(pair.verdict in ("better", "worse") for pair in between.pairs):
        told += ", since no difference survives the correction for the number of layers"
    elif between.verdict != "uncertain" and few_pairs(comparison, between):
        told += ", as far as their layers correspond"
    return told


def remarks(comparison: Comparison, between: ModelComparison, quote: Quote) -> Iterator[str]:
    """Yield what must be known to read the table, and what it does not show."""
    meta = comparison.document.meta
    guesses = [pair for pair in between.pairs if pair.guess]
    if guesses:
        are = "pair is a guess" if len(guesses) == 1 else "pairs are guesses"
        beside = ", with linear CKA" if any(pair.cka is not None for pair in guesses) else ""
        yield f"~ {len(guesses)} {are} that no name supports, by operator, shape and place in the model{beside}."
    if not meta.paired:
        yield "The models were measured in different groups of samples, so the intervals are not of paired differences."
    if any(_apart(pair.measures[meta.measure]) for pair in between.pairs):
        yield "An interval that leaves out its change is corrected for the bias of few samples."
    inputs = {layer.name for layer in comparison.results[between.a].layers if layer.op == "Input"}
    alike = [pair for pair in between.pairs if pair.identical_weights or pair.max_relative_difference is not None]
    if any(pair.a not in inputs for pair in alike):
        yield _unit_by_unit(alike, len(between.pairs), meta.measure, quote)


def no_correspondence(comparison: Comparison, between: ModelComparison) -> str:
    """Say that the layers do not correspond, where they do not; else nothing."""
    if not few_pairs(comparison, between):
        return ""
    a, b = letter(between.a), letter(between.b)
    one, other = (len(comparison.results[place].layers) for place in (between.a, between.b))
    measure = quoted_measure(comparison)
    return (
        f"The layers of {a} and {b} do not correspond ({len(between.pairs)} paired of {one} and {other}); {measure} "
        "over relative depth, from the input to the output:"
    )


def quoted_measure(comparison: Comparison) -> str:
    """Return the initials of the measure that verdicts are about."""
    return printable(abbreviation(comparison.document.meta.measure))


def _apart(found: Difference) -> bool:
    """Whether the interval of a difference leaves it out."""
    return found.ci is not None and found.difference is not None and not found.ci[0] <= found.difference <= found.ci[1]


def _unit_by_unit(alike: Sequence[PairedLayers], pairs: int, measure: str, quote: Quote) -> str:
    differences = (
        ("activations", "root mean square", [each.max_relative_difference for each in alike]),
        ("values of channels", "mean", [each.measures[measure].max_relative_difference for each in alike]),
    )
    parts = []
    for what, unit, values in differences:
        known = [(value, each.label_a) for value, each in zip(values, alike, strict=True) if value is not None]
        if known:
            largest, label = max(known, key=lambda each: each[0])
            where = f"differ by at most {largest:.1e} of the layer's {unit}, in {quote(label)}"
            parts.append(f"{what} {where if largest else 'are equal'}")
    reordered = sum(each.reordered for each in alike)
    if reordered:
        parts.append(f"{reordered} {'has its' if reordered == 1 else 'have their'} channels in another order")
    told = f": {'; '.join(parts)}" if parts else ""
    same, of_all = sum(each.identical_weights for each in alike), f"{len(alike)} of {pairs} pair{'s' * (pairs != 1)}"
    if same == len(alike):
        return f"The weights are the same, up to their order, in {of_all}{told}."
    return f"Unit by unit, {of_all} can be compared, {same} with the same weights{told}."
