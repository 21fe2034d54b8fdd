"""Samples from NumPy files: one array (`.npy`) or several named ones (`.npz`); never a pickle."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, ClassVar

import numpy as np
from pydantic import ByteSize, Field

from onnxinv.data import register
from onnxinv.data.files import require_file
from onnxinv.data.named_arrays import check_kind, reader, samples_of
from onnxinv.data.source import PRIMARY, Array, SampleLayout, Samples, Source
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo
from onnxinv.stored_arrays import BROKEN, read_header, read_member


@register("npy")
class NpySource(Source):
    """One array in a `.npy` file, its first axis counting the samples; it goes to the model's first input.

    The file is memory-mapped, so that it may be larger than memory.
    """

    accepted: ClassVar[str] = "*.npy"

    path: Path = Field(description="the file")
    layout: SampleLayout | None = Field(None, description="layout of one image: HW, HWC or CHW")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether the file is called `*.npy`."""
        return path.is_file() and path.name.lower().endswith(".npy")

    def open(self, inputs: Sequence[TensorInfo]) -> Samples:
        """Map the file; see `Source.open`."""
        path = require_file(self.path)
        try:
            with path.open("rb") as stream:
                _check_header(stream, path.stat().st_size, f"'{path}'")
            array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"'{path}' cannot be read as a .npy file: {error}.") from error
        return Samples(str(path), len(array), reader({PRIMARY: array}), layout=self.layout)


@register("npz")
class NpzSource(Source):
    """Named arrays in a `.npz` file, the first axis of each counting the samples.

    Arrays named like an input of the model go to it; `x`, or else the only array that is no label, goes to the first
    input; `y` or `labels` are labels. The arrays used are held in memory; a `.npy` file is not.
    """

    accepted: ClassVar[str] = "*.npz"

    path: Path = Field(description="the file")
    layout: SampleLayout | None = Field(None, description="layout of one image: HW, HWC or CHW")
    max_size: ByteSize = Field(ByteSize(8 * 2**30), description="largest array that is unpacked, such as 8GiB")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether the file is called `*.npz`."""
        return path.is_file() and path.name.lower().endswith(".npz")

    def open(self, inputs: Sequence[TensorInfo]) -> Samples:
        """Load the arrays that are used; see `Source.open`."""
        path = require_file(self.path)
        try:
            with zipfile.ZipFile(path) as archive:
                members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
                if not members:
                    raise DataError(f"'{path}' holds no arrays.")
                return samples_of(
                    list(members),
                    lambda key: self._load(archive, members[key], f"'{key}' in '{path}'"),
                    inputs,
                    source=str(path),
                    layout=self.layout,
                )
        except BROKEN as error:
            raise DataError(f"'{path}' cannot be read as a .npz file, or is truncated: {error}.") from error

    def _load(self, archive: zipfile.ZipFile, member: str, subject: str) -> Array:
        """Return one array, after its declared size was found to fit the limit and the bytes that are there."""
        size = archive.getinfo(member).file_size
        if size > self.max_size:
            raise DataError(
                f"{subject} unpacks to {ByteSize(size).human_readable()}, above the limit of "
                f"{self.max_size.human_readable()}.",
                f"Raise it with max_size={ByteSize(size).human_readable()}, or save the array as .npy.",
            )
        with archive.open(member) as stream:
            _check_header(stream, size, subject, strings=True)
        try:
            return read_member(archive, member)
        except MemoryError as error:
            raise DataError(f"{subject} does not fit into memory.", "Save it as .npy, which is mapped.") from error


def _check_header(stream: IO[bytes], size: int, subject: str, *, strings: bool = False) -> None:
    """Check what a .npy header promises before anything is allocated or unpickled on its word.

    Args:
        stream: at the first byte of the header.
        size: how many bytes there are, header included.
        subject: how a message names the array.
        strings: whether an array of strings may pass, as labels do.

    Raises:
        DataError: pickled objects, something that is no samples, or fewer bytes than promised.
        ValueError: not a .npy header.
    """
    header = read_header(stream)
    shape, dtype = header.shape, header.dtype
    if dtype.hasobject:
        raise DataError(
            f"{subject} holds pickled Python objects, which are never loaded.", "Save it as an array of numbers."
        )
    if header.end > size:
        raise DataError(f"{subject} is truncated: its header promises {math.prod(shape)} values of type {dtype}.")
    if not (strings and dtype.kind in "US"):
        check_kind(shape, dtype, subject)
