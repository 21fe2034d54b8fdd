"""The arrays of `units.npz`, read without running anything that the file might hold."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from onnxinv.errors import OutputError


def load_units(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Return every array by its name, as float64.

    Raises:
        OutputError: the file cannot be read, or is no such archive.
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
