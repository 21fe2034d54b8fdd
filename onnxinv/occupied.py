"""One process at a time works in a folder of states."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from onnxinv.errors import OutputError

_LOCK = ".onnxinv.lock"
"""Name of the file that is locked; it is there while somebody works."""

_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What file systems of networks say that know no locks, or have none now."""


@contextlib.contextmanager
def occupied(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder, until the block ends or this process does, however it ends.

    Where the file system knows no locks, nobody is kept out.

    Raises:
        OutputError: another process works there, or nothing can be written there.
    """
    from filelock import FileLock, SoftFileLock, Timeout

    lock = FileLock(folder / _LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(NotImplementedError):  # what a file system without locks ends with
            lock.acquire(timeout=0)
    except Timeout as error:
        # A lock becomes a soft one where there are no others: its file stays where a process is killed.
        if not isinstance(lock, SoftFileLock):
            raise OutputError(
                f"Another process measures in '{folder}'.", "Wait until it ends, or take another folder: -o DIR."
            ) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise OutputError(
                f"Nothing can be written to '{folder}': {error.strerror}.", "Take another folder: -o DIR."
            ) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # a file that is left keeps nobody out
            (folder / _LOCK).unlink()
        lock.release()
        with contextlib.suppress(OSError):  # there are states in it
            folder.rmdir()
