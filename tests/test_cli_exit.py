"""Every way to end has its exit code, and 1 is none of them: a crash must not look like a failed check."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from onnxinv import __version__, api
from tests.networks import DIGITS
from tests.reports.command import PLAIN, analyze, assert_refused, command

ONNXINV = [sys.executable, "-m", "onnxinv"]
FEW = [
    "--data",
    str(DIGITS),
    "--transform",
    "rotation:steps=2",
    "--samples",
    "4",
    "--layers",
    "conv1",
    "--device",
    "cpu",
]
ANALYZE = [*ONNXINV, "analyze", str(PLAIN), *FEW]
COMMANDS = ["analyze", "demo", "inspect", "compare", "check", "init", "explain", "merge", "report"]


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `onnxinv` is this one; its status is that of the first command of a pipe."""
    script = f'onnxinv() {{ "{sys.executable}" -m onnxinv "$@"; }}\n{line}\n'
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture
def fail(monkeypatch):
    """Return a function that lets the measurement raise something."""

    def make(error: BaseException) -> None:
        def run(*arguments: object) -> None:
            raise error

        monkeypatch.setattr(api, "run", run)

    return make


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(capsys, name):
    found = command(capsys, name, "--help")
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith(f"Usage: onnxinv {name}")


def test_the_help_lists_every_command(capsys):
    found = command(capsys, "--help")
    assert (found.status, found.err) == (0, "")
    assert re.findall(r"^  (\w+) {2,}\S", found.out.partition("Commands:")[2], re.MULTILINE) == COMMANDS


def test_no_arguments_show_the_help_and_are_no_success(capsys):
    found = command(capsys)
    assert (found.status, found.out) == (2, "")
    assert found.err == command(capsys, "--help").out


def test_the_version_is_told(capsys):
    assert command(capsys, "--version").out == f"onnxinv {__version__}\n"
    assert command(capsys, "--version").status == 0


def test_a_crash_is_2_and_says_how_to_see_more(capsys, fail):
    fail(RuntimeError("something\nbroke \x1b[31m"))
    found = analyze(capsys, "--quiet")
    assert found.status == 2
    assert found.err.splitlines() == [
        "Error: onnxinv failed unexpectedly: RuntimeError: something\\x0abroke \\x1b[31m",
        "Hint: run again with onnxinv --debug COMMAND, and report what it prints.",
    ]


@pytest.mark.parametrize("place", ["before", "after", "environment"])
def test_debug_shows_the_traceback(capsys, fail, monkeypatch, place):
    fail(RuntimeError("broken"))
    if place == "environment":
        monkeypatch.setenv("ONNXINV_DEBUG", "1")
    before, after = (["--debug"] if place == where else [] for where in ("before", "after"))
    named = ["analyze", PLAIN, *FEW, "--quiet"]
    found = command(capsys, *before, *named, *after)
    assert found.status == 2
    assert "Traceback (most recent call last)" in found.err
    assert "raise error\nRuntimeError: broken\nError: onnxinv failed unexpectedly" in found.err


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        pytest.param(KeyboardInterrupt(), 130, "Interrupted", id="an interrupt"),
        pytest.param(EOFError("the end"), 2, "EOFError: the end", id="an unexpected end"),
        pytest.param(MemoryError(), 2, "the machine ran out of memory", id="no memory"),
        pytest.param(SystemExit(0), 2, "asked to exit with 0", id="an exit that claims success"),
        pytest.param(SystemExit(1), 2, "asked to exit with 1", id="an exit with 1"),
        pytest.param(SystemExit("bye"), 2, "asked to exit with 'bye'", id="an exit with a word"),
        pytest.param(OSError(28, "No space left on device"), 2, "cannot be written: No space left", id="a full disk"),
        pytest.param(
            PermissionError(13, "Permission denied", "x"),
            2,
            "'x' cannot be used: Permission denied",
            id="no permission",
        ),
        pytest.param(RecursionError("deep"), 2, "RecursionError", id="a bottomless recursion"),
        pytest.param(AssertionError(), 2, "AssertionError", id="an assertion"),
        pytest.param(
            UnicodeEncodeError("utf-8", "\udcff", 0, 1, "no"), 2, "UnicodeEncodeError", id="letters that are none"
        ),
    ],
)
def test_what_is_raised_decides_the_code(capsys, fail, tmp_path, error, status, text):
    fail(error)
    found = analyze(capsys, "--quiet", "-o", tmp_path / "out")
    assert found.status == status
    assert text in found.err
    assert "Traceback" not in found.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", ["0", "1", "'bye'", "None"])
