"""A commented configuration with limits from a measurement: what `init` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from onnxinv.check_config import OUTPUT, Limit, key_of
from onnxinv.config import RunConfig
from onnxinv.covering import cover
from onnxinv.differences import located
from onnxinv.errors import DataError
from onnxinv.measures import ALL
from onnxinv.measures.jackknife import LEAST_GROUPS
from onnxinv.measures.parts import MeasurePart, measure_part
from onnxinv.model.layers import Candidate, Layer
from onnxinv.result import Interval, MeasureSummary, OutputValue, Result
from onnxinv.toml_text import toml_value

_MEASURE: str = Limit.model_fields["measure"].default

_OUTPUT_MEASURES = ("top1-consistency", "accuracy", "worst-case-accuracy")
"""Measures of the class output that get limits where none is named; the others tell of the same in other words."""

_DIGITS = 3
"""Significant digits of a bound."""

_LONGEST = 80
"""Characters of a name in a comment."""

_INPUT = "Input"

_HEAD = """\
# Limits for {model}, proposed by onnxinv {version} from what it measured ({created}).
# Each bound is the end of the 95 % interval of the value: what gets worse by more than chance breaks it. Loosen or
# tighten the bounds, and leave out the layers that you do not care for. Relative paths begin at this file's folder.
# Editors check it against the schema that "onnxinv init --schema > onnxinv.schema.json" writes, where the first line
# of this file is then "#:schema ./onnxinv.schema.json".
"""

_WARNING = """\
  # A warning before a limit fails the check: a tighter bound, at another level.
  # {warning},
"""

_LIMITS = """
# measured: value [95 % interval]; the mean over the channels where nothing else is said
"""

_TAIL = """\
  # Regressions: how much less invariant than a baseline a layer may become. Take the next line in, then run
  # "onnxinv check --update-baseline" once and commit invariance-baseline.json, which it writes beside this file.
  # {regression},
{warning}]

