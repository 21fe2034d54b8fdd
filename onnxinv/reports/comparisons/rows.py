"""The cells of a comparison's tables as text, before any format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from onnxinv.comparison import Comparison, Difference, ModelComparison, OutputDifference
from onnxinv.reports.numbers import number
from onnxinv.reports.printable import printable

_NOTHING = 1e-3
"""Share of the values below which a change is written as none."""


@dataclass(frozen=True)
class Row:
    """One measure of two things that correspond.

    Attributes:
        name: of the first's, printable; `other` of the second's.
        matched: how they were found to correspond, with CKA where known; a guess begins with ~.
        how: the same in fewer characters: the CKA alone where it is a guess, the method alone where it is none.
        guess: whether that rests on no name, no map and no equal activations.
        a: value in the first; `b` in the second.
        change: from the first to the second.
        interval: of the change; empty where there is none.
        verdict: empty for measures that have no direction.
    """

    name: str
    other: str
    matched: str
    how: str
    guess: bool
    a: str
    b: str
    change: str
    interval: str
    verdict: str


def letter(place: int) -> str:
    """Return what a model is called in tables: A, B, C."""
    return ascii_uppercase[place] if place < len(ascii_uppercase) else f"model {place + 1}"


def pair_rows(between: ModelComparison, key: str) -> list[Row]:
    """Return one row a pair of layers, about one measure."""
    rows = []
    for pair in between.pairs:
        method = f"{'~' * pair.guess}{printable(pair.method)}"
        cka = "" if pair.cka is None else f"{pair.cka:.2f}"
        rows.append(
            Row(
                name=printable(pair.label_a),
                other=printable(pair.label_b),
                matched=f"{method} {cka}".rstrip(),
                how=f"~{cka}" if pair.guess and cka else method,
                guess=pair.guess,
                **_values(pair.measures[key]),
            )
        )
    return rows


def output_rows(between: ModelComparison) -> list[Row]:
    """Return one row a measure of the class output."""
    return [
        Row(name=printable(key), other=printable(key), matched="", how="", guess=False, **_values(each))
        for key, each in between.outputs.items()
    ]


def profile_rows(comparison: Comparison, between: ModelComparison) -> list[tuple[float, float | None, float | None]]:
    """Return relative depth in tens of percent and the value of either model there."""
    profile = between.profiles.get(comparison.document.meta.measure)
    if profile is None:
        return []
    rows = zip(profile.percent, profile.a, profile.b, strict=True)
    return [row for row in rows if row[0] % 10 == 0]


def unmatched_labels(comparison: Comparison, between: ModelComparison) -> Iterator[tuple[str, list[str]]]:
    """Yield the letter of either model with the labels of its layers that correspond to nothing."""
    for place, names in ((between.a, between.unmatched.a), (between.b, between.unmatched.b)):
        labels = {layer.name: layer.label for layer in comparison.results[place].layers}
        yield letter(place), [printable(labels.get(name, name)) for name in names]


def few_pairs(comparison: Comparison, between: ModelComparison) -> bool:
    """Whether fewer than half of the layers of the smaller model are paired."""
    smaller = min(len(comparison.results[place].layers) for place in (between.a, between.b))
    return 2 * len(between.pairs) < smaller


def signed(values: Sequence[float], size: float) -> list[str]:
    """Return changes with sign, all with as many digits as the largest of them asks for.

    Args:
        values: the changes.
        size: of what has changed: changes that are nothing beside it are written as 0.000, whatever their power of ten.
    """
    largest = max(map(abs, values), default=0.0)
    if largest >= 1e4 or _NOTHING * size <= largest < 5e-4:
        digits = "+.1e"
    else:
        digits = "+.3f" if largest < 100 else "+.1f"
    return [format(value, digits) if value else "0.000" for value in values]


def _values(found: Difference | OutputDifference) -> dict[str, str]:
    size = max(abs(found.a or 0.0), abs(found.b or 0.0))
    changes = [] if found.difference is None else [found.difference, *(found.ci or ())]
    change, *ends = signed(changes, size) or [""]
    return {
        "a": number(found.a),
        "b": number(found.b),
        "change": change,
        "interval": f"[{', '.join(ends)}]" if ends else "",
        "verdict": found.verdict or "",
    }
