"""The workers of a Dask cluster: asked for groups, and asked again where one of them is lost or hangs."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from onnxinv.errors import OnnxinvError
from onnxinv.shipment import Shipment
from onnxinv.workplace import Packed, measure_group

if TYPE_CHECKING:
    from distributed import Client

_RETRIES = 3
"""How often a group is tried again whose worker failed."""

_LOOK = 1.0
"""Seconds from one look at what is ready to the next."""

_SHORTEST = 120.0
"""Seconds before a worker counts as hanging, however fast others are."""

_SLOWER = 5
"""How many times as long a worker may take as any group did, from being asked for to being there."""

_LOG = "Look into the logs of the workers; --resume keeps what is measured."


class Crew:
    """Workers that measure groups of one plan.

    Args:
        client: of the cluster.
        shipment: the plan; each worker gets it once.
        threads: for each session; 0 for those that its worker has.
        resources: what a group takes of its worker's, by name.

    Attributes:
        notices: what the user is told of workers that were left out.
    """

    def __init__(self, client: Client, shipment: Shipment, threads: int, resources: Mapping[str, float]) -> None:
        self.notices: list[str] = []
        self._client, self._threads, self._resources = client, threads, resources
        self._plan = pickle.dumps(shipment)
        self._token = uuid4().hex
        self._asked: dict[tuple[int, int], Any] = {}
        self._took: list[float] = []
        self._left_out: set[str] = set()
        self._sent = self._send()

    @property
    def size(self) -> int:
        """How many workers there are, at least one."""
        return max(1, len(self._workers()))

    def ask(self, chunk: int, group: int) -> None:
        """Have a group measured, if that was not asked for yet."""
        if (chunk, group) not in self._asked:
            self._submit(chunk, group)

    def take(self, chunk: int, group: int) -> tuple[Packed, Packed]:
        """Wait for a group that was asked for and return its states, as arrays, by subject and class.

        Raises:
            OnnxinvError: it failed on its workers, none is left that works, or the scheduler is gone.
        """
        since = perf_counter()
        while True:
            future, patience = self._asked[chunk, group], self._patience
            if future.cancelled():
                raise OnnxinvError(f"The scheduler of the cluster was lost at group {group + 1}.", _LOG)
            if future.done():
                found = _result(future, group, patience)
                if found is not None:
                    del self._asked[chunk, group]
                    return found
            else:
                _wait(future)
            if perf_counter() - since > patience:
                self._leave_out(chunk, group, perf_counter() - since)
                since = perf_counter()

    @property
    def _patience(self) -> float:
        """How many seconds a group may take."""
        return max(_SHORTEST, _SLOWER * max(self._took)) if self._took else float("inf")

    def _workers(self) -> list[str]:
        """Return the addresses of those that are not left out."""
        return [
            each for each in self._client.scheduler_info(n_workers=-1).get("workers", ()) if each not in self._left_out
        ]

    def _send(self) -> Any:
        """Return the plan as a task of the cluster, which its scheduler repeats where a worker is lost that had it."""
        import dask

        with dask.config.set({"distributed.admin.large-graph-warning-threshold": sys.maxsize}):
            return self._client.submit(bytes, self._plan, pure=False, workers=self._somewhere())

    def _somewhere(self) -> list[str] | None:
        """Return where tasks may run; None for anywhere."""
        return self._workers() if self._left_out else None

    def _submit(self, chunk: int, group: int) -> None:
        started = perf_counter()
        future = self._client.submit(
            measure_group,
            self._token,
            self._sent,
            self._threads,
            chunk,
            group,
            pure=False,
            retries=_RETRIES,
            # Earlier groups are waited for: what is asked again goes first.
            priority=-group,
            resources=dict(self._resources),
            workers=self._somewhere(),
        )

        def note(done: Any) -> None:
            if done.status == "finished":
                self._took.append(perf_counter() - started)

        future.add_done_callback(note)
        self._asked[chunk, group] = future

    def _leave_out(self, chunk: int, group: int, waited: float) -> None:
        """Ask others for everything that the worker has which does not answer for a group."""
        holders = self._holders()
        # A group that waits for the plan is with nobody yet.
        hanging = holders.get(self._asked[chunk, group].key) or holders.get(self._sent.key, set())
        self._left_out |= hanging
        told = f"in {waited:.0f} s, and no other group took more than {max(self._took):.0f} s"
        if not hanging or not self._workers():
            raise OnnxinvError(f"No worker is left: none answered for group {group + 1} {told}.", _LOG)
        self.notices += [
            f"The worker {each} was left out: it did not answer for group {group + 1} {told}."
            for each in sorted(hanging)
        ]
        self._sent = self._send()  # no other may have it
        for asked, future in list(self._asked.items()):
            # What is with nobody waits for the plan that was sent before, or might still go to who hangs.
            if (holders.get(future.key) or hanging) & hanging:
                self._submit(*asked)

    def _holders(self) -> dict[str, set[str]]:
        """Return which workers have a task or what came of it, by key."""
        holders: dict[str, set[str]] = {}
        for worker, keys in self._client.processing().items():
            for key in keys:
                holders.setdefault(key, set()).add(worker)
        for key, workers in self._client.who_has().items():
            holders.setdefault(key, set()).update(workers)
        return holders


def _wait(future: Any) -> None:
    """Wait until it is ready, or for a moment."""
    from distributed import wait

    with suppress(TimeoutError, CancelledError):
        wait([future], timeout=_LOOK)


def _result(future: Any, group: int, patience: float) -> tuple[Packed, Packed] | None:
    """Return what came of a group; None where its worker does not hand it out, or is gone.

    Raises:
        OnnxinvError: it failed on its workers.
    """
    failed = future.status == "error"
    try:
        found: tuple[Packed, Packed] = future.result(timeout=None if patience == float("inf") else patience)
    except OnnxinvError:
        raise
    except Exception as error:  # whatever a worker may die of
        if isinstance(error, TimeoutError | CancelledError) and not failed:
            return None
        raise OnnxinvError(
            f"Group {group + 1} could not be measured on the cluster: {type(error).__name__}: {error}", _LOG
        ) from error
    return found
