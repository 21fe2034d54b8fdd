"""What is timed, each in a process of its own: plain inference, exposing layers, and whole measurements."""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import onnxruntime
from peer.agreement import MEASURES, agreement, labels
from peer.hand_over import write_network, write_variants

from onnxinv import api
from onnxinv.assemble import assemble
from onnxinv.engine import measure
from onnxinv.model.rewrite import expose
from onnxinv.plan import Plan
from onnxinv.runtime import Session
from onnxinv.schedule import blocks
from onnxinv.sessions import Sessions

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Batch sizes of which plain inference gets the best."""

_TUNED_ON = 256
"""Variants that a batch size is timed on."""

_FINALISTS = 3
"""Batch sizes that are timed again, after one pass through all of them."""

_PASSES = 3
"""How often they are."""

Timed = dict[str, Any]
"""Seconds, inferences, peak memory in MiB and more of one run."""


@dataclass(frozen=True)
class Task:
    """What is run.

    Attributes:
        model, data, transform: as the command line takes them.
        samples: how many, all that the data have.
        variants: file of all variants as the model takes them, (samples x transforms, ...), samples varying slowest.
        batch: of plain inference.
    """

    model: str
    data: str
    transform: str
    samples: int
    variants: str
    batch: int = 0

    @property
    def graph(self) -> str:
        """File of the network for an environment without ONNX."""
        return f"{self.variants}.graph.npz"

    @property
    def values(self) -> str:
        """File of what that environment measures."""
        return f"{self.variants}.values.npz"

    def plan(self, **options: object) -> Plan:
        """Return the plan of the measurement."""
        return api.plan(self.model, self.data, self.transform, samples=self.samples, device="cpu", **options)


@dataclass(frozen=True)
class Kind:
    """One way to run a task.

    Attributes:
        label: what a table calls it.
        run: runs and times it.
        usual: whether it is run unless kinds are named.
    """

    label: str
    run: Callable[[Task], Timed]
    usual: bool = True


def make_variants(task: Task) -> Timed:
    """Write the variants as the engine would make them, on all cores."""
    write_variants(task.plan(), Path(task.variants))
    return {}


def write_graph(task: Task) -> Timed:
    """Write what an environment without ONNX needs of the network."""
    write_network(task.plan(), Path(task.graph))
    return {}


def tune(task: Task) -> Timed:
    """Find the best batch size of plain inference: a pass through all, then the fastest few again, interleaved."""
    session, name = _plain_session(task)
    variants = np.array(np.load(task.variants, mmap_mode="r")[:_TUNED_ON])

    def seconds(batch: int) -> float:
        begin = perf_counter()
        for low in range(0, len(variants), batch):
            session.run(None, {name: variants[low : low + batch]})
        return perf_counter() - begin

    session.run(None, {name: variants[: BATCHES[0]]})
    found = {batch: seconds(batch) for batch in BATCHES if batch <= len(variants)}
    for _ in range(_PASSES):
        for batch in sorted(found, key=found.__getitem__)[:_FINALISTS]:
            found[batch] = min(found[batch], seconds(batch))
    return {"batch": min(found, key=found.__getitem__), "seconds": found}


def plain(task: Task) -> Timed:
    """Run the model on all variants with no outputs but its own, in a session as onnxruntime makes it by default."""
    begin = perf_counter()
    session, name = _plain_session(task)
    created = perf_counter() - begin
    variants = np.load(task.variants, mmap_mode="r")
    lows = range(0, len(variants), task.batch)
    sizes = [min(task.batch, len(variants) - low) for low in lows]
    seconds, busy = _run_all(variants, sizes, lambda rows: session.run(None, {name: rows}))
    return {
        "seconds": seconds,
        "busy": busy,
        "inferences": sum(sizes),
        "peak": peak_mib(),
        "sessions": created,
        "batch": task.batch,
    }


def exposed(task: Task) -> Timed:
    """Run the model with all layers exposed, in the engine's chunks and blocks, and fetch but not reduce them."""
    plan = task.plan()
    name, columns = plan.feeds.primary.name, len(plan.transforms)
    variants = np.load(task.variants, mmap_mode="r")
    cut = (block for group in plan.groups for part in group for block in blocks(part, columns, plan.layout.batch))
    sizes = [len(block.samples) * (block.columns.stop - block.columns.start) for block in cut]
    created, seconds, busy = 0.0, 0.0, 0.0
    for number, layers in enumerate(plan.layout.chunks):
        subjects = plan.subjects.of(layers, with_output=number == 0)
        begin = perf_counter()
        rewritten = expose(plan.model.proto, [subject.layer.name for subject in subjects])
        session = Sessions(plan.model, plan.device, plan.config.threads).session(
            rewritten.proto, optimize=plan.probe.optimize
        )
        created += perf_counter() - begin
        fetch = partial(_fetch, session, name, list(rewritten.outputs.values()))
        more, more_busy = _run_all(variants, sizes, fetch)
        seconds, busy = seconds + more, busy + more_busy
    return {
        "seconds": seconds,
        "busy": busy,
        "inferences": sum(sizes) * len(plan.layout.chunks),
        "peak": peak_mib(),
        "sessions": created,
        "batch": plan.layout.batch,
    }


