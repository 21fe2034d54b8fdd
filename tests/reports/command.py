"""Runs a command line in this process and says how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from onnxinv.cli import run
from tests.networks import DIGITS, SHIPPED

PLAIN = SHIPPED[0]


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        status: the exit code.
        out: what it printed on stdout.
        err: what it printed on stderr.
    """

    status: int
    out: str
    err: str


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    """Run one command line."""
    capsys.readouterr()
    status = run([str(each) for each in arguments])
    out, err = capsys.readouterr()
    return Outcome(status, out, err)


def analyze(
    capsys: pytest.CaptureFixture[str],
    *options: object,
    model: Path = PLAIN,
    data: object = DIGITS,
    transform: str = "rotation:steps=2",
    samples: object = 4,
) -> Outcome:
    """Run `analyze` on few samples of the shipped digits, three layers of the shipped model, or what is named."""
    layers = () if model != PLAIN or {"--layers", "--ops", "--select"} & set(options) else ("--layers", "conv1*")
    few = () if samples is None else ("--samples", samples)
    named = (model, "--data", data, "--transform", transform, "--device", "cpu", "--threads", 1)
    return command(capsys, "analyze", *named, *few, *layers, *options)


def assert_refused(outcome: Outcome, *parts: str) -> None:
    """Check that a command ended with exit code 2 and a message that holds the parts, and with nothing else."""
    lines = outcome.err.splitlines()
    assert outcome.status == 2, outcome
    assert outcome.out == ""
    assert lines[0].startswith("Error: ")
    assert len(lines) <= 2, outcome.err
    assert all(line.startswith("Hint: ") for line in lines[1:])
    assert "Traceback" not in outcome.err
    assert "unexpectedly" not in outcome.err
    assert outcome.err.isprintable() or outcome.err.replace("\n", "").isprintable()
    for part in parts:
        assert part in outcome.err
