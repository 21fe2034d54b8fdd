"""Closed states as named arrays, and back: what is written to files and read from them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.compiled import Compiled
from onnxinv.statistics.faint_rows import FaintRows
from onnxinv.statistics.state import State
from onnxinv.statistics.statistic import Statistic

Arrays = Mapping[str, npt.NDArray[Any]]

SAMPLES = "samples"
"""Name of the number of samples that a state accounts for."""

_CODE = "code"
"""What a statistic may be made with that is no part of what it knows: compiled code."""


def arrays_of(state: State) -> dict[str, npt.NDArray[Any]]:
    """Return a closed state as arrays; their names are `samples` and `Kind/part` or `Kind/part/number`.

    What a statistic knows once it is closed is what its constructor takes.
    """
    arrays: dict[str, npt.NDArray[Any]] = {SAMPLES: np.array(state.samples)}
    for kind in state.kinds:
        closed = state[kind].settled()
        for part in _parts(kind):
            value = getattr(closed, part) if hasattr(closed, part) else getattr(closed, f"_{part}")
            arrays |= {f"{kind.__name__}/{name}": array for name, array in _flat(part, value)}
    return arrays


def state_of(arrays: Arrays, code: Compiled | None = None) -> State:
    """Return the state that `arrays_of` made arrays of.

    Args:
        arrays: by name.
        code: compiled code that statistics may work with.

    Raises:
        ValueError: a part is missing, or belongs to nothing.
    """
    found: dict[str, dict[str, npt.NDArray[Any]]] = {}
    for name, array in arrays.items():
        kind, _, part = name.partition("/")
        if part:
            found.setdefault(kind, {})[part] = array
    foreign = set(found) - set(_kinds()) | {name for name in arrays if "/" not in name and name != SAMPLES}
    if foreign:
        raise ValueError(f"it holds '{min(foreign)}', which is no statistic")
    if not found:
        raise ValueError("it lacks statistics")
    try:
        statistics = [_made(_kinds()[kind], parts, code) for kind, parts in found.items()]
        return State(statistics, int(arrays[SAMPLES]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks {error}") from error


def _parts(kind: type[Statistic]) -> list[str]:
    return [name for name in inspect.signature(kind).parameters if name != _CODE]


def _flat(part: str, value: Any) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    if isinstance(value, FaintRows):
        yield f"{part}/unit", value.unit
        yield f"{part}/std", value.std
        yield f"{part}/complete", np.array(value.complete)
    elif isinstance(value, tuple):
        yield f"{part}/count", np.array(len(value))
        yield from ((f"{part}/{place}", each) for place, each in enumerate(value))
    else:
        yield part, np.asarray(value)


def _made(kind: type[Statistic], parts: Arrays, code: Compiled | None) -> Statistic:
    given: dict[str, Any] = {part: _value(part, parts) for part in _parts(kind)}
    foreign = set(parts) - {name for part, value in given.items() for name, _ in _flat(part, value)}
    if foreign:
        raise ValueError(f"it holds '{kind.__name__}/{min(foreign)}', which belongs to nothing")
    if _CODE in inspect.signature(kind).parameters:
        given[_CODE] = code
    return kind(**given)


def _value(part: str, parts: Arrays) -> Any:
    if f"{part}/unit" in parts:
        return FaintRows(parts[f"{part}/unit"], parts[f"{part}/std"], bool(parts[f"{part}/complete"]))
    if f"{part}/count" in parts:
        return tuple(parts[f"{part}/{place}"] for place in range(int(parts[f"{part}/count"])))
    found = parts[part]
    return found.item() if found.ndim == 0 else found


@cache
def _kinds() -> dict[str, type[Statistic]]:
    """Return every kind of statistic by its name."""
    from onnxinv import statistics

    for module in pkgutil.iter_modules(statistics.__path__, f"{statistics.__name__}."):
        if "compiled" not in module.name:  # they need a compiler, and hold no statistic
            importlib.import_module(module.name)
    found: dict[str, type[Statistic]] = {}
    below = list(Statistic.__subclasses__())
    while below:
        kind = below.pop()
        below += kind.__subclasses__()
        if not inspect.isabstract(kind):
            found[kind.__name__] = kind
    return found
