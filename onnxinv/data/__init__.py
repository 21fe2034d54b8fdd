"""Data sources, one a file, registered by name; `open_source` turns `--data` into samples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from onnxinv.data.files import exists, missing
from onnxinv.data.source import PRIMARY, Array, SampleLayout, Samples, Source
from onnxinv.errors import DataError, UsageError
from onnxinv.provenance import TensorInfo
from onnxinv.registry import Registry
from onnxinv.spec import Spec, build

__all__ = ["PRIMARY", "Array", "SampleLayout", "Samples", "Source", "open_source", "register", "sources"]

sources: Registry[Source] = Registry("data source", "onnxinv.data")
register = sources.register

_PARAMETERS = re.compile(r":(?=\s*[A-Za-z_]\w*\s*=)")
_NEXT_PARAMETER = re.compile(r",(?=\s*[A-Za-z_]\w*\s*=)")
_FUNCTION = re.compile(r"(?P<path>.+\.py):(?P<function>\w+)", re.IGNORECASE | re.DOTALL)


def open_source(text: str, inputs: Sequence[TensorInfo], *, folder: Path = Path()) -> Samples:
    """Open what `--data` names.

    Args:
        text: a path (`digits.npz`), a path with parameters (`photos:mode=gray`), a function (`file.py:function`), or a
            registered source with its parameters (`random:n=64,seed=0`, `npz:path=digits.npz`). An existing path wins
            over a registered name.
        inputs: the model's inputs that are to be fed.
        folder: where relative paths start, for example that of the configuration file.

    Returns:
        The samples; their `source` is the text.

    Raises:
        DataError: nothing of that name is there, no source takes it, or it cannot be read.
        UsageError: the text is empty, or a parameter is unknown or refused.
    """
    if not text.strip():
        raise UsageError("The data source is empty.", "Name a file, a folder, file.py:function or random:n=64.")
    return replace(_resolve(text, folder).open(inputs), source=text)


def _resolve(text: str, folder: Path) -> Source:
    splits = list(_splits(text))
    for named, tail in splits:
        if exists(folder / named) and "path" not in (parameters := _parameters(tail)):
            return _of_path(folder / named, parameters)
        function = _FUNCTION.fullmatch(named)
        if function:
            stated = {"path": str(folder / function["path"]), "function": function["function"]}
            return build(sources.get("python"), Spec("python", {**_parameters(tail), **stated}))
    for named, tail in splits:
        if named in sources.names():
            parameters = _parameters(tail)
            absolute = {"path": str(folder / parameters["path"])} if "path" in parameters else {}
            return build(sources.get(named), Spec(named, {**parameters, **absolute}))
    raise missing(folder / splits[-1][0], also=sources.names())


def _splits(text: str) -> Iterator[tuple[str, str]]:
    """Yield what may be meant by the text, as name and text of the parameters, the longest name first.

    A path may itself contain `:key=`, so that only what exists tells where the parameters begin.
    """
    yield text, ""
    for colon in reversed(list(_PARAMETERS.finditer(text))):
        yield text[: colon.start()], text[colon.end() :]


def _parameters(text: str) -> dict[str, str]:
    """Split `key=value,key=value`; unlike in `spec.parse`, a value may be a path with colons, commas and blanks."""
    parameters: dict[str, str] = {}
    for item in _NEXT_PARAMETER.split(text) if text else ():
        key, _, value = item.partition("=")
        key = key.strip()
        if key in parameters:
            raise UsageError(f"'{key}' is given twice in '{text}'.", "Keep one of the two.")
        parameters[key] = value if key == "path" else value.strip()
    return parameters


def _of_path(path: Path, parameters: dict[str, str]) -> Source:
    for name in sources.names():
        entry = sources.get(name)
        if entry.accepts(path):
            return build(entry, Spec(name, {"path": str(path), **parameters}))
    accepted = [entry.accepted for entry in map(sources.get, sources.names()) if entry.accepted]
    kind = "files of that kind" if path.is_file() else "what it is"
    raise DataError(f"'{path}' cannot be read as data: no source takes {kind}.", f"Accepted: {', '.join(accepted)}.")
