"""Relative paths of a configuration, made to begin at the folder that its file is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnxinv.data import sources
from onnxinv.data.files import exists
from onnxinv.transforms.python import is_file


def rooted(run: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the keys of a run, whose relative paths begin at a folder.

    Args:
        run: keys as they are written, of whatever type.
        folder: that the file is in.
    """
    made = dict(run)
    if folder == Path():
        return made
    for key in ("model", "preprocess"):
        if isinstance(run.get(key), str):
            made[key] = _within(folder, run[key])
    if isinstance(align := run.get("align"), str) and align.lower().endswith(".toml"):
        made["align"] = _within(folder, align)
    if isinstance(data := run.get("data"), str) and data.strip():
        made["data"] = _data(data, folder)
    if isinstance(texts := run.get("transforms"), str | list):
        made["transforms"] = [
            _within(folder, each) if isinstance(each, str) and is_file(each) else each for each in _listed(texts)
        ]
    if isinstance(texts := run.get("set-input"), str | list):
        made["set-input"] = [_constant(each, folder) if isinstance(each, str) else each for each in _listed(texts)]
    return made


def _listed(texts: str | list[Any]) -> list[Any]:
    return [texts] if isinstance(texts, str) else texts


def _within(folder: Path, text: str) -> str:
    # What begins at the user's home is no relative path.
    return text if text.startswith("~") else str(folder / text)


def _constant(text: str, folder: Path) -> str:
    """Return `NAME=path` with a path that begins at a folder."""
    name, equals, path = text.partition("=")
    return f"{name}{equals}{_within(folder, path.strip())}" if path.lower().endswith(".npy") else text


def _data(text: str, folder: Path) -> str:
    name, colon, parameters = text.partition(":")
    if exists(folder / text) or exists(folder / name) or name not in sources.names():
        return _within(folder, text)
    paths = re.compile(r"(^|,)(\s*path\s*=)\s*([^,]*)")
    return name + colon + paths.sub(lambda match: f"{match[1]}{match[2]}{_within(folder, match[3])}", parameters)
