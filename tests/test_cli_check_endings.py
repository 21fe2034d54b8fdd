"""Every way in which a `check` does not end by itself: only a broken limit exits 1, and a verdict is not lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.check.repository import PLAIN, ROTATED, save_config

ONNXINV = [sys.executable, "-m", "onnxinv", "check"]


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A working folder with a configuration that the shipped model keeps to."""
    monkeypatch.chdir(tmp_path)
    save_config(tmp_path)
    return tmp_path


def process(*options: object, **streams: Any) -> subprocess.CompletedProcess[str]:
    """Run `check` in a process of its own."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.run([*ONNXINV, *map(str, options)], text=True, timeout=60, check=False, **streams)


def test_a_full_disk_behind_stdout_is_2(place):
    with Path("/dev/full").open("w") as full:
        found = process(PLAIN, stdout=full)
    assert (found.returncode, "Traceback" in found.stderr) == (2, False)
    assert "The output cannot be written: No space left on device." in found.stderr


@pytest.mark.parametrize(("model", "status"), [(ROTATED, 0), (PLAIN, 1)])
def test_whoever_stops_reading_does_not_change_the_verdict(place, model, status):
    read, write = os.pipe()
    os.close(read)
    found = process(model, stdout=write)
    os.close(write)
    assert (found.returncode, "Error" in found.stderr) == (status, False)


PLUG_IN = """
import os, signal
from onnxinv.measures.normalized_variance import NormalizedVariance

class Failing(NormalizedVariance):
    parts = ("failing",)

    def compute(self, state, units):
        {body}
"""


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        pytest.param("raise RuntimeError('no good')", 2, "RuntimeError: no good", id="an exception"),
        pytest.param("raise SystemExit(1)", 2, "asked to exit with 1", id="an exit"),
        pytest.param("raise BrokenPipeError", 2, "wrote to a pipe nobody reads", id="a pipe of its own"),
        pytest.param("os.kill(os.getpid(), signal.SIGKILL)", 2, "was killed (SIGKILL)", id="killed"),
        pytest.param("os.abort()", 2, "crashed (SIGABRT)", id="a crash of native code"),
        pytest.param("os.kill(os.getpid(), signal.SIGINT)", 130, "Interrupted", id="an interrupt"),
    ],
)
def test_a_measurement_that_does_not_end_is_no_broken_limit(place, body, status, told):
    (place / "failing.py").write_text(PLUG_IN.format(body=body))
    (place / "failing-1.0.dist-info").mkdir()
    (place / "failing-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: failing\nVersion: 1.0\n")
    (place / "failing-1.0.dist-info" / "entry_points.txt").write_text("[onnxinv.measures]\nfailing = failing:Failing\n")
    save_config(place, 'layers = "fc2"\nmeasure = "failing"\nmax = 0.1')
    found = process("-o", place / "out", env={**os.environ, "PYTHONPATH": str(place)})
    assert found.returncode == status, found.stderr
    assert told in found.stderr
    assert found.stdout == ""
    assert not (place / "out").exists()
