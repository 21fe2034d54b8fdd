"""Measures groups on the workers of a Dask cluster; the client accounts for them in their order."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from onnxinv.checkpoint import Checkpoint
from onnxinv.collect import Collector, Parts
from onnxinv.crew import Crew
from onnxinv.desks import Progress
from onnxinv.errors import OnnxinvError
from onnxinv.extras import from_extra
from onnxinv.plan import Plan
from onnxinv.shipment import pack
from onnxinv.sketch import sketch_all
from onnxinv.statistics import State
from onnxinv.workplace import unpacked

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local:"

_GPU = "GPU"
"""Name of the resource that a group asks for where it is measured on a GPU."""

_PATIENCE = 10
"""Seconds that a scheduler may take to answer."""

_AHEAD = 3
"""Groups a worker is given at a time: the next begins at once, and the client holds few states that wait."""


def measure_on_cluster(plan: Plan, address: str, checkpoint: Checkpoint, progress: Progress) -> Sequence[str]:
    """Measure on a cluster all groups that a checkpoint lacks, so that it holds all of them.

    Args:
        plan: what to do.
        address: `tcp://host:port` of a scheduler, or `local:N` for N processes of this machine.
        checkpoint: where closed groups are kept.
        progress: is told of every group.

    Returns:
        What the user is told of workers that did not answer.

    Raises:
        OnnxinvError: there is no such cluster, a group fails on its workers, or they differ from this machine.
    """
    resources = {_GPU: 1.0} if plan.device.kind == "cuda" else {}
    with _client(address, plan.config.threads, resources) as client:
        crew = Crew(client, pack(plan), plan.config.threads, resources)
        for chunk in range(len(plan.layout.chunks)):
            _measure_chunk(plan, crew, chunk, checkpoint, progress)
        return crew.notices


def _measure_chunk(plan: Plan, crew: Crew, chunk: int, checkpoint: Checkpoint, progress: Progress) -> None:
    subjects = plan.subjects.of(plan.layout.chunks[chunk], with_output=chunk == 0)
    places = max(len(plan.classes), 1)
    entries = checkpoint.entries(chunk)
    todo = list(plan.own_groups)[len(entries) :]
    if not entries and todo:
        kept = [Collector(each, plan.layout.kept_units, plan.classes, plan.config.seed).kept for each in subjects]
        checkpoint.describe(chunk, sketch_all(subjects), kept)
    totals = checkpoint.totals(entries[-1], len(subjects), places) if entries else None
    progress(sum(len(part) for entry in entries for part in plan.groups[entry.group]) * plan.columns)
    started = perf_counter() - (entries[-1].seconds if entries else 0.0)
    for position, group in enumerate(todo):
        for following in todo[position : position + _AHEAD * crew.size]:
            crew.ask(chunk, following)
        closed, every = (unpacked(each, places) for each in crew.take(chunk, group))
        totals = list(every) if totals is None else [_together(*both) for both in zip(totals, every, strict=True)]
        samples = [int(index) for part in plan.groups[group] for index in part]
        checkpoint.keep(
            chunk,
            group,
            closed,
            totals if any(state for parts in totals for state in parts) else None,
            samples={index: plan.feeds.digest_of(index) for index in samples},
            digest=plan.feeds.digest(samples),
            seconds=perf_counter() - started,
        )
        progress(len(samples) * plan.columns)


@contextmanager
def _client(address: str, threads: int, resources: Mapping[str, float]) -> Iterator[Client]:
    with from_extra("dask", "--dask"):
        from distributed import Client, LocalCluster
        from distributed.utils import silence_logging_cmgr
    if not address.startswith(LOCAL):
        try:
            client = Client(address, timeout=_PATIENCE)
        except (OSError, ValueError) as error:
            raise OnnxinvError(
                f"There is no Dask scheduler at '{address}': {error}.", "Start one with: dask scheduler"
            ) from error
        with silence_logging_cmgr(logging.CRITICAL), client:
            _check_workers(client, address, resources)
            yield client
        return
    count = int(address.removeprefix(LOCAL))
    with (
        LocalCluster(
            n_workers=count,
            threads_per_worker=max(1, threads or (os.cpu_count() or 1) // count),
            resources=resources,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _check_workers(client: Client, address: str, resources: Mapping[str, float]) -> None:
    """Make sure that there are workers, with what a group takes: else groups would wait without end.

    Raises:
        OnnxinvError: there are none.
    """
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    if not workers:
        raise OnnxinvError(f"The scheduler at '{address}' has no worker.", f"Start one: dask worker {address}")
    for name, amount in resources.items():
        if all(each["resources"].get(name, 0) < amount for each in workers):
            raise OnnxinvError(
                f"No worker of '{address}' offers the resource {name}.",
                f"Start workers with it: dask worker {address} --resources {name}={amount:g}",
            )


def _together(before: Parts, more: Parts) -> list[State | None]:
    return [one.absorb(other) if one and other else one or other for one, other in zip(before, more, strict=True)]
