"""Whether results can be compared, how, and what to call them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from onnxinv.errors import UsageError
from onnxinv.result import Result


def check_comparable(results: Sequence[Result]) -> None:
    """Make sure that results were measured alike.

    Raises:
        UsageError: there are fewer than two, or they differ in samples, transforms or aggregate.
    """
    if len(results) < 2:
        raise UsageError("There is one model to compare with nothing.", "Name two models, or two result folders.")
    first = results[0].meta
    for other in (each.meta for each in results[1:]):
        both = f"'{first.model.path}' and '{other.model.path}'"
        if first.data.digest != other.data.digest:
            raise UsageError(
                f"{both} were measured on different samples: {_samples(first.data.source, first.data.samples)} and "
                f"{_samples(other.data.source, other.data.samples)}.",
                "Measure both with the same --data, --samples and --seed.",
            )
        if first.transforms.items != other.transforms.items:
            raise UsageError(
                f"{both} were measured under different transforms: {' x '.join(first.transforms.spec)} and "
                f"{' x '.join(other.transforms.spec)}.",
                "Measure both with the same --transform.",
            )
        for option in ("aggregate", "stratify", "sample_units"):
            one, two = getattr(first.options, option), getattr(other.options, option)
            if one != two:
                flag, values = option.replace("_", "-"), f"{_option(one)} and {_option(two)}"
                raise UsageError(f"{both} were measured with different values of --{flag}: {values}.")


def in_the_same_groups(results: Sequence[Result]) -> bool:
    """Whether every group held the same samples in all of them, so that differences can be taken group by group."""
    return all(_groups(each) == _groups(results[0]) for each in results)


def names_of(paths: Sequence[str]) -> tuple[str, ...]:
    """Return a short name for each model, unlike the others': the file's, with its folder where that repeats."""
    names = [Path(path).stem for path in paths]
    repeated = {name for name, count in Counter(names).items() if count > 1}
    names = [
        f"{Path(path).parent.name}/{name}" if name in repeated and Path(path).parent.name else name
        for path, name in zip(paths, names, strict=True)
    ]
    counts = Counter(names)
    return tuple(f"{name} ({place + 1})" if counts[name] > 1 else name for place, name in enumerate(names))


def _groups(result: Result) -> tuple[object, ...]:
    """Return what decides which samples are in which group."""
    return result.meta.data.seed, result.meta.data.samples, result.meta.options.groups, result.meta.options.stratify


def _option(value: object) -> str:
    return "none" if value is None else str(value)


def _samples(source: str, count: int) -> str:
    return f"{count} of '{source}'"
