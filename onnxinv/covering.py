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

    @property
    def regresses(self) -> bool:
        """Whether it is about the baseline."""
        return self.limit.max_regression is not None

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
        if "of" in limit.model_fields_set:
            raise UsageError(
                f"'{part.key}' is one number, and of = \"{limit.of}\" chooses among those of channels.",
                "Leave the key of out of the limit.",
            )
        return (OUTPUT,)
    measured = [layer.name for layer in layers]
    names = set(measured)
    of_layers = {one.name: one for one in found if one.name in names}
    covered: set[str] = set()
    for glob in globs or ("*",):
        fitting = {name for name, one in of_layers.items() if one.matches(glob)}
        hits = {name for name in fitting if of_layers[name].op != _INPUT or _names(glob)}
        if not hits and glob == OUTPUT:
            raise UsageError(
                f"'{OUTPUT}' stands for the class output, and '{part.key}' is a measure of layers.",
                "Name a layer, or a measure such as top1-consistency.",
            )
        if fitting and not hits:
            raise UsageError(
                f"'{glob}' fits only the model's input '{fitting.pop()}', whose values do not depend on the model.",
                "Write its name in full if that is what you mean.",
            )
        if not hits:
            raise UsageError(f"'{glob}' fits no layer that is measured.", _close(glob, layers, found))
        covered |= hits
    return tuple(name for name in measured if name in covered)


def check_together(covered: Sequence[Covered]) -> Iterator[tuple[int, UsageError]]:
    """Yield the index of every limit that repeats or contradicts an earlier one, with the error.

    Limits of different levels may bound the same, where the warning comes before the failure.
    """
    bounding: dict[tuple[str, str, str], list[Covered]] = {}
    for each in covered:
        told: set[int] = set()
        for layer in each.layers:
            # A measure of the class output has no channels to choose among.
            key = (layer, each.part.key, "" if each.part.of_output else each.limit.of)
            for other in bounding.setdefault(key, []):
                error = _conflict(other, each, layer)
                if error is not None and other.index not in told:
                    told.add(other.index)
                    yield each.index, error
            bounding[key].append(each)


def _conflict(one: Covered, two: Covered, layer: str) -> UsageError | None:
    numbers, what = f"The limits {one.index + 1} and {two.index + 1}", f"'{two.part.key}' of '{layer}'"
    for low, high in ((one.limit.min, two.limit.max), (two.limit.min, one.limit.max)):
        if low is not None and high is not None and low > high:
            return UsageError(
                f"{numbers} contradict each other: {what} would be at least {low:g} and at most {high:g}.",
                "Change a bound, or let each layer be covered by one of them.",
            )
    for kind in one.limit.kinds:
        if kind not in two.limit.kinds:
            continue
        if one.limit.level == two.limit.level:
            return UsageError(
                f"{numbers} both have {kind} for {what}.",
                "Let each layer be covered by one of them, or give them different levels.",
            )
        warning, failing = (one, two) if one.limit.level == "warn" else (two, one)
        if not _comes_first(warning.limit, failing.limit, kind):
            return UsageError(
                f"{numbers} both have {kind} for {what}, and the one that warns is broken no earlier than the one that "
                "fails.",
                "Make the warning stricter, or leave it out.",
            )
    return None


def _comes_first(warning: Limit, failing: Limit, kind: Kind) -> bool:
    """Whether a bound is stricter than another; of regressions a share and a number cannot be compared."""
    if kind == "max":
        return (warning.max or 0.0) < (failing.max or 0.0)
    if kind == "min":
        return (warning.min or 0.0) > (failing.min or 0.0)
    if isinstance(warning.max_regression, str) != isinstance(failing.max_regression, str):
        return True
    return warning.allowance(1.0) < failing.allowance(1.0)


def _names(glob: str) -> bool:
    return not _WILDCARDS & set(glob)


def _close(glob: str, layers: Sequence[Layer], found: Sequence[Candidate]) -> str:
    if any(one.matches(glob) for one in found):
        return "The model has it, but the run does not measure it: see its layers, ops and select, or inspect."
    return did_you_mean(glob, {layer.label for layer in layers})