# Several runs: the keys above are then shared by all, and each run states what is its own.
# [[runs]]
# name = "first"
# [[runs]]
# name = "second"
# transforms = ["brightness"]
# limits = [{limits}]
"""


@dataclass(frozen=True)
class _Line:
    """A line of the limits.

    Attributes:
        limit: its keys; empty where there is no bound.
        measured: what was measured, as a comment.
        tighter: a bound that the value keeps to only just; None without a bound.
    """

    limit: Mapping[str, object]
    measured: str
    tighter: float | None = None

    def __str__(self) -> str:
        text = f"{toml_value(self.limit)},  " if self.limit else ""
        return f"  {text}# {self.measured}\n"


def proposal(result: Result, run: RunConfig, found: Sequence[Candidate], layers: Sequence[Layer]) -> str:
    """Return the text of an `onnxinv.toml` to which the measured model keeps.

    The bound of a layer is the end of the interval of its mean on the less invariant side, rounded away from the value:
    what is measured again on the same samples is held for sure. The model's inputs get none, since their values do not
    depend on the model.

    Args:
        result: what was measured.
        run: how it was measured, with paths as they are to be written.
        found: all tensors of the model that could be layers.
        layers: those that were measured.

    Raises:
        DataError: too few samples for an interval, or nothing has a bound.
        UsageError: a path cannot be written in UTF-8.
    """
    lines = [*_of_layers(result, run, found, layers), *_of_output(result, run)]
    bounded = [line for line in lines if line.limit]
    if not bounded:
        raise DataError(
            "There is nothing to propose: no value of the model is finite and can get worse.",
            "onnxinv analyze shows what was measured.",
        )
    text = _HEAD.format(model=_shown(run.model.name), version=result.meta.onnxinv, created=result.meta.created[:10])
    for field, value in run.model_dump(exclude_defaults=True).items():
        text += f"{key_of(field)} = {toml_value(value)}\n"
    return text + _LIMITS + "limits = [\n" + "".join(map(str, lines)) + _examples(bounded)


def _examples(bounded: Sequence[_Line]) -> str:
    """Return the end of the limits and of the file."""
    first = bounded[0].limit
    among = {"layers": first["layers"] if first["layers"] == OUTPUT else "*"}
    measure = {"measure": first["measure"]} if "measure" in first else {}
    warning = ""
    for line in reversed(bounded):
        kind = "max" if "max" in line.limit else "min"
        if line.tighter != line.limit[kind]:
            warning = _WARNING.format(warning=toml_value({**line.limit, kind: line.tighter, "level": "warn"}))
            break
    return _TAIL.format(
        regression=toml_value({**among, **measure, "max-regression": "5%"}),
        warning=warning,
        limits=toml_value(first),
    )


def _of_layers(result: Result, run: RunConfig, found: Sequence[Candidate], layers: Sequence[Layer]) -> Iterator[_Line]:
    names = {layer.name for layer in layers}
    measured = [each for each in found if each.name in names]
    by_name = {each.name: each for each in measured}
    globs: dict[str, str | None] = {}
    for key in _keys(result, run):
        part = measure_part(key)
        if (unbounded := _unbounded(part)) is not None:
            yield unbounded
            continue
        for layer in result.layers:
            if layer.op == _INPUT:
                continue
            if layer.name not in globs:
                globs[layer.name] = _glob(by_name[layer.name], part, measured, layers)
            yield _line(globs[layer.name], layer.label, part, layer.measures[key])


def _of_output(result: Result, run: RunConfig) -> Iterator[_Line]:
    for key, value in result.document.outputs.items():
        if not _are_named(run) and key not in _OUTPUT_MEASURES:
            continue
        part = measure_part(key)
        yield _unbounded(part) or _line(OUTPUT, OUTPUT, part, value)


def _keys(result: Result, run: RunConfig) -> list[str]:
    """Return what layers get limits for: what was named, else the one measure that limits are about by default."""
    if _are_named(run):
        return [key for key in result.measures if not measure_part(key).of_output]
    return [_MEASURE]


def _are_named(run: RunConfig) -> bool:
    return bool(run.measures) and ALL not in run.measures


def _unbounded(part: MeasurePart) -> _Line | None:
    """Return the line of a measure that no bound can be proposed for; None where one can."""
    if part.direction == "neither":
        return _Line({}, f"{part.key}: no value is more invariant than another")
    return None if part.interval else _Line({}, f"{part.key}: it has no intervals")


def _line(glob: str | None, label: str, part: MeasurePart, found: MeasureSummary | OutputValue) -> _Line:
    value, interval = (found.value, found.ci) if isinstance(found, OutputValue) else (found.mean, found.ci.get("mean"))
    subject = _shown(label) if part.key == _MEASURE else f"{_shown(label)}, {part.key}"
    if value is None:
        return _Line({}, f"{subject}: {_lacking(found)}")
    if interval is None:
        replicates = found.loo if isinstance(found, OutputValue) else found.loo.get("mean")
        if replicates is not None and len(replicates) < LEAST_GROUPS:
            raise DataError(
                f"There are too few groups of samples for intervals: {len(replicates)}, and {LEAST_GROUPS} are needed.",
                "Take more samples or more --groups.",
            )
        return _Line({}, f"{subject}: {value:#.3g}, which has no interval")
    # As in a check: an interval lies about the value without its bias, and may leave out the value with it.
    low, high = part.bounds
    value = min(max(value - (located(found, bounds=part.bounds).bias or 0.0), low), high)
    measured = f"{value:#.3g} [{interval[0]:#.3g}, {interval[1]:#.3g}]{_beside(found)}"
    below = part.direction == "lower"
    bound, tighter = bound_of(interval, below=below), bound_of((value, value), below=below)
    kind = "max" if below else "min"
    if (bound >= part.bounds[1]) if kind == "max" else (bound <= part.bounds[0]):
        return _Line({}, f"{subject}: {measured}, which could hardly get worse")
    if glob is None:
        return _Line({}, f"{subject}: {measured}; every glob that fits it fits another layer too")
    named = {} if part.key == _MEASURE else {"measure": part.key}
    return _Line({"layers": glob, **named, kind: bound}, measured, tighter)


def bound_of(interval: Interval, *, below: bool) -> float:
    """Return the end of an interval with three significant digits, rounded outwards.

    Args:
        interval: low and high end, finite.
        below: whether values must be at most the bound; else they must be at least that.
    """
    # The shortest text of a double reads back as that double, so that what has three digits stays.
    end = Decimal(repr(interval[1] if below else interval[0]))
    if not end:
        return 0.0
    place = Decimal(1).scaleb(end.adjusted() - _DIGITS + 1)
    return float(end.quantize(place, rounding=ROUND_CEILING if below else ROUND_FLOOR))


def _glob(layer: Candidate, part: MeasurePart, found: Sequence[Candidate], layers: Sequence[Layer]) -> str | None:
    """Return a glob that fits this layer and no other; None where there is none."""
    for text in filter(None, (layer.label, layer.name, layer.node)):
        for glob in dict.fromkeys((text, _escaped(text))):
            # Any bound will do: which layers are covered is the same for all.
            if cover(Limit(layers=(glob,), max=0), part, found, layers) == (layer.name,):
                return glob
    return None


def _escaped(text: str) -> str:
    return "".join(f"[{character}]" if character in "[*?" else character for character in text)


def _lacking(found: MeasureSummary | OutputValue) -> str:
    if isinstance(found, OutputValue):
        return "no value is finite"
    if found.reason is not None:
        return toml_value(found.reason)[1:-1]
    return f"no value is finite{_beside(found)}"


def _beside(found: MeasureSummary | OutputValue) -> str:
    """Say which values over the channels the mean leaves out."""
    if isinstance(found, OutputValue):
        return ""
    told = [f"{count} {what}" for count, what in ((found.inf, "infinite"), (found.nan, "not a number")) if count]
    return f" ({', '.join(told)})" if told else ""


def _shown(name: str) -> str:
    """Return a name for a comment: on one line, and not endless."""
    return toml_value(name if len(name) <= _LONGEST else f"{name[: _LONGEST // 2]}…{name[-_LONGEST // 2 :]}")
