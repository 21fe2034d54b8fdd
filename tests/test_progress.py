"""Progress is plain lines on stderr where nobody watches, a bar where somebody does, and nothing when quiet."""

from __future__ import annotations

import io
import sys

import pytest

from onnxinv import progress as module
from onnxinv.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def run(title: str, steps: list[int], *, quiet: bool = False) -> None:
    with progress(title, sum(steps), quiet=quiet) as advance:
        for step in steps:
            advance(step)


def test_the_last_line_says_that_all_is_done(capsys):
    run("net.onnx", [600, 400])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("net.onnx: 1,000 of 1,000 inferences, ")
    assert err.count("\n") == 1


def test_lines_come_now_and_then(capsys, monkeypatch):
    clock = iter([0.0, 0.0, 1.0, 11.0, 12.0, 13.0])
    monkeypatch.setattr(module, "monotonic", lambda: next(clock))
    run("net", [1, 1, 1, 1])
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" inferences")[0] for line in lines] == ["net: 2 of 4", "net: 4 of 4"]


def test_quiet_says_nothing(capsys):
    run("net", [1, 1], quiet=True)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_there_is_a_bar_that_goes_again(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run("[red]net[/red]", [1, 1])
    assert "[red]net[/red]" in terminal.getvalue()  # what looks like markup is part of the name
    assert "2/2" in terminal.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO, Terminal], ids=["piped", "on a terminal"])
def test_a_hostile_title_is_harmless(monkeypatch, stream):
    text = stream()
    monkeypatch.setattr(sys, "stderr", text)
    run("\x1b]0;owned\x07\n", [1])
    assert "\x1b]0;" not in text.getvalue()
    assert "\\x1b]0;owned\\x07\\x0a" in text.getvalue()


def test_work_goes_on_where_nobody_reads_stderr_any_more(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Broken())
    done = []
    with progress("net", 2, quiet=False) as advance:
        for _ in range(2):
            advance(1)
            done.append(1)
    assert done == [1, 1]
