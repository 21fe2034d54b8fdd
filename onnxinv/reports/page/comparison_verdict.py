"""What a comparison of two models says in a sentence: which is more invariant, where, and where most."""

from __future__ import annotations

from collections.abc import Sequence

from onnxinv.comparison import Comparison, ModelComparison, PairedLayers
from onnxinv.reports.comparisons.rows import few_pairs
from onnxinv.reports.numbers import number
from onnxinv.reports.printable import printable


def comparison_verdict(comparison: Comparison, between: ModelComparison) -> str:
    """Return in how many layers the second model is more invariant and in how many less, from where on, and where most.

    What it says of layers is about those with an interval on one side of 0; the verdict over all says whether any of
    that survives the correction for their number.
    """
    key = comparison.document.meta.measure
    first, second = (f"'{printable(comparison.names[place], 80)}'" for place in (between.a, between.b))
    if not between.pairs:
        return f"No layer of {second} corresponds to any of {first}: they can be compared by depth alone."
    if not any(_responds(comparison, place, key) for place in (between.a, between.b)):
        return (
            f"No layer of {first} or {second} has a value of {printable(key)} in a channel that responds to anything."
        )
    better, worse = (_of_verdict(between, verdict) for verdict in ("better", "worse"))
    count = len(between.pairs)
    many = f"{count} pair{'s' * (count != 1)} of layers"
    if between.verdict == "same":
        return f"By {printable(key)}, {second} is as invariant as {first} in {'all ' * (count > 1)}{many}."
    if between.verdict == "uncertain" or not (better or worse):
        rest = " no difference survives the correction for their number" if better or worse else _unknown(between, key)
        return (
            f"By {printable(key)}, it cannot be told whether {second} or {first} is more invariant: of {many},{rest}."
        )
    up = between.verdict == "better" or (between.verdict == "mixed" and len(better) >= len(worse))
    ahead, behind, word, other = (better, worse, "more", "less") if up else (worse, better, "less", "more")
    limits = ", as far as their layers correspond" if few_pairs(comparison, between) else ""
    told = f"{len(ahead)} of {many}{_from(between, ahead)}, most in {_most(ahead, key)}"
    rest = f"{other} in {len(behind)}, most in {_most(behind, key)}" if behind else f"{other} in none"
    return f"By {printable(key)}, {second} is {word} invariant than {first} in {told}; {rest}{limits}."


def _responds(comparison: Comparison, place: int, key: str) -> bool:
    """Whether anything in a model responds; what is dead everywhere counts as something, and says nothing."""
    return any(layer.measures[key].mean_alive is not None for layer in comparison.results[place].layers)


def _of_verdict(between: ModelComparison, verdict: str) -> list[PairedLayers]:
    return [pair for pair in between.pairs if pair.verdict == verdict]


def _unknown(between: ModelComparison, key: str) -> str:
    if any(pair.measures[key].ci for pair in between.pairs):
        return " none has an interval of the difference that leaves out 0"
    return " none has an interval of the difference"


def _from(between: ModelComparison, ahead: Sequence[PairedLayers]) -> str:
    """Return from where on all layers are so, where that is not all of them or the last alone."""
    rest = between.pairs[between.pairs.index(ahead[0]) :]
    alone = len(ahead) < 2 or len(ahead) == len(between.pairs)
    return "" if alone or len(rest) != len(ahead) else f", from {_name(ahead[0])} on"


def _most(pairs: Sequence[PairedLayers], key: str) -> str:
    pair = max(pairs, key=lambda each: abs(each.measures[key].difference or 0.0))
    found = pair.measures[key]
    return f"{_name(pair)} ({number(found.b)} instead of {number(found.a)})"


def _name(pair: PairedLayers) -> str:
    return printable(pair.label_a, 60)
