"""What a reader may not do: change files outside its folder, start or call anything, open what lies beside it."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_TOUCHING = {
    "os.remove": 1, "os.rename": 2, "os.mkdir": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2, "os.truncate": 1,
    "os.chmod": 1, "os.chown": 1, "os.utime": 1, "shutil.rmtree": 1, "shutil.move": 2, "shutil.copyfile": 2,
}  # fmt: skip
"""Events of Python that change files, with how many of their first arguments are paths."""

_NEVER = frozenset(
    "subprocess.Popen os.system os.exec os.posix_spawn os.spawn os.fork os.forkpty os.startfile pty.spawn os.putenv "
    "socket.connect socket.bind socket.sendto socket.getaddrinfo urllib.Request webbrowser.open "
    "pickle.find_class".split()
)
"""Events that no reader brings about."""

_IN_ACCESS, _IN_OPEN = 0x1, 0x20
_NONBLOCK = 0o4000


class Guard:
    """Notes what is forbidden, once it is asked to look.

    Args:
        folders: where files may be written.
        code: where nothing may be run from.
        outside: files that may not be opened, by Python or by native code; whatever links to them.
    """

    def __init__(self, folders: list[Path], code: Path, outside: list[Path]) -> None:
        self._folders = [os.path.realpath(each) for each in folders]
        self._code = os.path.realpath(code)
        self._seen: list[str] = []
        self._looks = False
        self._events = _watch(outside)
        sys.addaudithook(self._hear)

    def __enter__(self) -> Guard:
        self._seen.clear()
        self._looks = True
        return self

    def __exit__(self, *_: object) -> None:
        self._looks = False

    @property
    def seen(self) -> list[str]:
        """What was forbidden since the guard began to look."""
        if _drained(self._events):
            self._seen.append("a file outside the folder was opened")
        return list(self._seen)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._looks:
            return
        if event in _NEVER:
            self._seen.append(f"{event} {str(arguments)[:200]}")
        elif event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and isinstance(flags, int) and flags & _WRITING:
                self._check(event, path)
        elif event in _TOUCHING:
            for path in arguments[: _TOUCHING[event]]:
                if isinstance(path, str | bytes | os.PathLike):
                    self._check(event, path)
        elif event == "exec":
            name = getattr(arguments[0], "co_filename", "")
            if os.path.isabs(name) and os.path.realpath(name).startswith(self._code + os.sep):
                self._seen.append(f"code was run: {name}")

    def _check(self, event: str, path: str | bytes | os.PathLike[str]) -> None:
        real = os.path.realpath(os.fsdecode(path))
        if real != os.devnull and not any(real.startswith(each + os.sep) for each in self._folders):
            self._seen.append(f"{event} {real}")


def _watch(files: list[Path]) -> int:
    """Return a descriptor of Linux's inotify that tells of files that are opened or read, whoever does it."""
    library = ctypes.CDLL(None)
    descriptor = library.inotify_init1(_NONBLOCK)
    for file in files:
        if library.inotify_add_watch(descriptor, os.fsencode(file), _IN_ACCESS | _IN_OPEN) < 0:
            raise OSError(f"{file} cannot be watched")
    return int(descriptor)


def _drained(descriptor: int) -> bool:
    """Whether there were events; none is left."""
    found = False
    while True:
        try:
            found = bool(os.read(descriptor, struct.calcsize("iIII") + 4096)) or found
        except BlockingIOError:
            return found
