"""What a worker of a cluster does: it measures one group at a time and keeps its session for the next."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onnxinv.collect import Parts
from onnxinv.plan import Plan
from onnxinv.shipment import unpack
from onnxinv.station import Station
from onnxinv.statistics.saving import Arrays, arrays_of, state_of

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


def measure_group(token: str, shipment: bytes, threads: int, chunk: int, group: int) -> tuple[Packed, Packed]:
    """Measure a group on a worker.

    Args:
        token: tells shipments apart.
        shipment: the plan, pickled.
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
            _HERE.plans[token] = unpack(pickle.loads(shipment), folder, threads or worker.state.nthreads)
        if _HERE.station is None or _HERE.station[:2] != (token, chunk):
            if _HERE.station is not None:
                _HERE.station[2].close()
                _HERE.station = None
            _HERE.station = token, chunk, Station(_HERE.plans[token], chunk)
        closed, totals = _HERE.station[2].measure(group)
    return [_packed(each) for each in closed], [_packed(each or ()) for each in totals]


def unpacked(packed: Packed, places: int) -> Sequence[Parts]:
    """Return the states that a worker packed, by subject.

    Args:
        packed: as a worker returned them.
        places: how many classes there are; 1 without.
    """
    return [[None if each is None else state_of(each) for each in parts] or [None] * places for parts in packed]


def _packed(parts: Parts) -> list[Arrays | None]:
    return [None if state is None else arrays_of(state) for state in parts]
