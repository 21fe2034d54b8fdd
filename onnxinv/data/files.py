"""Whether what the user named is there, and which neighbour was meant where it is not."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from onnxinv.errors import DataError
from onnxinv.spec import did_you_mean

_MOST_NEIGHBOURS = 1000
"""Comparing names costs time for each; a folder of a million images must not delay the message."""


def exists(path: Path) -> bool:
    """Return whether the path is there; a text that cannot be a path (too long, a null byte) is not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def missing(path: Path, *, also: Iterable[str] = ()) -> DataError:
    """Return the error for a path that is not there; its hint offers close names of the same folder.

    Args:
        path: what the user named.
        also: other words that could have stood there, such as registered names.
    """
    try:
        neighbours = [entry.name for entry in islice(path.parent.iterdir(), _MOST_NEIGHBOURS)]
    except (OSError, ValueError):
        neighbours = []
    visible = [name for name in neighbours if not name.startswith(".")]
    return DataError(f"There is no such file or folder: '{path}'.", did_you_mean(path.name, [*visible, *also]))


def require_file(path: Path) -> Path:
    """Return the path of an existing regular file.

    Raises:
        DataError: it is missing, or a folder or device.
    """
    if not exists(path):
        raise missing(path)
    if not path.is_file():
        raise DataError(f"'{path}' is not a file.")
    return path


def require_folder(path: Path) -> Path:
    """Return the path of an existing folder.

    Raises:
        DataError: it is missing, or not a folder.
    """
    if not exists(path):
        raise missing(path)
    if not path.is_dir():
        raise DataError(f"'{path}' is not a folder.")
    return path