def _fetch(session: Session, name: str, outputs: Sequence[str], rows: np.ndarray) -> None:
    session.run({name: rows}, outputs)


def analyze(task: Task, options: Mapping[str, object]) -> Timed:
    """Measure, transforms included, from ready plan and session to the written result."""
    begin = perf_counter()
    plan = task.plan(**options)
    planned, busy = perf_counter(), process_time()
    measured = measure(plan)
    walked = perf_counter()
    result = assemble(plan, measured)
    with tempfile.TemporaryDirectory() as folder:
        result.save(Path(folder) / "result")
        written = perf_counter()
    memory = plan.layout.memory
    return {
        "seconds": measured.seconds + written - walked,
        "busy": process_time() - busy,  # of the making of sessions too
        "inferences": measured.inferences,
        "peak": peak_mib(),
        "estimate": memory.peak / 2**20,
        "plan": planned - begin,
        # The engine counts from its first block on: what is left is the making of sessions.
        "sessions": walked - planned - measured.seconds,
        "batch": plan.layout.batch,
        "chunks": len(plan.layout.chunks),
        "optimized": plan.probe.optimize,
        "shares": _in_three(result.meta.timing.shares),
    }


def compare_values(task: Task) -> Timed:
    """Compare the peer's values with onnxinv's, summed in float64."""
    plan = task.plan(reduce="host", measures=MEASURES)
    return asdict(agreement(labels(plan), assemble(plan, measure(plan)).units, np.load(task.values)))


KINDS: dict[str, Kind] = {
    "plain": Kind("plain onnxruntime", plain),
    "expose": Kind("all layers exposed and fetched", exposed),
    "analyze": Kind("analyze, transforms included", lambda task: analyze(task, {})),
    "host": Kind("analyze --reduce host", lambda task: analyze(task, {"reduce": "host"})),
    "pushdown": Kind("analyze --reduce pushdown", lambda task: analyze(task, {"reduce": "pushdown"}), usual=False),
    "units": Kind("analyze --sample-units 16", lambda task: analyze(task, {"sample_units": 16})),
    "all": Kind("analyze --measure all", lambda task: analyze(task, {"measures": ("all",)}), usual=False),
}
"""What can be timed; every other kind is held against `plain`."""

PEER = "peer"
"""The kind that another environment runs."""

LABELS = {**{name: kind.label for name, kind in KINDS.items()}, PEER: "tmeasures, normalized variance in PyTorch"}
"""What a table calls each kind."""

STEPS = {
    "variants": make_variants,
    "graph": write_graph,
    "tune": tune,
    "values": compare_values,
    **{name: kind.run for name, kind in KINDS.items()},
}
"""What a process is started for."""


def peak_mib() -> float:
    """Return the peak memory of this process in MiB, mapped files included.

    The kernel's own count is asked for where there is one: `getrusage` begins with that of the parent process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return float(next(line.split()[1] for line in status.read_text().splitlines() if "VmHWM" in line)) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def _plain_session(task: Task) -> tuple[onnxruntime.InferenceSession, str]:
    session = onnxruntime.InferenceSession(task.model, providers=["CPUExecutionProvider"])
    return session, session.get_inputs()[0].name


def _run_all(variants: np.ndarray, sizes: Sequence[int], run: Callable[[np.ndarray], object]) -> tuple[float, float]:
    """Return the seconds, and those of all processors, of runs of so many rows each.

    Reading the rows is not timed, nor is a first run that warms up.
    """
    run(np.array(variants[: sizes[0]]))
    seconds, busy, low = 0.0, 0.0, 0
    for size in sizes:
        rows = np.array(variants[low : low + size])
        low += size
        begin, busy_before = perf_counter(), process_time()
        run(rows)
        seconds += perf_counter() - begin
        busy += process_time() - busy_before
    return seconds, busy


def _in_three(shares: Mapping[str, float]) -> dict[str, float]:
    """Return the shares of the busy time, those of all measures as one."""
    known = {name: shares.get(name, 0.0) for name in ("inference", "transforms")}
    return {**known, "measures": sum(shares.values()) - sum(known.values())}
