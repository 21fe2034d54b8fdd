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
from time import perf_counter

import onnxruntime

from onnxinv import api
from onnxinv.demo import digits, model

PLAIN_BATCHES = (16, 32, 64, 128, 256)


def main() -> None:
    """Print a Markdown table of medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--transform", default="paper-rotation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=("plain", "analyze"), help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=64, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        timed = plain if options.one == "plain" else analyze
        print(json.dumps(timed(options.samples, options.transform, options.batch)))
        return
    best = min(
        PLAIN_BATCHES, key=lambda batch: run("plain", min(options.samples, 100), options.transform, batch)["seconds"]
    )
    rounds = [
        {kind: run(kind, options.samples, options.transform, best) for kind in ("plain", "analyze")}
        for _ in range(options.rounds)
    ]
    report(rounds, best, options.samples, options.transform)


def run(kind: str, samples: int, transform: str, batch: int) -> dict[str, float]:
    """Time one kind of run in a process of its own, so that peak memory is its own too."""
    command = [sys.executable, __file__, "--one", kind, "--samples", str(samples), "--transform", transform]
    done = subprocess.run([*command, "--batch", str(batch)], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def plain(samples: int, transform: str, batch: int) -> dict[str, float]:
    """Run the model on all variants, made beforehand group by group, with no outputs but its own."""
    feeds = api.plan(model("rotated"), digits(), transform, samples=samples).feeds
    options = onnxruntime.SessionOptions()
    session = onnxruntime.InferenceSession(model("rotated"), options, providers=["CPUExecutionProvider"])
    transforms = len(feeds.transforms)
    seconds, inferences = 0.0, 0
    for start in range(0, samples, 50):
        variants = feeds.batch(range(start, min(start + 50, samples)), slice(0, transforms))["image"]
        begin = perf_counter()
        for low in range(0, len(variants), batch):
            session.run(None, {"image": variants[low : low + batch]})
        seconds += perf_counter() - begin
        inferences += len(variants)
    return {"seconds": seconds, "inferences": inferences, "peak": peak_mib()}


def analyze(samples: int, transform: str, _batch: int) -> dict[str, float]:
    """Measure with the default measures, transforms included, from ready plan to finished result."""
    start = perf_counter()
    plan = api.plan(model("rotated"), digits(), transform, samples=samples)
    begin = perf_counter()
    result = api.run(plan)
    return {
        "seconds": perf_counter() - begin,
        "start": begin - start,
        "inferences": result.meta.timing.inferences,
        "peak": peak_mib(),
        "estimate": plan.layout.memory.peak / 2**20,
    }


def peak_mib() -> float:
    """Return the peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(rounds: list[dict[str, dict[str, float]]], batch: int, samples: int, transform: str) -> None:
    """Print the table."""
    median = {
        kind: {key: statistics.median(each[kind][key] for each in rounds) for key in rounds[0][kind]}
        for kind in rounds[0]
    }
    ratio = statistics.median(each["analyze"]["seconds"] / each["plain"]["seconds"] for each in rounds)
    print(f"{samples} digits x {transform}, SimpleConv, {len(rounds)} interleaved rounds, medians")
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, onnxruntime {onnxruntime.__version__}"
    )
    print()
    print("| | seconds | inferences a second | peak memory (MiB) |")
    print("|---|---|---|---|")
    for kind, label in (("plain", f"plain onnxruntime, batch {batch}"), ("analyze", "analyze, transforms included")):
        row = median[kind]
        print(f"| {label} | {row['seconds']:.1f} | {row['inferences'] / row['seconds']:,.0f} | {row['peak']:,.0f} |")
    print()
    print(f"Ratio {ratio:.2f}; making the plan takes {median['analyze']['start']:.1f} s; ", end="")
    print(f"the plan estimates {median['analyze']['estimate']:,.0f} MiB beside interpreter, libraries and model.")


if __name__ == "__main__":
    main()
