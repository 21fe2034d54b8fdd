"""Times whole measurements against plain onnxruntime inference of the same variants, interleaved, in one run.

    python tools/benchmark.py --cases resnet18 vgg16 --rounds 3
    python tools/benchmark.py --cases shipped --kinds all
    python tools/benchmark.py --cases resnet18 --growth

Every run has a process of its own, so that its peak memory is its own too. Variants are made beforehand, and sessions;
a measurement is timed from ready plan and session to the written result, transforms included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

from benchmark_cases import CASES, files
from benchmark_kinds import KINDS, PEER, STEPS, Task, Timed
from benchmark_tables import growth_table, machine, times_table
from peer.call import call

GROWTH = (1, 2, 4, 10)
"""Times the samples of a case that `--growth` measures."""

QUICK = 10
"""Part of the samples that `--quick` takes."""


def main() -> None:
    """Print a Markdown table for every case."""
    options = _options()
    if options.step:
        told = json.loads(options.task)
        began = told.pop("began")
        start = time.time() - began
        print(json.dumps({**STEPS[options.step](Task(**told)), "start": start}))
        return
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        for name in options.cases:
            (_growth if options.growth else _times)(name, options, Path(folder))


def _times(name: str, options: argparse.Namespace, folder: Path) -> None:
    task = _task(name, options, folder)
    run("variants", task)
    tuned = run("tune", task)
    task = replace(task, batch=tuned["batch"])
    kinds = ("plain", *options.kinds)
    if options.peer:
        run("graph", task)
        kinds = (*kinds, PEER)
    # Every other round goes backwards, so that a machine that slows down favours no kind.
    orders = [kinds if number % 2 == 0 else kinds[::-1] for number in range(options.rounds)]
    rounds = [
        {kind: run_peer(options.peer, task) if kind == PEER else run(kind, task) for kind in order} for order in orders
    ]
    print(f"\n{_title(name, task, options)}\n")
    print(times_table(rounds), flush=True)
    if PEER in kinds:
        found = run("values", task)
        print(
            f"\nTV, SV and NV of {found['channels']:,} channels: relative difference to tmeasures "
            f"{found['median']:.0e} in the median, {found['largest']:.0e} at most ({found['where']}); "
            f"{found['zero']} zero on both sides, {found['disputed']} on one only",
            flush=True,
        )
    Path(task.variants).unlink()  # hundreds of megabytes


def _growth(name: str, options: argparse.Namespace, folder: Path) -> None:
    few = _task(name, options, folder)
    tasks = [_task(name, options, folder, few.samples * factor) for factor in GROWTH]
    print(f"\n{_title(name, few, options)}, and times {', '.join(map(str, GROWTH[1:]))}")
    measuring = [kind for kind in options.kinds if kind not in {"plain", "expose"}]
    rounds = [{kind: [run(kind, task) for task in tasks] for kind in measuring} for _ in range(options.rounds)]
    for kind in measuring:
        print(f"\n{KINDS[kind].label}\n")
        print(growth_table([task.samples for task in tasks], [each[kind] for each in rounds]), flush=True)


def run(step: str, task: Task) -> Timed:
    """Run one step in a process of its own."""
    print(f"{Path(task.model).stem}, {task.samples} samples: {step}", file=sys.stderr, flush=True)
    told = json.dumps({**asdict(task), "began": time.time()})
    command = [sys.executable, __file__, "--step", step, "--task", told]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: Timed = json.loads(done.stdout.splitlines()[-1])
    return found


def run_peer(python: Path, task: Task) -> Timed:
    """Run tmeasures in its own environment."""
    print(f"{Path(task.model).stem}, {task.samples} samples: {PEER}", file=sys.stderr, flush=True)
    return call(python, "tmeasures_variances", task.graph, task.variants, task.samples, task.values)


def _task(name: str, options: argparse.Namespace, folder: Path, samples: int | None = None) -> Task:
    case = CASES[name]
    count = samples or max(2, (options.samples or case.samples) // (QUICK if options.quick else 1))
    model, data = files(name, count, folder)
    variants = folder / f"{name}-variants.npy"
    return Task(str(model), str(data), options.transform or case.transform, count, str(variants))


def _title(name: str, task: Task, options: argparse.Namespace) -> str:
    rounds = f"{options.rounds} interleaved round{'s' * (options.rounds != 1)}"
    few = " (so few that what is done once weighs heavily)" if options.quick else ""
    return f"**{CASES[name].title}**, {task.samples} samples{few}, {task.transform}, {rounds}, medians"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    usual = [name for name, kind in KINDS.items() if kind.usual and name != "plain"]
    others = [name for name in KINDS if name != "plain"]
    parser.add_argument("--cases", nargs="+", choices=tuple(CASES), default=list(CASES))
    parser.add_argument("--kinds", nargs="+", choices=others, default=usual, help="beside plain inference")
    parser.add_argument("--samples", type=int, help="in place of those of each case")
    parser.add_argument("--transform", help="in place of that of each case")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help=f"take one in {QUICK} of the samples")
    parser.add_argument("--growth", action="store_true", help=f"times the samples: {', '.join(map(str, GROWTH))}")
    parser.add_argument(
        "--peer", type=Path, metavar="PYTHON", help="interpreter with torch, tmeasures and statsmodels, timed too"
    )
    parser.add_argument("--step", choices=tuple(STEPS), help=argparse.SUPPRESS)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
