"""The commands open no socket, so they need no network, and tell nobody of the models that they measure."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.networks import DIGITS, SHIPPED

REFUSED = 97

# Python runs it at the start of every process, those that a command starts too.
GUARD = f"""
import os, socket, sys, traceback

def refuse(event, arguments):
    looks_up = event in {{"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}}
    if looks_up or (event == "socket.__new__" and arguments[1] != socket.AF_UNIX):
        traceback.print_stack()
        sys.stderr.flush()
        os._exit({REFUSED})

sys.addaudithook(refuse)
"""

# Architecture and number of the system call `socket`, as linux/audit.h and unistd.h have them.
SYSTEM_CALLS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
FILTERED = sys.platform == "linux" and platform.machine() in SYSTEM_CALLS
if FILTERED:
    ARCHITECTURE, CALL = SYSTEM_CALLS[platform.machine()]
    # Native code tells Python of no socket: the kernel ends the process. The program is that of seccomp(2): load the
    # architecture, the number of the call and its first argument; all but AF_UNIX is refused.
    GUARD += f"""
import ctypes, struct

steps = [
    (0x20, 0, 0, 4), (0x15, 0, 4, {ARCHITECTURE}), (0x20, 0, 0, 0), (0x15, 0, 2, {CALL}), (0x20, 0, 0, 16),
    (0x15, 0, 1, socket.AF_UNIX), (0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x80000000),
]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
head = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(program)))
control = ctypes.CDLL(None, use_errno=True).prctl
if control(38, 1, 0, 0, 0) or control(22, 2, ctypes.byref(head), 0, 0):
    raise OSError(ctypes.get_errno(), "system calls cannot be filtered")
"""

RUN = "import json, sys; from onnxinv.cli import run; sys.exit(any([run(each) for each in json.loads(sys.argv[1])]))"
FEW = [
    *("--data", str(DIGITS), "--transform", "flip", "--samples", "8", "--groups", "4"),
    *("--layers", "fc2", "--device", "cpu", "--threads", "1"),
]
PLAIN, ROTATED = map(str, SHIPPED)
LINES = [
    ["inspect", PLAIN],
    ["analyze", PLAIN, *FEW, "--keep-units", "2", "-o", "out"],
    ["report", "out", "--format", "html:again.html"],
    ["compare", PLAIN, ROTATED, *FEW, "-o", "compared"],
    ["init", PLAIN, *FEW],
    ["check", "-o", "checked"],
    ["explain", "normalized-variance"],
]


@pytest.fixture
def guarded(tmp_path: Path):
    """Return a function that runs Python in a folder, as on a machine of a user, where a socket ends it."""
    for name in ("guard", "home"):
        (tmp_path / name).mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    paths = os.pathsep.join([str(tmp_path / "guard"), *sys.path])
    # They would keep onnxruntime silent, or its folder elsewhere.
    unset = {"CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
            env={**kept, "PYTHONPATH": paths, "HOME": str(tmp_path / "home")},
        )  # fmt: skip

    return start


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("import socket; socket.create_connection(('127.0.0.1', 9))", id="a connection"),
        pytest.param("import socket; socket.getaddrinfo('localhost', 80)", id="a name looked up"),
        pytest.param("import socket; socket.socket().bind(('', 0))", id="a port"),
        pytest.param("import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')", id="a download"),
        pytest.param(
            "import subprocess, sys;"
            "sys.exit(subprocess.call([sys.executable, '-P', '-c', 'import socket; socket.socket()']))",
            id="a child process",
        ),
    ],
)
def test_what_opens_a_socket_is_caught(guarded, line):
    assert guarded("-c", line).returncode == REFUSED


@pytest.mark.skipif(not FILTERED, reason="system calls are filtered on Linux only, x86-64 and ARM")
def test_native_code_that_opens_a_socket_is_caught(guarded):
    line = "import ctypes; ctypes.CDLL(None).socket({}, 1, 0)"
    assert guarded("-c", line.format(2)).returncode == -signal.SIGSYS
    assert guarded("-c", line.format(1)).returncode == 0


def test_commands_open_no_socket_and_leave_nothing_behind(guarded, tmp_path):
    found = guarded("-c", RUN, json.dumps(LINES))
    assert found.returncode == 0, found.stderr
    pages = {page.relative_to(tmp_path).as_posix() for page in tmp_path.rglob("*.html")}
    assert {"out/report.html", "again.html", "compared/report.html", "checked/report.html"} <= pages
    assert list((tmp_path / "home").rglob("*")) == []
