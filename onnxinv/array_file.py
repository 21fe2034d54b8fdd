"""Reads arrays by name from a file: no pickles, and nothing else that would be run."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from onnxinv.errors import OutputError


def read_arrays(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Return the arrays of an npz file by name.

    Raises:
        OutputError: it is no such file, or damaged.
    """
    try:
        # Opened as what it must be: given the path, numpy would take a bare array as well.
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")]
            return {name.removesuffix(".npy"): _read_array(archive, name) for name in members}
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise OutputError(f"'{path}' cannot be read: {error}.", "Measure the model again.") from error


def _read_array(archive: zipfile.ZipFile, member: str) -> npt.NDArray[np.float64]:
    with archive.open(member) as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False), dtype=np.float64)
