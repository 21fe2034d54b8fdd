"""Why a model is no equivalent export of another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from onnxinv.comparison import Difference, PairedLayers
from onnxinv.result import Result


def mismatches(
    results: tuple[Result, Result], pairs: Sequence[PairedLayers], measure: str, rtol: float, floor: float, *, ran: bool
) -> Iterator[str]:
    """Yield a sentence for every way in which the second model is no equivalent of the first.

    Args:
        results: of both.
        pairs: their layers that correspond.
        measure: key of the measure whose values must agree too.
        rtol: relative difference up to which numbers agree.
        floor: smallest value of the measure that differences are held against.
        ran: whether weights and activations of both were at hand.
    """
    if not pairs:
        yield "no layer of one corresponds to any of the other"
    others = [pair for pair in pairs if ran and pair.max_relative_difference is None and not pair.identical_weights]
    if others:
        yield f"the weights differ {_where(others, pairs)}"
    lost = [pair for pair in pairs if ran and pair.max_relative_difference is None and pair.identical_weights]
    if lost:
        yield f"the activations cannot be compared {_where(lost, pairs)}"
    apart = [(each, pair) for pair in pairs if (each := pair.max_relative_difference) is not None and each > rtol]
    if apart:
        largest, worst = max(apart, key=lambda each: each[0])
        yield (
            f"activations differ {_where([pair for _, pair in apart], pairs)}, by up to {largest:.1e} of their root "
            f"mean square in {_both(worst)}"
        )
    values = [(pair.measures[measure], pair) for pair in pairs]
    other = [(each, pair) for each, pair in values if each.a != each.b and not _close(each.a, each.b, rtol, floor)]
    if other:
        most, worst = max(other, key=lambda each: _relative(each[0]))
        yield (
            f"{measure} differs {_where([pair for _, pair in other], pairs)}: it is {_number(most.a)} and "
            f"{_number(most.b)} in {_both(worst)}"
        )
    outputs = [each.document.outputs for each in results]
    for key in (key for key in outputs[0] if key in outputs[1]):
        found, expected = outputs[1][key].value, outputs[0][key].value
        if found != expected and not _close(expected, found, rtol):
            yield f"{key} of the class output is {_number(expected)} and {_number(found)}"
    for side, result in zip(("a", "b"), results, strict=True):
        lonely = {layer.name for layer in result.layers} - {getattr(pair, side) for pair in pairs}
        for info in result.meta.model.outputs:
            if info.name in lonely:
                yield f"the output '{info.name}' of '{result.meta.model.path}' corresponds to nothing"


def _where(found: Sequence[PairedLayers], pairs: Sequence[PairedLayers]) -> str:
    return f"in {len(found)} of {len(pairs)} pairs of layers, first in {_both(found[0])}"


def _relative(values: Difference) -> float:
    """Return by how much two values differ, infinite where one is undefined."""
    if values.a is None or values.b is None:
        return math.inf
    return abs(values.a - values.b) / max(abs(values.a), abs(values.b))


def _both(pair: PairedLayers) -> str:
    return f"'{pair.label_a}'" if pair.label_a == pair.label_b else f"'{pair.label_a}' and '{pair.label_b}'"


def _close(a: float | None, b: float | None, rtol: float, floor: float = 0.0) -> bool:
    return a is not None and b is not None and abs(a - b) <= rtol * max(abs(a), abs(b), floor)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"
