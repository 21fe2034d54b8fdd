"""One result of a measure, found by its own name: a family such as `variance-shares` has several."""

from __future__ import annotations

from dataclasses import dataclass

from onnxinv.errors import UsageError
from onnxinv.measures import measures
from onnxinv.measures.measure import Bounds, Direction
from onnxinv.spec import Spec, did_you_mean, parse


@dataclass(frozen=True)
class MeasurePart:
    """One result of a measure.

    Attributes:
        spec: specification of the measure that it is a result of.
        key: under which it stands in results.
        direction: which way is more invariant.
        bounds: range of its values.
        interval: whether it has intervals.
        of_output: whether it is about the class output, not about layers.
    """

    spec: str
    key: str
    direction: Direction
    bounds: Bounds
    interval: bool
    of_output: bool


def measure_part(text: str) -> MeasurePart:
    """Return the result that a specification means, such as `normalized-variance` or `worst-case-accuracy`.

    Raises:
        UsageError: no measure has such a result, it has several, or a parameter is refused.
    """
    spec = parse(text)
    owners = {part: name for name in measures.names() for part in measures.get(name).parts}
    if spec.name in measures.names() and spec.name not in owners:
        parts = measures.get(spec.name).parts
        raise UsageError(f"'{spec.name}' has {len(parts)} results: {', '.join(parts)}.", "Name one of them.")
    if spec.name not in owners:
        raise UsageError(f"There is no measure called '{spec.name}'.", did_you_mean(spec.name, owners))
    family = Spec(owners[spec.name], spec.parameters)
    made = measures.build(family)
    key = made.key(spec.name)
    return MeasurePart(
        spec=str(family),
        key=key,
        direction=made.direction_by_key()[key],
        bounds=made.bounds_by_key()[key],
        interval=made.interval,
        of_output=made.scope == "output",
    )
