"""Kills runs at random moments, resumes them, and holds what they find in the end against an undisturbed run.

    .venv/bin/python -m tools.killed_runs --kills 50

A run is killed with SIGKILL, all of its processes at once, as often as it takes until as many kills as asked for have
hit; then it is resumed until it ends by itself. After each kill all files that have a final name must be whole; in the
end nothing else may be left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from onnxinv import Result
from onnxinv.checkpoint import read_checkpoint
from onnxinv.result import STATE

MODELS = Path(__file__).parent.parent / "models"

KILLS_OF_ONE_RUN = 3
"""How often a run is killed at most before it may end."""


@dataclass
class Tally:
    """What was seen.

    Attributes:
        kills: how many hit a running process.
        early: how many of them before the first group was closed.
        resumed: runs that were killed and then ended.
        groups: closed groups that were found again, over all resumptions.
        damaged: files under a final name that could not be read.
        left: files that were left when a run had ended.
        different: values that differ from those of the undisturbed run.
    """

    kills: int = 0
    early: int = 0
    resumed: int = 0
    groups: int = 0
    damaged: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each run, and exit 1 if anything was lost, damaged or left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, metavar="N", help="(default: 50)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    options = parser.parse_args(arguments)
    moments, tally = random.Random(options.seed), Tally()
    with tempfile.TemporaryDirectory(prefix="onnxinv-killed-") as folder:
        started = time.perf_counter()
        _end(Path(folder) / "undisturbed", resume=False)
        seconds = time.perf_counter() - started
        expected = Result.load(Path(folder) / "undisturbed")
        number = 0
        while tally.kills < options.kills:
            output = Path(folder) / f"run-{number}"
            number += 1
            _disturbed(output, seconds, moments, tally, options.kills)
            _compare(output, expected, tally)
            print(
                f"run {number}: {tally.kills} kills, {tally.groups} groups found again, {len(tally.damaged)} files "
                f"damaged, {len(tally.left)} left, {len(tally.different)} values differ",
                flush=True,
            )
    print(json.dumps(tally.__dict__, indent=1))
    sys.exit(1 if tally.damaged or tally.left or tally.different else 0)


def _command(output: Path, *, resume: bool) -> list[str]:
    model, data = MODELS / "mnist_simpleconv_rotated.onnx", MODELS / "digits.npz"
    told = ["analyze", str(model), "--data", str(data), "--transform", "rotation:steps=16", "--samples", "400"]
    return [sys.executable, "-m", "onnxinv", *told, "-o", str(output), "--quiet", *(["--resume"] if resume else [])]


def _end(output: Path, *, resume: bool) -> None:
    subprocess.run(_command(output, resume=resume), check=True)


def _disturbed(output: Path, seconds: float, moments: random.Random, tally: Tally, most: int) -> None:
    killed = False
    for _ in range(KILLS_OF_ONE_RUN):
        if tally.kills >= most or not _kill_once(output, moments.uniform(0, 1.1 * seconds), tally):
            break
        killed = True
    if not (output / "result.json").exists():
        _end(output, resume=True)
    elif killed:
        # It may have been removing its states: they go now, and that there is a result already is said.
        subprocess.run(_command(output, resume=True), check=False, stderr=subprocess.DEVNULL)
    tally.resumed += killed
    tally.left += [str(path) for path in output.rglob("*") if path.name.startswith(".") or STATE in path.parts]


def _kill_once(output: Path, moment: float, tally: Tally) -> bool:
    """Start or resume the run and kill it; return whether it was still at work."""
    found = read_checkpoint(output / STATE)
    tally.groups += len(found.entries(0)) if found else 0
    process = subprocess.Popen(_command(output, resume=True), start_new_session=True)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        tally.kills += 1
        tally.early += read_checkpoint(output / STATE) is None
        tally.damaged += _damaged(output)
        return True
    return False


def _damaged(output: Path) -> list[str]:
    """Return files under a final name that are not whole."""
    found = []
    for path in output.rglob("*"):
        if not path.is_file() or any(part.endswith(".partial") for part in path.parts):
            continue
        try:
            if path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as arrays:
                    for name in arrays.files:
                        arrays[name].tobytes()
            elif path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
        except Exception as error:  # whatever a damaged file makes of itself
            found.append(f"{path}: {error}")
    return found


def _compare(output: Path, expected: Result, tally: Tally) -> None:
    found = Result.load(output)
    for key, values in expected.units.items():
        if not np.allclose(found.units[key], values, rtol=1e-12, atol=0, equal_nan=True):
            tally.different.append(f"{output.name}: {key}")
    if found.meta.data != expected.meta.data:
        tally.different.append(f"{output.name}: data")


if __name__ == "__main__":
    main()
