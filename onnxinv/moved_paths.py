"""Paths of a run that begin at the working folder, as they are written in a file that stands elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from onnxinv.config import RunConfig
from onnxinv.data import sources
from onnxinv.data.files import exists
from onnxinv.transforms.python import is_file


def moved_paths(run: RunConfig, folder: Path) -> RunConfig:
    """Return a run whose relative paths begin at a folder, as the reader of a configuration in it takes them.

    Args:
        run: its relative paths begin at the working folder.
        folder: of the configuration; it need not exist.
    """
    return run.model_copy(
        update={
            "model": Path(_moved(str(run.model), folder)),
            "preprocess": None if run.preprocess is None else Path(_moved(str(run.preprocess), folder)),
            "data": _moved_data(run.data, folder),
            "transforms": tuple(_moved_transform(each, folder) for each in run.transforms),
            "set_input": tuple(_moved_inputs(run.set_input, folder)),
        }
    )


def _moved(path: str, folder: Path) -> str:
    """Return a path relative to the folder if it lies below it or was relative, else as it is."""
    here = Path(path)
    if path.startswith("~") or (folder == Path() and not here.is_absolute()):
        return path
    absolute, below = Path.cwd() / here, Path.cwd() / folder
    if absolute.is_relative_to(below) and ".." not in absolute.relative_to(below).parts:
        return str(absolute.relative_to(below))
    if here.is_absolute():
        return path
    try:
        # What ".." leaves is the folder that a link points to, so links are followed first.
        return os.path.relpath(Path(os.path.realpath(absolute.parent)) / absolute.name, os.path.realpath(below))
    except ValueError:  # on another drive
        return str(absolute)


def _moved_data(text: str, folder: Path) -> str:
    if exists(Path(text)):
        return _moved(text, folder)
    name, colon, parameters = text.partition(":")
    if exists(Path(name)) or name not in sources.names():
        return _moved(name, folder) + colon + parameters
    rooted = re.sub(
        r"(^|,)(\s*path\s*=)\s*([^,]*)", lambda found: f"{found[1]}{found[2]}{_moved(found[3], folder)}", parameters
    )
    return name + colon + rooted


def _moved_transform(text: str, folder: Path) -> str:
    if not is_file(text):
        return text
    path, colon, function = (text, "", "") if text.endswith(".py") else text.rpartition(":")
    return _moved(path, folder) + colon + function


def _moved_inputs(texts: Sequence[str], folder: Path) -> list[str]:
    moved = []
    for text in texts:
        name, equals, value = text.partition("=")
        moved.append(f"{name}{equals}{_moved(value, folder)}" if value.lower().endswith(".npy") else text)
    return moved
