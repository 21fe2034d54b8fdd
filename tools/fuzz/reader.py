"""A process that reads one file after the other, with little memory and guarded, replaced where it dies or hangs."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import re
import resource
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from tools.fuzz.formats import FORMATS
from tools.fuzz.guard import Guard

LIMIT = 20.0
"""Seconds that one file may take."""

MEMORY = 4 << 30
"""Bytes of addresses that reading may take, beside what the process has when it begins."""

_RUNNING = re.compile(r'onnxruntime_inference_collection\.py", line \d+ in run')
"""What a traceback says of a process that runs a model."""


class Reader:
    """Reads files of one format.

    Args:
        format_name: a name of `FORMATS`.
        folder: of the reader alone.

    Attributes:
        seeds: the contents of valid files.
    """

    def __init__(self, format_name: str, folder: Path) -> None:
        self._format, self._folder = format_name, folder
        for name in ("in", "outside", "temporary"):
            (folder / name).mkdir(parents=True)
        (folder / "outside" / "weights.bin").write_bytes(bytes(4096))
        path = folder / "in" / FORMATS[format_name].name
        path.parent.mkdir(exist_ok=True)
        (path.parent / "evil.py").write_text("def give():\n    return None\n", encoding="utf-8")
        self.seeds = FORMATS[format_name].prepare(path)
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_read_all, args=(self._format, self._folder, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._ours.recv()  # that it is ready

    def tried(self, content: bytes) -> str:
        """Return what came of a file: `read`, or `refused`, `exception`, `crash`, `hang` or `forbidden` with what.

        A model that was being run when the time was over is `endless`: it computes what it says, as long as it says.
        """
        self._ours.send_bytes(content)
        try:
            if self._ours.poll(LIMIT):
                return self._ours.recv()
            told = "hang"
        except (EOFError, OSError):
            self._process.join(5)
            told = f"crash: {self._process.exitcode}"
        said = (self._folder / "fault").read_text(encoding="utf-8", errors="replace")
        self.close()
        self._start()
        if told == "hang" and _RUNNING.search(said):
            told = "endless"
        places = re.findall(r'File "(?:\S*/)?([^"/]+)", line (\d+) in (\w+)', said)[:3]
        return f"{told}: in " + " < ".join(f"{file}:{line} {function}" for file, line, function in places)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._ours.close()


def _read_all(format_name: str, folder: Path, connection: Connection) -> None:
    form = FORMATS[format_name]
    path = folder / "in" / form.name
    sys.dont_write_bytecode = True
    tempfile.tempdir = str(folder / "temporary")
    # What native code has to say of what it is fed goes where nobody looks.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    fault = (folder / "fault").open("w+", encoding="utf-8")
    faulthandler.enable(fault, all_threads=False)
    for seed in form.prepare(path):  # what is loaded and compiled once is no file's doing
        path.write_bytes(seed)
        _told(form.read, path)
    guard = Guard([folder / "in", folder / "temporary"], folder / "in", [folder / "outside" / "weights.bin"])
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
    connection.send("ready")
    while True:
        path.write_bytes(connection.recv_bytes())
        fault.truncate(0)
        faulthandler.dump_traceback_later(LIMIT - 1, file=fault)
        with guard:
            told = _told(form.read, path)
        faulthandler.cancel_dump_traceback_later()
        forbidden = guard.seen
        connection.send(f"forbidden: {forbidden[0]}" if forbidden else told)


def _told(read: object, path: Path) -> str:
    from onnxinv.errors import OnnxinvError
    from onnxinv.failures import what_to_say

    try:
        read(path)  # type: ignore[operator]
    except OnnxinvError as error:
        lines = what_to_say(error)
        if not error.message or not all(line.isprintable() for line in lines):
            return f"exception: what is said would do harm: {lines!r}"[:300]
        return f"refused: {error.message[:200]}"
    except BaseException as error:
        return f"exception: {type(error).__name__}: {str(error)[:200]}{_place(error)}"
    return "read"


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " at " + " > ".join(places[-4:])
