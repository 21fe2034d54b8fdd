"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from onnxinv.errors import OutputError

_PIECE = 1 << 18

MOST_BYTES = 1 << 30
"""Of a text that is read: none is longer."""


def read_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the content of a file that may be anything: a pipe that nobody writes to, a device that never ends.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        FileNotFoundError: there is none.
        OSError: it is no file, too long, or cannot be read; `strerror` says why.
    """
    if _is_special(path):
        raise OSError(errno.EINVAL, "it is a device or a pipe", str(path))
    with path.open("rb") as stream:
        content = read_up_to(stream, most)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is longer than {most >> 20:,} MiB", str(path))
    return content


def read_up_to(stream: BinaryIO, most: int) -> bytes:
    """Return what is left of a stream, or one byte more than the most that it may be.

    Args:
        stream: of a file, or of a pipe or a device, which do not tell how long they are.
        most: bytes.
    """
    # Memory is taken for what there is: a stream takes it for all that it is asked for.
    first = stream.read(min(os.fstat(stream.fileno()).st_size, most) + 1)
    pieces, left = [first], most + 1 - len(first)
    while left and (piece := stream.read(min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces) if len(pieces) > 1 else first


def write_file(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that no reader ever sees half of it.

    What a link points to is written, and a device or a pipe is written to as it is: renaming would replace it.

    Raises:
        OutputError: the file cannot be written; an earlier file of that name is untouched.
    """
    if not _is_special(path):
        write_through(path, lambda file: file.write(content))
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise _unwritable(path, error) from error


def write_through(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that may be too large to be made in memory first, under a temporary name, and rename it.

    Args:
        path: the file, or a link to it; its folder is made where it is not there.
        write: writes the content.

    Raises:
        OutputError: the file cannot be written; an earlier file of that name is untouched.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".onnxinv.{secrets.token_hex(4)}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        _flush_names(target.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _flush_names(folder: Path) -> None:
    """Have a folder keep its names through a loss of power, where the system lets folders be opened for that."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"'{path}' cannot be written: {error.strerror}.", "Choose another place.")


def clear_partial(folder: Path) -> None:
    """Remove what a process that was killed left half-written in a folder; nobody else may be writing there."""
    for path in folder.glob(".onnxinv.*.partial"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def check_folder(folder: Path, *, marker: str, overwrite: bool) -> None:
    """Make sure, before the work, that a folder can be written and that nothing in it would be lost.

    Args:
        folder: the folder, which need not exist.
        marker: the file that tells that the folder holds a result.
        overwrite: whether an earlier result may be replaced.

    Raises:
        OutputError: the path is a file, cannot be written, or holds what must not be overwritten.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"'{folder}' is a file, not a folder.", "Choose another place with -o.")
    if (folder / marker).exists() and not overwrite:
        raise OutputError(f"'{folder}' already holds a result.", "Choose another folder or add --overwrite.")
    _check_place(folder, folder)


def check_file(path: Path) -> None:
    """Make sure, before the work, that a file can be written.

    Raises:
        OutputError: the path is a folder, or no file can be made there.
    """
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder, not a file.", "Name a file in it.")
    if _is_special(path):
        if not os.access(path, os.W_OK):
            raise OutputError(f"'{path}' cannot be written: it is not open to you.", "Choose another place.")
        return
    _check_place(path, Path(os.path.realpath(path)).parent)


def _is_special(path: Path) -> bool:
    """Whether there is something that is neither a file nor a folder: a device, a pipe, `/dev/stdout`."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _check_place(wanted: Path, folder: Path) -> None:
    """Make a file in the folder, or in the nearest one that exists, and remove it again."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not existing.is_dir():
        raise OutputError(f"'{existing}' is a file, so '{wanted}' cannot be made.", "Choose another place.")
    probe = existing / f".onnxinv.{secrets.token_hex(4)}.partial"
    try:
        probe.touch(exist_ok=False)
    except OSError as error:
        raise OutputError(f"'{wanted}' cannot be written: {error.strerror}.", "Choose another place.") from error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def write_folder(
    folder: Path, files: Mapping[str, bytes], *, marker: str, overwrite: bool, outdated: Sequence[str] = ()
) -> None:
    """Write several files into a folder: all of them are complete before the first gets its name.

    Earlier files step aside first, the marker before all others, and come back where something fails: whoever looks
    finds the earlier files, all of the new ones, or no marker.

    Args:
        folder: made where it does not exist.
        files: content by name; they get their names in this order, so the marker belongs last.
        marker: the file that tells that the folder holds a result.
        overwrite: whether an earlier result may be replaced.
        outdated: files that were made of an earlier result, and go with it.

    Raises:
        OutputError: as `check_folder`, or the disk is full; earlier files are untouched then.
    """
    check_folder(folder, marker=marker, overwrite=overwrite)
    made = not folder.exists()
    staging = folder / f".onnxinv.{secrets.token_hex(4)}.partial"
    try:
        staging.mkdir(parents=True)
        for name, content in files.items():
            write_file(staging / name, content)
        _exchange(staging, folder, list(files), outdated)
    except OSError as error:
        raise OutputError(
            f"'{folder}' cannot be written: {error.strerror}.", "Choose another place with -o."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):  # it stays where it has come to hold something
                folder.rmdir()


def _exchange(staging: Path, folder: Path, names: list[str], outdated: Sequence[str]) -> None:
    """Give complete files their names, and restore the earlier ones where that fails or is interrupted."""
    aside = {name: staging / f"{name}.earlier" for name in (*reversed(names), *outdated) if (folder / name).exists()}
    try:
        for name, place in aside.items():
            (folder / name).replace(place)
        for name in names:
            (staging / name).replace(folder / name)
    except BaseException:
        for name, place in aside.items():
            if place.exists():
                place.replace(folder / name)
        raise
