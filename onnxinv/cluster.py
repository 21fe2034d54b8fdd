"""Measures groups on the workers of a Dask cluster; the client accounts for them in their order."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from onnxinv.checkpoint import Checkpoint
from onnxinv.collect import Collector, Parts
from onnxinv.desks import Progress
from onnxinv.errors import OnnxinvError, UsageError
from onnxinv.extras import from_extra
from onnxinv.plan import Plan
from onnxinv.shipment import Shipment, pack, unpack
from onnxinv.sketch import sketch_all
from onnxinv.station import Station
from onnxinv.statistics import State
from onnxinv.statistics.saving import Arrays, arrays_of, state_of

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local:"

_RETRIES = 3
"""How often a group is tried again whose worker failed."""

_PATIENCE = 10
"""Seconds that a scheduler may take to answer."""

_MOST_LOCAL = 1024
"""Processes of this machine that can be asked for: beyond, it is a slip."""

_AHEAD = 3
"""Groups a worker is given at a time: the next begins at once, and the client holds few states that wait."""

Packed = list[list[Arrays | None]]
"""States as arrays, by subject and class."""


@dataclass
class _Workplace:
    """What a worker keeps from one task to the next.

    Attributes:
        lock: a station measures one group at a time.
        plans: by token of the shipment.
        station: of the chunk that was measured last, with token and number.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    plans: dict[str, Plan] = field(default_factory=dict)
    station: tuple[str, int, Station] | None = None


_HERE = _Workplace()


def measure_group(token: str, shipment: Shipment, threads: int, chunk: int, group: int) -> tuple[Packed, Packed]:
    """Measure a group on a worker.

    Args:
        token: tells shipments apart.
        shipment: the plan; it reaches each worker once.
        threads: for the session; 0 for those that the worker has.
        chunk: number of the chunk of layers.
        group: number of the group.

    Returns:
        The states of the kept units and of all units, as arrays, by subject and class.
    """
    from distributed import get_worker

    with _HERE.lock:
        if token not in _HERE.plans:
            _HERE.plans.clear()
            worker = get_worker()
            # The worker's own folder goes with it.
            folder = Path(worker.local_directory) / f"onnxinv-{token}"
            _HERE.plans[token] = unpack(shipment, folder, threads or worker.state.nthreads)
        if _HERE.station is None or _HERE.station[:2] != (token, chunk):
            if _HERE.station is not None:
                _HERE.station[2].close()
                _HERE.station = None
            _HERE.station = token, chunk, Station(_HERE.plans[token], chunk)
        closed, totals = _HERE.station[2].measure(group)
    return [_packed(each) for each in closed], [_packed(each or ()) for each in totals]


def measure_on_cluster(plan: Plan, address: str, checkpoint: Checkpoint, progress: Progress) -> None:
    """Measure on a cluster all groups that a checkpoint lacks, so that it holds all of them.

    Args:
        plan: what to do.
        address: `tcp://host:port` of a scheduler, or `local:N` for N processes of this machine.
        checkpoint: where closed groups are kept.
        progress: is told of every group.

    Raises:
        UsageError: the address means nothing.
        OnnxinvError: there is no such cluster, a group fails on its workers, or they differ from this machine.
    """
    with _client(address, plan.config.threads) as client:
        shipment = pack(plan)
        token = uuid4().hex
        shipped = client.scatter(shipment, broadcast=True, hash=False)
        for chunk in range(len(plan.layout.chunks)):
            _measure_chunk(plan, client, (token, shipped), chunk, checkpoint, progress)


def _measure_chunk(
    plan: Plan, client: Client, shipped: tuple[str, Any], chunk: int, checkpoint: Checkpoint, progress: Progress
) -> None:
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
    resources = {"GPU": 1} if plan.device.kind == "cuda" else None
    waiting: dict[int, Any] = {}
    for position, group in enumerate(todo):
        ahead = _AHEAD * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        for following in todo[position : position + ahead]:
            if following not in waiting:
                waiting[following] = client.submit(
                    measure_group, *shipped, plan.config.threads, chunk, following,
                    pure=False, retries=_RETRIES, resources=resources,
                )  # fmt: skip
        closed, every = (_unpacked(each, places) for each in _result(waiting.pop(group), group))
        totals = every if totals is None else [_together(*both) for both in zip(totals, every, strict=True)]
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


def _result(future: Any, group: int) -> tuple[Packed, Packed]:
    """Return what came of a group.

    Raises:
        OnnxinvError: it failed on its workers.
    """
    try:
        found: tuple[Packed, Packed] = future.result()
    except OnnxinvError:
        raise
    except Exception as error:  # whatever a worker may die of
        raise OnnxinvError(
            f"Group {group + 1} could not be measured on the cluster: {type(error).__name__}: {error}",
            "Look into the logs of the workers; --resume keeps what is measured.",
        ) from error
    return found


@contextmanager
def _client(address: str, threads: int) -> Iterator[Client]:
    with from_extra("dask", "--dask"):
        from distributed import Client, LocalCluster
    if not address.startswith(LOCAL):
        try:
            client = Client(address, timeout=_PATIENCE)
        except (OSError, ValueError) as error:
            raise OnnxinvError(
                f"There is no Dask scheduler at '{address}': {error}.", "Start one with: dask scheduler"
            ) from error
        with client:
            if not client.scheduler_info(n_workers=-1)["workers"]:
                raise OnnxinvError(f"The scheduler at '{address}' has no worker.", f"Start one: dask worker {address}")
            yield client
        return
    count = address.removeprefix(LOCAL)
    if not count.isdecimal() or not 1 <= int(count) <= _MOST_LOCAL:
        raise UsageError(f"'{address}' names no number of processes.", "Write --dask local:2, or tcp://host:port.")
    with (
        LocalCluster(
            n_workers=int(count),
            threads_per_worker=max(1, threads or (os.cpu_count() or 1) // int(count)),
            dashboard_address="127.0.0.1:0",  # None would take port 8787, which another run may have
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _packed(parts: Parts) -> list[Arrays | None]:
    return [None if state is None else arrays_of(state) for state in parts]


def _unpacked(packed: Packed, places: int) -> list[Parts]:
    return [[None if each is None else state_of(each) for each in parts] or [None] * places for parts in packed]


def _together(before: Parts, more: Parts) -> list[State | None]:
    return [one.absorb(other) if one and other else one or other for one, other in zip(before, more, strict=True)]