@pytest.mark.parametrize("part", ["data", "transform", "callable"])
def test_code_of_the_user_that_exits_is_an_error(capsys, tmp_path, code, part):
    body = f"[lambda image: sys.exit({code})]" if part == "callable" else f"sys.exit({code})"
    (tmp_path / "mine.py").write_text(f"import sys\n\n\ndef f():\n    return {body}\n")
    spec = f"{tmp_path / 'mine.py'}:f"
    found = analyze(capsys, **({"data": spec} if part == "data" else {"transform": spec}))
    assert_refused(found, "SystemExit", "mine.py")


def test_a_command_that_asks_for_1_gets_2(capsys, fail):
    fail(typer.Exit(1))
    assert analyze(capsys, "--quiet").status == 2


@pytest.mark.parametrize("arguments", ["explain", f"inspect {PLAIN}", "explain images"])
def test_a_reader_that_leaves_is_no_failure(arguments):
    found = shell(f"onnxinv {arguments} | head -0; echo ${{PIPESTATUS[0]}}")
    assert (found.stdout, found.stderr) == ("0\n", "")


def test_a_reader_that_leaves_does_not_keep_files_from_being_written(tmp_path):
    place = tmp_path / "x.json"
    found = shell(
        f"onnxinv {' '.join(ANALYZE[3:])} --layers '*' --quiet --format csv --format json:{place} | head -0; "
        "echo ${PIPESTATUS[0]}"
    )
    assert (found.stdout, found.stderr) == ("0\n", "")
    assert place.read_text().endswith("}\n")


def test_a_reader_of_stderr_that_leaves_does_not_keep_the_result_from_being_written(tmp_path):
    found = shell(
        f"onnxinv {' '.join(ANALYZE[3:])} -o {tmp_path / 'out'} 2>&1 >/dev/null | head -0; echo ${{PIPESTATUS[0]}}"
    )
    assert found.stdout == "0\n"
    assert (tmp_path / "out" / "result.json").exists()


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="the system has no /dev/full")
@pytest.mark.parametrize("arguments", ["explain", f"inspect {PLAIN}", "--version"])
def test_a_full_stdout_is_an_error(arguments):
    found = shell(f"onnxinv {arguments} > /dev/full; echo $?")
    assert found.stdout == "2\n"
    assert found.stderr.splitlines()[0] == "Error: The output cannot be written: No space left on device."
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"], ids=["stdout", "both"])
def test_closed_streams_are_no_crash(closed):
    found = shell(f"(onnxinv inspect {PLAIN} {closed}); echo $?; (onnxinv explain nothing {closed}); echo $?")
    assert found.stdout == "0\n2\n"
    assert "Traceback" not in found.stderr


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="the system has no /dev/full")
def test_a_stderr_that_is_full_changes_no_exit_code():
    assert shell("onnxinv explain nothing 2>/dev/full; echo $?").stdout == "2\n"


def test_letters_that_the_encoding_lacks_are_no_crash(tmp_path):
    found = shell(f"onnxinv inspect {PLAIN}; echo $?", PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert found.stdout.endswith("\n0\n")
    assert found.stderr == ""


def test_a_file_that_is_a_device_is_written_to(tmp_path):
    found = shell(f"onnxinv {' '.join(ANALYZE[3:])} --quiet --format csv:/dev/stdout | head -1")
    assert found.stdout.startswith("index,name,")
    assert Path("/dev/stdout").is_symlink()


def test_a_disk_that_is_full_leaves_the_earlier_result(capsys, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert analyze(capsys, "--quiet", "-o", out).status == 0
    before = {each.name: each.read_bytes() for each in out.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert_refused(analyze(capsys, "--quiet", "-o", out, "--overwrite"), "No space left on device")
    assert {each.name: each.read_bytes() for each in out.iterdir()} == before


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 256 KiB, where the tests run as somebody who may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True, check=False
    ).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_really_full_leaves_the_earlier_result(capsys, tiny_disk):
    assert analyze(capsys, "--quiet", "-o", tiny_disk / "out").status == 0
    before = {each: each.read_bytes() for each in (tiny_disk / "out").iterdir()}
    (tiny_disk / "filler").write_bytes(bytes(200_000))
    assert_refused(
        analyze(capsys, "--quiet", "-o", tiny_disk / "out", "--overwrite", "--layers", "*"), "No space left on device"
    )
    assert {each: each.read_bytes() for each in (tiny_disk / "out").iterdir()} == before
