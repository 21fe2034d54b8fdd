"""Samples from an IDX file, the format of MNIST, with the labels of the file beside it."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, ClassVar

import numpy as np
from pydantic import ByteSize, Field

from onnxinv.data import register
from onnxinv.data.files import exists, require_file
from onnxinv.data.named_arrays import check_kind, parse_labels, reader
from onnxinv.data.source import PRIMARY, Array, SampleLayout, Samples, Source
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo

_NAME = re.compile(r".*[-.]idx[1-4]-(u?byte|short|int|float|double)(\.gz)?", re.IGNORECASE | re.DOTALL)

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"

_MOST_DIMENSIONS = 4
"""Of images in colour, the samples counted."""

_MOST_GAIN = 1032
"""Deflate makes no more than this many bytes of one; what promises more is truncated, which costs no memory to say."""


@register("idx")
class IdxSource(Source):
    """Images in an IDX file as MNIST has them, `t10k-images-idx3-ubyte`, compressed with gzip or not.

    Labels are read from the file beside it, `t10k-labels-idx1-ubyte`, if it is there. A dot may stand before `idx`,
    and either file may end in `.gz`. A file that is not compressed is memory-mapped, so that it may be larger than
    memory.
    """

    accepted: ClassVar[str] = "*-idx3-ubyte[.gz]"

    path: Path = Field(description="the file of the images")
    labels: Path | None = Field(None, description="the file of the labels; a relative path begins beside the images")
    layout: SampleLayout | None = Field(None, description="layout of one image in colour: HWC or CHW")
    max_size: ByteSize = Field(ByteSize(8 * 2**30), description="largest array that is unpacked, such as 8GiB")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether the file is called `*-idx3-ubyte` or the like, `.gz` or not."""
        return path.is_file() and _NAME.fullmatch(path.name) is not None

    def open(self, inputs: Sequence[TensorInfo]) -> Samples:
        """Map or unpack the images, and read the labels; see `Source.open`."""
        path = require_file(self.path)
        images = _read(path, self.max_size)
        if images.ndim == 1:
            meant = _beside(path, "labels", "images", 3)
            raise DataError(
                f"'{path}' has one number a sample: it holds labels, not images.",
                f"Name the file of the images{f': {meant}' if meant else ''}; labels are found beside it.",
            )
        layout = self.layout or ("HW" if images.ndim == 3 else None)
        labels = self._labels_of(path)
        if labels is None:
            return Samples(str(path), len(images), reader({PRIMARY: images}), layout=layout)
        numbers, _ = parse_labels(_read(labels, self.max_size), f"'{labels}'")
        if len(numbers) != len(images):
            raise DataError(
                f"'{path}' holds {len(images)} images, and '{labels}' {len(numbers)} labels.",
                "Name the labels that belong to the images with labels=FILE.",
            )
        return Samples(str(path), len(images), reader({PRIMARY: images}), numbers, layout=layout)

    def _labels_of(self, path: Path) -> Path | None:
        """Return the file of the labels, None where there is none."""
        if self.labels is None:
            return _beside(path, "images", "labels", 1)
        stated = path.parent / self.labels
        if not exists(stated) and exists(self.labels):
            raise DataError(
                f"There is no such file or folder: '{stated}'; a relative path begins beside the images.",
                f"Say labels={self.labels.absolute()}.",
            )
        return require_file(stated)


def _beside(path: Path, word: str, other: str, dimensions: int) -> Path | None:
    """Return the file beside this one whose name has another word, the one named most alike; None where none has."""
    found = re.fullmatch(rf"(.*){word}([-.])idx[1-4]-ubyte(\.gz)?", path.name, re.DOTALL | re.IGNORECASE)
    if found is None:
        return None
    start, dot, packed = found[1], found[2], (found[3] or "").lower()
    cased = str.upper if path.name.isupper() else str
    names = (
        start + cased(f"{other}{separator}idx{dimensions}-ubyte{suffix}")
        for separator in sorted("-.", key=lambda each: each != dot)
        for suffix in sorted(("", ".gz"), key=lambda each: each != packed)
    )
    return next((near for name in names if (near := path.with_name(name)).is_file()), None)


