"""Results that are seldom seen: nothing responds, nothing is finite, one layer, no arrays, an older version."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from onnxinv.result import Result, to_json
from tests.reports.results import NV, layer, result_of, small, summary


def one_layer() -> Result:
    """Return a result of one layer."""
    return result_of([layer(0, "only", {NV: summary(0.5)})])


def all_dead() -> Result:
    """Return a result in which nothing responds to anything."""
    dead = summary(0.0, half=0.0, dead=4).model_copy(update={"mean_alive": None})
    return _alike(result_of([layer(at, f"dead{at}", {NV: dead}) for at in range(6)]), 0.0)


def all_nan() -> Result:
    """Return a result without any number."""
    return _alike(result_of([layer(at, f"nan{at}", {NV: summary(None, nan=4)}) for at in range(6)]), np.nan)


def all_inf() -> Result:
    """Return a result whose values are all infinite."""
    return _alike(result_of([layer(at, f"inf{at}", {NV: summary(None, inf=4)}) for at in range(6)]), np.inf)


def without_arrays() -> Result:
    """Return a result that came without units.npz."""
    return Result(small().document, {})


ODD: dict[str, Callable[[], Result]] = {
    "one layer": one_layer,
    "all dead": all_dead,
    "all nan": all_nan,
    "all inf": all_inf,
    "no arrays": without_arrays,
}
"""Makes each of them, by what a test is called."""


def save_older(result: Result, folder: Path) -> None:
    """Write a result as a version did that knew nothing but what every result has."""
    result.save(folder)
    content = json.loads(to_json(result))
    _forget(result.document, content)
    (folder / "result.json").write_text(json.dumps(content), encoding="utf-8")


def _alike(result: Result, value: float) -> Result:
    return Result(result.document, {key: np.full_like(array, value) for key, array in result.units.items()})


def _forget(part: object, content: object) -> None:
    """Remove every key that may be missing, here and in what this holds."""
    if isinstance(part, BaseModel) and isinstance(content, dict):
        for name, field in type(part).model_fields.items():
            if field.is_required():
                _forget(getattr(part, name), content[name])
            else:
                content.pop(name, None)
    elif isinstance(part, dict) and isinstance(content, dict):
        for key, inner in part.items():
            _forget(inner, content[key])
    elif isinstance(part, list) and isinstance(content, list):
        for inner, told in zip(part, content, strict=True):
            _forget(inner, told)
