"""Arrays as NumPy writes them, read without taking a header's word for anything, and never as a pickle."""

from __future__ import annotations

import lzma
import math
import struct
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

BROKEN = (OSError, EOFError, ValueError, RuntimeError, MemoryError, struct.error, zipfile.BadZipFile, zlib.error,
          lzma.LZMAError)  # fmt: skip
"""What reading an archive of arrays raises where it is damaged, encrypted or larger than memory."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class Header:
    """What stands before the numbers of an array.

    Attributes:
        shape: lengths of the axes, none of them negative.
        dtype: of an element.
        fortran: whether the first axis varies fastest.
        start: how many bytes of the file it takes.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    start: int

    @property
    def end(self) -> int:
        """How many bytes header and numbers take."""
        return self.start + math.prod(self.shape) * self.dtype.itemsize


def read_header(stream: IO[bytes]) -> Header:
    """Read the header of an array.

    Args:
        stream: at the first byte.

    Raises:
        ValueError: it is none, or says what cannot be.
    """
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"format version {version} is not supported")
    try:
        shape, fortran, dtype = _HEADERS[version](stream)
    except Exception as error:  # the header is a Python literal: tokenizer and parser raise a dozen kinds of errors
        raise ValueError("its header is broken") from error
    # Numpy takes True for a length here, and multiplies lengths before it looks at what they come to.
    if any(isinstance(each, bool) or each < 0 for each in shape) or math.prod(filter(None, shape)) > sys.maxsize:
        raise ValueError("its header is broken")
    return Header(shape, dtype, fortran, stream.tell())


def read_array(stream: IO[bytes], size: int) -> npt.NDArray[Any]:
    """Read an array after its header was found to promise no more than there is.

    Args:
        stream: at the first byte; one that can go back.
        size: how many bytes there are.

    Raises:
        ValueError: it is no array, holds pickled objects, or is truncated.
        MemoryError: it does not fit into memory.
    """
    header = read_header(stream)
    if header.dtype.hasobject:
        raise ValueError("it holds pickled Python objects, which are never loaded")
    if header.end > size:
        raise ValueError(
            f"it is truncated: its header promises {math.prod(header.shape)} values of type {header.dtype}"
        )
    stream.seek(0)
    array: npt.NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    if array.dtype.kind == "U" and array.size:
        letters = np.frombuffer(array.tobytes(), array.dtype.byteorder + "u4")
        if letters.size and letters.max() > sys.maxunicode:  # Python raises SystemError where it meets one
            raise ValueError("it holds texts with characters that there are not")
    return array


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open an archive; raises what is `BROKEN`, also of a pipe, which nobody may ever write to."""
    if path.exists() and not path.is_file():
        raise OSError("it is no file")
    return zipfile.ZipFile(path)


def read_member(archive: zipfile.ZipFile, member: str) -> npt.NDArray[Any]:
    """Read an array of an archive; raises what is `BROKEN`."""
    with archive.open(member) as stream:
        return read_array(stream, archive.getinfo(member).file_size)
