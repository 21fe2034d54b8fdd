"""What the benchmark prints: the machine, and medians and ratios as Markdown tables."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from benchmark_kinds import LABELS, Timed

import onnxinv


def machine() -> str:
    """Return what everything runs on, in one line, and how busy that is with other work."""
    told = Path("/proc/cpuinfo")
    names = [line for line in told.read_text().splitlines() if "model name" in line] if told.exists() else []
    processor = names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
    try:
        cores = len(os.sched_getaffinity(0))
        memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB, "
        load = f", load {os.getloadavg()[0]:.1f} at the start"
    except (AttributeError, ValueError, OSError):  # not every system tells
        cores, memory, load = os.cpu_count() or 1, "", ""
    return (
        f"{processor}, {cores} cores, {memory}Python {platform.python_version()}, numpy {np.__version__}, "
        f"onnxruntime {onnxruntime.__version__}, onnxinv {onnxinv.__version__}{load}"
    )


def times_table(rounds: Sequence[Mapping[str, Timed]]) -> str:
    """Return a table with a row for every kind, and below it what is not in the seconds and how they divide.

    Args:
        rounds: what was timed, by kind; all have the same kinds, and `plain` among them.

    Processor seconds, summed over cores, suffer less from other work on the machine.
    """
    lines = [
        "| | batch | seconds | times plain (lowest to highest) | processor seconds, times plain | inferences a second "
        "| peak memory (MiB) | estimated beside libraries |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in rounds[0]:
        timed = [each[kind] for each in rounds]
        ratios = [each[kind]["seconds"] / each["plain"]["seconds"] for each in rounds]
        spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if kind != "plain" and len(rounds) > 1 else ""
        busy = statistics.median(each[kind]["busy"] / each["plain"]["busy"] for each in rounds)
        seconds = _median(timed, "seconds")
        speed = _median(timed, "inferences") / seconds
        estimate = f"{_median(timed, 'estimate'):,.0f}" if "estimate" in timed[0] else ""
        lines.append(
            f"| {LABELS[kind]} | {timed[0]['batch']} | {seconds:.2f} | {statistics.median(ratios):.2f}{spread} "
            f"| {_median(timed, 'busy'):.2f}, {busy:.2f} | {speed:,.0f} | {_median(timed, 'peak'):,.0f} | {estimate} |"
        )
    return "\n".join([*lines, "", *(_beside(kind, [each[kind] for each in rounds]) for kind in rounds[0])])


def growth_table(samples: Sequence[int], rounds: Sequence[Sequence[Timed]]) -> str:
    """Return a table with a row for every number of samples, and below it what was fitted.

    Args:
        samples: how many there were, ascending.
        rounds: what was timed, each in the order of `samples`.
    """
    columns = list(zip(*rounds, strict=True))
    seconds = [_median(timed, "seconds") for timed in columns]
    peaks = [_median(timed, "peak") for timed in columns]
    lines = [
        "| samples | seconds | times the first | times the first, a sample | peak memory (MiB) | times the first |",
        "|---|---|---|---|---|---|",
    ]
    for count, second, peak in zip(samples, seconds, peaks, strict=True):
        times = second / seconds[0]
        lines.append(
            f"| {count:,} | {second:.2f} | {times:.2f} | {times * samples[0] / count:.2f} | {peak:,.0f} "
            f"| {peak / peaks[0]:.2f} |"
        )
    # Least squares of what each point is off relatively: else the last one alone would decide.
    slope, fixed = np.polyfit(samples, seconds, 1, w=1 / np.array(seconds))
    exponent = np.polyfit(np.log(samples), np.log(seconds), 1)[0]
    fitted = f"Fitted: {fixed:.2f} s and {1000 * slope:.2f} ms a sample; seconds grow as samples to the {exponent:.3f}."
    return "\n".join([*lines, "", fitted])


def _beside(kind: str, timed: Sequence[Timed]) -> str:
    told = {"start": "process start", "sessions": "sessions", "plan": "plan with probe"}
    parts = [f"{label} {_median(timed, key):.2f} s" for key, label in told.items() if key in timed[0]]
    if "versions" in timed[0]:
        versions = timed[0]["versions"]
        parts.append(f"tmeasures {versions['tmeasures']}, torch {versions['torch']}, {timed[0]['layers']} layers")
    if "shares" in timed[0]:
        names = timed[0]["shares"]
        shares = {name: statistics.median(each["shares"][name] for each in timed) for name in names}
        parts.append(f"busy time: {', '.join(f'{name} {share:.1%}' for name, share in shares.items())}")
        parts.append(f"{timed[0]['chunks']} chunk{'s' * (timed[0]['chunks'] != 1)}")
        parts.append(f"graph optimisation {'on' if timed[0]['optimized'] else 'off'}")
    return f"- {LABELS[kind]}: {'; '.join(parts)}"


def _median(timed: Iterable[Timed], key: str) -> float:
    return float(statistics.median(each[key] for each in timed))
