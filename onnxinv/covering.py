"""Which layers each limit covers, and that limits neither repeat nor contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onnxinv.check_config import OUTPUT, Limit
from onnxinv.errors import UsageError
from onnxinv.findings import Kind
from onnxinv.measures.parts import MeasurePart
from onnxinv.model.layers import Candidate, Layer
from onnxinv.spec import did_you_mean

_WILDCARDS = frozenset("*?[")

_INPUT = "Input"


@dataclass(frozen=True)
class Covered:
    """A limit and what it is about.

    Attributes:
        index: of the limit among those of its run.
        limit: the limit.
        part: the measure's result that it bounds.
        layers: tensor names of the layers that it covers, in topological order; `output` alone for the class output.
    """

    index: int
    limit: Limit
    part: MeasurePart
    layers: tuple[str, ...]

    def below(self, kind: Kind) -> bool:
        """Whether values must be at most the bound; a regression is what is less invariant."""
        return kind == "max" or (kind == "max-regression" and self.part.direction == "lower")


def cover(limit: Limit, part: MeasurePart, found: Sequence[Candidate], layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return the tensor names of the layers that a limit covers.

    Args:
        limit: the limit.
        part: what it bounds.
        found: all tensors of the model that could be layers.
        layers: those that are measured.

    Raises:
        UsageError: a glob fits no layer that is measured, or the limit is about layers where the measure is about the
            class output, or the other way round.
    """
    globs = limit.layers
    if part.of_output:
        if globs not in (None, (OUTPUT,)):
            raise UsageError(
                f"'{part.key}' is a measure of the class output, not of layers.", 'Write layers = "output".'
            )
        return (OUTPUT,)
    measured = [layer.name for layer in layers]
    of_layers = {one.name: one for one in found if one.name in set(measured)}
    covered: set[str] = set()
    for glob in globs or ("*",):
        hits = {name for name, one in of_layers.items() if one.matches(glob) and (one.op != _INPUT or _names(glob))}
        if not hits and glob == OUTPUT:
            raise UsageError(
                f"'{OUTPUT}' stands for the class output, and '{part.key}' is a measure of layers.",
                "Name a layer, or a measure such as top1-consistency.",
            )
        if not hits:
            raise UsageError(f"'{glob}' fits no layer that is measured.", _close(glob, layers, found))
        covered |= hits
    return tuple(name for name in measured if name in covered)


def check_together(covered: Sequence[Covered]) -> Iterator[tuple[int, UsageError]]:
    """Yield the index of every limit that repeats or contradicts an earlier one, with the error.

    Limits of different levels may bound the same: one may warn before the other fails.
    """
    seen: dict[tuple[str, str, str, Kind, str], int] = {}
    for each in covered:
        for kind in each.limit.kinds:
            for layer in each.layers:
                earlier = seen.setdefault((layer, each.part.key, each.limit.of, kind, each.limit.level), each.index)
                if earlier != each.index:
                    yield each.index, _repeated(each, kind, layer, earlier)
                    break
    for each in covered:
        for other in covered[: each.index]:
            both = set(each.layers) & set(other.layers)
            if both and (each.part.key, each.limit.of) == (other.part.key, other.limit.of):
                for one, two in ((each.limit, other.limit), (other.limit, each.limit)):
                    if one.min is not None and two.max is not None and one.min > two.max:
                        layer = next(name for name in each.layers if name in both)
                        yield (
                            each.index,
                            UsageError(
                                f"The limits {other.index + 1} and {each.index + 1} contradict each other: "
                                f"'{each.part.key}' of '{layer}' is at least {one.min:g} and at most {two.max:g}."
                            ),
                        )


def _repeated(each: Covered, kind: Kind, layer: str, earlier: int) -> UsageError:
    return UsageError(
        f"The limits {earlier + 1} and {each.index + 1} both have {kind} for '{each.part.key}' of '{layer}'.",
        "Let each layer be covered by one of them, or give them different levels.",
    )


def _names(glob: str) -> bool:
    return not _WILDCARDS & set(glob)


def _close(glob: str, layers: Sequence[Layer], found: Sequence[Candidate]) -> str:
    if any(one.matches(glob) for one in found):
        return "The model has it, but the run does not measure it: see its layers, ops and select, or inspect."
    return did_you_mean(glob, {layer.label for layer in layers})
