"""Arrays in files that are known by what was written: a file that is damaged, or another one, is refused."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from onnxinv.errors import OutputError
from onnxinv.files import write_through
from onnxinv.stored_arrays import BROKEN, open_archive, read_member

Arrays = Mapping[str, npt.NDArray[Any]]


class Stored(BaseModel):
    """A file of arrays, as it was written.

    Attributes:
        file: its name.
        digest: of what is in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Annotated[str, Field(pattern=r"^[a-z0-9-]+\.npz$")]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def write_arrays(folder: Path, name: str, arrays: Arrays) -> Stored:
    """Write arrays into a file of a folder, whole or not at all.

    Raises:
        OutputError: they cannot be written; an earlier file of that name is untouched.
    """
    path = folder / name
    write_through(path, lambda file: _write(file, arrays))
    try:
        with zipfile.ZipFile(path) as archive:
            return Stored(file=name, digest=_digest(archive))
    except (OSError, zipfile.BadZipFile) as error:
        raise damaged(path, error) from error


def read_arrays(folder: Path, stored: Stored, only: Collection[str] | None = None) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a file by name.

    Args:
        folder: where the file is.
        stored: the file.
        only: the names that are wanted; None for all.

    Raises:
        OutputError: the file is missing, damaged, or not the one that was written.
    """
    path = folder / stored.file
    try:
        with open_archive(path) as archive:
            if _digest(archive) != stored.digest:
                raise ValueError("it is not what was written")
            names = {member.removesuffix(".npy"): member for member in archive.namelist()}
            return {name: read_member(archive, names[name]) for name in names if only is None or name in only}
    except BROKEN as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> OutputError:
    """Return the error that says that a file cannot be used."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return OutputError(f"'{path}' cannot be read: {reason}.", "Remove the folder of states, and measure again.")


def _digest(archive: zipfile.ZipFile) -> str:
    """Return a digest of the names, lengths and checksums of what is inside; reading compares the last with it."""
    told = "\n".join(f"{each.filename}:{each.file_size}:{each.CRC}" for each in archive.infolist())
    return hashlib.sha256(told.encode()).hexdigest()


def _write(file: BinaryIO, arrays: Arrays) -> None:
    # As np.savez does, which takes no allow_pickle before numpy 2.2, and leaves a full disk to the garbage collector.
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
