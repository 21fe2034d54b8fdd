"""The arrays of `units.npz`, read without running anything that the file might hold."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from onnxinv.errors import OutputError
from onnxinv.stored_arrays import BROKEN, open_archive, read_header, read_member


def load_units(path: Path, most: Mapping[str, int]) -> dict[str, npt.NDArray[np.float64]]:
    """Return arrays by name, as float64; those that nobody knows of are left alone.

    Args:
        path: of the file.
        most: how many values an array has, at most, by its name: nothing larger is unpacked.

    Raises:
        OutputError: the file cannot be read, is no such archive, or holds something else than the result tells of.
    """
    try:
        # Opened as what it must be: given the path, numpy would take a bare array as well.
        with open_archive(path) as archive:
            members = {name.removesuffix(".npy"): name for name in archive.namelist()}
            return {name: _read(archive, members[name], most[name]) for name in most if name in members}
    except BROKEN as error:
        raise OutputError(f"'{path}' cannot be read: {error}.", "Measure the model again.") from error


def _read(archive: zipfile.ZipFile, member: str, most: int) -> npt.NDArray[np.float64]:
    with archive.open(member) as stream:
        header = read_header(stream)
    if header.dtype.kind != "f" or math.prod(header.shape) > most:
        raise ValueError(f"'{member}' is not what the result tells of")
    return np.asarray(read_member(archive, member), dtype=np.float64)
