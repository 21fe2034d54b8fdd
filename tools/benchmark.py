"""Times a whole measurement against plain onnxruntime inference of the same variants, interleaved, in one run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import onnxruntime

from onnxinv import api
from onnxinv.demo import digits, model

PLAIN_BATCHES = (16, 32, 64, 128, 256)

KINDS: dict[str, tuple[str, ...]] = {"default": (), "all": ("all",)}
"""What is measured, by the name of the kind of run."""

LABELS = {
    "plain": "plain onnxruntime, batch {batch}",
    "default": "analyze, transforms included",
    "all": "analyze --measure all",
}

Timed = dict[str, Any]
"""Seconds, inferences, peak memory in MiB and more of one run."""


@dataclass(frozen=True)
class Task:
    """What is run: so many samples under a transform set, so many variants at a time where that is free."""

    samples: int
    transform: str
    batch: int


def main() -> None:
    """Print a Markdown table of medians and ratios, for the default measures and for all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--transform", default="paper-rotation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=list(KINDS))
    parser.add_argument("--one", choices=("plain", *KINDS), help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=64, help=argparse.SUPPRESS)
    options = parser.parse_args()
    task = Task(options.samples, options.transform, options.batch)
    if options.one:
        print(json.dumps(plain(task) if options.one == "plain" else analyze(task, KINDS[options.one])))
        return
    few = min(options.samples, 100)
    best = min(PLAIN_BATCHES, key=lambda batch: run("plain", Task(few, options.transform, batch))["seconds"])
    task = Task(options.samples, options.transform, best)
    rounds = [{kind: run(kind, task) for kind in ("plain", *options.kinds)} for _ in range(options.rounds)]
    report(rounds, task)


def run(kind: str, task: Task) -> Timed:
    """Time one kind of run in a process of its own, so that peak memory is its own too."""
    command = [sys.executable, __file__, "--one", kind, "--samples", str(task.samples), "--transform", task.transform]
    done = subprocess.run([*command, "--batch", str(task.batch)], check=True, capture_output=True, text=True)
    found: Timed = json.loads(done.stdout)
    return found


def plain(task: Task) -> Timed:
    """Run the model on all variants, made beforehand group by group, with no outputs but its own."""
    feeds = api.plan(model("rotated"), digits(), task.transform, samples=task.samples).feeds
    options = onnxruntime.SessionOptions()
    session = onnxruntime.InferenceSession(model("rotated"), options, providers=["CPUExecutionProvider"])
    transforms = len(feeds.transforms)
    seconds, inferences = 0.0, 0
    for start in range(0, task.samples, 50):
        samples = range(start, min(start + 50, task.samples))
        variants = feeds.batch(samples, slice(0, transforms))["image"]
        begin = perf_counter()
        for low in range(0, len(variants), task.batch):
            session.run(None, {"image": variants[low : low + task.batch]})
        seconds += perf_counter() - begin
        inferences += len(variants)
    return {"seconds": seconds, "inferences": inferences, "peak": peak_mib()}


def analyze(task: Task, measures: tuple[str, ...]) -> Timed:
    """Measure, transforms included, from ready plan to finished result."""
    start = perf_counter()
    plan = api.plan(model("rotated"), digits(), task.transform, samples=task.samples, measures=measures)
    begin = perf_counter()
    result = api.run(plan)
    return {
        "seconds": perf_counter() - begin,
        "start": begin - start,
        "inferences": result.meta.timing.inferences,
        "peak": peak_mib(),
        "estimate": plan.layout.memory.peak / 2**20,
        "shares": result.meta.timing.shares,
    }


def peak_mib() -> float:
    """Return the peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(rounds: list[dict[str, Timed]], task: Task) -> None:
    """Print the table, the ratios and how the time divides."""

    def median(kind: str, key: str) -> float:
        return float(statistics.median(each[kind][key] for each in rounds))

    print(f"{task.samples} digits x {task.transform}, SimpleConv, {len(rounds)} interleaved rounds, medians")
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, onnxruntime {onnxruntime.__version__}"
    )
    print()
    print("| | seconds | times plain | inferences a second | peak memory (MiB) | estimated beside libraries |")
    print("|---|---|---|---|---|---|")
    for kind in rounds[0]:
        label = LABELS[kind].format(batch=task.batch)
        seconds, inferences, peak = (median(kind, key) for key in ("seconds", "inferences", "peak"))
        ratio = statistics.median(each[kind]["seconds"] / each["plain"]["seconds"] for each in rounds)
        estimate = f"{median(kind, 'estimate'):,.0f}" if kind != "plain" else ""
        speed = inferences / seconds
        print(f"| {label} | {seconds:.1f} | {ratio:.2f} | {speed:,.0f} | {peak:,.0f} | {estimate} |")
    for kind in rounds[0]:
        if kind != "plain":
            shares = ", ".join(f"{name} {share:.1%}" for name, share in rounds[-1][kind]["shares"].items())
            print(f"\n{LABELS[kind]}, making the plan {median(kind, 'start'):.1f} s; busy time: {shares}")


if __name__ == "__main__":
    main()
