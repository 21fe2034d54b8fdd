"""Samples from a file of CIFAR's binary version: labels, then 32 x 32 pixels in three colours, record after record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from onnxinv.data import register
from onnxinv.data.files import require_file
from onnxinv.data.source import PRIMARY, Array, Samples, Source
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32

_MOST_NAMES = 1 << 20
"""Bytes of a file of names; one that is larger is something else."""


@dataclass(frozen=True)
class _Label:
    """One label of a record.

    Attributes:
        column: its byte.
        classes: how many classes there are.
        names: the file that names them, beside the data.
    """

    column: int
    classes: int
    names: str


_VARIANTS = {
    "10": {"fine": _Label(0, 10, "batches.meta.txt")},
    "100": {"coarse": _Label(0, 20, "coarse_label_names.txt"), "fine": _Label(1, 100, "fine_label_names.txt")},
}


@register("cifar")
class CifarSource(Source):
    """Images in one file of the binary version of CIFAR-10 or CIFAR-100, such as `test_batch.bin`; memory-mapped.

    Which of the two it is, its size tells. The classes are named by `batches.meta.txt`, `fine_label_names.txt` or
    `coarse_label_names.txt`, where that lies beside the file.
    """

    accepted: ClassVar[str] = "CIFAR's *.bin"

    path: Path = Field(description="the file")
    variant: Literal["10", "100"] | None = Field(None, description="10 or 100, where the size fits both")
    labels: Literal["fine", "coarse"] = Field("fine", description="which labels of CIFAR-100: fine or coarse")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether the file is called `*.bin`."""
        return path.is_file() and path.name.lower().endswith(".bin")

    def open(self, inputs: Sequence[TensorInfo]) -> Samples:
        """Map the file and read its labels; see `Source.open`."""
        path = require_file(self.path)
        try:
            variant = self.variant or _variant_of(path, path.stat().st_size)
            stored = _VARIANTS[variant]
            if self.labels not in stored:
                raise DataError(f"CIFAR-{variant} has no {self.labels} labels: '{path}'.", "Leave labels out.")
            records = _map(path, variant)
            numbers = records[:, : len(stored)].astype(np.int64)
            for label in stored.values():
                _check_labels(numbers[:, label.column], label, path, variant)
            chosen = stored[self.labels]
            labels = numbers[:, chosen.column]
            names = _names(path.with_name(chosen.names))
        except (OSError, ValueError) as error:
            raise DataError(f"'{path}' cannot be read as a file of CIFAR: {error}.") from error
        if names and labels.max() >= len(names):
            first = int((labels >= len(names)).argmax())
            raise DataError(
                f"Sample {first} of '{path}' has the label {labels[first]}, and '{path.with_name(chosen.names)}' names "
                f"{len(names)} classes, from 0 on.",
                "Put the file of names there that belongs to the data, or none.",
            )

        def read(index: int) -> dict[str, Array]:
            return {PRIMARY: np.array(records[index, -_PIXELS:]).reshape(_SHAPE)}

        return Samples(str(path), len(records), read, labels, names, "CHW")


def _record(variant: str) -> int:
    """Return how many bytes a record has."""
    return len(_VARIANTS[variant]) + _PIXELS


def _variant_of(path: Path, size: int) -> str:
    """Return the variant whose records fill the file."""
    fitting = [variant for variant in _VARIANTS if size % _record(variant) == 0]
    if size and len(fitting) > 1:
        raise DataError(
            f"'{path}' may be CIFAR-10 or CIFAR-100: its {size} bytes are whole records of either.",
            "Say variant=10 or variant=100.",
        )
    if not fitting:
        raise DataError(
            f"'{path}' is not a file of CIFAR, or is truncated: its {size} bytes are whole records neither of CIFAR-10 "
            f"({_record('10')} bytes each) nor of CIFAR-100 ({_record('100')}).",
            "Read any other binary file with a function of your own: --data file.py:function.",
        )
    return fitting[0]


def _map(path: Path, variant: str) -> Array:
    """Return the records of a file, shape (samples, bytes), memory-mapped."""
    size, record = path.stat().st_size, _record(variant)
    if size == 0:
        raise DataError(f"'{path}' is empty.")
    if size % record:
        others = [other for other in _VARIANTS if size % _record(other) == 0]
        raise DataError(
            f"'{path}' is not a file of CIFAR-{variant}, or is truncated: its {size} bytes are no whole records of "
            f"{record} bytes.",
            f"They are records of CIFAR-{others[0]}: say variant={others[0]}." if others else "",
        )
    return np.memmap(path, np.uint8, "r", shape=(size // record, record))


def _check_labels(labels: npt.NDArray[np.int64], label: _Label, path: Path, variant: str) -> None:
    """Refuse labels beyond the classes: such a file only happens to have the size of one of CIFAR."""
    beyond = labels >= label.classes
    if beyond.any():
        first = int(beyond.argmax())
        raise DataError(
            f"'{path}' is not a file of CIFAR-{variant}: byte {label.column} of its record {first} is {labels[first]}, "
            f"and no label is above {label.classes - 1}.",
            "Read any other binary file with a function of your own: --data file.py:function.",
        )


def _names(path: Path) -> tuple[str, ...]:
    """Return the names of the classes, one a line; none where there is no such file."""
    if not path.is_file():
        return ()
    if path.stat().st_size > _MOST_NAMES:
        raise DataError(f"'{path}' does not hold names of classes: it is larger than 1 MiB.")
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").rstrip().split("\n")]
    except UnicodeDecodeError as error:
        raise DataError(f"'{path}' does not hold names of classes: it is not text in UTF-8.") from error
    if "" in lines and lines != [""]:
        raise DataError(
            f"Line {lines.index('') + 1} of '{path}' is blank, so that it is not known which class is which.",
            "Write one name a line.",
        )
    return tuple(lines) if lines != [""] else ()
