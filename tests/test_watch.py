"""A crash of native code ends with a sentence, signals reach the process that works, and all else is as without it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from onnxinv import watch
from tests.networks import DIGITS, SHIPPED, save_text

PLAIN = SHIPPED[0]
ONNXINV = [sys.executable, "-m", "onnxinv"]
SLOW = ["--data", str(DIGITS), "--transform", "rotation:steps=64", "--threads", "1", "--device", "cpu"]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")


def dying(folder: Path, how: str, *options: object) -> subprocess.CompletedProcess[str]:
    """Analyze with a data function that ends its process."""
    code = f"import os, signal\n\n\ndef f():\n    os.kill(os.getpid(), signal.{how})\n"
    (folder / "mine.py").write_text(code)
    line = [*ONNXINV, "analyze", "--data", f"{folder / 'mine.py'}:f", str(PLAIN), "--transform", "flip", *options]
    return subprocess.run(list(map(str, line)), capture_output=True, text=True, timeout=60, check=False)


def child_of(process: subprocess.Popen[bytes]) -> int:
    """Return the process that works, once it has loaded the runtime: just before a work of a minute and more."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if children and "onnxruntime" in Path(f"/proc/{children[0]}/maps").read_text():
            time.sleep(1)
            return int(children[0])
        time.sleep(0.1)
    raise TimeoutError("no child has loaded the runtime")


@contextmanager
def started(*line: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a command, in a process group of its own; what is left of it is killed."""
    with subprocess.Popen(
        [*ONNXINV, *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def working(out: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Start a command that is at work for long."""
    return started("analyze", str(PLAIN), *SLOW, "-o", str(out))


@pytest.mark.parametrize(
    ("how", "what", "hint"),
    [
        pytest.param(
            "SIGSEGV", "crashed (SIGSEGV), most likely inside onnxruntime.", "onnxruntime", id="a bad pointer"
        ),
        pytest.param("SIGABRT", "crashed (SIGABRT), most likely inside onnxruntime.", "onnxruntime", id="an assertion"),
        pytest.param("SIGKILL", "was killed (SIGKILL), as happens where memory runs out.", "--memory", id="no memory"),
    ],
)
def test_a_crash_is_2_and_a_sentence_that_names_the_model(tmp_path, how, what, hint):
    found = dying(tmp_path, how, "-o", tmp_path / "out", "--format", f"csv:{tmp_path / 'x.csv'}")
    assert (found.returncode, found.stdout) == (2, "")
    first, second = found.stderr.splitlines()
    assert first == f"Error: The process that worked on the model '{PLAIN}' {what}"
    assert second.startswith("Hint: ")
    assert hint in second
    assert [each.name for each in tmp_path.iterdir()] in (["mine.py"], ["mine.py", "__pycache__"])


def test_a_crash_is_2_where_nobody_hears_of_it(tmp_path):
    (tmp_path / "mine.py").write_text("import os\n\n\ndef f():\n    os.abort()\n")
    line = f"{sys.executable} -m onnxinv analyze {PLAIN} --data {tmp_path}/mine.py:f --transform flip"
    found = subprocess.run(["bash", "-c", f"{line} >&- 2>&-; echo $?"], capture_output=True, text=True, check=False)
    assert found.stdout == "2\n"


def test_an_end_that_was_wished_for_shows_as_such(tmp_path):
    found = dying(tmp_path, "SIGTERM")
    assert (found.returncode, found.stdout, found.stderr) == (-signal.SIGTERM, "", "")


@linux
@pytest.mark.parametrize("reach", [os.kill, os.killpg], ids=["sent to the parent", "pressed on a terminal"])
def test_a_real_interrupt_is_130_and_leaves_nothing(tmp_path, reach):
    with working(tmp_path / "out") as process:
        child_of(process)
        reach(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == b""
    assert [line for line in err.decode().splitlines() if not line.startswith(("Running on", PLAIN.name))] == [
        "Interrupted; what was not finished has not been written."
    ]
    assert list(tmp_path.iterdir()) == []


@linux
def test_a_model_that_computes_for_ever_is_interrupted_by_the_second_keypress(tmp_path):
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        n = Constant<value = int64 {4611686018427387904}>()  c = Constant<value = bool {1}>()
        y = Loop(n, c, x) <body = l (int64 i, bool go, float[N, 3] v) => (bool on, float[N, 3] w) {
            on = Identity(go)  w = Sigmoid(v) }> }"""
    with started("inspect", str(save_text(tmp_path / "net.onnx", text))) as process:
        child_of(process)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2 * watch._SAME_KEYPRESS)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.decode().splitlines()[-1] == "Interrupted; what was not finished has not been written."


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_the_work_ends_with_the_process_that_was_started(tmp_path, number):
    with working(tmp_path / "out") as process:
        child_of(process)
        process.send_signal(number)
        # The pipes close when the last process that holds them has ended.
        out, _ = process.communicate(timeout=30)
    assert process.returncode == -number
    assert out == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "watched"),
    [
        ("inspect x.onnx", True),
        ("analyze --data d.npz x.onnx", True),
        ("demo", True),
        ("", False),
        ("--help", False),
        ("--version", False),
        ("explain analyze", False),
        ("report folder", False),
        ("analyze --help", False),
        ("inspect x.onnx --debug", False),
        ("--debug inspect x.onnx", False),
    ],
)
def test_just_what_runs_a_model_is_watched(line, watched):
    assert watch.is_watched(line.split()) is watched


@pytest.mark.parametrize(("code", "told"), [(0, 0), (2, 2), (130, 130), (watch._SAYS_BROKEN, 1), (1, 2)], ids=str)
def test_exit_codes_are_handed_on_and_a_bare_1_is_not_that_a_limit_is_broken(monkeypatch, code, told):
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)  # those of the tests stay
    real = subprocess.Popen
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda line, **options: real([sys.executable, "-c", f"raise SystemExit({code})"], **options),
    )
    assert watch.watch(["inspect"]) == told


@pytest.mark.parametrize(
    ("line", "model"),
    [
        ("analyze --data d.npz x.onnx", "x.onnx"),
        ("inspect --layout NCHW x.onnx", "x.onnx"),
        ("demo", None),
        ("analyze", None),
    ],
)
def test_the_model_is_named_where_the_command_line_names_one(capsys, line, model):
    watch.tell_crash("SIGSEGV", line.split())
    told = capsys.readouterr().err
    assert told.startswith("Error: The process that worked on the model " + (f"'{model}' " if model else "crashed"))


def test_the_working_folder_is_searched_for_no_libraries(tmp_path):
    """As with the installed command, whose path begins with the folder that it lies in."""
    (tmp_path / "numpy.py").write_text("raise RuntimeError('not to be imported')\n")
    line = [sys.executable, "-P", "-c", "from onnxinv.watch import main; main()", "inspect", str(PLAIN.absolute())]
    found = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert found.returncode == 0, found.stderr


def test_the_watching_process_imports_nothing_heavy():
    heavy = "'typer', 'rich', 'numpy', 'onnx', 'onnxruntime', 'pydantic'"
    code = f"import sys, onnxinv.watch; print([each for each in ({heavy}) if each in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
