"""Groups that are measured at the same time give what they give one after the other."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from onnxinv.api import plan
from onnxinv.desks import Desks
from onnxinv.engine import measure
from onnxinv.errors import DataError, UsageError
from onnxinv.plan import Plan
from onnxinv.runtime import Session
from onnxinv.statistics import spare_arrays
from tests.engine.networks import save_images, save_network

GROUPS = 6


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_images(tmp_path, 30)
    return save_network(tmp_path, "a = Mul(image, two) y = Relu(a)", {"two": 2})


def decided(model: Path, transforms: str = "rotation:steps=4", **options: object) -> Plan:
    defaults: dict[str, object] = {"groups": GROUPS, "device": "cpu", "batch": 8}
    return plan(model, model.parent / "images.npz", transforms, **{**defaults, **options})


def means(one: Plan) -> list[float | None]:
    return [found.mean for layer in measure(one).layers for _, found in layer.measures.values()]


@pytest.mark.parametrize("threads", [2, 3, 16])
@pytest.mark.parametrize("how", ["host", "auto"])
def test_how_many_there_are_changes_nothing(model: Path, threads: int, how: str) -> None:
    one, several = (decided(model, threads=count, reduce=how) for count in (1, threads))
    assert (one.layout.desks, several.layout.desks) == (1, min(threads, GROUPS))
    assert means(several) == means(one)


def test_the_first_group_that_fails_is_the_one_that_is_told_of(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = decided(model, threads=4)
    order = [int(sample) for group in given.groups for part in group for sample in part]
    early, late, prepare = order[9], order[10], given.feeds._prepare

    def spoiled(index: int) -> object:
        if index in (early, late):
            raise DataError(f"Sample {index} is spoiled.")
        return prepare(index)

    monkeypatch.setattr(given.feeds, "_prepare", spoiled)
    with pytest.raises(DataError, match=f"Sample {early} is spoiled"):
        measure(given)


def test_what_ends_the_work_ends_it_at_every_desk(model: Path) -> None:
    class EnoughError(Exception):
        pass

    told: list[int] = []

    def progress(done: int) -> None:
        told.append(done)
        if len(told) == 5:
            raise EnoughError

    before = threading.active_count()
    with pytest.raises(EnoughError):
        measure(decided(model, threads=4, batch=4), progress)
    assert len(told) < 30
    assert threading.active_count() == before


def test_the_callables_of_a_user_are_never_called_by_two_threads_at_once(model: Path) -> None:
    (model.parent / "mine.py").write_text(
        "import threading, time\n"
        "busy = threading.Lock()\n"
        "def turn(image):\n"
        "    assert busy.acquire(blocking=False), 'two at once'\n"
        "    time.sleep(0.001)  # another thread may well come meanwhile\n"
        "    busy.release()\n"
        "    return image[::-1].copy()\n"
        "def make():\n"
        "    return [turn, turn]\n"
    )
    try:
        measure(decided(model, f"{model.parent / 'mine.py'}:make", threads=4))
    except UsageError as error:  # pragma: no cover  # what fails where they are
        pytest.fail(str(error))


def test_work_is_yielded_in_order_and_no_further_ahead_than_there_are_desks(model: Path) -> None:
    given = decided(model, threads=3)
    begun: list[int] = []

    def work(_: object, item: int) -> int:
        begun.append(item)
        return item * item

    with Desks(given, given.subjects.of(given.layers, with_output=True), (), lambda done: None) as desks:
        results = desks.map(work, range(9))
        seen: Sequence[int] = [next(results), next(results)]
        assert max(begun) <= 3
        assert [*seen, *results] == [item * item for item in range(9)]


@pytest.mark.parametrize("kept_units", [10, None])
def test_nothing_is_held_once_the_work_is_done(model: Path, kept_units: int | None) -> None:
    given = decided(model, threads=2)
    measure(replace(given, layout=replace(given.layout, kept_units=kept_units)))
    assert not spare_arrays._SPARE


def test_a_chunk_leaves_its_memory_to_the_next_one_without_the_garbage_collector(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = decided(model, threads=2)
    alive: list[int] = []
    sessions: weakref.WeakSet[Session] = weakref.WeakSet()
    make = Session.__init__

    def counted(self: Session, *arguments: object, **options: object) -> None:
        alive.append(len(sessions))
        make(self, *arguments, **options)
        sessions.add(self)

    monkeypatch.setattr(Session, "__init__", counted)
    chunks = tuple((layer,) for layer in given.layers)
    gc.disable()
    try:
        measure(replace(given, layout=replace(given.layout, chunks=chunks)))
    finally:
        gc.enable()
    assert alive == [0] * len(chunks)
    assert len(chunks) > 1