def _read(path: Path, limit: ByteSize) -> Array:
    """Return the array in an IDX file: mapped, or unpacked into memory where it is compressed.

    Raises:
        DataError: the file is no IDX file, is damaged, or unpacks to more than the limit.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            begin = stream.read(len(_GZIP))
        if not begin:
            raise DataError(f"'{path}' is empty.")
        packed = begin == _GZIP
        if packed and not _is_called_packed(path):
            raise DataError(
                f"'{path}' is compressed with gzip, and its name does not end in .gz.", f"Call it '{path.name}.gz'."
            )
        if _is_called_packed(path) and not packed:
            hint = f"Call it '{path.name[: -len('.gz')]}'." if begin == b"\0\0" else "Fetch it again."
            raise DataError(f"'{path}' is not compressed with gzip, though its name ends in .gz.", hint)
        if packed:
            with gzip.open(path) as stream:
                return _unpack(stream, path, size, limit)
        with path.open("rb") as stream:
            shape, dtype = _read_header(stream, path)
            start = stream.tell()
        _check_length(path, shape, size - start - math.prod(shape) * dtype.itemsize)
        return np.memmap(path, dtype, "r", start, shape)
    except MemoryError as error:
        raise DataError(f"'{path}' does not fit into memory.", "Unpack it with gunzip: it is mapped then.") from error
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"'{path}' cannot be read as an IDX file, or is truncated: {error}.") from error


def _is_called_packed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _read_header(stream: IO[bytes] | gzip.GzipFile, path: Path) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Return shape and type that the header promises; the stream is then at the first number."""
    magic = stream.read(4)
    if len(magic) == 4 and (magic[:2] != b"\0\0" or magic[2] not in _TYPES):
        raise DataError(
            f"'{path}' is not an IDX file: it begins with {magic.hex(' ')}.",
            "One of images begins with 00 00 08 03: bytes, in three dimensions.",
        )
    dimensions = magic[3] if len(magic) == 4 else 0
    if dimensions > _MOST_DIMENSIONS:
        raise DataError(f"'{path}' holds neither images nor labels: it has {dimensions} dimensions.")
    lengths = stream.read(4 * dimensions)
    if len(magic) < 4 or len(lengths) < 4 * dimensions:
        raise DataError(f"'{path}' is truncated: it ends within its header.")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    dtype = np.dtype(_TYPES[magic[2]])
    check_kind(shape, dtype, f"'{path}'")
    return shape, dtype


def _unpack(stream: gzip.GzipFile, path: Path, packed_size: int, limit: ByteSize) -> Array:
    """Return the array of a compressed file, after its promised size was found to fit the limit."""
    shape, dtype = _read_header(stream, path)
    size = math.prod(shape) * dtype.itemsize
    if size > packed_size * _MOST_GAIN:
        _check_length(path, shape, -size)
    if size > limit:
        needed = ByteSize(size).human_readable()
        raise DataError(
            f"'{path}' unpacks to {needed}, above the limit of {limit.human_readable()}.",
            f"Raise it with max_size={size}, or unpack the file with gunzip: it is mapped then.",
        )
    array = np.empty(shape, dtype)
    room = array.reshape(-1).view(np.uint8).data
    filled = 0
    while filled < size and (count := stream.readinto(room[filled:])):
        filled += count
    # What is read past the end is also what makes gzip compare its checksum.
    _check_length(path, shape, filled + len(stream.read(1)) - size)
    return array


def _check_length(path: Path, shape: tuple[int, ...], excess: int) -> None:
    """Refuse a file that has more or fewer bytes than its header promises."""
    if excess:
        problem = "is truncated: it ends before" if excess < 0 else "is damaged: it goes on after"
        raise DataError(f"'{path}' {problem} the array of shape {shape} that its header promises.")
